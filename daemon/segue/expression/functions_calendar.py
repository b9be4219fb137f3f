"""Functions that ask about a date as it is written: no zone moves it."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from segue.expression import iso
from segue.expression.dates import local_date, zone_named
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.signatures import FunctionSignature, Given, optional_text, text_argument

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_POSITIONS = {"FIRST": 0, "SECOND": 1, "THIRD": 2, "FOURTH": 3}
_WORKING_DAYS = frozenset(range(5))
_SATURDAY = 5


def _required(given: Given, name: str, function: str) -> Any:
    if given.get(name) is None:
        raise ExpressionError(f"The '{function}()' function expects a '{name}' argument.")
    return given[name]


def _day(given: Given, function: str) -> date:
    value = _required(given, "date", function)
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    found = local_date(value) if isinstance(value, str) else None
    if found is None:
        raise ExpressionError(f"The '{function}()' function could not parse 'date': {value}")
    return found


def _of_day(function: str, answer: Callable[[date], Any]) -> FunctionSignature:
    return FunctionSignature(lambda given, _evaluation: answer(_day(given, function)), ("date",), required=1)


def _hour_of_day(given: Given, _evaluation: Evaluation) -> int:
    value = _required(given, "date", "hourOfDay")
    moment = value if isinstance(value, datetime) else iso.read_date_time(str(value), zone_named)
    if moment is None:
        raise ExpressionError(f"The 'hourOfDay()' function could not parse 'date': {value}")
    return moment.hour


def _weekday(name: Any, function: str, parameter: str) -> int:
    if not isinstance(name, str) or name.upper() not in _DAYS:
        raise ExpressionError(
            f"The '{function}()' function received an invalid '{parameter}' value: '{name}'. "
            f"Expected one of: {', '.join(_DAYS)}."
        )
    return _DAYS.index(name.upper())


def _is_day_week_in_month(given: Given, _evaluation: Evaluation) -> bool:
    function = "isDayWeekInMonth"
    day = _day(given, function)
    weekday = _weekday(_required(given, "dayOfWeek", function), function, "dayOfWeek")
    position = str(_required(given, "position", function)).upper()
    if position == "LAST":
        return day.weekday() == weekday and (day + timedelta(days=7)).month != day.month
    if position not in _POSITIONS:
        raise ExpressionError(
            f"The '{function}()' function received an invalid 'position' value: '{given['position']}'. "
            "Expected one of: FIRST, SECOND, THIRD, FOURTH, LAST."
        )
    return day.weekday() == weekday and (day.day - 1) // 7 == _POSITIONS[position]


def _is_last_working_day(given: Given, _evaluation: Evaluation) -> bool:
    function = "isLastWorkingDay"
    day = _day(given, function)
    names = [name for name in re.split(r"[,\s]+", optional_text(given, "workingDays", function) or "") if name]
    working = {_weekday(name, function, "workingDays") for name in names} or _WORKING_DAYS
    last = day.replace(day=monthrange(day.year, day.month)[1])
    candidates = (last - timedelta(days=back) for back in range(7))
    return day == next(candidate for candidate in candidates if candidate.weekday() in working)


def _is_date_between(given: Given, _evaluation: Evaluation) -> bool:
    moments = {name: _instant(_required(given, name, "isDateBetween"), name) for name in ("date", "after", "before")}
    return moments["after"] < moments["date"] < moments["before"]


def _instant(value: Any, name: str) -> datetime:
    moment = value if isinstance(value, datetime) else iso.read_date_time(str(value), zone_named)
    if moment is None or moment.tzinfo is None:
        raise ExpressionError(f"The 'isDateBetween()' function could not parse '{name}': {value}")
    return moment


def _is_public_holiday(given: Given, evaluation: Evaluation) -> bool:
    what = "The 'isPublicHoliday()' function"
    day = _day(given, "isPublicHoliday")
    country = text_argument(given, "countryCode", what)
    return evaluation.outside.public_holiday(day, country, optional_text(given, "subDivision", what) or None)


CALENDAR_FUNCTIONS: dict[str, FunctionSignature] = {
    "dayOfMonth": _of_day("dayOfMonth", lambda day: day.day),
    "dayOfWeek": _of_day("dayOfWeek", lambda day: _DAYS[day.weekday()]),
    "hourOfDay": FunctionSignature(_hour_of_day, ("date",), required=1),
    "isDateBetween": FunctionSignature(_is_date_between, ("date", "after", "before"), required=3),
    "isDayWeekInMonth": FunctionSignature(_is_day_week_in_month, ("date", "dayOfWeek", "position"), required=3),
    "isLastWorkingDay": FunctionSignature(_is_last_working_day, ("date", "workingDays"), required=1),
    "isPublicHoliday": FunctionSignature(
        _is_public_holiday, ("date", "countryCode", "subDivision"), required=2, effect=True
    ),
    "isWeekend": _of_day("isWeekend", lambda day: day.weekday() >= _SATURDAY),
    "monthOfYear": _of_day("monthOfYear", lambda day: day.month),
}
