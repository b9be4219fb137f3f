"""What a person may do to an execution: each act is one piece of a round. When it may not be done is told in
`refusals`."""

from collections.abc import Callable, Mapping
from typing import Any, assert_never

from segue.engine import breakpoints
from segue.engine.create import replay_of
from segue.engine.labels import REPLAY
from segue.engine.rebuild import restore
from segue.engine.reopen import is_restartable
from segue.model.event import (
    BreakpointPassed,
    Event,
    KillWanted,
    LabelsSet,
    PauseWanted,
    Refused,
    RestartWanted,
    ResumeWanted,
    ReviewWanted,
    Started,
    StateWanted,
    TimerKind,
)
from segue.model.execution import Execution, TaskRun
from segue.model.names import TaskRunId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.answers import to_resume, to_review
from segue.runtime.around import Around
from segue.runtime.clock import Dice
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.live import Live
from segue.runtime.refusals import refusal, unknown_breakpoints
from segue.runtime.round import Round
from segue.runtime.snapshots import snapshot
from segue.runtime.starts import LIVE
from segue.web.actions import (
    Action,
    ChangeStatus,
    Delete,
    ForceRun,
    Kill,
    PassBreakpoint,
    Pause,
    Replay,
    Restart,
    Resume,
    Review,
    SetLabels,
    SetTaskRunState,
    Unqueue,
)
from segue.web.ports.refusals import Refusal


class Acts:
    """Performs actions within a round."""

    def __init__(self, revisions: Revisions, decisions: Decisions, around: Around, dice: Dice) -> None:
        self._revisions = revisions
        self._decisions = decisions
        self._around = around
        self._dice = dice
        self._removed: Callable[[Execution], None] = lambda _execution: None

    def on_removed(self, tell: Callable[[Execution], None]) -> None:
        """Call this before an execution is deleted."""
        self._removed = tell

    def take_in(self, stored: Execution) -> Live | Refusal:
        """An execution that is over, made ready to be acted on."""
        known = self._decisions.executions.get(stored.id)
        if known is not None:
            return known
        deployed = self._revisions.of(stored)
        if deployed is None:
            return Refusal(
                409, f"Revision {stored.revision} of {stored.namespace}.{stored.flow_id} cannot be read any more"
            )
        live = Live(restore(deployed.plan, stored), deployed)
        self._around.attach(stored)
        self._decisions.adopt(live)
        return live

    def perform(self, round_: Round, live: Live, action: Action) -> Execution | Refusal:
        """Do it; gives the execution as that leaves it, before anything of it runs on."""
        refused = refusal(live, action)
        answer = refused or self._perform(round_, live, action)
        self._decisions.forget_if_over(round_, live)
        return answer

    def _perform(self, round_: Round, live: Live, action: Action) -> Execution | Refusal:
        at = round_.at
        match action:
            case Kill() if live.execution.state is State.KILLING:
                return snapshot(live.execution)
            case Kill(cascade=cascades):
                return self._apply(round_, live, KillWanted(at=at, cascades=cascades), "it cannot be killed")
            case Pause():
                return self._apply(round_, live, PauseWanted(at=at), "it cannot be paused")
            case Resume(inputs=inputs, by=by):
                return self._resume(round_, live, inputs, by)
            case PassBreakpoint(breakpoints=found):
                passed = BreakpointPassed(at=at, breakpoints=found)
                unknown = unknown_breakpoints(live.deployed, found or ())
                return unknown or self._apply(round_, live, passed, "it does not stand at a breakpoint")
            case Review():
                return self._review(round_, live, action)
            case Restart(revision=number) if number not in {None, live.execution.revision}:
                return self._restart_at(round_, live, number or LIVE)
            case Restart():
                nothing = Refusal(422, "No task found to restart execution from")
                return self._go_on(round_, live, RestartWanted(at=at), nothing)
            case Replay():
                return self._replay(round_, live, action)
            case ChangeStatus(state=state) if live.execution.state is state:
                return snapshot(live.execution)
            case ChangeStatus(state=state):
                wanted = StateWanted(at=at, state=state)
                return self._apply(round_, live, wanted, f"it cannot be given the status {state}")
            case SetTaskRunState(task_run_id=run_id, state=state):
                if run_id not in live.execution.task_runs:
                    return Refusal(404, f"Execution {live.execution.id} has no task run {run_id}")
                wanted = StateWanted(at=at, state=state, task_run_id=run_id)
                return self._go_on(round_, live, wanted, _no_state(live.execution.task_runs[run_id], state))
            case SetLabels(labels=labels):
                self._decisions.apply(round_, live.execution.id, LabelsSet(at=at, labels=labels))
                return snapshot(live.execution)
            case ForceRun():
                round_.batch.clear_timer(live.execution.id, None, TimerKind.START)
                if live.execution.state is State.PAUSED:
                    return self._resume(round_, live, {}, "")
                return self._apply(round_, live, Started(at=at), "it cannot be forced to run")
            case Unqueue(state=State.RUNNING):
                return self._apply(round_, live, Started(at=at), "it cannot be taken from the queue")
            case Unqueue(state=state):
                return self._apply(round_, live, Refused(at=at, state=state), f"it cannot be ended in {state}")
            case Delete(logs=logs, metrics=metrics):
                self._decisions.apply(round_, live.execution.id, KillWanted(at=at))
                self._removed(live.execution)
                round_.batch.remove_execution(live.execution.id, logs=logs, metrics=metrics)
                round_.touch(live.execution)
                self._decisions.executions.remove(live.execution.id)
                return snapshot(live.execution)
            case _:
                assert_never(action)

    def _apply(self, round_: Round, live: Live, event: Event, sentence: str) -> Execution | Refusal:
        if not self._decisions.apply(round_, live.execution.id, event):
            return Refusal(409, f"Execution {live.execution.id} is in state {live.execution.state}: {sentence}")
        return snapshot(live.execution)

    def _resume(self, round_: Round, live: Live, inputs: Mapping[str, Any], by: str) -> Execution | Refusal:
        scene = to_resume(live)
        event = ResumeWanted(at=round_.at, task_run_id=scene.id if scene else None, inputs=inputs, by=by)
        return self._answered(round_, live, event, "no task of it waits to be resumed")

    def _review(self, round_: Round, live: Live, action: Review) -> Execution | Refusal:
        scene = to_review(live, action.task_run_id)
        if isinstance(scene, Refusal):
            return scene
        assert scene.run is not None
        event = ReviewWanted(
            at=round_.at,
            task_run_id=scene.run.id,
            decision=action.decision,
            inputs=action.inputs,
            comment=action.comment,
            by=action.by,
        )
        return self._answered(round_, live, event, "no task of it waits for a decision")

    def _answered(self, round_: Round, live: Live, event: Event, sentence: str) -> Execution | Refusal:
        left = self._apply(round_, live, event, sentence)
        if live.execution.state is State.RESTARTED:
            self._decisions.admit(round_, live)
        return left

    def _go_on(self, round_: Round, live: Live, event: Event, refused: Refusal) -> Execution | Refusal:
        """Set it going again: answered as RESTARTED, then let go if its flow's limit allows."""
        if not self._decisions.apply(round_, live.execution.id, event):
            return refused
        left = snapshot(live.execution)
        self._decisions.admit(round_, live)
        return left

    def _restart_at(self, round_: Round, live: Live, number: int) -> Execution | Refusal:
        """Go on from what failed, with another revision: a new execution."""
        failed = _first_failed(live.execution)
        if failed is None:
            return Refusal(422, "No task found to restart execution from")
        return self._replay(round_, live, Replay(task_run_id=failed.id, revision=number))

    def _replay(self, round_: Round, live: Live, action: Replay) -> Execution | Refusal:
        deployed = self.revision_for(live.execution, action.revision)
        if isinstance(deployed, Refusal):
            return deployed
        if action.task_run_id is not None and action.task_run_id not in live.execution.task_runs:
            return Refusal(404, f"Execution {live.execution.id} has no task run {action.task_run_id}")
        unknown = unknown_breakpoints(deployed, action.breakpoints)
        if unknown is not None:
            return unknown
        other = deployed.revision.number != live.execution.revision
        replayed = replay_of(
            deployed.plan,
            live.execution,
            id=action.id or self._dice.execution_id(round_.at),
            at=round_.at,
            revision=deployed.revision.number,
            commit=self._revisions.live.commit_for(deployed) if other else live.execution.commit,
            task_run_id=action.task_run_id,
            inputs=action.inputs,
            labels={REPLAY: "true"},
            notes=breakpoints.noted(action.breakpoints),
        )
        if replayed is None:
            sentence = f"Revision {deployed.revision.number} has no place for task run {action.task_run_id}"
            return Refusal(409, sentence)
        return self._decisions.begin(round_, deployed, replayed)

    def revision_for(self, execution: Execution, number: int | None) -> Deployed | Refusal:
        """The revision that a replay is to be of."""
        key = FlowKey(execution.namespace, execution.flow_id)
        if number is None:
            number = execution.revision
            found = self._revisions.of(execution)
        elif number == LIVE:
            current = self._revisions.live.flows.get(key)
            found = None if current is None else self._revisions.in_place_of(execution, current.revision.number)
        else:
            found = self._revisions.in_place_of(execution, number)
        return found or Refusal(404, f"Flow {key} has no revision {number or ''} that can run")


def _no_state(run: TaskRun, state: State) -> Refusal:
    if not state.is_final:
        return Refusal(422, f"Task run {run.id} cannot be given the state {state}: it is no state to end with")
    return Refusal(409, f"Task run {run.id} is in state {run.state}: it cannot be given the state {state}")


def _first_failed(execution: Execution) -> TaskRun | None:
    """The first task run to restart from that has no such one below it."""
    runs = sorted(execution.task_runs.values(), key=lambda run: run.sequence)
    parents: set[TaskRunId | None] = {run.parent_id for run in runs if is_restartable(run)}
    return next((run for run in runs if is_restartable(run) and run.id not in parents), None)
