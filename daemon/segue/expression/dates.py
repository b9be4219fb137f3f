"""What the date filters and functions share: reading what people call a date, naming zones and formats, moving by a unit."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime

from segue.expression import date_format, date_parse, iso
from segue.expression.errors import ExpressionError
from segue.expression.values import class_name, is_number

NAMED_FORMATS = {
    "iso": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX",
    "iso_sec": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "iso_milli": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "sql": "yyyy-MM-dd HH:mm:ss.SSSSSS",
    "sql_seq": "yyyy-MM-dd HH:mm:ss",
    "iso_ordinal_date": "uuuu-DDDXXXXX",
    "rfc_1123_date_time": "EEE, d MMM yyyy HH:mm:ss z",
}
STYLES = {"full", "long", "medium", "short"}
_ISO_FORMATS = {
    "iso_date_time",
    "iso_date",
    "iso_time",
    "iso_local_date",
    "iso_instant",
    "iso_local_date_time",
    "iso_local_time",
    "iso_offset_time",
    "iso_offset_date_time",
    "iso_week_date",
    "iso_zoned_date_time",
}
FORMAT_NAMES = frozenset(NAMED_FORMATS) | STYLES | _ISO_FORMATS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """The zone of `Europe/Paris`, `UTC`, `Z`, `+02:00`, `GMT+2`."""
    text = name.strip()
    if text in {"Z", "UTC", "GMT", "UT"}:
        return UTC
    offset = text.removeprefix("UTC").removeprefix("GMT").removeprefix("UT")
    if offset[:1] in {"+", "-"}:
        hours, _, rest = offset[1:].partition(":")
        digits = (hours if len(hours) > 2 else hours.zfill(2)) + rest.replace(":", "")
        if digits.isascii() and digits.isdecimal() and len(digits) in {2, 4, 6} and int(digits[:2]) <= 18:
            return iso.offset_zone(offset[0] + digits)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ExpressionError(f"Invalid time zone '{name}'") from error


@lru_cache(maxsize=256)
def locale_named(name: str | None) -> Locale:
    try:
        return Locale.parse((name or "en_US").replace("-", "_"))
    except (ValueError, UnknownLocaleError) as error:
        raise ExpressionError(f"Invalid locale format: {name}") from error


def moment_of(value: Any, zone: tzinfo, existing_format: str | None = None) -> datetime:
    """The aware date-time that this value means: a date of any kind, seconds since 1970, or text."""
    if isinstance(value, iso.Instant):
        return _in_zone(value, zone)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime.combine(value, time(), zone)
    if is_number(value):
        return _since_epoch(value, zone)
    if isinstance(value, str):
        return _read(value.strip(), zone, existing_format)
    raise ExpressionError(f"Unable to convert {class_name(value)} to a date")


def _since_epoch(seconds: Any, zone: tzinfo) -> datetime:
    try:
        return (_EPOCH + timedelta(seconds=seconds if isinstance(seconds, int) else float(seconds))).astimezone(zone)
    except (OverflowError, ValueError) as error:
        raise ExpressionError(f"The number {seconds} is no date: it counts seconds since 1970") from error


def _read(text: str, zone: tzinfo, existing_format: str | None) -> datetime:
    if existing_format is not None and existing_format not in _ISO_FORMATS and existing_format not in STYLES:
        pattern = NAMED_FORMATS.get(existing_format, existing_format)
        found = date_parse.read(text, pattern, zone_named)
        return found if found.tzinfo else found.replace(tzinfo=zone)
    moment = iso.read_date_time(text, zone_named)
    if moment is None and (day := iso.read_date(text)) is not None:
        moment = datetime.combine(day, time())
    if moment is None:
        raise ExpressionError(f"Text '{text[:80]}' could not be parsed as a date")
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    # An Instant would stay one: its class survives astimezone.
    shifted = moment.astimezone(zone)
    return datetime.combine(shifted.date(), shifted.timetz())


def formatted(moment: datetime, name: str, zone: tzinfo, locale_name: str | None) -> str:
    """The moment in this zone, by a named format, a style or a pattern of Java's DateTimeFormatter."""
    locale = locale_named(locale_name)
    try:
        local = _in_zone(moment, zone)
    except OverflowError as error:
        raise ExpressionError("The date is out of range") from error
    if name in STYLES:
        return format_datetime(local, name, tzinfo=None if local.tzinfo is None else zone, locale=locale)
    if name in _ISO_FORMATS:
        return _iso_format(local, name)
    if name == "rfc_1123_date_time":
        return _rfc_1123(local)
    return date_format.write(local, NAMED_FORMATS.get(name, name), locale)


def _iso_format(local: datetime, name: str) -> str:
    day, offset = local.date().isoformat(), iso.offset_text(local)
    clock = f"{local:%H:%M:%S}" + (f".{local.microsecond:06d}".rstrip("0") if local.microsecond else "")
    region = getattr(local.tzinfo, "key", None)
    zoned = f"{day}T{clock}{offset}" + (f"[{region}]" if region else "[UTC]" if local.tzinfo is UTC else "")
    year, week, weekday = local.isocalendar()
    return {
        "iso_week_date": f"{year:04d}-W{week:02d}-{weekday}{offset}",
        "iso_date": day + offset,
        "iso_time": clock + offset,
        "iso_offset_time": clock + offset,
        "iso_local_date": day,
        "iso_local_time": clock,
        "iso_local_date_time": f"{day}T{clock}",
        "iso_offset_date_time": f"{day}T{clock}{offset}",
        "iso_date_time": zoned,
        "iso_zoned_date_time": zoned,
        "iso_instant": iso.text_of(iso.Instant.combine(local.date(), local.timetz())),
    }[name]


def _rfc_1123(local: datetime) -> str:
    offset = iso.offset_text(local)
    text = date_format.write(local, "EEE, d MMM yyyy HH:mm:ss", locale_named("en_US"))
    return f"{text} {'GMT' if offset == 'Z' else offset.replace(':', '')}"


_SPANS = {
    "MICROS": timedelta(microseconds=1),
    "MILLIS": timedelta(milliseconds=1),
    "SECONDS": timedelta(seconds=1),
    "MINUTES": timedelta(minutes=1),
    "HOURS": timedelta(hours=1),
    "HALF_DAYS": timedelta(hours=12),
}
_DAYS = {"DAYS": 1, "WEEKS": 7}
_MONTHS = {"MONTHS": 1, "YEARS": 12, "DECADES": 120, "CENTURIES": 1200, "MILLENNIA": 12000}


def moved(moment: datetime, amount: int, unit: str) -> datetime:
    """The moment so many units later. Units up to half days move along real time, longer ones along the calendar."""
    try:
        if unit == "NANOS":
            return moved(moment, int(amount / 1000), "MICROS")
        if unit in _SPANS:
            return (moment.astimezone(UTC) + amount * _SPANS[unit]).astimezone(moment.tzinfo)
        if unit in _DAYS:
            return _settled(moment + timedelta(days=amount * _DAYS[unit]))
        if unit in _MONTHS:
            return _settled(_months_later(moment, amount * _MONTHS[unit]))
    except (OverflowError, ValueError) as error:
        raise ExpressionError("The date is out of range") from error
    known = ", ".join(("NANOS", *_SPANS, *_DAYS, *_MONTHS))
    raise ExpressionError(f"Unknown date unit '{unit}', expected one of {known}")


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _settled(moment: datetime) -> datetime:
    """A local time that a clock change skips moves on by the gap, as in Java."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def epoch_nanos(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def local_date(text: str) -> date | None:
    """The date as written in a date or date-time: no zone moves it."""
    moment = iso.read_date_time(text, zone_named)
    return moment.date() if moment else iso.read_date(text)
