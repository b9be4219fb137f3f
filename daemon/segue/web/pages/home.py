"""Home: what runs, what failed lately, what fires next, and the day as a row of bars."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from segue.model.execution import Execution
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.pages import render
from segue.web.pages.stacks import LAYERS, Block, blocks_of, layered
from segue.web.ports.executions import Search, Tally
from segue.web.ports.lists import Field, Filter
from segue.web.ports.triggers import LiveTrigger

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
ROWS: Final = 8
FAILURES: Final = 50  # looked at, to show a row for each flow
HEIGHT: Final = 72.0
_UNENDED: Final = tuple(state for state in State if not state.is_final)


class Failures(Struct, frozen=True):
    """Of one flow: the last execution that went wrong, and how many of those that were looked at did."""

    last: Execution
    count: int


class Hour(Struct, frozen=True):
    starts_at: datetime
    total: int
    is_exact: bool
    blocks: tuple[Block, ...]

    @property
    def span(self) -> tuple[str, str]:
        """As the filters of the list of executions have it."""
        return iso(self.starts_at), iso(self.starts_at + HOUR - timedelta(microseconds=1))


async def page(web: Web, request: Request) -> Response:
    now = web.daemon.now()
    since = now - DAY
    tallies = await web.read(web.reads.tally, since, now, HOUR)
    hours = hours_of(tallies, since, now)
    running = await web.read(web.reads.search, _of_states(_UNENDED))
    wrong = _of_states((State.FAILED, State.WARNING), since=now - 7 * DAY, size=FAILURES)
    failed = await web.read(web.reads.search, wrong)
    return render.page(
        web,
        request,
        "home.html",
        topics="executions,flows,triggers,git",
        hours=hours,
        is_exact=all(tally.is_exact for tally in tallies),
        totals={layer: sum(b.count for hour in hours for b in hour.blocks if b.layer == layer) for layer, _ in LAYERS},
        running=running,
        failed=failed,
        failures=failures_of(failed.results)[:ROWS],
        upcoming=_upcoming(web.daemon.triggers()),
        flow_count=len(web.daemon.flows()),
        problems=[live for live in web.daemon.flows() if live.problems],
    )


def _of_states(states: tuple[State, ...], since: datetime | None = None, size: int = ROWS) -> Search:
    filters = [Filter(Field.STATE, Op.IN, tuple(states))]
    if since is not None:
        filters.append(Filter(Field.START_DATE, Op.GREATER_THAN_OR_EQUAL_TO, (iso(since),)))
    return Search(filters=tuple(filters), size=size)


def failures_of(executions: Iterable[Execution]) -> list[Failures]:
    """The last of each flow, so that one which fails every minute does not hide the others."""
    by_flow: dict[FlowKey, list[Execution]] = {}
    for each in executions:
        by_flow.setdefault(FlowKey(each.namespace, each.flow_id), []).append(each)
    return [Failures(found[0], len(found)) for found in by_flow.values()]


def _upcoming(triggers: Sequence[LiveTrigger]) -> list[LiveTrigger]:
    """Those that fire next, soonest first."""
    due = [
        (live.next_fire_at, number, live)
        for number, live in enumerate(triggers)
        if live.next_fire_at is not None and not live.is_disabled
    ]
    return [live for *_, live in sorted(due)[:ROWS]]


def hours_of(tallies: tuple[Tally, ...], since: datetime, now: datetime) -> list[Hour]:
    """One bar for each hour, also for those in which nothing ran."""
    counts = {tally.starts_at: tally.counts for tally in tallies}
    first = since.replace(minute=0, second=0, microsecond=0)
    starts = [first + index * HOUR for index in range(int((now - first) / HOUR) + 1)]
    bars = [(start, layered(counts.get(start, {}))) for start in starts]
    highest = max((sum(number for _, number in layers) for _, layers in bars), default=0) or 1
    inexact = {tally.starts_at for tally in tallies if not tally.is_exact}
    return [_hour(start, layers, highest, is_exact=start not in inexact) for start, layers in bars]


def _hour(start: datetime, layers: list[tuple[str, int]], highest: int, *, is_exact: bool) -> Hour:
    blocks = blocks_of(layers, highest, HEIGHT)
    return Hour(start, sum(number for _, number in layers), is_exact, blocks)
