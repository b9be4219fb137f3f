"""Windows: spans of time in which everything that a flow trigger waits for has to happen. Both dialects' spellings end
in the same few kinds."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from msgspec import Struct

from segue.engine.zones import NotADate
from segue.expression import iso

_DAY: Final = timedelta(days=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Fixed(Struct, frozen=True):
    """One after the other, each `every` long, aligned on the clock and moved by `offset`."""

    every: timedelta = _DAY
    offset: timedelta = timedelta(0)


class Sliding(Struct, frozen=True):
    """What happened within the last `lookback` counts."""

    lookback: timedelta = _DAY


class Daily(Struct, frozen=True):
    """Each day from `start` to `end`."""

    start: str
    end: str


class Always(Struct, frozen=True):
    """No window: open until it is fulfilled."""


Window = Fixed | Sliding | Daily | Always


class Bounds(Struct, frozen=True):
    """A window at some time, both ends included. None: it never ends."""

    start: datetime
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment <= self.end)


def window_of_1x(options: Mapping[str, Any]) -> Window:
    """From `timeWindow` (or a MultipleCondition's own `window` and `windowAdvance`)."""
    match options.get("type"):
        case "SLIDING_WINDOW":
            return Sliding(_span(options.get("window"), _DAY))
        case "DAILY_TIME_DEADLINE":
            return Daily("00:00:00", str(options["deadline"]))
        case "DAILY_TIME_WINDOW":
            return Daily(str(options["startTime"]), str(options["endTime"]))
        case _:
            return Fixed(_span(options.get("window"), _DAY), _span(options.get("windowAdvance"), timedelta(0)))


def window_of_2x(options: Mapping[str, Any] | None) -> Window:
    """From `window: {deadline | from, to | every, offset | lookback}`."""
    if not options:
        return Always()
    if options.get("deadline"):
        return Daily("00:00:00", str(options["deadline"]))
    if options.get("from"):
        return Daily(str(options["from"]), str(options["to"]))
    if options.get("lookback"):
        return Sliding(_span(options["lookback"], _DAY))
    return Fixed(_span(options.get("every"), _DAY), _span(options.get("offset"), timedelta(0)))


def _span(value: Any, default: timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return default if value is None else iso.read_duration(str(value)) or default


def bounds_at(window: Window, now: datetime, zone: tzinfo) -> Bounds:
    """The window that begins to gather at `now`."""
    match window:
        case Always():
            return Bounds(now, None)
        case Sliding():
            start = _to_millisecond(now.astimezone(zone))
            return Bounds(start, start + window.lookback)
        case Daily():
            today = now.astimezone(zone).date()
            return Bounds(_time_on(today, window.start, zone), _time_on(today, window.end, zone))
        case Fixed():
            start = _aligned(now.astimezone(zone), window.every) + window.offset
            return Bounds(start, _to_millisecond(start + window.every - _MILLISECOND))


def _aligned(now: datetime, every: timedelta) -> datetime:
    """As Kestra aligns: windows of days begin at midnight, of hours at the full hour, of minutes at a multiple of them."""
    start = now.replace(microsecond=0)
    minutes = every // timedelta(minutes=1)
    if every >= _DAY:
        return start.replace(hour=0, minute=0, second=0)
    if every >= timedelta(hours=1):
        return start.replace(minute=0, second=0)
    if minutes:
        return start.replace(minute=start.minute // minutes * minutes, second=0)
    return start


def _time_on(day: date, text: str, zone: tzinfo) -> datetime:
    """That time of that day; in its own offset if it has one."""
    found = iso.read_time_of_day(text)
    if found is None:
        raise NotADate(text, "it is not a time of day like 09:00:00+01:00")
    moment, own_zone = found
    return datetime.combine(day, moment, own_zone or zone)


def ending_after(window: Window, moment: datetime, zone: tzinfo) -> Bounds | None:
    """The first window that is over later than that; None for those that never are, or are only begun by what happens."""
    if isinstance(window, Always | Sliding):
        return None
    step = _DAY if isinstance(window, Daily) else window.every
    if not step:
        return None
    bounds = bounds_at(window, moment, zone)
    while bounds.end is not None and bounds.end <= moment:
        bounds = bounds_at(window, bounds.end + step, zone)
    return bounds


def _to_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
