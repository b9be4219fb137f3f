"""Typed values: what a caller or an expression gave, read as one of the types of inputs and outputs, and the bounds an
input may set on it. Which inputs there are, and what they depend on, is in `inputs`.

A read value is plain (JSON knows it): dates, times and durations are kept as the ISO 8601 text that Java prints. Two
kinds leave the plain world and say so: `Secret`, and `UploadedFile` until somebody has stored it.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from msgspec import Struct

from segue.engine.yaml_values import NotYaml, read_yaml
from segue.engine.zones import NotADate, parse_moment
from segue.expression import iso, java_regex
from segue.expression.values import Float32, float_text
from segue.model.encrypted import is_encrypted

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
PATTERN_TEXT_MAX: Final = 100_000
"""Text matched against an author's pattern: a backtracking pattern gets slow on long text, and nobody's id is longer."""

_EPOCH: Final = iso.Instant(1970, 1, 1, tzinfo=UTC)
_INTEGER: Final = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?(\d{1,400}\.?\d{0,400}|\.\d{1,400})(e[+-]?\d{1,4})?[fd]?", re.ASCII | re.IGNORECASE)
_URI: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#][^\s]*", re.ASCII)
_STORED_FILE: Final = re.compile(r"(kestra|nsfile)://[^\s]+", re.ASCII)
_EMAIL: Final = re.compile(
    r"[a-zA-Z0-9_!#$%&'*+/=?`{|}~^-]+(?:\.[a-zA-Z0-9_!#$%&'*+/=?`{|}~^-]+)*@[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*", re.ASCII
)
_TRUE: Final = frozenset({"true", "on"})
_FALSE: Final = frozenset({"false", "off", ""})


class BadValue(ValueError):
    """A value that is not of its type, or breaks a rule of its input; the message is the middle of Kestra's sentence."""


class UploadedFile(Struct, frozen=True):
    """A file that a caller sent, in a temporary place. `name` is the caller's, to be trusted in nothing."""

    name: str
    path: str
    size: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A text that is encrypted where it is stored and masked where it is shown; it does not print itself."""

    value: str

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__


def java_text(value: Any) -> str:
    """A value as Java prints it into a message: `[a, b]`, `{k=v}`, `0.5`, `null`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return float_text(value)
        case list() | tuple():
            return "[" + ", ".join(java_text(each) for each in value) + "]"
        case Mapping():
            return "{" + ", ".join(f"{key}={java_text(each)}" for key, each in value.items()) + "}"
        case UploadedFile(name=name):
            return name
        case datetime() | date() | time() | timedelta():
            return iso.text_of(value)
        case _:
            return str(value)


def read_typed(type_: str, value: Any, *, item_type: str | None = None) -> Any:
    """`value`, which is not None, as a value of the type; `BadValue` where it is none."""
    reader = _READERS.get(type_)
    if reader is not None:
        return reader(value)
    if type_ == "ARRAY":
        return _read_list(type_, value, item_type)
    if type_ == "MULTISELECT":
        return _read_list(type_, value, item_type or "STRING")
    raise BadValue(f"there is no type `{type_}`")


def _expected(type_: str, value: Any) -> BadValue:
    return BadValue(f"Expected `{type_}` but received `{java_text(value)}`")


def _read_text(type_: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | datetime | date | time | timedelta):
        return java_text(value)
    if isinstance(value, list | Mapping):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    raise _expected(type_, value)


def _read_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _expected("INT", value)
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise _expected("INT", value)
    number = int(value)
    if not INT_MIN <= number <= INT_MAX:
        raise _expected("INT", value)
    return number


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _expected("FLOAT", value)
    if isinstance(value, str) and not _FLOAT.fullmatch(value.strip()):
        raise _expected("FLOAT", value)
    try:
        number = float(value.strip().rstrip("fFdD") if isinstance(value, str) else value)
    except OverflowError as error:
        raise _expected("FLOAT", value) from error
    if not math.isfinite(number):
        raise _expected("FLOAT", value)
    return number


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _expected("BOOL", value)


def _read_instant(value: Any) -> str:
    try:
        moment = value if isinstance(value, datetime) else parse_moment(str(value))
        return iso.text_of(_EPOCH + (moment - _EPOCH))
    except (NotADate, OverflowError, TypeError) as error:
        raise _expected("DATETIME", value) from error


def _read_date(value: Any) -> str:
    found = value if isinstance(value, date) and not isinstance(value, datetime) else iso.read_date(str(value))
    if found is None:
        raise _expected("DATE", value)
    return iso.text_of(found)


def _read_time(value: Any) -> str:
    found = value if isinstance(value, time) else iso.read_time(str(value))
    if found is None:
        raise _expected("TIME", value)
    return iso.text_of(found)


def _read_duration(value: Any) -> str:
    found = value if isinstance(value, timedelta) else iso.read_duration(str(value))
    if found is None:
        raise _expected("DURATION", value)
    return iso.text_of(found)


def _read_file(value: Any) -> str | UploadedFile:
    if isinstance(value, UploadedFile):
        return value
    if isinstance(value, str) and _STORED_FILE.fullmatch(value):
        return value
    raise BadValue(f"Expected `FILE` (an upload, or an address kestra:///...) but received `{java_text(value)}`")


def _read_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadValue(f"Expected `JSON` but received `{value}` with errors: {error}") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _read_yaml(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return read_yaml(value)
    except NotYaml as error:
        raise BadValue(f"Expected `YAML` but received `{value}` with errors: {error}") from error


def _read_uri(value: Any) -> str:
    if isinstance(value, str) and _URI.fullmatch(value):
        return value
    raise _expected("URI", value)


def _read_email(value: Any) -> str:
    if isinstance(value, str) and _EMAIL.fullmatch(value):
        return value
    raise BadValue("The input must be a valid email")


def _read_secret(value: Any) -> Secret | dict[str, str]:
    """One that is encrypted already stays so: whoever encrypted it has checked it."""
    return value if isinstance(value, Secret) or is_encrypted(value) else Secret(_read_text("SECRET", value))


def _read_list(type_: str, value: Any, item_type: str | None) -> list[Any]:
    """Its elements as the type of items; where none is named, as they are."""
    try:
        elements = json.loads(value, parse_constant=_no_constant) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise BadValue(f"Expected `{type_}` but received `{value}` with errors: {error}") from error
    if not isinstance(elements, list | tuple):
        raise _expected(type_, value)
    return list(elements) if item_type is None else [_read_element(item_type, element) for element in elements]


def _read_element(item_type: str, element: Any) -> Any:
    try:
        return None if element is None else read_typed(item_type, element)
    except BadValue as error:
        raise BadValue(f"Unable to parse array element as `{item_type}` on `{java_text(element)}`") from error


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "STRING": lambda value: _read_text("STRING", value),
    "SELECT": lambda value: _read_text("SELECT", value),
    "ENUM": lambda value: _read_text("ENUM", value),
    "INT": _read_int,
    "FLOAT": _read_float,
    "BOOL": _read_bool,
    "BOOLEAN": _read_bool,
    "DATETIME": _read_instant,
    "DATE": _read_date,
    "TIME": _read_time,
    "DURATION": _read_duration,
    "FILE": _read_file,
    "JSON": _read_json,
    "YAML": _read_yaml,
    "URI": _read_uri,
    "EMAIL": _read_email,
    "SECRET": _read_secret,
}


def broken_rules(type_: str, value: Any, options: Mapping[str, Any], offered: tuple[str, ...] | None) -> list[str]:
    """What of its input's rules the read value breaks: bounds, pattern, the values offered, the file's extension."""
    match type_:
        case "SECRET" if is_encrypted(value):
            return []
        case "STRING" | "SECRET":
            return _pattern(value.value if isinstance(value, Secret) else value, options)
        case "SELECT" | "ENUM":
            return _choice([value], options, offered)
        case "MULTISELECT":
            return _choice(value, options, offered)
        case "INT" | "FLOAT":
            return _number(type_, value, options)
        case "DATE" | "TIME" | "DATETIME":
            return _moment(type_, value, options)
        case "DURATION":
            return _span(value, options)
        case "FILE":
            return _extension(value, options)
        case _:
            return []


def _pattern(value: str, options: Mapping[str, Any]) -> list[str]:
    pattern = options.get("validator")
    if not pattern:
        return []
    try:
        if len(value) <= PATTERN_TEXT_MAX and java_regex.is_full_match(str(pattern), value):
            return []
    except java_regex.TooSlow as error:
        return [error.message]
    return [f"it must match the pattern `{pattern}`"]


def _choice(values: list[Any], options: Mapping[str, Any], offered: tuple[str, ...] | None) -> list[str]:
    if offered is None or options.get("allowCustomValue") or all(java_text(value) in offered for value in values):
        return []
    return [f"it must match the values `{java_text(offered)}`"]


def _number(type_: str, value: float, options: Mapping[str, Any]) -> list[str]:
    least, most = options.get("min"), options.get("max")
    broken = []
    if least is not None and value < least:
        broken.append(f"it must be more than `{_bound(type_, least)}`")
    if most is not None and value > most:
        broken.append(f"it must be less than `{_bound(type_, most)}`")
    return broken


def _bound(type_: str, bound: float) -> str:
    return float_text(Float32(bound)) if type_ == "FLOAT" else java_text(bound)


def _moment(type_: str, value: str, options: Mapping[str, Any]) -> list[str]:
    after, before = options.get("after"), options.get("before")
    broken = []
    if after is not None and not _order(type_, value) > _order(type_, after):
        broken.append(f"it must be after `{java_text(after)}`")
    if before is not None and not _order(type_, value) < _order(type_, before):
        broken.append(f"it must be before `{java_text(before)}`")
    return broken


def _order(type_: str, value: Any) -> Any:
    """What to compare by. Bounds were checked with the flow, so they can be read."""
    if type_ == "DATETIME":
        return value if isinstance(value, datetime) else parse_moment(str(value), UTC)
    return read_typed(type_, value) if type_ == "DATE" else iso.read_time(read_typed(type_, value))


def _span(value: str, options: Mapping[str, Any]) -> list[str]:
    least, most = options.get("min"), options.get("max")
    span = iso.read_duration(value) or timedelta()
    broken = []
    if least is not None and span < _as_span(least):
        broken.append(f"It must be more than `{iso.text_of(_as_span(least))}`")
    if most is not None and span > _as_span(most):
        broken.append(f"It must be less than `{iso.text_of(_as_span(most))}`")
    return broken


def _as_span(bound: Any) -> timedelta:
    return bound if isinstance(bound, timedelta) else iso.read_duration(str(bound)) or timedelta()


def _extension(value: str | UploadedFile, options: Mapping[str, Any]) -> list[str]:
    allowed = options.get("allowedFileExtensions")
    if not allowed:
        return []
    name = value.name if isinstance(value, UploadedFile) else value
    if any(name.lower().endswith(str(extension).lower()) for extension in allowed):
        return []
    return [f"File type not allowed. Accepted extensions: {', '.join(str(each) for each in allowed)}"]
