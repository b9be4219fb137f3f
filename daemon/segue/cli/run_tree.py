"""An execution as a tree of lines: its task runs under their parents, each with its state and time. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from segue.cli.printing import one_line, span_text
from segue.engine.flowables.loop import how_far
from segue.model.execution import Execution, Moved, TaskRun
from segue.model.names import TaskRunId
from segue.model.state import State

_INDENT: Final = "  "
# What does its waiting before it runs has no time worth telling.
_TIMELESS: Final = frozenset({State.CREATED, State.SKIPPED})


class Row(Struct, frozen=True):
    """One line: what it is, where it is, how long it took or takes, and why it failed."""

    name: str
    state: State
    took: str = ""
    note: str = ""


def title_of(execution: Execution, now: datetime) -> Row:
    place = place_of(execution)
    return Row(place or f"{execution.namespace}/{execution.flow_id}", execution.state, took(execution.history, now))


def place_of(execution: Execution) -> str:
    """Of an iteration its Loop and what it is for, the Loops around it by their numbers: `inner 3.0 [value]`."""
    if (loop_run := execution.loop_run) is None:
        return ""
    numbers = ".".join(str(item.index) for item in (*reversed(loop_run.parents), loop_run.item))
    item = loop_run.item
    return f"{loop_run.task_id} {numbers} [{_short(str(item.value) if item.key is None else item.key)}]"


def rows_of(execution: Execution, now: datetime, *, rows_max: int) -> list[Row]:
    """Its task runs. Where there are too many, good ended ones give way, and the last row says how many."""
    runs = list(_in_order(execution))
    left_out = 0
    if len(runs) > rows_max:
        runs, left_out = _fitting(runs, rows_max - 1)
    rows = [_row(run, depth, now) for run, depth in runs]
    if left_out:
        rows.append(Row(f"{_INDENT}... and {left_out} more", State.SUCCESS))
    return rows


def took(history: Sequence[Moved], now: datetime) -> str:
    """From its first moment to its end, or to now."""
    last = history[-1]
    return span_text((last.at if last.state.is_final else now) - history[0].at)


def name_of(run: TaskRun) -> str:
    """Its task, and in a loop its value."""
    return run.task_id if run.value is None else f"{run.task_id} [{_short(run.value)}]"


def failure_of(run: TaskRun) -> str:
    """Why its last attempt failed."""
    failure = run.attempts[-1].failure if run.attempts else None
    return one_line(failure.message) if failure is not None else ""


def _row(run: TaskRun, depth: int, now: datetime) -> Row:
    tries = f"attempt {len(run.attempts)}" if len(run.attempts) > 1 else ""
    iterations = how_far(run)
    count = f"{iterations[0]}/{iterations[1]} iterations" if iterations is not None else ""
    note = ": ".join(each for each in (tries, count, failure_of(run)) if each)
    length = "" if run.state in _TIMELESS else took(run.history, now)
    return Row(_INDENT * (depth + 1) + name_of(run), run.state, length, note)


def _in_order(execution: Execution) -> Iterator[tuple[TaskRun, int]]:
    """Parents before their children, siblings in the order of their making; with the depth of each."""
    children: dict[TaskRunId | None, list[TaskRun]] = {}
    for run in execution.task_runs.values():
        children.setdefault(run.parent_id, []).append(run)
    stack = [(run, 0) for run in reversed(children.get(None, []))]
    while stack:
        run, depth = stack.pop()
        yield run, depth
        stack.extend((child, depth + 1) for child in reversed(children.get(run.id, ())))


def _fitting(runs: list[tuple[TaskRun, int]], rows_max: int) -> tuple[list[tuple[TaskRun, int]], int]:
    """As many as fit: what failed or goes on first, then what has ended last."""
    ranked = sorted(range(len(runs)), key=lambda index: _weight(runs[index][0], index))
    kept = sorted(ranked[-rows_max:] if rows_max > 0 else [])
    return [runs[index] for index in kept], len(runs) - len(kept)


def _weight(run: TaskRun, index: int) -> tuple[bool, bool, int]:
    state = run.state
    return not state.is_final or run.parent_id is None, state in {State.FAILED, State.KILLED}, index


def _short(value: str) -> str:
    text = one_line(value)
    return text if len(text) <= 40 else text[:39] + "…"
