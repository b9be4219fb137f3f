"""A flow's last thirty days: how often it ran and how that ended, and how long it took, day by day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from segue.web.dates import iso
from segue.web.pages.stacks import LEAST, Block, blocks_of, layered
from segue.web.ports.executions import FlowTally

DAY: Final = timedelta(days=1)
DAYS: Final = 30
HEIGHT: Final = 64.0
TOOK_HEIGHT: Final = 26.0


class Day(Struct, frozen=True, kw_only=True):
    """`took` is the usual length of a run that succeeded; `took_height` in the units of the drawing."""

    starts_at: datetime
    total: int
    failed: int
    is_exact: bool
    blocks: tuple[Block, ...]
    took: timedelta | None
    took_height: float

    @property
    def span(self) -> tuple[str, str]:
        """As the filters of the list of executions have it."""
        return iso(self.starts_at), iso(self.starts_at + DAY - timedelta(microseconds=1))


class Month(Struct, frozen=True):
    days: tuple[Day, ...]

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)

    @property
    def failed(self) -> int:
        return sum(day.failed for day in self.days)

    @property
    def is_exact(self) -> bool:
        return all(day.is_exact for day in self.days)

    @property
    def longest(self) -> timedelta | None:
        return max((day.took for day in self.days if day.took is not None), default=None)

    @property
    def latest(self) -> timedelta | None:
        """How long it took on the last day that tells."""
        return next((day.took for day in reversed(self.days) if day.took is not None), None)


def first_day(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - (DAYS - 1) * DAY


def month_of(tallies: Sequence[FlowTally], now: datetime) -> Month:
    """One bar for each day, also for those on which it did not run."""
    told = {tally.starts_at: tally for tally in tallies}
    quiet = FlowTally(now, {})
    highest = max((sum(tally.counts.values()) for tally in tallies), default=0) or 1
    longest = max((tally.took for tally in tallies if tally.took is not None), default=None)
    starts = [first_day(now) + number * DAY for number in range(DAYS)]
    return Month(tuple(_day(start, told.get(start, quiet), highest, longest) for start in starts))


def _day(start: datetime, tally: FlowTally, highest: int, longest: timedelta | None) -> Day:
    layers = layered(tally.counts)
    took_height = 0.0
    if tally.took is not None and longest:
        took_height = round(max(tally.took / longest * TOOK_HEIGHT, LEAST), 2)
    return Day(
        starts_at=start,
        total=sum(tally.counts.values()),
        failed=dict(layers)["failed"],
        is_exact=tally.is_exact,
        blocks=blocks_of(layers, highest, HEIGHT),
        took=tally.took,
        took_height=took_height,
    )
