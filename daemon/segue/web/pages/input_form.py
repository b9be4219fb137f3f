"""The fields of a form that asks for inputs, and what was sent in them: to start an execution, or to let it go on."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from segue.engine.inputs import flattened
from segue.model.input import Input
from segue.web.dates import moment
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import CheckedInput

# What a browser offers for each type: kind of control, and an example of what to write.
CONTROLS: Final = {
    "INT": ("number", "42"),
    "FLOAT": ("decimal", "1.5"),
    "BOOL": ("choice", ""),
    "BOOLEAN": ("choice", ""),
    "SELECT": ("choice", ""),
    "ENUM": ("choice", ""),
    "MULTISELECT": ("choices", ""),
    "DATETIME": ("datetime", "2026-01-31T12:00:00Z"),
    "DATE": ("date", "2026-01-31"),
    "TIME": ("time", "12:00:00"),
    "DURATION": ("text", "PT1H30M"),
    "FILE": ("file", ""),
    "JSON": ("area", '{"a": 1}'),
    "YAML": ("area", "a: 1"),
    "ARRAY": ("area", '["a", "b"]'),
    "URI": ("text", "https://example.org"),
    "EMAIL": ("email", "name@example.org"),
    "SECRET": ("password", ""),
}


class FormField(Struct, frozen=True, kw_only=True):
    """An input as a form shows it. `choices` of a choice are its values."""

    input: Input
    control: str
    placeholder: str
    value: Any
    choices: tuple[str, ...] = ()
    accept: str = ""

    @property
    def is_required(self) -> bool:
        return self.input.required and self.input.defaults is None

    @property
    def default_text(self) -> str:
        """The default where it can be told before the start; an expression is told as it stands."""
        return text_of(self.input.defaults)


def text_of(value: Any) -> str:
    """As it is written in a form: texts as they are, the rest as JSON."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fields_of(inputs: Iterable[Input], given: Mapping[str, Any]) -> list[FormField]:
    """A field for each input, with what was given before."""
    return [_field_of(each, given) for each in flattened(inputs)]


def _field_of(each: Input, given: Mapping[str, Any]) -> FormField:
    control, placeholder = CONTROLS.get(each.type, ("text", ""))
    values = each.options.get("values") or each.options.get("options") or ()
    choices = ("true", "false") if each.type in {"BOOL", "BOOLEAN"} else tuple(str(value) for value in values)
    if control in {"choice", "choices"} and (not choices or each.options.get("allowCustomValue")):
        control = "text"  # the values are an expression, or not all there is
    first = each.prefill if each.prefill is not None else each.defaults if control == "choices" else None
    extensions = each.options.get("allowedFileExtensions") or ()
    return FormField(
        input=each,
        control=control,
        placeholder=placeholder,
        value=given.get(each.id, "" if first is None else first),
        choices=choices,
        accept=",".join(str(extension) for extension in extensions),
    )


def values_of(inputs: Iterable[Input], sent: Mapping[str, Any]) -> dict[str, Any]:
    """An empty field is no value: the default then holds. A date and time of the browser is meant in UTC."""
    values = {}
    for each in flattened(inputs):
        value = sent.get(each.id, "")
        if value == "":
            continue
        if each.type == "MULTISELECT" and isinstance(value, str):
            value = [value]
        if each.type == "DATETIME" and isinstance(value, str) and (at := moment(value)) is not None:
            value = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        values[each.id] = value
    return values


def errors_of(checked: tuple[CheckedInput, ...] | Refusal) -> dict[str, tuple[str, ...]]:
    """What is wrong with each input, by its id."""
    return {} if isinstance(checked, Refusal) else {each.input.id: each.errors for each in checked if each.errors}
