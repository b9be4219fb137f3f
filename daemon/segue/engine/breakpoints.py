"""Breakpoints: task runs that stand still before they start, for somebody to look at their execution.

They hang on the execution as a note. A run that comes to one is in BREAKPOINT, and so is the execution once nothing
else goes on in it; let go, the run starts as if nothing had been, and is not stopped again but after a restart. What
runs after the end (`afterExecution`) is not stopped: the execution has its state by then.
"""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from segue.engine.notes import BREAKPOINTS
from segue.engine.scene import Scene
from segue.model.change import Change, ExecutionMoved, ProgressMade, TaskRunMoved
from segue.model.event import BreakpointPassed
from segue.model.execution import Breakpoint, TaskRun
from segue.model.state import State


def noted(breakpoints: tuple[Breakpoint, ...]) -> dict[str, Any]:
    """The note of an execution with these."""
    return {BREAKPOINTS: [[each.task_id, each.value] for each in breakpoints]} if breakpoints else {}


def of(notes: Mapping[str, Any]) -> tuple[Breakpoint, ...]:
    return tuple(Breakpoint(task_id, value) for task_id, value in notes.get(BREAKPOINTS, ()))


def stops(scene: Scene) -> bool:
    """Is the run that would start to stand still: there is one for it, and it has not been let go from there yet."""
    run, notes = scene.run, scene.execution.progress.notes
    if run is None or BREAKPOINTS not in notes or scene.execution.state.is_final:
        return False
    wanted = any(each.task_id == run.task_id and each.value in {None, run.value} for each in of(notes))
    return wanted and not _has_stood(run)


def _has_stood(run: TaskRun) -> bool:
    """Since it was made, or set going again last."""
    since = takewhile(lambda moved: moved.state is not State.RESTARTED, reversed(run.history))
    return any(moved.state is State.BREAKPOINT for moved in since)


def passed(flow: Scene, event: BreakpointPassed) -> Iterator[Change]:
    """All that stood at one before go on, if the execution shows it; `breakpoints` take the place of those there were."""
    runs = flow.execution.task_runs.values()
    standing = [run for run in runs if run.state is State.BREAKPOINT and run.history[-1].at < event.at]
    if flow.execution.state is not State.BREAKPOINT or not standing:
        return
    if event.breakpoints is not None:
        notes = {key: value for key, value in flow.progress.notes.items() if key != BREAKPOINTS}
        yield ProgressMade(id=None, fields={"notes": {**notes, **noted(event.breakpoints)}})
    for run in standing:
        yield TaskRunMoved(at=flow.at, id=run.id, state=State.CREATED)
    yield ExecutionMoved(at=flow.at, state=State.RUNNING)
