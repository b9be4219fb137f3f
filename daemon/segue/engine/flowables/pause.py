"""Pause: waits for a person, or for a time. `onPause` runs before, `tasks` (1.x) after.

When its time is over it goes on as its `behavior` says; `timeout` is the time after which it fails. How it waits is in
`waiting`.
"""

from collections.abc import Mapping
from typing import Any, Final

from segue.engine.flowables import parts, waiting
from segue.engine.flowables.steering import Opening, Question
from segue.engine.notes import VERDICT
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.engine.scope import instant
from segue.model.change import Change
from segue.model.event import TimerKind
from segue.model.execution import Failure
from segue.model.state import State
from segue.model.task import Pause, PauseBehavior

Changes = tuple[Change, ...]

_BEFORE: Final = "onPause"
_AFTER: Final = "tasks"
_ENDS: Final = {PauseBehavior.FAIL: State.FAILED, PauseBehavior.CANCEL: State.CANCELLED}

after = parts.one_by_one_after
due = parts.one_by_one
end = parts.worst_end


def body_of(node: Node) -> Pause:
    assert node.task is not None
    assert isinstance(node.task.body, Pause)
    return node.task.body


def question(node: Node) -> Question | None:
    template = body_of(node).template(node.task.timeout if node.task else None)
    return Question("pause", template) if template else None


def opening(_node: Node, answer: Any) -> Opening | Failure:
    notes = waiting.seconds_of(answer if isinstance(answer, Mapping) else {})
    return notes if isinstance(notes, Failure) else Opening(branch=_BEFORE, notes=notes)


def further(scene: Scene) -> Changes | None:
    """After `onPause` it waits."""
    if scene.progress.branch != _BEFORE or scene.progress.blocked:
        return None
    return waiting.begun(scene, scene.progress.notes)


def resumed(scene: Scene, inputs: Mapping[str, Any], *, by: str = "", warns: bool = False) -> Changes:
    """It goes on, with what it was given."""
    to = State.WARNING if warns else State.RUNNING
    outputs: dict[str, Any] = {"resumed": {"by": by, "on": instant(scene.at), "to": to.value}}
    if body_of(scene.node).on_resume:
        outputs["onResume"] = dict(inputs)
    notes = {VERDICT: State.WARNING.value} if warns else {}
    return waiting.gone_on(scene, _AFTER, outputs, **notes)


def elapsed(scene: Scene, kind: TimerKind) -> Changes:
    """One of its times is over."""
    if kind is TimerKind.TIMEOUT:
        assert scene.node.task is not None
        return waiting.ended(scene, State.FAILED, f"Timeout after {scene.node.task.timeout}")
    behavior = body_of(scene.node).behavior
    if behavior in _ENDS:
        return waiting.ended(scene, _ENDS[behavior], "The pause was not ended in its time")
    given = waiting.defaults_of(scene, body_of(scene.node).on_resume)
    return resumed(scene, given, warns=behavior is PauseBehavior.WARN)
