"""Decide: what an event does, one case an event. Total: every event in every state has an answer, often `()`.

An event names what it is about (task run and attempt), so that one that comes twice or late can be told: what it says
has then been decided already. What follows from the new state by itself is `settle`'s.
"""

from typing import assert_never

from segue.engine import asking, attempts, batches, breakpoints, calls, iterations, kill, reopen, sla
from segue.engine.flowables import approval, loop, loop_until, pause, waiting
from segue.engine.notes import HELD
from segue.engine.plan import Plan
from segue.engine.scene import Scene
from segue.engine.standing import is_held
from segue.model.change import Change, ExecutionMoved, LabelsChanged, Logged, ProgressMade, TaskRunMoved
from segue.model.event import (
    AttemptEnded,
    AttemptStarted,
    BreakpointPassed,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Evaluated,
    Event,
    Held,
    IterationsFound,
    KillWanted,
    LabelsSet,
    PauseWanted,
    Refused,
    RestartWanted,
    ResumeWanted,
    ReviewWanted,
    Started,
    StateWanted,
    TimerFired,
    TimerKind,
    WorkerLost,
)
from segue.model.execution import Execution
from segue.model.state import EXECUTION_MOVES, State
from segue.model.task import Approval, Pause

Changes = tuple[Change, ...]

_WAITING = frozenset({State.CREATED, State.QUEUED, State.RESTARTED})
_GOING = frozenset({State.RUNNING, State.RETRYING})


def decide(plan: Plan, execution: Execution, event: Event) -> Changes:
    match event:
        case AttemptStarted() | AttemptEnded() | WorkerLost():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return _on_attempt(scene, event) if scene is not None else ()
        case Evaluated():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return asking.answered(scene, event) if scene is not None else ()
        case TimerFired():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return _on_timer(scene, event) if scene is not None else ()
        case Started():
            if execution.state not in _WAITING:
                return ()
            return (*sla.armed(plan, execution, event.at), *_moved(execution, event, State.RUNNING))
        case Held():
            is_new = execution.state in _WAITING and execution.state is not State.QUEUED
            return _moved(execution, event, State.QUEUED) if is_new else ()
        case Refused():
            return _on_refused(Scene(plan, execution, plan.root, None, event.at), event)
        case KillWanted():
            return _on_kill_wanted(Scene(plan, execution, plan.root, None, event.at), event)
        case PauseWanted():
            return _on_pause_wanted(execution, event) if execution.state in _GOING else ()
        case ResumeWanted():
            return _on_resume_wanted(plan, execution, event) if execution.state is State.PAUSED else ()
        case ReviewWanted():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return _on_review_wanted(scene, event) if scene is not None else ()
        case BreakpointPassed():
            return tuple(breakpoints.passed(Scene(plan, execution, plan.root, None, event.at), event))
        case RestartWanted():
            return reopen.restarted(Scene(plan, execution, plan.root, None, event.at))
        case StateWanted():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return _on_state_wanted(scene, event) if scene is not None else ()
        case LabelsSet():
            labels = {**execution.labels, **event.labels}
            return (LabelsChanged(labels=labels),) if labels != execution.labels else ()
        case ChildStarted() | ChildRefused() | ChildEnded():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return _on_child(scene, event) if scene is not None and scene.run is not None else ()
        case IterationsFound():
            scene = Scene.of(plan, execution, event.task_run_id, event.at)
            return iterations.found(scene, event) if scene is not None and loop.is_loop(scene.node) else ()
        case _:
            assert_never(event)


def _moved(
    execution: Execution, event: Started | Held | PauseWanted | ResumeWanted | ReviewWanted, state: State
) -> Changes:
    assert state in EXECUTION_MOVES[execution.state], (execution.state, event)
    return (ExecutionMoved(at=event.at, state=state),)


def _on_kill_wanted(flow: Scene, event: KillWanted) -> Changes:
    """Of an execution that has ended, what runs after its end. The kill that ended it, told again, does not reach that."""
    execution = flow.execution
    if execution.state is State.KILLING:
        return ()
    if execution.state.is_final:
        is_new = event.at > execution.history[-1].at
        return tuple(kill.cut_off(flow, cascades=event.cascades)) if is_new else ()
    return tuple(kill.killed(flow, cascades=event.cascades))


def _on_pause_wanted(execution: Execution, event: PauseWanted) -> Changes:
    notes = {**execution.progress.notes, HELD: True}
    return (ProgressMade(id=None, fields={"notes": notes}), *_moved(execution, event, State.PAUSED))


def _on_resume_wanted(plan: Plan, execution: Execution, event: ResumeWanted) -> Changes:
    if event.task_run_id is None and is_held(execution):
        notes = {key: value for key, value in execution.progress.notes.items() if key != HELD}
        return (*_moved(execution, event, State.RUNNING), ProgressMade(id=None, fields={"notes": notes}))
    scene = Scene.of(plan, execution, event.task_run_id, event.at)
    if scene is None or not waiting.is_waiting(scene, Pause) or is_held(execution):
        return ()
    return (*pause.resumed(scene, event.inputs, by=event.by), *_moved(execution, event, State.RESTARTED))


def _on_review_wanted(scene: Scene, event: ReviewWanted) -> Changes:
    """While others go on, or a person holds the execution, its state is none of the decision's."""
    if not waiting.is_waiting(scene, Approval):
        return ()
    changes = approval.reviewed(scene, event)
    is_asleep = scene.execution.state is State.PAUSED and not is_held(scene.execution)
    return (*changes, *_moved(scene.execution, event, State.RESTARTED)) if changes and is_asleep else changes


def _on_attempt(scene: Scene, event: AttemptStarted | AttemptEnded | WorkerLost) -> Changes:
    if scene.run is None:
        return ()
    match event:
        case AttemptStarted():
            return attempts.started(scene, event)
        case WorkerLost():
            return attempts.lost(scene, event)
        case AttemptEnded():
            return attempts.ended(scene, event)


def _on_child(scene: Scene, event: ChildStarted | ChildRefused | ChildEnded) -> Changes:
    if batches.is_batches(scene):
        return _on_batch(scene, event)
    if loop.is_loop(scene.node):
        return _on_iteration(scene, event)
    match event:
        case ChildStarted():
            return calls.started(scene, event)
        case ChildRefused():
            return calls.refused(scene, event)
        case ChildEnded():
            return calls.ended(scene, event)


def _on_iteration(scene: Scene, event: ChildStarted | ChildRefused | ChildEnded) -> Changes:
    match event:
        case ChildStarted():
            return iterations.started(scene, event)
        case ChildEnded():
            return iterations.ended(scene, event)
        case ChildRefused():
            return ()  # there is nothing that it could be refused for


def _on_batch(scene: Scene, event: ChildStarted | ChildRefused | ChildEnded) -> Changes:
    match event:
        case ChildStarted():
            return batches.started(scene, event)
        case ChildRefused():
            return batches.refused(scene, event)
        case ChildEnded():
            return batches.ended(scene, event)


def _on_timer(scene: Scene, event: TimerFired) -> Changes:
    if scene.run is None:
        return sla.elapsed(scene) if event.kind is TimerKind.SLA else ()
    match event.kind:
        case TimerKind.SLEEP:
            return attempts.woken(scene)
        case TimerKind.RETRY if scene.run.state is State.RETRYING:
            return (TaskRunMoved(at=event.at, id=scene.run.id, state=State.CREATED),)
        case TimerKind.TIMEOUT if waiting.is_waiting(scene, Approval):
            return _woken(scene, approval.expired(scene))
        case TimerKind.PAUSE | TimerKind.TIMEOUT if waiting.is_waiting(scene, Pause):
            return _woken(scene, pause.elapsed(scene, event.kind))
        case TimerKind.TIMEOUT if calls.is_call(scene):
            return calls.late(scene)
        case TimerKind.AGAIN:
            return _woken(scene, loop_until.begun_again(scene))
        case _:
            return ()


def _woken(scene: Scene, changes: Changes) -> Changes:
    """An execution in which nothing but pauses was left goes on, and shows it."""
    is_asleep = scene.execution.state is State.PAUSED and not is_held(scene.execution)
    if not changes or not is_asleep:
        return changes
    return (*changes, ExecutionMoved(at=scene.at, state=State.RUNNING))


def _on_refused(flow: Scene, event: Refused) -> Changes:
    """A restarted execution may be refused as well: what was set going again ends with it."""
    state = flow.execution.state
    if state not in _WAITING or not event.state.is_final or event.state not in EXECUTION_MOVES[state]:
        return ()
    logged = (Logged(at=event.at, level="WARN", message=event.message),) if event.message else ()
    return (*logged, *kill.cut_off(flow), ExecutionMoved(at=event.at, state=event.state))


def _on_state_wanted(scene: Scene, event: StateWanted) -> Changes:
    if scene.run is not None:
        return reopen.given_state(scene, event.state)
    execution = scene.execution
    may_move = execution.state is State.PAUSED or (execution.state.is_final and execution.is_over)
    is_end = event.state.is_final and event.state in EXECUTION_MOVES[execution.state]
    if not may_move or not is_end or event.state is execution.state:
        return ()
    return (*kill.cut_off(scene), ExecutionMoved(at=event.at, state=event.state))
