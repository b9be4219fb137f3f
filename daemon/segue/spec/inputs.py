"""Inputs of flows: what all share, and the keys of each type. Values are checked when they are given, by the engine."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator
from pydantic_core import PydanticCustomError

from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.model.names import INPUT_ID
from segue.spec.fields import Dynamic, Span, Spec, Text, Texts, Values, has_expression, keys_of
from segue.spec.json_schemas import fault_of
from segue.spec.nested import InputList

ItemType = Literal[
    "STRING",
    "SELECT",
    "ENUM",
    "INT",
    "FLOAT",
    "BOOL",
    "BOOLEAN",
    "DATETIME",
    "DATE",
    "TIME",
    "DURATION",
    "FILE",
    "JSON",
    "YAML",
    "URI",
    "EMAIL",
    "SECRET",
]

# Spellings of 1.x and the type that they mean.
OLD_TYPES: Final[Mapping[str, str]] = {"BOOLEAN": "BOOL", "ENUM": "SELECT"}
_FILE_SCHEMES: Final = ("nsfile://", "file://")


def check_input_id(value: str) -> str:
    if INPUT_ID.fullmatch(value) is None:
        raise PydanticCustomError("invalid-id", "must match '{pattern}'", {"pattern": f"^{INPUT_ID.pattern}$"})
    return value


def _check_pattern(pattern: str) -> str:
    """Java's regular expressions; what Python has no like of (`[a&&b]`) is not refused."""
    try:
        java_regex.compiled(pattern)
    except ExpressionError as error:
        if "&&" not in pattern:
            raise PydanticCustomError("invalid-pattern", "invalid pattern [{pattern}]", {"pattern": pattern}) from error
    return pattern


def _is_date_time(text: str) -> None:
    datetime.fromisoformat(text)


def _is_date(text: str) -> None:
    date.fromisoformat(text)


def _is_time(text: str) -> None:
    time.fromisoformat(text)


def _iso(check: Any, example: str) -> AfterValidator:
    def validate(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise PydanticCustomError(
                "invalid-date", "'{text}' must be written like {example}", {"text": text, "example": example}
            ) from error
        return text

    return AfterValidator(validate)


class DependsOn(Spec):
    """When the input is asked for."""

    inputs: Texts = Field(default=[], description="Ids of the inputs that have to be enabled.")
    condition: Text | None = Field(default=None, description="Must render to true.")


class InputCommon(Spec):
    """What every input may say of itself, whatever its type."""

    id: Annotated[Text, AfterValidator(check_input_id)] = Field(
        validation_alias=AliasChoices("id", "name"), description="Name of the input; dots make nested maps."
    )
    type: Text = Field(description="What values it takes.")
    description: Text | None = Field(default=None, description="For people; Markdown.")
    display_name: Text | None = Field(default=None, description="Name to show to people.")
    required: bool = Field(default=True, description="An execution cannot start without a value.")
    defaults: Any = Field(default=None, description="Value if none is given; may be an expression.")
    prefill: Any = Field(default=None, description="Value that the form begins with and that may be cleared.")
    depends_on: DependsOn | None = Field(default=None, description="When the input is asked for.")


class Plain(Spec):
    """A value without further rules."""


class String(Spec):
    """A text."""

    validator: Annotated[Text, AfterValidator(_check_pattern)] | None = Field(
        default=None, description="Regular expression that the whole text has to match."
    )


class Select(Spec):
    """A text out of a list."""

    values: Texts | None = Field(default=None, description="The list.")
    expression: Text | None = Field(default=None, description="An expression that gives the list.")
    allow_custom_value: bool = Field(default=False, description="Take other texts too.")
    is_radio: bool = Field(default=False, description="Show buttons.")
    auto_select_first: bool = Field(default=False, description="Begin with the first.")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        _check_choices(self.values, self.expression)
        return self


class MultiSelect(Spec):
    """Texts out of a list."""

    values: Texts | None = Field(
        default=None, validation_alias=AliasChoices("values", "options"), description="The list."
    )
    expression: Text | None = Field(default=None, description="An expression that gives the list.")
    item_type: ItemType = Field(default="STRING", description="Type of each value.")
    allow_custom_value: bool = Field(default=False, description="Take other texts too.")
    auto_select_first: bool = Field(default=False, description="Begin with the first.")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        _check_choices(self.values, self.expression)
        return self


def _check_choices(values: list[str] | None, expression: str | None) -> None:
    if values and expression:
        raise PydanticCustomError("values-and-expression", "`values` and `expression` cannot both be set")
    if not values and not expression:
        raise PydanticCustomError("no-values", "one of `values` and `expression` must be set, and not be empty")


class Int(Spec):
    """A whole number."""

    min: int | None = Field(default=None, description="Smallest.")
    max: int | None = Field(default=None, description="Largest.")


class Float(Spec):
    """A number."""

    min: float | None = Field(default=None, description="Smallest.")
    max: float | None = Field(default=None, description="Largest.")


class DateTime(Spec):
    """An instant, like `2026-03-01T08:00:00Z`."""

    after: Annotated[Text, _iso(_is_date_time, "2026-03-01T08:00:00Z")] | None = Field(
        default=None, description="Earliest."
    )
    before: Annotated[Text, _iso(_is_date_time, "2026-03-01T08:00:00Z")] | None = Field(
        default=None, description="Latest."
    )


class Date(Spec):
    """A date."""

    after: Annotated[Text, _iso(_is_date, "2026-03-01")] | None = Field(default=None, description="Earliest.")
    before: Annotated[Text, _iso(_is_date, "2026-03-01")] | None = Field(default=None, description="Latest.")


class Time(Spec):
    """A time of day."""

    after: Annotated[Text, _iso(_is_time, "08:00:00")] | None = Field(default=None, description="Earliest.")
    before: Annotated[Text, _iso(_is_time, "08:00:00")] | None = Field(default=None, description="Latest.")


class Duration(Spec):
    """An ISO 8601 duration."""

    min: Span | None = Field(default=None, description="Shortest.")
    max: Span | None = Field(default=None, description="Longest.")


class File(Spec):
    """A file."""

    allowed_file_extensions: Texts | None = Field(default=None, description="Which extensions, like `.csv`.")
    extension: Text | None = Field(default=None, description="Extension that the stored file gets (1.x).")


class Json(Spec):
    """A JSON value."""

    json_schema: Dynamic[Values] | None = Field(default=None, description="JSON Schema that it has to meet (2.0).")

    @model_validator(mode="after")
    def _check_schema(self) -> Self:
        schema: Any = self.json_schema
        fault = None if schema is None or isinstance(schema, str) else fault_of(schema)
        if fault is not None:
            raise PydanticCustomError("invalid-json-schema", "{fault}", {"fault": fault})
        return self


class Array(Spec):
    """A list."""

    item_type: Text = Field(description="Type of each element.")

    @model_validator(mode="after")
    def _check_item_type(self) -> Self:
        if self.item_type not in TYPES:
            raise PydanticCustomError("invalid-item-type", "`itemType` must be a type of inputs")
        return self


class Form(Spec):
    """A group of inputs (2.0)."""

    inputs: InputList = Field(min_length=1, description="The inputs of the group.")


def default_of_file_is_readable(value: object) -> bool:
    """A FILE takes as default only what can be read without an upload."""
    return value is None or has_expression(value) or (isinstance(value, str) and value.startswith(_FILE_SCHEMES))


INPUT_KEYS: Final = keys_of(InputCommon)

TYPES: Final[Mapping[str, type[Spec]]] = {
    "STRING": String,
    "SELECT": Select,
    "ENUM": Select,
    "MULTISELECT": MultiSelect,
    "INT": Int,
    "FLOAT": Float,
    "BOOL": Plain,
    "BOOLEAN": Plain,
    "DATETIME": DateTime,
    "DATE": Date,
    "TIME": Time,
    "DURATION": Duration,
    "FILE": File,
    "JSON": Json,
    "YAML": Plain,
    "URI": Plain,
    "EMAIL": Plain,
    "ARRAY": Array,
    "SECRET": String,
    "FORM": Form,
}
