"""Waiting: what a Pause and an Approval have in common. Their task run is PAUSED until somebody answers or a time is
over; then they go on with one of their lists, or end.

How long they wait is counted from the moment they are PAUSED. The times are in the notes, in seconds: `duration` and
`timeout`, each with a timer of its kind. What an answer has to hold, and what an end of the time means, is theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from segue.engine.asking import without_answers
from segue.engine.ending import verdict
from segue.engine.flowables.spans import span_of
from segue.engine.inputs import Owner, resolve
from segue.engine.outcome import allowed_end
from segue.engine.plan import ERRORS, FINALLY, Plan
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.engine.templates import pure_scope
from segue.engine.typed import Secret
from segue.model.change import Change, Logged, OutputsSet, ProgressMade, TaskRunMoved, TimerCleared, TimerSet
from segue.model.event import TimerKind
from segue.model.execution import Execution, Failure
from segue.model.input import Input
from segue.model.state import State
from segue.model.task import Approval, Pause

Changes = tuple[Change, ...]

BEFORE: Final = frozenset({"onPause", "onWait"})
"""The lists that run before the wait."""

_TIMERS: Final = {"duration": TimerKind.PAUSE, "timeout": TimerKind.TIMEOUT}


def seconds_of(rendered: Mapping[str, Any]) -> dict[str, float] | Failure:
    """How long to wait, as notes, from what was rendered."""
    notes: dict[str, float] = {}
    for name in _TIMERS.keys() & rendered.keys():
        span = span_of(rendered[name])
        if isinstance(span, Failure):
            return span
        notes[name] = span.total_seconds()
    return notes


# The wait begins, and is over.


def begun(scene: Scene, notes: Mapping[str, Any], outputs: Mapping[str, Any] | None = None) -> Changes:
    """What had to run before has run: now it waits. `notes` hold the times."""
    assert scene.run is not None
    if scene.execution.state.is_final:  # in `afterExecution`: nobody could go on with what has ended
        return ended(scene, State.FAILED, "An execution that has ended cannot be paused")
    timers = ((kind, notes[name]) for name, kind in _TIMERS.items() if name in notes)
    return (
        *((OutputsSet(id=scene.run.id, outputs=outputs),) if outputs is not None else ()),
        *((ProgressMade(id=scene.run.id, fields={"notes": dict(notes)}),) if notes != scene.progress.notes else ()),
        TaskRunMoved(at=scene.at, id=scene.run.id, state=State.PAUSED),
        *(TimerSet(kind=kind, due=scene.at + timedelta(seconds=seconds), id=scene.id) for kind, seconds in timers),
    )


def stopped(scene: Scene) -> Iterator[Change]:
    """It waits no longer."""
    for name, kind in _TIMERS.items():
        if name in scene.progress.notes:
            yield TimerCleared(kind=kind, id=scene.id)


def gone_on(scene: Scene, branch: str, outputs: Mapping[str, Any], **notes: Any) -> Changes:
    """It goes on with this list."""
    assert scene.run is not None
    kept = {**without_answers(scene.progress.notes), "main": branch, **notes}
    return (
        *stopped(scene),
        OutputsSet(id=scene.run.id, outputs=outputs),
        TaskRunMoved(at=scene.at, id=scene.run.id, state=State.RUNNING),
        ProgressMade(id=scene.run.id, fields={"branch": branch, "next": 0, "blocked": False, "notes": kept}),
    )


def ended(scene: Scene, state: State, message: str) -> Changes:
    """It ends without any more of its lists; what is to run after a failure, or at the end, still does."""
    assert scene.run is not None
    said = Logged(at=scene.at, level="ERROR" if state is State.FAILED else "WARN", message=message, id=scene.run.id)
    if not scene.node.children(ERRORS) and not scene.node.children(FINALLY):
        moved = TaskRunMoved(at=scene.at, id=scene.run.id, state=allowed_end(scene.node.task, state))
        return (*stopped(scene), said, moved)
    goes_on = (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.RUNNING),) if is_waiting(scene) else ()
    return (*stopped(scene), said, *goes_on, verdict(scene, state))


# Who waits.


def is_waiting(scene: Scene, kind: type[Pause | Approval] | None = None) -> bool:
    body = scene.node.task.body if scene.node.task is not None else None
    is_kind = isinstance(body, kind) if kind is not None else isinstance(body, Pause | Approval)
    return is_kind and scene.run is not None and scene.run.state is State.PAUSED


def scenes(plan: Plan, execution: Execution, kind: type[Pause | Approval] | None = None) -> list[Scene]:
    """Those that wait for an answer, the first first."""
    if not execution.pausing:
        return []
    at = execution.history[-1].at
    paused = (run for run in execution.task_runs.values() if run.state is State.PAUSED)
    found = (Scene.of(plan, execution, run.id, at) for run in sorted(paused, key=lambda run: run.sequence))
    return [scene for scene in found if scene is not None and is_waiting(scene, kind)]


def defaults_of(scene: Scene, inputs: Sequence[Input]) -> Mapping[str, Any]:
    """What the inputs of an answer are when nobody gives any. One that has to be given is left out, and so is a
    secret: the engine has no key to keep it with."""
    execution = scene.execution
    resolved = resolve(
        inputs,
        {},
        scope=pure_scope(scope_of(scene), at=scene.at, seed=f"{scene.id}/answer"),
        owner=Owner(namespace=execution.namespace, flow_id=execution.flow_id, execution_id=execution.id),
    )
    known = (each for each in resolved.inputs if each.is_enabled and not each.errors)
    return {each.input.id: each.value for each in known if not isinstance(each.value, Secret)}
