"""Writes a date-time by a pattern of Java's DateTimeFormatter; names of months, days and zones come from Babel's tables."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from babel import Locale
from babel.dates import get_timezone_name

from segue.expression.date_pattern import Field, fields_of
from segue.expression.errors import ExpressionError

_Width = Literal["abbreviated", "wide", "narrow"]
_WIDTHS: dict[int, _Width] = {3: "abbreviated", 4: "wide", 5: "narrow"}


def write(moment: datetime, pattern: str, locale: Locale) -> str:
    """The moment, as it is in its own zone."""
    return "".join(field.text if not field.letter else _field(moment, field, locale) for field in fields_of(pattern))


def _field(moment: datetime, field: Field, locale: Locale) -> str:
    letter, count = field.letter, field.width
    match letter:
        case "y" | "u":
            return _year(moment.year, count)
        case "Y":
            return _year(_week(moment, locale)[0], count)
        case "M" | "L":
            return _named(
                moment.month, count, locale.months["format" if letter == "M" else "stand-alone"], moment.month
            )
        case "Q" | "q":
            quarter = (moment.month + 2) // 3
            return _named(quarter, count, locale.quarters["format" if letter == "Q" else "stand-alone"], quarter)
        case "E":
            return str(locale.days["format"][_WIDTHS.get(max(count, 3), "abbreviated")][moment.weekday()])
        case "e" | "c":
            day = (moment.weekday() - locale.first_week_day) % 7 + 1
            return _named(day, count, locale.days["format" if letter == "e" else "stand-alone"], moment.weekday())
        case "a" | "B":
            return str(locale.day_periods["format"]["abbreviated"]["am" if moment.hour < 12 else "pm"])
        case "G":
            return str(locale.eras[{4: "wide", 5: "narrow"}.get(count, "abbreviated")][1])
        case "S":
            return f"{moment.microsecond * 1000:09d}"[:count].ljust(count, "0")
        case "X" | "x" | "Z" | "O" | "z" | "v" | "V":
            return _zone(moment, letter, count, locale)
        case _:
            return f"{_number(moment, letter, locale):0{count}d}"


def _year(year: int, count: int) -> str:
    return f"{year % 100:02d}" if count == 2 else f"{year:0{count}d}"


def _named(number: int, count: int, names: dict[str, dict[int, str]], key: int) -> str:
    if count <= 2:
        return f"{number:0{count}d}"
    return str(names[_WIDTHS.get(count, "wide")][key])


def _number(moment: datetime, letter: str, locale: Locale) -> int:
    since_midnight = timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
    match letter:
        case "D":
            return moment.timetuple().tm_yday
        case "d":
            return moment.day
        case "F":
            return (moment.day - 1) % 7 + 1
        case "w":
            return _week(moment, locale)[1]
        case "W":
            return _week_of_month(moment, locale)
        case "H":
            return moment.hour
        case "k":
            return moment.hour or 24
        case "h":
            return moment.hour % 12 or 12
        case "K":
            return moment.hour % 12
        case "m":
            return moment.minute
        case "s":
            return moment.second
        case "n":
            return moment.microsecond * 1000
        case "N":
            return since_midnight // timedelta(microseconds=1) * 1000
        case _:
            return since_midnight // timedelta(milliseconds=1)


def _week(moment: datetime, locale: Locale) -> tuple[int, int]:
    """Week-based year and week of the locale: its first day of a week, its least days in a first week."""
    first, least = locale.first_week_day, locale.min_week_days
    for year in (moment.year + 1, moment.year, moment.year - 1):
        start = _first_week(moment.replace(tzinfo=None), year, first, least)
        if start is not None and moment.date() >= start.date():
            return year, (moment.date() - start.date()).days // 7 + 1
    return moment.year, 1


def _first_week(moment: datetime, year: int, first: int, least: int) -> datetime | None:
    if not 1 <= year <= 9998:
        return None
    new_year = moment.replace(year=year, month=1, day=1)
    into_week = (new_year.weekday() - first) % 7
    start = -into_week if 7 - into_week >= least else 7 - into_week
    return new_year + timedelta(days=start) if year > 1 or start >= 0 else new_year


def _week_of_month(moment: datetime, locale: Locale) -> int:
    first_day = moment.replace(day=1)
    into_week = (first_day.weekday() - locale.first_week_day) % 7
    week = (moment.day - 1 + into_week) // 7
    return week + 1 if 7 - into_week >= locale.min_week_days else week


def _zone(moment: datetime, letter: str, count: int, locale: Locale) -> str:
    offset = moment.utcoffset() or timedelta()
    match letter:
        case "V":
            if count != 2:
                raise ExpressionError("Pattern letter count must be 2: V")
            return getattr(moment.tzinfo, "key", None) or _offset(offset, "+HH:mm", "Z")
        case "z" | "v":
            return _zone_name(moment, offset, count, locale)
        case "O":
            return "GMT" + (_offset(offset, "+HH:mm", "") if count == 4 else _short_offset(offset))
        case "Z":
            if count == 4:
                return "GMT" + _offset(offset, "+HH:mm", "")
            return _offset(offset, "+HH:mm", "Z") if count == 5 else _offset(offset, "+HHmm", "+0000")
        case _:
            shape = {1: "+HHmm?", 2: "+HHmm", 3: "+HH:mm", 4: "+HHmm", 5: "+HH:mm"}.get(count)
            if shape is None:
                raise ExpressionError(f"Too many pattern letters: {letter}")
            zero = "Z" if letter == "X" else {1: "+00", 3: "+00:00", 5: "+00:00"}.get(count, "+0000")
            return _offset(offset, shape, zero)


def _offset(offset: timedelta, shape: str, zero: str) -> str:
    if not offset:
        return zero
    minutes = abs(offset) // timedelta(minutes=1)
    text = f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}"
    if shape.endswith("?") and not minutes % 60:
        return text
    return f"{text}{':' if ':' in shape else ''}{minutes % 60:02d}"


def _short_offset(offset: timedelta) -> str:
    if not offset:
        return ""
    minutes = abs(offset) // timedelta(minutes=1)
    text = f"{'-' if offset < timedelta() else '+'}{minutes // 60}"
    return text + (f":{minutes % 60:02d}" if minutes % 60 else "")


def _zone_name(moment: datetime, offset: timedelta, count: int, locale: Locale) -> str:
    if getattr(moment.tzinfo, "key", None) is None:
        if offset:
            return _offset(offset, "+HH:mm", "Z")
        return "Coordinated Universal Time" if count == 4 else "UTC"
    if count == 4:
        return str(get_timezone_name(moment, width="long", locale=locale))
    return moment.tzname() or _offset(offset, "+HH:mm", "Z")
