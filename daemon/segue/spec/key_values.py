"""Values of keys: the seven kinds that there are, how a value comes to be of one of them, which keys are legal, and
which namespaces' keys a flow may reach. Where keys are kept is the store's."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from segue.expression import iso
from segue.model.names import KEY, is_within
from segue.spec.duration import NotADuration, parse_duration

STRING: Final = "STRING"
NUMBER: Final = "NUMBER"
BOOLEAN: Final = "BOOLEAN"
DATETIME: Final = "DATETIME"
DATE: Final = "DATE"
DURATION: Final = "DURATION"
JSON: Final = "JSON"

KEY_RULE: Final = (
    "Key must start with an alphanumeric character (uppercase or lowercase) and can contain alphanumeric characters "
    "(uppercase or lowercase), dots (.), underscores (_), and hyphens (-) only."
)
KEY_LENGTH_MAX: Final = 255


class KeyRefused(ValueError):
    """A key that is none, or one that may not be reached; the message is for the author of the flow."""


class NotOfKind(ValueError):
    """The value cannot be of the kind that is asked for."""

    def __init__(self, value: Any, kind: str) -> None:
        super().__init__(f"Invalid value for the type {kind}: {str(value)[:200]!r}")


def checked_key(key: str) -> str:
    if KEY.fullmatch(key) is None:
        raise KeyRefused(KEY_RULE)
    if len(key) > KEY_LENGTH_MAX:
        raise KeyRefused(f"Key must not be longer than {KEY_LENGTH_MAX} characters.")
    return key


def check_reachable(namespace: str, *, own: str | None, existing: Iterable[str]) -> None:
    """Keys can be reached in the flow's `own` namespace, in those above it, and in those that there are: they have
    flows, keys, or namespaces below them."""
    if own is not None and is_within(own, namespace):
        return
    if not any(is_within(each, namespace) for each in existing):
        raise KeyRefused(f"Cannot access the KV store. The namespace '{namespace}' does not exist.")


def told_apart(value: Any) -> tuple[str, Any]:
    """The kind that a value has by itself, and the value as it is stored. A text that reads as a duration is one."""
    match value:
        case bool():
            return BOOLEAN, value
        case int() | float():
            return NUMBER, value
        case Decimal():
            return NUMBER, int(value) if value == value.to_integral_value() and "." not in str(value) else float(value)
        case str():
            return (STRING if _span(value) is None else DURATION), value
        case datetime():
            return DATETIME, iso.text_of(value)
        case date():
            return DATE, iso.text_of(value)
        case timedelta():
            return DURATION, iso.duration_text(value)
        case _:
            return JSON, value


def converted(value: Any, kind: str) -> Any:
    """The value as one of this kind: a text is read, and anything can become a text. Raises `NotOfKind`."""
    if kind == JSON:
        return _json(value) if isinstance(value, str) else value
    if kind == STRING:
        return value if isinstance(value, str) else _text(value)
    read = _READ[kind](_text(value).strip())
    if read is None:
        raise NotOfKind(value, kind)
    return read


def literal(text: str) -> tuple[str, Any]:
    """Kind and value of what was sent as a text: JSON, a bare date, date-time or duration, else a text."""
    try:
        return told_apart(json.loads(text))
    except (ValueError, RecursionError):
        return _word(text.strip())


def _word(text: str) -> tuple[str, Any]:
    for kind in (DATE, DATETIME, DURATION):
        if _READ[kind](text) is not None:
            return kind, text
    return STRING, text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotOfKind(text, JSON) from error


def _number(text: str) -> int | float | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - not NaN


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _instant(text: str) -> str | None:
    at = iso.read_date_time(text, lambda _name: UTC)
    if at is None or at.tzinfo is None:
        return None
    return iso.text_of(at.astimezone(UTC)) if at.utcoffset() else text


def _day(text: str) -> str | None:
    return text if iso.read_date(text) is not None else None


def _span(text: str) -> str | None:
    if text[:1] not in ("P", "p", "-", "+"):
        return None
    try:
        return iso.duration_text(parse_duration(text))
    except (NotADuration, OverflowError):
        return None


_READ: Final = {
    NUMBER: _number,
    BOOLEAN: _boolean,
    DATETIME: _instant,
    DATE: _day,
    DURATION: _span,
}
