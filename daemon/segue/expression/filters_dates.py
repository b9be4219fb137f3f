"""Filters on dates: formatting, moving, seconds since 1970."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from segue.expression.dates import epoch_nanos, formatted, moment_of, moved
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import FilterSignature, Given, integer_argument, optional_text, text_argument

_FORMAT_PARAMETERS = ("format", "timeZone", "existingFormat", "locale")


def format_moment(moment: datetime, given: Given, evaluation: Evaluation, what: str) -> str:
    """The moment by the arguments that `date`, `dateAdd` and `now` share."""
    name = text_argument(given, "format", what, "iso")
    zone = evaluation.zone(optional_text(given, "timeZone", what))
    return formatted(moment, name, zone, optional_text(given, "locale", what))


def _moment(value: Any, given: Given, evaluation: Evaluation, what: str) -> datetime:
    zone = evaluation.zone(optional_text(given, "timeZone", what))
    return moment_of(value, zone, optional_text(given, "existingFormat", what))


def _date(value: Any, given: Given, evaluation: Evaluation) -> str | None:
    if value is None:
        return None
    what = "The 'date' filter"
    return format_moment(_moment(value, given, evaluation, what), given, evaluation, what)


def _date_add(value: Any, given: Given, evaluation: Evaluation) -> str | None:
    if value is None:
        return None
    what = "The 'dateAdd' filter"
    amount = integer_argument(given, "amount", what)
    unit = text_argument(given, "unit", what)
    moment = moved(_moment(value, given, evaluation, what), amount, unit)
    return format_moment(moment, given, evaluation, what)


def _timestamp(name: str, count: Callable[[int], Any]) -> FilterSignature:
    def apply(value: Any, given: Given, evaluation: Evaluation) -> Any:
        return None if value is None else count(epoch_nanos(_moment(value, given, evaluation, f"The '{name}' filter")))

    return FilterSignature(apply, ("timeZone", "existingFormat"))


def _micro(nanos: int) -> str:
    """Kestra's own count: the seconds as nanoseconds, then the microseconds in the place of nanoseconds."""
    seconds, rest = divmod(nanos, 1_000_000_000)
    return str(seconds * 1_000_000_000 + rest // 1000)


DATE_FILTERS: dict[str, FilterSignature] = {
    "date": FilterSignature(_date, _FORMAT_PARAMETERS),
    "dateAdd": FilterSignature(_date_add, ("amount", "unit", *_FORMAT_PARAMETERS), required=2),
    "timestamp": _timestamp("timestamp", lambda nanos: nanos // 1_000_000_000),
    "timestampMicro": _timestamp("timestampMicro", _micro),
    "timestampMilli": _timestamp("timestampMilli", lambda nanos: nanos // 1_000_000),
    "timestampNano": _timestamp("timestampNano", str),
}
