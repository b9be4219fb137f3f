"""LoopUntil: the tasks again and again, until a condition holds after a pass, or a limit is reached.

The task runs of a pass are removed when the next one begins, so outputs are those of the last pass. `iterationCount`
counts the passes that have ended.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from segue.engine import asking
from segue.engine.asking import Pending
from segue.engine.ending import fails_with
from segue.engine.flowables import parts
from segue.engine.flowables.spans import span_of
from segue.engine.flowables.steering import Opening, Question
from segue.engine.notes import SEQUENCE
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.engine.templates import holds
from segue.model.change import Change, OutputsSet, ProgressMade, TaskRunRemoved, TimerCleared, TimerSet
from segue.model.event import TimerKind
from segue.model.execution import Failure, TaskRun
from segue.model.state import State
from segue.model.task import LoopUntil

Changes = tuple[Change, ...]

PASSES: Final = "passes"
_IS_COUNTED: Final = "counted"  # the pass that has ended is among them
_WAITS: Final = "waits"  # for the next pass: until when
_FOR_A_PASS: Final = frozenset({_IS_COUNTED, _WAITS, asking.AWAITS, asking.ANSWERS})

# No pass begins at the moment at which one has ended: its timer, told twice, could not be told from the next one.
_LEAST: Final = timedelta(milliseconds=1)

due = parts.one_by_one
after = parts.one_by_one_after
end = parts.worst_end


def _body(node: Node) -> LoopUntil:
    assert node.task is not None
    assert isinstance(node.task.body, LoopUntil)
    return node.task.body


def is_loop(node: Node) -> bool:
    return node.task is not None and isinstance(node.task.body, LoopUntil)


def question(node: Node) -> Question | None:
    return Question("loop", _body(node).template, typed=True)


def opening(_node: Node, answer: Any) -> Opening | Failure:
    answer = answer if isinstance(answer, Mapping) else {}
    notes: dict[str, Any] = {PASSES: 0, "interval": 0.0, "fails": holds(answer.get("failOnMaxReached"))}
    for name in ("interval", "maxDuration"):
        span = span_of(answer[name]) if name in answer else None
        if isinstance(span, Failure):
            return span
        if span is not None:
            notes[name] = span.total_seconds()
    if "maxIterations" in answer:
        try:
            notes["maxIterations"] = int(answer["maxIterations"])
        except (TypeError, ValueError):
            return Failure(message=f"maxIterations is no number: {str(answer['maxIterations'])[:100]}")
    return Opening(notes=notes, outputs={"iterationCount": 0})


def further(scene: Scene) -> Changes | None:
    """After a pass: the end, or the wait for the next one."""
    assert scene.run is not None
    notes = scene.progress.notes
    if scene.progress.blocked:
        return None
    if notes.get(_WAITS):
        return ()
    if not notes.get(_IS_COUNTED):
        passes = notes[PASSES] + 1
        return (
            OutputsSet(id=scene.run.id, outputs={"iterationCount": passes}),
            ProgressMade(id=scene.run.id, fields={"notes": {**notes, PASSES: passes, _IS_COUNTED: True}}),
        )
    answer = asking.ask(scene, Question("condition", _body(scene.node).condition))
    if isinstance(answer, Pending):
        return answer.changes
    if isinstance(answer, Failure):
        return fails_with(scene, answer.message)
    return None if holds(answer.value) else _again_later(scene, scene.run)


def _again_later(scene: Scene, run: TaskRun) -> Changes | None:
    notes = scene.progress.notes
    begins = scene.at + max(timedelta(seconds=notes["interval"]), _LEAST)
    if _is_over(scene, run, begins):
        return fails_with(scene, "The condition was not met within the limits") if notes["fails"] else None
    kept = {key: value for key, value in notes.items() if key not in _FOR_A_PASS}
    return (
        ProgressMade(id=run.id, fields={"notes": {**kept, _WAITS: begins.isoformat()}}),
        TimerSet(kind=TimerKind.AGAIN, due=begins, id=run.id),
    )


def _is_over(scene: Scene, run: TaskRun, begins: datetime) -> bool:
    notes = scene.progress.notes
    if notes[PASSES] >= notes.get("maxIterations", notes[PASSES] + 1):
        return True
    since = next(moved.at for moved in reversed(run.history) if moved.state is State.RUNNING)
    return "maxDuration" in notes and begins > since + timedelta(seconds=notes["maxDuration"])


def begun_again(scene: Scene) -> Changes:
    """The next pass: what the one before left is removed."""
    if scene.run is None or not is_loop(scene.node) or not scene.progress.notes.get(_WAITS):
        return ()
    # A pass may be over at once; the timer that began it, told again, is not the one that is waited for.
    if scene.run.state is not State.RUNNING or scene.at < datetime.fromisoformat(scene.progress.notes[_WAITS]):
        return ()
    kept = {key: value for key, value in scene.progress.notes.items() if key not in _FOR_A_PASS}
    fields = {"next": 0, "blocked": False, "worst": State.SUCCESS, "notes": kept}
    execution = scene.execution
    return (
        *(TaskRunRemoved(id=run.id) for run in _below(scene, scene.run)),
        ProgressMade(id=scene.run.id, fields=fields),
        ProgressMade(id=None, fields={"notes": {**execution.progress.notes, SEQUENCE: execution.next_sequence}}),
    )


def _below(scene: Scene, run: TaskRun) -> Iterator[TaskRun]:
    """All task runs below, the lowest first."""
    execution = scene.execution
    for child_id in execution.children.get(run.id, ()):
        child = execution.task_runs[child_id]
        yield from _below(scene, child)
        yield child


def from_the_first_pass(notes: dict[str, Any]) -> dict[str, Any]:
    """The notes of a loop that is to begin counting again; those of any other flowable as they are."""
    if PASSES not in notes:
        return notes
    return {**{key: value for key, value in notes.items() if key not in _FOR_A_PASS}, PASSES: 0}


def stopped(scene: Scene) -> Iterator[Change]:
    """There is no next pass any more."""
    if scene.progress.notes.get(_WAITS):
        yield TimerCleared(kind=TimerKind.AGAIN, id=scene.id)
