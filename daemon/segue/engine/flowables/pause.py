"""Pause: waits for a person, or for a time. Its task run is PAUSED; `onPause` runs before, `tasks` (1.x) after.

How long it waits is counted from the moment it is PAUSED. When that time is over it goes on as its `behavior` says;
`timeout` is the time after which it fails.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from segue.engine.ending import verdict
from segue.engine.flowables import parts
from segue.engine.flowables.spans import span_of
from segue.engine.flowables.steering import Opening, Question
from segue.engine.inputs import Owner, resolve
from segue.engine.notes import VERDICT
from segue.engine.outcome import allowed_end
from segue.engine.plan import ERRORS, FINALLY, Node, Plan
from segue.engine.scene import Scene
from segue.engine.scope import instant, scope_of
from segue.engine.templates import pure_scope
from segue.engine.typed import Secret
from segue.model.change import Change, Logged, OutputsSet, ProgressMade, TaskRunMoved, TimerCleared, TimerSet
from segue.model.event import TimerKind
from segue.model.execution import Execution, Failure
from segue.model.state import State
from segue.model.task import Pause, PauseBehavior

Changes = tuple[Change, ...]

_BEFORE: Final = "onPause"
_AFTER: Final = "tasks"
_SPANS: Final = {"duration": TimerKind.PAUSE, "timeout": TimerKind.TIMEOUT}
_ENDS: Final = {PauseBehavior.FAIL: State.FAILED, PauseBehavior.CANCEL: State.CANCELLED}

after = parts.one_by_one_after
due = parts.one_by_one
end = parts.worst_end


def body_of(node: Node) -> Pause:
    assert node.task is not None
    assert isinstance(node.task.body, Pause)
    return node.task.body


def is_pause(node: Node) -> bool:
    return node.task is not None and isinstance(node.task.body, Pause)


def question(node: Node) -> Question | None:
    template = body_of(node).template(node.task.timeout if node.task else None)
    return Question("pause", template) if template else None


def opening(_node: Node, answer: Any) -> Opening | Failure:
    notes: dict[str, float] = {}
    spans = answer if isinstance(answer, Mapping) else {}
    for name in _SPANS.keys() & spans.keys():
        span = span_of(spans[name])
        if isinstance(span, Failure):
            return span
        notes[name] = span.total_seconds()
    return Opening(branch=_BEFORE, notes=notes)


def further(scene: Scene) -> Changes | None:
    """After `onPause` it waits."""
    assert scene.run is not None
    if scene.progress.branch != _BEFORE:
        return None
    if scene.execution.state.is_final:  # in `afterExecution`: nobody could resume what has ended
        return _ended(scene, State.FAILED, "An execution that has ended cannot be paused")
    return (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.PAUSED), *_timers(scene))


def _timers(scene: Scene) -> Iterator[Change]:
    for name, kind in _SPANS.items():
        seconds = scene.progress.notes.get(name)
        if seconds is not None:
            yield TimerSet(kind=kind, due=scene.at + timedelta(seconds=seconds), id=scene.id)


def stopped(scene: Scene) -> Iterator[Change]:
    """It waits no longer."""
    for name, kind in _SPANS.items():
        if name in scene.progress.notes:
            yield TimerCleared(kind=kind, id=scene.id)


# The end of the wait.


def is_waiting(scene: Scene) -> bool:
    return scene.run is not None and scene.run.state is State.PAUSED and is_pause(scene.node)


def waiting(plan: Plan, execution: Execution) -> Scene | None:
    """The first pause that a person may end."""
    if not execution.pausing:
        return None
    at = execution.history[-1].at
    paused = (run for run in execution.task_runs.values() if run.state is State.PAUSED)
    scenes = (Scene.of(plan, execution, run.id, at) for run in sorted(paused, key=lambda run: run.sequence))
    return next((scene for scene in scenes if scene is not None and is_waiting(scene)), None)


def resumed(scene: Scene, inputs: Mapping[str, Any], *, by: str = "", warns: bool = False) -> Changes:
    """It goes on, with what it was given."""
    assert scene.run is not None
    to = State.WARNING if warns else State.RUNNING
    outputs: dict[str, Any] = {"resumed": {"by": by, "on": instant(scene.at), "to": to.value}}
    if body_of(scene.node).on_resume:
        outputs["onResume"] = dict(inputs)
    notes = {**scene.progress.notes, "main": _AFTER}
    if warns:
        notes[VERDICT] = State.WARNING.value
    return (
        *stopped(scene),
        OutputsSet(id=scene.run.id, outputs=outputs),
        TaskRunMoved(at=scene.at, id=scene.run.id, state=State.RUNNING),
        ProgressMade(id=scene.run.id, fields={"branch": _AFTER, "next": 0, "blocked": False, "notes": notes}),
    )


def elapsed(scene: Scene, kind: TimerKind) -> Changes:
    """One of its times is over."""
    if not is_waiting(scene):
        return ()
    if kind is TimerKind.TIMEOUT:
        assert scene.node.task is not None
        return _ended(scene, State.FAILED, f"Timeout after {scene.node.task.timeout}")
    behavior = body_of(scene.node).behavior
    if behavior in _ENDS:
        return _ended(scene, _ENDS[behavior], "The pause was not ended in its time")
    return resumed(scene, _defaults(scene), warns=behavior is PauseBehavior.WARN)


def _defaults(scene: Scene) -> Mapping[str, Any]:
    """What the inputs of the resume are when nobody gives any. One that has to be given is left out, and
    so is a secret: the engine has no key to keep it with."""
    execution = scene.execution
    resolved = resolve(
        body_of(scene.node).on_resume,
        {},
        scope=pure_scope(scope_of(scene), at=scene.at, seed=f"{scene.id}/onResume"),
        owner=Owner(namespace=execution.namespace, flow_id=execution.flow_id, execution_id=execution.id),
    )
    known = (each for each in resolved.inputs if each.is_enabled and not each.errors)
    return {each.input.id: each.value for each in known if not isinstance(each.value, Secret)}


def _ended(scene: Scene, state: State, message: str) -> Changes:
    """It ends without its tasks; what is to run after a failure, or at the end, still does."""
    assert scene.run is not None
    said = Logged(at=scene.at, level="ERROR" if state is State.FAILED else "WARN", message=message, id=scene.run.id)
    if not scene.node.children(ERRORS) and not scene.node.children(FINALLY):
        moved = TaskRunMoved(at=scene.at, id=scene.run.id, state=allowed_end(scene.node.task, state))
        return (*stopped(scene), said, moved)
    goes_on = (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.RUNNING),) if is_waiting(scene) else ()
    return (*stopped(scene), said, *goes_on, verdict(scene, state))
