"""Kill: what becomes of everything that has not ended when an execution is to stop."""

from collections.abc import Iterator

from segue.engine import asking, batches, calls, iterations
from segue.engine.flowables import loop, loop_until, waiting
from segue.engine.scene import Scene
from segue.model.change import (
    AttemptMoved,
    Change,
    EvaluationDropped,
    ExecutionMoved,
    KillOrdered,
    TaskRunMoved,
    TimerCleared,
)
from segue.model.event import TimerKind
from segue.model.state import State
from segue.model.task import Sleep


def killed(flow: Scene, *, cascades: bool = True) -> Iterator[Change]:
    """The execution is KILLING: what no worker has ends at once, the rest once its worker says so."""
    yield ExecutionMoved(at=flow.at, state=State.KILLING)
    for scene in open_scenes(flow):
        yield from _stopped(scene, waits=True, cascades=cascades)


def cut_off(flow: Scene, *, cascades: bool = True) -> Iterator[Change]:
    """Everything ends at once, whatever its worker may still say."""
    for scene in open_scenes(flow):
        yield from _stopped(scene, waits=False, cascades=cascades)


def open_scenes(flow: Scene) -> Iterator[Scene]:
    for run in flow.execution.task_runs.values():
        if not run.state.is_final:
            scene = Scene.of(flow.plan, flow.execution, run.id, flow.at)
            assert scene is not None, run
            yield scene


def _stopped(scene: Scene, *, waits: bool, cascades: bool = True) -> Iterator[Change]:
    assert scene.run is not None
    assert scene.node.task is not None
    run, at, attempt = scene.run, scene.at, scene.attempt
    purpose = asking.awaited(scene)
    if purpose is not None:
        yield EvaluationDropped(id=run.id, purpose=purpose)
    if run.state is State.RETRYING:
        yield TimerCleared(kind=TimerKind.RETRY, id=run.id)
    if run.state is State.PAUSED:
        yield from waiting.stopped(scene)
    yield from loop_until.stopped(scene)
    is_asleep = attempt is not None and isinstance(scene.node.task.body, Sleep)
    if is_asleep:
        yield TimerCleared(kind=TimerKind.SLEEP, id=run.id)
    elif calls.is_call(scene):
        yield from calls.timed_no_more(scene)
        if cascades:
            yield from calls.killed(scene)
    elif batches.is_batches(scene):
        if cascades:
            yield from batches.killed(scene)
    elif loop.is_loop(scene.node):
        yield from iterations.stopped(scene, cascades=cascades)
    elif attempt is not None:
        yield KillOrdered(id=run.id, attempt=attempt.number)
    works = attempt is not None and attempt.state is not State.CREATED and not is_asleep
    if calls.is_call(scene):
        works = cascades and calls.awaited_child(scene) is not None
    if batches.is_batches(scene):
        works = cascades and bool(batches.made(scene))
    if loop.is_loop(scene.node):
        works = bool(iterations.made(scene))
    if waits and (works or scene.node.task.is_flowable):
        if attempt is not None and not works:
            yield AttemptMoved(at=at, id=run.id, number=attempt.number, state=State.KILLED)
        if run.state is not State.KILLING:
            yield TaskRunMoved(at=at, id=run.id, state=State.KILLING)
        return
    if attempt is not None:
        yield AttemptMoved(at=at, id=run.id, number=attempt.number, state=State.KILLED)
    yield TaskRunMoved(at=at, id=run.id, state=State.KILLED)
