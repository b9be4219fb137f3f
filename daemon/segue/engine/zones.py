"""Time zones by name, and date-times that authors write. The names are Java's: IANA ids and fixed offsets."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from segue.expression import iso

_OFFSET: Final = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)
_UTC_NAMES: Final = frozenset({"Z", "UTC", "GMT", "UT"})
_OFFSET_MAX: Final = timedelta(hours=18)  # as java.time has it
_SPACED: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d.*)", re.ASCII)


class UnknownZone(ValueError):
    """No time zone has this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Unknown time-zone ID: {name}")


class NotADate(ValueError):
    """The text names no date-time."""

    def __init__(self, text: str, why: str = "it is not an ISO 8601 date-time like 2025-01-31T10:15:30Z") -> None:
        self.text = text
        super().__init__(f"Unable to read `{text}` as a date-time: {why}")


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA id or a fixed offset (`+02:00`, `UTC+2`, `Z`); `UnknownZone` for anything else."""
    if name in _UTC_NAMES:
        return UTC
    if match := _OFFSET.fullmatch(name):
        span = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if span > _OFFSET_MAX:
            raise UnknownZone(name)
        return timezone(-span if match[1] == "-" else span) if span else UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(name) from error


def parse_moment(text: str, zone: tzinfo | None = None) -> datetime:
    """An aware date-time; `NotADate` for anything else.

    Without an offset it is local to `zone`, and refused without one. Where an offset and a `[zone]` stand together,
    the offset fixes the instant and the zone how it is shown.
    """
    given = text.strip()
    if spaced := _SPACED.fullmatch(given):
        given = f"{spaced[1]}T{spaced[2]}"
    try:
        moment = iso.read_date_time(given, zone_of)
    except ValueError as error:  # a zone or an offset that there is not
        raise NotADate(text, str(error)) from error
    if moment is None:
        raise NotADate(text)
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise NotADate(text, "it has no time zone; end it with Z or an offset like +02:00")
    return moment.replace(tzinfo=zone)
