"""The fire times of a cron line or a list of dates, in a time zone: next and previous, nothing more. What is done with
them - conditions, missed ones, backfills - is in `due`.

cronsim walks plain local time here, which it does exactly; what daylight saving makes of it is decided below, by
Debian cron's rules:

* A line with a fixed hour (neither minutes nor hours begin with `*`) fires once for each local time it names. A time that
  the clock skips fires at the first instant after the gap; a time that comes twice fires the first time.
* Any other line (`*/15 * * * *`, `0 * * * *`) follows the clock hand: it fires whenever the local time fits, so an
  hourly line fires every hour, also in the hour that comes twice.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from cronsim import CronSim, CronSimError
from msgspec import Struct

from segue.spec.cron import NICKNAMES

HORIZON: Final = timedelta(days=3653)
"""How far a fire time is looked for: ten years, as Kestra does."""

_SECOND: Final = timedelta(seconds=1)
_TICK: Final = timedelta(microseconds=1)
# Zones change their offset at most twice in any month (Ramadan in Morocco), so within a week at most once.
_STRIDE: Final = timedelta(days=7)
_ANY_DATE: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a local time, only to have the line read


class BadCron(ValueError):
    """The line cannot be read; the message says which field."""

    def __init__(self, line: str, why: str) -> None:
        self.line = line
        super().__init__(f"invalid cron expression '{line}': {why}")


class CronTimes(Struct, frozen=True):
    """A cron line in a zone. `fields` are what cronsim reads: five, or six with the seconds first."""

    fields: str
    has_fixed_hour: bool
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """The first fire time strictly after `moment`, in the zone; None if there is none within the horizon."""
        moment = moment.astimezone(UTC)
        find = self._fixed_after if self.has_fixed_hour else self._clock_after
        return self._shown(find(moment, moment + HORIZON))

    def before(self, moment: datetime) -> datetime | None:
        """The last fire time strictly before `moment`."""
        moment = moment.astimezone(UTC)
        find = self._fixed_before if self.has_fixed_hour else self._clock_before
        return self._shown(find(moment, moment - HORIZON))

    def _shown(self, instant: datetime | None) -> datetime | None:
        return None if instant is None else instant.astimezone(self.zone)

    def _fixed_after(self, moment: datetime, end: datetime) -> datetime | None:
        for local in self._walk(_local(moment, self.zone)):
            instant = self._instant(local)
            if instant > end:
                return None
            if instant > moment:
                return instant
        return None

    def _fixed_before(self, moment: datetime, end: datetime) -> datetime | None:
        # In the second pass of a repeated hour, times of the first pass lie ahead on the dial but back in time.
        local = moment.astimezone(self.zone)
        first_pass = local.replace(fold=0)
        repeated = local.astimezone(UTC) - first_pass.astimezone(UTC)
        for each in self._walk(local.replace(tzinfo=None, fold=0) + max(repeated, timedelta(0)), reverse=True):
            instant = self._instant(each)
            if instant < end:
                return None
            if instant < moment:
                return instant
        return None

    def _instant(self, local: datetime) -> datetime:
        """When the local time is; the end of the gap if there is no such time."""
        moment = local.replace(tzinfo=self.zone).astimezone(UTC)
        if _local(moment, self.zone) == local:
            return moment
        offset = local.replace(tzinfo=self.zone).utcoffset() or timedelta(0)
        later = local.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta(0)
        # In a gap fold=0 takes the offset before it, fold=1 the one after: the change lies between both readings.
        return _change(self.zone, local_to_utc(local, later), local_to_utc(local, offset)) or moment

    def _clock_after(self, moment: datetime, end: datetime) -> datetime | None:
        local = _local(moment, self.zone)
        while moment < end:
            offset = _offset(self.zone, moment)
            candidate = next(self._walk(local), None)
            instant = end if candidate is None else min(local_to_utc(candidate, offset), end + _SECOND)
            change = _first_change(self.zone, moment, instant)
            if change is None:
                return instant if candidate is not None and instant <= end else None
            moment, local = change, _local(change, self.zone) - _SECOND
        return None

    def _clock_before(self, moment: datetime, end: datetime) -> datetime | None:
        while moment > end:
            offset = _offset(self.zone, moment - _TICK)
            candidate = next(self._walk(moment.replace(tzinfo=None) + offset, reverse=True), None)
            instant = end if candidate is None else max(local_to_utc(candidate, offset), end - _SECOND)
            change = _last_change(self.zone, instant, moment)
            if change is None:
                return instant if candidate is not None and instant >= end else None
            moment = change
        return None

    def _walk(self, local: datetime, *, reverse: bool = False) -> Iterator[datetime]:
        return iter(CronSim(self.fields, local, reverse))


class DateTimes(Struct, frozen=True):
    """Dates that were listed, in order and each once."""

    dates: tuple[datetime, ...]
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        at = bisect_right(self.dates, moment)
        return self.dates[at].astimezone(self.zone) if at < len(self.dates) else None

    def before(self, moment: datetime) -> datetime | None:
        at = bisect_left(self.dates, moment)
        return self.dates[at - 1].astimezone(self.zone) if at else None


FireTimes = CronTimes | DateTimes


@lru_cache(maxsize=10_000)
def cron_times(line: str, zone: tzinfo) -> CronTimes:
    """The fire times of a cron line or nickname; `BadCron` if it cannot be read."""
    text = " ".join(line.split())
    if text.startswith("@"):
        if text.lower() not in NICKNAMES:
            raise BadCron(line, f"unknown nickname; there are {', '.join(NICKNAMES)}")
        text = NICKNAMES[text.lower()]
    try:
        CronSim(text, _ANY_DATE)
    except CronSimError as error:
        raise BadCron(line, str(error)) from error
    minutes, hours = text.split()[-5:-3]
    return CronTimes(text, not minutes.startswith("*") and not hours.startswith("*"), zone)


def local_to_utc(local: datetime, offset: timedelta) -> datetime:
    return (local - offset).replace(tzinfo=UTC)


def _local(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _first_change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The first instant in (start, end] with another offset than the one before it."""
    while start < end:
        stop = min(start + _STRIDE, end)
        if change := _change(zone, start, stop):
            return change
        start = stop
    return None


def _last_change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The last such instant in (start, end)."""
    end = (end - _TICK).replace(microsecond=0)
    while start < end:
        stop = max(end - _STRIDE, start)
        if change := _change(zone, stop, end):
            return change
        end = stop
    return None


def _change(zone: tzinfo, start: datetime, end: datetime) -> datetime | None:
    """The change of offset in (start, end], to the second, if the offsets at both ends differ."""
    before = _offset(zone, start)
    if before == _offset(zone, end):
        return None
    start, end = (
        start.replace(microsecond=0),
        end.replace(microsecond=0) + (_SECOND if end.microsecond else timedelta(0)),
    )
    while end - start > _SECOND:
        middle = start + timedelta(seconds=int((end - start).total_seconds()) // 2)
        if _offset(zone, middle) == before:
            start = middle
        else:
            end = middle
    return end
