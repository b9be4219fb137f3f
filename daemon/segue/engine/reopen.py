"""Reopen: an execution that has ended goes on, because it is restarted or one of its task runs is given another state.

What failed is set going again with the nodes above it; what ran because of the failure (`errors`), and what ran
because it was over (`finally`, `afterExecution`), is removed, to run anew in its time. The execution stays RESTARTED
until it is let go (`Started`), as a new one stays CREATED.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from segue.engine import iterations
from segue.engine.asking import without_answers
from segue.engine.ending import EXIT
from segue.engine.flowables import approval, loop, loop_until, waiting, working_directory
from segue.engine.notes import HELD, LEAVES, RERUN, SEQUENCE, VERDICT
from segue.engine.outcome import is_blocking
from segue.engine.plan import AFTER_EXECUTION, ERRORS, FINALLY, SIDE_BRANCHES
from segue.engine.recount import recounted
from segue.engine.scene import Scene
from segue.model.change import (
    AttemptMoved,
    Change,
    ExecutionMoved,
    OutputsSet,
    ProgressMade,
    TaskRunMoved,
    TaskRunRemoved,
)
from segue.model.execution import Execution, TaskRun
from segue.model.names import TaskRunId
from segue.model.state import TASK_RUN_MOVES, State

_ORDER: Final = {**dict.fromkeys(waiting.BEFORE, -1), ERRORS: 1, FINALLY: 2, AFTER_EXECUTION: 3}
_JUDGED: Final = frozenset({VERDICT, LEAVES})


def without_verdict(notes: Mapping[str, Any]) -> dict[str, Any]:
    """The notes of a node that has ended by what it said of itself, for it to go on."""
    kept = {key: value for key, value in without_answers(notes).items() if key not in _JUDGED}
    return loop_until.from_the_first_pass(kept)


def is_at_rest(execution: Execution) -> bool:
    """May it be reopened: ended for good, or paused with nothing under way."""
    if execution.state is State.PAUSED:
        return not execution.open_attempts and not execution.retrying
    return execution.state.is_final and execution.is_over


class _Reopening(Struct):
    """The changes so far, and the states that they lead to."""

    at: datetime
    changes: list[Change] = field(default_factory=list)
    states: dict[TaskRunId, State] = field(default_factory=dict)
    removed: set[TaskRunId] = field(default_factory=set)

    def move(self, run: TaskRun, state: State) -> None:
        self.changes.append(TaskRunMoved(at=self.at, id=run.id, state=state))
        self.states[run.id] = state

    def remove(self, scene: Scene) -> None:
        """A task run and all below it, the lowest first."""
        assert scene.run is not None
        for child in _child_scenes(scene):
            self.remove(child)
        self.changes.append(TaskRunRemoved(id=scene.run.id))
        self.removed.add(scene.run.id)

    def forget_answers(self, scene: Scene) -> None:
        """What a worker was asked is asked anew."""
        if scene.progress.notes:
            notes = without_answers(scene.progress.notes)
            self.changes.append(ProgressMade(id=scene.id, fields={"notes": notes}))

    def forget_verdict(self, scene: Scene, **fields: Any) -> None:
        """What the node said of itself is judged anew, and its passes are counted anew."""
        notes = scene.progress.notes
        kept = without_verdict(notes) if not _JUDGED.isdisjoint(notes) else notes
        if {**kept, **fields} != notes:
            self.changes.append(ProgressMade(id=scene.id, fields={"notes": {**kept, **fields}}))

    def recount(self, scene: Scene, branch: str, **fields: Any) -> None:
        kept = (run for run in scene.children() if run.id not in self.removed)
        counts = recounted(scene.plan, branch, kept, self.states)
        self.changes.append(ProgressMade(id=scene.id, fields={**counts, **fields}))

    def finish(self, flow: Scene, branch: str) -> tuple[Change, ...]:
        notes = {
            key: value for key, value in without_answers(flow.progress.notes).items() if key not in {EXIT, HELD, RERUN}
        }
        self.recount(flow, branch, notes={**notes, SEQUENCE: flow.execution.next_sequence})
        if flow.execution.outputs is not None:
            self.changes.append(OutputsSet(id=None, outputs=None))
        self.changes.append(ExecutionMoved(at=self.at, state=State.RESTARTED, is_again=True))
        return tuple(self.changes)


def restarted(flow: Scene) -> tuple[Change, ...]:
    """Go on from what failed, or waits; `()` if nothing did, or something still runs."""
    if not is_at_rest(flow.execution) or not has_restartable(flow):
        return ()
    reopening = _Reopening(flow.at)
    _restart_below(flow, reopening)
    return reopening.finish(flow, "tasks")


def is_restartable(run: TaskRun) -> bool:
    """Is it what a restart does again: failed in some way, or waiting."""
    return is_blocking(run.state) or run.state is State.PAUSED


def has_restartable(flow: Scene) -> bool:
    """Is there anything to restart from. Of an execution that has ended, the flow's own task runs tell."""
    return any(is_restartable(scene.run) for scene in _suspects(flow) if scene.run is not None)


def _suspects(flow: Scene) -> Iterator[Scene]:
    """Where the failure of the execution shows: the flow's own task runs; in a paused one, any."""
    if flow.execution.state is not State.PAUSED:
        return (scene for scene in _child_scenes(flow) if scene.node.branch != AFTER_EXECUTION)
    found = (Scene.of(flow.plan, flow.execution, run_id, flow.at) for run_id in flow.execution.task_runs)
    return (scene for scene in found if scene is not None)


def _restart_below(scene: Scene, reopening: _Reopening) -> None:
    for child in list(_child_scenes(scene)):
        assert child.run is not None
        if child.node.branch in SIDE_BRANCHES:
            reopening.remove(child)
        elif is_blocking(child.run.state) or not child.run.state.is_final:
            _restart_run(child, child.run, reopening)


def _restart_run(scene: Scene, run: TaskRun, reopening: _Reopening) -> None:
    if working_directory.is_folder(scene.node) or waiting.is_waiting(scene) or approval.is_decided(scene):
        _restart_whole(scene, run, reopening)
        return
    main = scene.progress.notes.get("main")
    if main is None:  # works in a worker, or failed before it opened
        if run.state.is_final:
            reopening.move(run, State.RESTARTED)
            reopening.forget_answers(scene)
        return
    if run.state.is_final:
        reopening.move(run, State.RUNNING)
    reopening.forget_verdict(scene)
    _restart_below(scene, reopening)
    if loop.is_loop(scene.node):
        reopening.recount(scene, main, notes=iterations.taken_up(scene.progress.notes))
        return
    reopening.recount(scene, main)


def _restart_whole(scene: Scene, run: TaskRun, reopening: _Reopening) -> None:
    """From its beginning: the folder that its tasks worked in is gone; what waits begins to anew, and what was decided
    is asked again."""
    if not run.state.is_final and not waiting.is_waiting(scene):
        return
    if waiting.is_waiting(scene):
        reopening.changes.extend(waiting.stopped(scene))
    for child in list(_child_scenes(scene)):
        reopening.remove(child)
    reopening.move(run, State.RESTARTED)
    if run.outputs is not None:
        reopening.changes.append(OutputsSet(id=run.id, outputs=None))
    reopening.recount(scene, "", notes={})


def given_state(scene: Scene, state: State) -> tuple[Change, ...]:
    """A task run is given another end by hand; all above it goes on from there."""
    run = scene.run
    assert run is not None
    may_move = run.state.is_final or run.state is State.PAUSED
    is_move = may_move and state.is_final and state is not run.state and state in TASK_RUN_MOVES[run.state]
    if not is_move or not is_at_rest(scene.execution) or _is_after_execution(scene):
        return ()
    if run.parent_id is not None and working_directory.folder_around(scene.plan, scene.execution, run.parent_id):
        return ()  # those after it would find no folder any more
    reopening = _Reopening(scene.at)
    reopening.changes.extend(waiting.stopped(scene) if run.state is State.PAUSED else ())
    reopening.move(run, state)
    if run.attempts:
        reopening.changes.append(AttemptMoved(at=scene.at, id=run.id, number=run.attempts[-1].number, state=state))
    while scene.run is not None:
        above, branch = scene.parent(), scene.node.branch
        _remove_later(above, branch, reopening)
        if above.run is None:
            return reopening.finish(above, branch)
        if above.run.state.is_final:
            reopening.move(above.run, State.RUNNING)
        reopening.forget_verdict(above, **({"main": branch} if branch not in SIDE_BRANCHES else {}))
        reopening.recount(above, branch)
        scene = above
    return ()


def _is_after_execution(scene: Scene) -> bool:
    while scene.run is not None and scene.run.parent_id is not None:
        scene = scene.parent()
    return scene.node.branch == AFTER_EXECUTION


def _remove_later(above: Scene, branch: str, reopening: _Reopening) -> None:
    """Remove what ran after this list of children was done."""
    for child in list(_child_scenes(above)):
        if _ORDER.get(child.node.branch, 0) > _ORDER.get(branch, 0):
            reopening.remove(child)


def _child_scenes(scene: Scene) -> Iterator[Scene]:
    for run in scene.children():
        found = Scene.of(scene.plan, scene.execution, run.id, scene.at)
        assert found is not None, run
        yield found
