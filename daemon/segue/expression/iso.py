"""Dates, times and durations as Java writes and reads them in ISO 8601. Patterns and zones are in `dates`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any


class Instant(datetime):
    """A moment that prints in UTC with its seconds, as Java's Instant and old Date do."""


_DURATION = re.compile(
    r"([-+]?)P(?:([-+]?\d{1,9})D)?(?:T(?=[-+\d])(?:([-+]?\d{1,9})H)?(?:([-+]?\d{1,9})M)?(?:([-+]?\d{1,12})(?:[.,](\d{0,9}))?S)?)?",
    re.IGNORECASE,
)
_DATE = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
_OFFSET = r"(?P<offset>Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)(?:\[(?P<region>[\w/+\-:]+)\])?"
_DATE_TIME = re.compile(f"{_DATE}[Tt]{_TIME}(?:{_OFFSET})?")
_TIME_ONLY = re.compile(_TIME)
_TIME_OF_DAY = re.compile(r"([\d:.]+)(Z|z|[+-]\d{2}(?::?\d{2})?)?")
_DATE_ONLY = re.compile(_DATE)


def text_of(value: Any) -> str:
    """Java's toString: seconds are left out when they are zero, fractions come in threes."""
    if isinstance(value, Instant):
        moment = value.astimezone(UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}{_fraction(moment.microsecond)}Z"
    if isinstance(value, datetime):
        return f"{value.date().isoformat()}T{_clock(value)}{_zone(value)}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return _clock(value)
    if isinstance(value, timedelta):
        return duration_text(value)
    return str(value)


def json_text(value: Any) -> str:
    """What Jackson writes: as `text_of`, but a date-time has its seconds always and only its offset, no region."""
    if isinstance(value, datetime) and not isinstance(value, Instant):
        digits = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        return f"{value.date().isoformat()}T{value:%H:%M:%S}{digits}{offset_text(value) if value.tzinfo else ''}"
    return text_of(value)


def _clock(value: datetime | time) -> str:
    text = f"{value.hour:02d}:{value.minute:02d}"
    if value.second or value.microsecond:
        text += f":{value.second:02d}{_fraction(value.microsecond)}"
    return text


def _fraction(micros: int) -> str:
    if not micros:
        return ""
    return f".{micros // 1000:03d}" if micros % 1000 == 0 else f".{micros:06d}"


def _zone(value: datetime) -> str:
    if value.tzinfo is None:
        return ""
    region = getattr(value.tzinfo, "key", None)
    if region is None:
        return offset_text(value)
    return f"{offset_text(value)}[{region}]"


def offset_text(value: datetime) -> str:
    """`Z` or `+02:00`."""
    offset = value.utcoffset() or timedelta()
    seconds = int(offset.total_seconds())
    if not seconds:
        return "Z"
    sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
    text = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return text + (f":{seconds % 60:02d}" if seconds % 60 else "")


def duration_text(value: timedelta) -> str:
    """Java's Duration.toString: hours, minutes, seconds; no days."""
    micros = value // timedelta(microseconds=1)
    if not micros:
        return "PT0S"
    sign, micros = (-1, -micros) if micros < 0 else (1, micros)
    seconds, fraction = divmod(micros, 1_000_000)
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = "PT"
    if hours:
        text += f"{sign * hours}H"
    if minutes:
        text += f"{sign * minutes}M"
    if rest or fraction:
        digits = f".{fraction:06d}".rstrip("0") if fraction else ""
        text += f"{'-' if sign < 0 else ''}{rest}{digits}S"
    return text


def read_duration(text: str) -> timedelta | None:
    """A duration such as PT1H30M or P1DT2S, None if the text is not one."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()[1:]):
        return None
    sign, days, hours, minutes, seconds, fraction = found.groups()
    micros = int((fraction or "").ljust(6, "0")[:6] or 0)
    if (seconds or "").startswith("-"):
        micros = -micros
    try:
        span = timedelta(
            days=int(days or 0),
            hours=int(hours or 0),
            minutes=int(minutes or 0),
            seconds=int(seconds or 0),
            microseconds=micros,
        )
    except OverflowError:
        return None
    return -span if sign == "-" else span


def read_date_time(text: str, region: Any) -> datetime | None:
    """A date-time with or without offset; `region` makes a time zone of a `[Europe/Paris]` suffix. None if the text is not one."""
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    try:
        zone = _read_zone(found["offset"], found["region"], region)
        moment = datetime.combine(date(*_numbers(found, "year", "month", "day")), time(*_clock_numbers(found)))
        if zone is None:
            return moment
        if found["region"] and found["offset"] is not None:
            return moment.replace(tzinfo=offset_zone(found["offset"])).astimezone(zone)
        return moment.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return None


def read_date(text: str) -> date | None:
    found = _DATE_ONLY.fullmatch(text)
    try:
        return date(*_numbers(found, "year", "month", "day")) if found else None
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    found = _TIME_ONLY.fullmatch(text)
    try:
        return time(*_clock_numbers(found)) if found else None
    except ValueError:
        return None


def read_time_of_day(text: str) -> tuple[time, tzinfo | None] | None:
    """A time with or without an offset: `09:00`, `09:00:00+01:00`."""
    found = _TIME_OF_DAY.fullmatch(text.strip())
    moment = read_time(found[1]) if found else None
    if found is None or moment is None:
        return None
    return moment, offset_zone(found[2]) if found[2] else None


def _read_zone(offset: str | None, name: str | None, region: Any) -> tzinfo | None:
    if offset is None:
        return None
    zone: tzinfo = region(name) if name else offset_zone(offset)
    return zone


def offset_zone(text: str) -> tzinfo:
    """The zone of `Z`, `+02`, `+02:00` or `+0200`; the caller has matched it."""
    if text in {"Z", "z"}:
        return UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:6]))
    return timezone(-span if text[0] == "-" else span)


def _numbers(found: re.Match[str], first: str, second: str, third: str) -> tuple[int, int, int]:
    return int(found[first] or 0), int(found[second] or 0), int(found[third] or 0)


def _clock_numbers(found: re.Match[str]) -> tuple[int, int, int, int]:
    hour, minute, second = _numbers(found, "hour", "minute", "second")
    return hour, minute, second, int((found["fraction"] or "").ljust(6, "0")[:6])
