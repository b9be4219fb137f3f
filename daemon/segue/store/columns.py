"""Columns: how times, texts and documents are kept in the database, and read back. Nothing about tables here."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_A_DAY: Final = 86_400_000_000
NULL_DOCUMENT: Final = "null"


def microseconds(at: datetime) -> int:
    """Unix time in whole microseconds, exactly (a float has too few digits)."""
    span = at - _EPOCH
    return span.days * _MICROSECONDS_A_DAY + span.seconds * 1_000_000 + span.microseconds


def microseconds_or_none(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)


def time(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


def time_or_none(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


def _plain(value: object) -> object:
    """Read-only mappings are values too; anything else that JSON does not know is our bug."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} in a document that is to be stored: {value!r}")


# ASCII, so that any Python text goes through, lone surrogates too, which UTF-8 has no bytes for.
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=_plain, check_circular=False)


def document(value: Any) -> str:
    """JSON text. The empty ones are most frequent and cost most where time matters."""
    if value is None:
        return NULL_DOCUMENT
    if not value and type(value) is dict:
        return "{}"
    return _ENCODER.encode(value)


def read_document(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def storable(text: str) -> str:
    """The text, with what UTF-8 cannot say replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def storable_or_none(text: str | None) -> str | None:
    return None if text is None else storable(text)
