"""What the models of the flow language are made of: their base `Spec`, and the kinds of values that YAML gives.

A model stands for an object as its author wrote it, so every value may still hold an expression. `Dynamic[T]` says
so: on reading, a text with an expression passes unchecked; on rendered values (`Spec.of_rendered`) it must be a T.
Keys are camel case in YAML and snake case in Python, and the mapping between both is here alone.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from segue.spec.duration import NotADuration, parse_duration

T = TypeVar("T")

# The context under which values count as rendered: what is not a T by now never becomes one.
_RENDERED: Final = {"rendered": True}


def has_expression(value: object) -> bool:
    """Is it a text that holds `{{ ... }}` or `{% ... %}`."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


class Spec(BaseModel):
    """An object of the flow language. Unknown keys are refused; a key that is null counts as absent."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        defer_build=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict) or None not in given.values():
            return given
        known = keys_of(cls)
        return {key: value for key, value in given.items() if value is not None or key not in known}

    @classmethod
    def of_rendered(cls, properties: Mapping[str, Any]) -> Self:
        """The model of properties whose expressions are rendered; raises pydantic's ValidationError."""
        return cls.model_validate(dict(properties), context=_RENDERED)


@cache
def keys_of(model: type[BaseModel]) -> frozenset[str]:
    """Every key that the model reads, other spellings included."""
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        if alias is None:
            keys.add(name)
        elif isinstance(alias, str):
            keys.add(alias)
        else:
            keys.update(str(choice) for choice in getattr(alias, "choices", ()))
    return frozenset(keys)


def _validate_dynamic(value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    is_rendered = bool(info.context and info.context.get("rendered"))
    if not isinstance(value, str):
        return validate(value)
    if not is_rendered:
        return value if has_expression(value) else validate(value)
    text = value.strip()
    if text[:1] not in ("[", "{"):
        return validate(value)
    try:
        return validate(value)
    except ValueError:
        return validate(_parsed(text, value))


def _parsed(text: str, otherwise: object) -> object:
    """A list or map that an expression rendered to its JSON text."""
    try:
        return json.loads(text)
    except ValueError:
        return otherwise


class _DynamicSchema:
    """In the JSON Schema: the type itself, or a text with an expression."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        inner = handler(schema)
        kinds = inner.get("type")
        if kinds == "string" and not inner.keys() & {"enum", "pattern", "const", "format"}:
            return inner
        if isinstance(kinds, list) and "string" in kinds:
            return inner
        return {"anyOf": [inner, {"type": "string", "pattern": r"\{\{|\{%"}]}


Dynamic = Annotated[T, WrapValidator(_validate_dynamic), _DynamicSchema()]
"""A T, or a text holding an expression that has to render to one."""


def _as_text(value: object) -> object:
    """A scalar as the text an author means by it: `port: 80` and `port: "80"` are the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


_TEXT_SCHEMA: Final = {"type": ["string", "number", "boolean"]}

Text = Annotated[str, BeforeValidator(_as_text), WithJsonSchema(_TEXT_SCHEMA)]
"""A text; numbers and booleans are taken as they are written."""

Texts = list[Text]
Values = dict[str, Any]


def _as_texts(value: object) -> object:
    return value if isinstance(value, list) else [value]


TextOrTexts = Annotated[
    list[Text],
    BeforeValidator(_as_texts),
    WithJsonSchema({"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}]}),
]
"""One text, or a list of them."""


def _as_listed(value: object) -> object:
    return _as_texts(_parsed(value, value) if isinstance(value, str) and value.lstrip()[:1] == "[" else value)


Listed = Annotated[
    list[Text],
    BeforeValidator(_as_listed),
    WithJsonSchema({"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}]}),
]
"""The same where no text means itself that begins like a list (addresses, globs): it is read as JSON."""


def _as_span(value: object) -> object:
    if not isinstance(value, str):
        if isinstance(value, timedelta):
            return value
        raise PydanticCustomError(
            "invalid-duration", "'{given}' is not an ISO 8601 duration like PT30S", {"given": str(value)}
        )
    try:
        return parse_duration(value)
    except NotADuration as error:
        raise PydanticCustomError("invalid-duration", "{reason}", {"reason": str(error)}) from error


Span = Annotated[timedelta, BeforeValidator(_as_span), WithJsonSchema({"type": "string", "examples": ["PT30S"]})]
"""An ISO 8601 duration."""


def _as_labels(value: object) -> object:
    """Both spellings: a map, or a list of `{key, value}`."""
    if isinstance(value, dict):
        return {str(key): _label_text(key, each) for key, each in value.items()}
    if not isinstance(value, list):
        raise PydanticCustomError("invalid-labels", "must be a map, or a list of entries with `key` and `value`")
    labels: dict[str, object] = {}
    for each in value:
        if not isinstance(each, dict) or each.keys() != {"key", "value"}:
            raise PydanticCustomError(
                "invalid-labels", "each label of a list must have `key` and `value`, nothing else"
            )
        labels[str(each["key"])] = _label_text(each["key"], each["value"])
    return labels


def _label_text(key: object, value: object) -> object:
    text = _as_text(value)
    if isinstance(text, str):
        return text
    raise PydanticCustomError("invalid-labels", "the value of label '{key}' must be a text", {"key": str(key)})


_LABELS_SCHEMA: Final = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "value"],
                "additionalProperties": False,
                "properties": {
                    "key": {"type": "string", "description": "Name of the label."},
                    "value": {"type": ["string", "number", "boolean"], "description": "Its value."},
                },
            },
        },
    ]
}

Labels = Annotated[dict[str, str], BeforeValidator(_as_labels), WithJsonSchema(_LABELS_SCHEMA)]
"""Labels as a map, whichever way they were written."""

PositiveInt = Annotated[int, Field(ge=1)]
"""1 or more."""
