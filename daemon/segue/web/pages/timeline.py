"""Timeline: the task runs of an execution as bars against time (a Gantt chart), a page of them at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct

from segue.engine.flowables.loop import how_far
from segue.model.execution import Attempt, Execution, TaskRun
from segue.model.names import TaskRunId
from segue.model.state import State

ROWS_MAX = 200
NARROWEST = 0.4  # in percent: an instant is still seen
DEPTH_MAX = 8


class Bar(Struct, frozen=True):
    """`x` and `width` in percent of the time shown."""

    state: State
    x: float
    width: float


class Row(Struct, frozen=True, kw_only=True):
    run: TaskRun
    depth: int
    bars: tuple[Bar, ...]
    started_at: datetime
    length: timedelta

    @property
    def iterations(self) -> tuple[int, int] | None:
        """Of a Loop how many have ended, and how many there are."""
        return how_far(self.run)

    @property
    def failures(self) -> list[Attempt]:
        return [attempt for attempt in self.run.attempts if attempt.failure is not None]


class Tick(Struct, frozen=True):
    x: float
    label: timedelta


class Timeline(Struct, frozen=True):
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def window_of(execution: Execution, now: datetime) -> tuple[datetime, datetime]:
    start = execution.started_at
    end = execution.history[-1].at if execution.state.is_final else now
    return start, max(end, start + timedelta(milliseconds=1))


def timeline(execution: Execution, runs: Iterable[TaskRun], now: datetime) -> Timeline:
    start, end = window_of(execution, now)
    shown = list(islice(runs, ROWS_MAX))
    end = max([end, *(run.history[-1].at for run in shown)])
    by_id = {run.id: run for run in shown}
    rows = [_row(run, _depth(run, by_id), start, end, now) for run in _as_tree(shown, by_id)]
    return Timeline(tuple(rows), _ticks(end - start))


def _as_tree(runs: Sequence[TaskRun], by_id: Mapping[TaskRunId, TaskRun]) -> Iterable[TaskRun]:
    """Children right below their parent, in a ForEach value by value, however they took turns; those whose parent is on
    another page stay where they are."""
    children: dict[TaskRunId | None, list[TaskRun]] = {}
    for run in runs:
        children.setdefault(run.parent_id if run.parent_id in by_id else None, []).append(run)
    stack = list(reversed(children.get(None, [])))
    while stack:
        run = stack.pop()
        yield run
        stack.extend(reversed(_by_iteration(children.get(run.id, []))))


def _by_iteration(runs: Sequence[TaskRun]) -> Sequence[TaskRun]:
    """What belongs to no iteration, as an error branch, comes behind them."""
    return sorted(runs, key=lambda run: (run.iteration is None, run.iteration or 0))


def _depth(run: TaskRun, by_id: Mapping[TaskRunId, TaskRun]) -> int:
    depth = 0
    parent = run.parent_id
    while parent is not None and depth < DEPTH_MAX:
        depth += 1
        above = by_id.get(parent)
        parent = None if above is None else above.parent_id
    return depth


def _row(run: TaskRun, depth: int, start: datetime, end: datetime, now: datetime) -> Row:
    histories = [attempt.history for attempt in run.attempts] or [run.history]
    bars = []
    for history in histories:
        until = history[-1].at if history[-1].state.is_final else min(now, end)
        bars.append(_bar(history[-1].state, history[0].at, until, start, end))
    last = run.history[-1]
    length = (last.at if last.state.is_final else now) - run.history[0].at
    return Row(
        run=run,
        depth=depth,
        bars=tuple(bars),
        started_at=run.history[0].at,
        length=max(length, timedelta(0)),
    )


def _bar(state: State, since: datetime, until: datetime, start: datetime, end: datetime) -> Bar:
    whole = (end - start).total_seconds()
    x = max(0.0, (since - start).total_seconds() / whole * 100)
    width = max(NARROWEST, (until - since).total_seconds() / whole * 100)
    return Bar(state, round(min(x, 100 - NARROWEST), 3), round(min(width, 100 - x), 3))


_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)


def _ticks(whole: timedelta) -> tuple[Tick, ...]:
    """At most five round marks."""
    seconds = whole.total_seconds()
    step = next((step for step in _STEPS if seconds / step <= 5), seconds / 4)
    marks = [step * index for index in range(1, int(seconds / step) + 1)]
    return tuple(
        Tick(round(mark / seconds * 100, 3), timedelta(seconds=mark)) for mark in marks if mark / seconds < 0.97
    )
