"""Recovery: what the daemon picks up when it starts on the data of one that was killed, or stopped with work to do.

Whoever held an attempt is gone by now (its processes are ended first), so its fate is unknown and the engine is told
so. What was decided but not acted on is acted on: orders that waited, evaluations, timers.
"""

import logging
from collections.abc import Iterable

from msgspec import Struct

from segue.engine.flowables.working_directory import folders_of
from segue.engine.orders import open_evaluations
from segue.engine.rebuild import restore
from segue.model.event import TimerKind, WhenLost, WorkerLost
from segue.model.execution import Execution, Moved, TaskRun
from segue.model.state import State
from segue.runtime.around import Around
from segue.runtime.children import Children
from segue.runtime.clock import Dice
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Revisions
from segue.runtime.dispatch import Dispatch
from segue.runtime.live import Live
from segue.runtime.round import Round
from segue.runtime.shared_folders import SharedFolders
from segue.runtime.timers import TimerKey, Timers
from segue.store.records import Timer

_LOST = "The daemon ended while the attempt was running"

_UNMADE = "The daemon ended before the execution that is called was made"

_log = logging.getLogger("segue.recovery")


class Left(Struct, frozen=True, kw_only=True):
    """What the database says was going on."""

    executions: tuple[Execution, ...]
    timers: tuple[Timer, ...]


class Recovery:
    """Takes up what was left, once, before anything new is taken in."""

    def __init__(
        self,
        revisions: Revisions,
        decisions: Decisions,
        dispatch: Dispatch,
        timers: Timers,
        children: Children,
        around: Around,
        folders: SharedFolders,
        dice: Dice,
        worker_lost: WhenLost,
    ) -> None:
        self._revisions = revisions
        self._decisions = decisions
        self._dispatch = dispatch
        self._timers = timers
        self._children = children
        self._around = around
        self._folders = folders
        self._dice = dice
        self._worker_lost = worker_lost

    def take_up(self, left: Left, round_: Round) -> None:
        for timer in left.timers:
            self._timers.set(TimerKey(timer.execution_id, timer.kind, timer.task_run_id), timer.due)
        taken = [live for execution in left.executions if (live := self._adopted(execution, round_)) is not None]
        for live in taken:
            self._around.attach(live.execution)
        for live in taken:
            self._go_on(live, round_)
        self._folders.remove_except({name for live in taken for name in folders_of(live.deployed.plan, live.execution)})
        self._decisions.release_all(round_)
        if left.executions:
            _log.info("recovery.done executions=%d timers=%d", len(left.executions), len(left.timers))

    def _adopted(self, execution: Execution, round_: Round) -> Live | None:
        """All are taken in before any goes on: what ends one may let another go."""
        deployed = self._revisions.of(execution)
        if deployed is None:
            _log.error("recovery.no_revision execution=%s", execution.id)
            self._give_up(execution, round_)
            return None
        restore(deployed.plan, execution)
        live = Live(execution, deployed)
        self._decisions.adopt(live)
        return live

    def _go_on(self, live: Live, round_: Round) -> None:
        execution, plan = live.execution, live.deployed.plan
        for run in _with_open_attempt(execution):
            attempt = run.attempts[-1]
            if attempt.state is State.CREATED:
                self._dispatch.queue_attempt(execution.id, run.id, attempt.number)
                continue
            lost = WorkerLost(
                at=round_.at,
                task_run_id=run.id,
                attempt=attempt.number,
                message=_LOST,
                policy=self._worker_lost,
                chance=self._dice.fraction(),
            )
            self._decisions.apply(round_, execution.id, lost)
        for call in self._children.take_up(round_, live):
            assert call.run is not None
            self._decisions.apply(round_, execution.id, self._unmade(call.run, round_))
        for wanted in open_evaluations(plan, execution):
            self._dispatch.queue_evaluation(execution.id, wanted)
        is_ahead = TimerKey(execution.id, TimerKind.START, None) in self._timers
        if execution.state in {State.CREATED, State.RESTARTED} and not is_ahead:
            self._decisions.admit(round_, live)

    def _unmade(self, run: TaskRun, round_: Round) -> WorkerLost:
        """The attempt of a call whose execution was never made: another one follows, whatever the setting says."""
        return WorkerLost(at=round_.at, task_run_id=run.id, attempt=run.attempts[-1].number, message=_UNMADE)

    def _give_up(self, execution: Execution, round_: Round) -> None:
        """Nobody can say any more what the flow was: the execution ends, visibly."""
        execution.history.append(Moved(State.FAILED, round_.at))
        execution.progress.running = 0
        round_.batch.put_execution(execution)
        round_.touch(execution)


def _with_open_attempt(execution: Execution) -> Iterable[TaskRun]:
    """Those that wait for a worker, or were with one. A Sleep has an attempt too, but no worker: its timer goes on."""
    return [
        run
        for run in execution.task_runs.values()
        if run.attempts
        and not run.attempts[-1].state.is_final
        and (run.attempts[-1].state is State.CREATED or run.attempts[-1].worker is not None)
    ]
