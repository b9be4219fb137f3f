"""Decisions: events applied to live executions, and what each change sets in motion in the daemon.

Rules are the engine's. Here is the bookkeeping around them: rows into the round's batch, attempts into the queue for
workers, timers, slots of the concurrency limit, and the hooks of those who wait for an execution to move.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from segue.engine.admission import admit
from segue.engine.advance import advance
from segue.engine.create import rerun_of
from segue.engine.flowables.working_directory import folder_name, is_folder
from segue.model.change import (
    AttemptOpened,
    Change,
    ChildKillOrdered,
    ChildOrdered,
    EvaluationDropped,
    EvaluationOrdered,
    ExecutionMoved,
    IterationOrdered,
    IterationsSought,
    KillOrdered,
    RerunOrdered,
    TaskRunMoved,
    TimerCleared,
    TimerSet,
)
from segue.model.event import Event, Refused, Started, TimerKind
from segue.model.execution import Execution, Kind
from segue.model.names import ExecutionId, TaskRunId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.clock import Dice
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.round import Round
from segue.runtime.shared_folders import SharedFolders
from segue.runtime.snapshots import snapshot
from segue.runtime.timers import TimerKey, Timers
from segue.store.records import Timer

AsksOfOthers = ChildOrdered | IterationOrdered | IterationsSought | ChildKillOrdered
"""What an execution asks for that concerns others, which its tasks have made or are to make."""


class OrdersChildren(Protocol):
    """Who makes the executions that tasks of others ask for."""

    def order(self, execution_id: ExecutionId, change: AsksOfOthers) -> None: ...
    def replaced(self, old: Execution, new: Execution, round_: Round) -> None: ...
    def settle(self, round_: Round) -> None: ...


Hook = Callable[[Round, Live, State], None]

# A queue of a flow is let go at most so many at a time; the next ones go with the next end.
_ADMITTED_AT_ONCE_MAX: Final = 1_000


class Decisions:
    """What a round may do to executions."""

    def __init__(
        self,
        executions: LiveExecutions,
        revisions: Revisions,
        dispatch: Dispatch,
        timers: Timers,
        folders: SharedFolders,
        dice: Dice,
    ) -> None:
        self.executions = executions
        self._dice = dice
        self._revisions = revisions
        self._dispatch = dispatch
        self._timers = timers
        self._folders = folders
        self._hooks: list[Hook] = []
        self._children: OrdersChildren | None = None
        self._ends: dict[ExecutionId, list[asyncio.Future[Execution]]] = {}

    def bind(self, children: OrdersChildren) -> None:
        """Say who makes children. Once, before the first decision."""
        self._children = children

    def on_move(self, hook: Hook) -> None:
        """Call this whenever an execution enters a state, in the round that decides it."""
        self._hooks.append(hook)

    # New executions.

    def begin(self, round_: Round, deployed: Deployed, execution: Execution, failure: str | None = None) -> Execution:
        """Take in a new execution and let it go if it may; gives a copy of it as it was made. With a `failure` it ends
        at once, so that somebody sees what went wrong in making it."""
        live = Live(execution, deployed)
        self.executions.add(live)
        round_.batch.add_execution(execution)
        round_.touch(execution)
        made = snapshot(execution)
        self._hook(round_, live, execution.state)
        if failure is not None:
            self._applied(round_, live, Refused(at=round_.at, state=State.FAILED, message=failure))
        elif execution.scheduled_at is not None and execution.scheduled_at > round_.at:
            self._set_start(round_, execution, execution.scheduled_at)
        else:
            self.admit(round_, live)
        return made

    def admit(self, round_: Round, live: Live) -> None:
        """Let an execution go, or have it wait or end, as its flow's limit says. The limit is the live revision's; a test
        goes at once, and an iteration with the execution around it."""
        deployed = self._revisions.live.flows.get(live.key, live.deployed)
        concurrency = deployed.flow.concurrency
        if live.execution.state.holds_slot or live.execution.kind is not Kind.NORMAL:
            self._applied(round_, live, Started(at=round_.at))
            return
        holding = self.executions.holding(live.key) if concurrency else 0
        waiting = sum(1 for _ in self.executions.waiting(live.key)) if concurrency else 0
        self._applied(round_, live, admit(concurrency, holding=holding, waiting=waiting, at=round_.at))

    def adopt(self, live: Live) -> None:
        """Take an execution in that the database knows already: at start, or one that ended and goes on."""
        self.executions.add(live)

    def forget_if_over(self, round_: Round, live: Live) -> None:
        """Let go of an execution that was taken in for one act and does not go on."""
        if live.execution.is_over:
            round_.then(partial(self._forget, live.execution.id))

    # News.

    def apply(self, round_: Round, execution_id: str, event: Event) -> bool:
        """Decide on an event; False if it decides nothing (the execution is over, or the news is old)."""
        live = self.executions.get(execution_id)
        return live is not None and self._applied(round_, live, event)

    def assign(self, round_: Round) -> None:
        """Give orders that wait to workers that are idle; before that, what was asked for of other executions."""
        assert self._children is not None
        self._children.settle(round_)
        self._dispatch.assign(round_, self)

    def fire_due(self, round_: Round) -> None:
        """Timers whose time has come."""
        for key in self._timers.take_due(round_.at):
            round_.batch.clear_timer(key.execution_id, key.task_run_id, key.kind)
            live = self.executions.get(key.execution_id)
            if live is None:
                continue
            if key.kind is TimerKind.START:
                if live.execution.state is State.CREATED:
                    self.admit(round_, live)
            else:
                self._applied(round_, live, self._dispatch.timer_event(key, round_.at))

    def release(self, round_: Round, key: FlowKey) -> None:
        """Let those go that wait for a slot of the flow, as far as there are any now."""
        deployed = self._revisions.live.flows.get(key)
        for _, live in zip(range(_ADMITTED_AT_ONCE_MAX), self.executions.waiting(key), strict=False):
            concurrency = (deployed or live.deployed).flow.concurrency
            if concurrency is not None and self.executions.holding(key) >= concurrency.limit:
                return
            self._applied(round_, live, Started(at=round_.at))

    def release_all(self, round_: Round) -> None:
        """The same for all flows: their limits may have changed, or their holders ended."""
        for key in self.executions.awaited():
            self.release(round_, key)

    def end_of(self, execution_id: ExecutionId) -> asyncio.Future[Execution]:
        """The execution once it has ended, durably. Ask in the round that makes it."""
        future: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._ends.setdefault(execution_id, []).append(future)
        return future

    def _applied(self, round_: Round, live: Live, event: Event) -> bool:
        changes = advance(live.deployed.plan, live.execution, event)
        if changes:
            self._record(round_, live, changes)
        return bool(changes)

    def _record(self, round_: Round, live: Live, changes: Iterable[Change]) -> None:
        execution = live.execution
        round_.batch.add_changes(execution, changes)
        round_.touch(execution)
        for change in changes:
            match change:
                case AttemptOpened(id=run_id, number=number, queued=True):
                    self._dispatch.queue_attempt(execution.id, run_id, number)
                case EvaluationOrdered():
                    self._dispatch.queue_evaluation(execution.id, change)
                case EvaluationDropped(id=run_id, purpose=purpose):
                    round_.then(partial(self._dispatch.drop_evaluation, run_id, purpose))
                case TaskRunMoved(id=run_id, state=state) if state.is_final:
                    self._leave_folder(round_, live, run_id)
                case KillOrdered(id=run_id, attempt=number):
                    round_.then(partial(self._dispatch.kill, run_id, number))
                case TimerSet(kind=kind, due=due, id=run_id):
                    self._timers.set(TimerKey(execution.id, kind, run_id), due)
                case TimerCleared(kind=kind, id=run_id):
                    self._timers.clear(TimerKey(execution.id, kind, run_id))
                case ChildOrdered() | IterationOrdered() | IterationsSought() | ChildKillOrdered():
                    assert self._children is not None
                    self._children.order(execution.id, change)
                case RerunOrdered(due=due):
                    self._rerun(round_, live, due)
                case ExecutionMoved(state=state):
                    self._moved(round_, live, state)
                case _:
                    pass
        if execution.is_over:
            round_.then(partial(self._forget, execution.id))

    def _rerun(self, round_: Round, live: Live, due: datetime) -> None:
        """The flow's retry asks for a new execution in the place of this one."""
        again = rerun_of(
            live.execution, live.deployed.flow, id=self._dice.execution_id(round_.at), at=round_.at, due=due
        )
        assert self._children is not None
        self._children.replaced(live.execution, again, round_)
        self.begin(round_, live.deployed, again)

    def _leave_folder(self, round_: Round, live: Live, run_id: TaskRunId) -> None:
        """The folder of a WorkingDirectory is not needed any more."""
        run = live.execution.task_runs.get(run_id)
        if run is not None and is_folder(live.deployed.plan.nodes[run.task_id]):
            round_.then(partial(self._folders.remove, folder_name(run)))

    def _moved(self, round_: Round, live: Live, state: State) -> None:
        held = self.executions.holding(live.key)
        self.executions.reindex(live)
        self._hook(round_, live, state)
        if state.is_final:
            self._tell_end(round_, live.execution)
        if self.executions.holding(live.key) < held:
            self.release(round_, live.key)

    def _hook(self, round_: Round, live: Live, state: State) -> None:
        for hook in self._hooks:
            hook(round_, live, state)

    def _tell_end(self, round_: Round, execution: Execution) -> None:
        for future in self._ends.pop(execution.id, ()):
            round_.then(partial(_resolve, future, snapshot(execution)))

    def _forget(self, execution_id: ExecutionId) -> None:
        live = self.executions.get(execution_id)
        if live is not None and live.execution.is_over:
            self.executions.remove(execution_id)

    def _set_start(self, round_: Round, execution: Execution, due: datetime) -> None:
        self._timers.set(TimerKey(execution.id, TimerKind.START, None), due)
        round_.batch.set_timer(Timer(execution_id=execution.id, task_run_id=None, kind=TimerKind.START, due=due))


def _resolve(future: asyncio.Future[Execution], execution: Execution) -> None:
    if not future.done():
        future.set_result(execution)
