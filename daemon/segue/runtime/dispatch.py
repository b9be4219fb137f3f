"""Dispatch: orders that wait for a worker, those that are with one, and what workers report.

An attempt is written down as started in the same round that picks its worker, and the order is sent once that is
durable: whatever happens to the daemon then, the attempt list says that it may have run.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from segue.engine.limits import RESUBMITS_MAX
from segue.engine.orders import evaluation_for, order_for
from segue.engine.retry import WORKER_LOST
from segue.model.change import EvaluationOrdered
from segue.model.event import AttemptEnded, AttemptStarted, Evaluated, Event, TimerFired, WhenLost, WorkerLost
from segue.model.execution import Failure, TaskRun
from segue.model.names import ExecutionId, TaskRunId
from segue.model.order import ERRANDS, FOLDER_ERRANDS, POLL, LogLine, Metric, Order
from segue.model.state import State
from segue.runtime.clock import Dice
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.timers import TimerKey
from segue.store.records import Process, StoredLogLine, StoredMetric
from segue.workers.pool import Pool
from segue.workers.reports import (
    OrderEnded,
    OrderLogged,
    Report,
    WorkerAsks,
    WorkerGone,
    WorkerIdle,
    WorkerStarted,
)

_log = logging.getLogger("segue.dispatch")


class Applies(Protocol):
    def apply(self, round_: Round, execution_id: str, event: Event) -> bool: ...


class Answers(Protocol):
    """Answers what workers ask the daemon for (keys and values, logs of errors)."""

    async def answer(self, execution_id: str, namespace: str, kind: str, arguments: Mapping[str, Any]) -> Any: ...


class _Attempt(Struct, frozen=True):
    """An attempt that waits for a worker, or is with one."""

    execution_id: ExecutionId
    task_run_id: TaskRunId
    number: int


class _Evaluation(Struct, frozen=True):
    """An evaluation for the engine, of an execution."""

    execution_id: ExecutionId
    wanted: EvaluationOrdered
    lost: int = 0  # how often its worker died of it, or beside it

    @property
    def purpose(self) -> str | None:
        return self.wanted.purpose


class _Question(Struct, frozen=True, eq=False):
    """An order that belongs to no round: its answer goes to who asked."""

    order: Order
    answer: asyncio.Future[Any]
    lost: int = 0

    @property
    def purpose(self) -> str | None:
        return self.order.purpose


_Piece = _Attempt | _Evaluation | _Question


class NoAnswer(Exception):
    """A worker could not evaluate what it was asked to; the text says why."""


class Dispatch:
    """Between the loop and the pool of workers."""

    def __init__(
        self,
        executions: LiveExecutions,
        loop: Loop,
        dice: Dice,
        worker_lost: WhenLost,
    ) -> None:
        self._executions = executions
        self._loop = loop
        self._dice = dice
        self._worker_lost = worker_lost
        self._queue: deque[_Piece] = deque()
        self._with_worker: dict[str, _Piece] = {}
        self._pool: Pool | None = None
        self._answers: Answers | None = None
        self._applies: Applies | None = None
        self._asked: set[asyncio.Task[None]] = set()
        self._processes: dict[str, tuple[int, int]] = {}
        self._is_stopping = False

    def bind(self, pool: Pool, applies: Applies, answers: Answers) -> None:
        self._pool, self._applies, self._answers = pool, applies, answers

    @property
    def waiting(self) -> int:
        """How many orders wait for a worker."""
        return len(self._queue)

    @property
    def working(self) -> int:
        """How many orders are with workers."""
        return len(self._with_worker)

    def stop(self) -> None:
        """Hand out nothing more."""
        self._is_stopping = True

    # Orders that wait.

    def queue_attempt(self, execution_id: ExecutionId, task_run_id: TaskRunId, number: int) -> None:
        self._queue.append(_Attempt(execution_id, task_run_id, number))

    def queue_evaluation(self, execution_id: ExecutionId, wanted: EvaluationOrdered) -> None:
        self._queue.append(_Evaluation(execution_id, wanted))

    async def ask(self, order: Order) -> Any:
        """Have a worker evaluate something that belongs to no execution's course. Raises `NoAnswer`. Who stops waiting
        ends it."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Question(order, answer))
        self._loop.wake()
        try:
            return await answer
        except asyncio.CancelledError:
            self._end(order.id)
            raise

    def _end(self, order_id: str) -> None:
        """Nobody waits for it any more. What a worker still says of it is passed over."""
        assert self._pool is not None
        if self._with_worker.pop(order_id, None) is not None:
            self._pool.kill(order_id)

    def assign(self, round_: Round, applies: Applies) -> None:
        """Give what waits to workers that are idle."""
        assert self._pool is not None
        while self._queue and not self._is_stopping:
            worker = self._pool.reserve(len(self._queue))
            if worker is None:
                return
            order = self._next_order(round_, applies, worker)
            if order is None:
                self._pool.release(worker)
                return
            round_.then(partial(self._send, worker, order))
            round_.or_else(partial(self._unsent, worker))

    def kill(self, task_run_id: TaskRunId, attempt: int) -> None:
        """End what a worker does for this attempt, if one has it."""
        assert self._pool is not None
        self._pool.kill(f"{task_run_id}#{attempt}")

    def drop_evaluation(self, task_run_id: TaskRunId, purpose: str) -> None:
        """Nobody waits for it any more."""
        for order_id, piece in tuple(self._with_worker.items()):
            if isinstance(piece, _Evaluation) and piece.wanted.id == task_run_id and piece.wanted.purpose == purpose:
                self._end(order_id)

    def timer_event(self, key: TimerKey, at: datetime) -> Event:
        return TimerFired(at=at, kind=key.kind, task_run_id=key.task_run_id)

    def _next_order(self, round_: Round, applies: Applies, worker: str) -> Order | None:
        while self._queue:
            piece = self._queue.popleft()
            order = self._order(round_, applies, worker, piece)
            if order is not None:
                self._with_worker[order.id] = piece
                return order
        return None

    def _order(self, round_: Round, applies: Applies, worker: str, piece: _Piece) -> Order | None:
        """The order for a piece; None if nobody wants it any more (it was killed while it waited)."""
        match piece:
            case _Question(order=order, answer=answer):
                return None if answer.done() else order
            case _Evaluation(execution_id=execution_id, wanted=wanted):
                live = self._executions.get(execution_id)
                if live is None:
                    return None
                return evaluation_for(live.deployed.plan, live.execution, wanted)
            case _Attempt(execution_id=execution_id, task_run_id=run_id, number=number):
                live = self._executions.get(execution_id)
                started = AttemptStarted(at=round_.at, task_run_id=run_id, attempt=number, worker=worker)
                if live is None or not applies.apply(round_, execution_id, started):
                    return None
                return order_for(live.deployed.plan, live.execution, run_id)

    def _send(self, worker: str, order: Order) -> None:
        assert self._pool is not None
        self._pool.send(worker, order)

    def _unsent(self, worker: str, _error: Exception) -> None:
        assert self._pool is not None
        self._pool.release(worker)

    # What workers report. Called by the pool, on the loop's thread.

    def report(self, report: Report) -> None:
        match report:
            case OrderLogged():
                self._loop.do(partial(self._logged, report.order_id, report.lines, report.metrics))
            case OrderEnded():
                self._loop.do(partial(self._ended, report))
            case WorkerIdle():
                self._loop.wake()
            case WorkerStarted():
                self._loop.do(partial(self._worker_started, report))
            case WorkerGone():
                self._loop.do(partial(self._worker_gone, report))
            case WorkerAsks():
                task = asyncio.get_running_loop().create_task(self._answer(report))
                self._asked.add(task)
                task.add_done_callback(self._asked.discard)

    def _logged(self, order_id: str, lines: tuple[LogLine, ...], metrics: tuple[Metric, ...], round_: Round) -> None:
        piece = self._with_worker.get(order_id)
        match piece:
            case _Question(order=order) if order.purpose == POLL:
                for line in lines:
                    round_.batch.add_log(_stored_line_of_trigger(order, line))
                return
            case _Attempt(task_run_id=run_id, number=number):
                attempt: int | None = number
            case _Evaluation(wanted=EvaluationOrdered(id=run_id, purpose=purpose)) if (
                purpose in FOLDER_ERRANDS and run_id
            ):
                attempt = None
            case _:
                return
        live = self._executions.get(piece.execution_id)
        run = live.execution.task_runs.get(run_id) if live else None
        if live is None or run is None:
            return
        for line in lines:
            round_.batch.add_log(_stored_line(live, run, attempt, line))
        for metric in metrics:
            round_.batch.add_metric(_stored_metric(live, run, metric, round_.at))
        round_.touch(live.execution)

    def _ended(self, report: OrderEnded, round_: Round) -> None:
        piece = self._with_worker.pop(report.order_id, None)
        match piece:
            case _Question(answer=answer):
                _settle_question(answer, report)
            case _Evaluation(execution_id=execution_id, wanted=wanted):
                self._apply(
                    round_,
                    execution_id,
                    Evaluated(
                        at=round_.at,
                        task_run_id=wanted.id,
                        purpose=wanted.purpose,
                        value=report.value,
                        failure=report.failure,
                    ),
                )
            case _Attempt():
                self._apply(
                    round_,
                    piece.execution_id,
                    AttemptEnded(
                        at=round_.at,
                        task_run_id=piece.task_run_id,
                        attempt=piece.number,
                        state=report.state,
                        outputs=report.outputs,
                        failure=report.failure,
                        wishes=report.wishes,
                        log_file=report.log_file,
                        chance=self._dice.fraction(),
                    ),
                )
            case None:
                _log.debug("dispatch.late order=%s", report.order_id)

    def _worker_started(self, report: WorkerStarted, round_: Round) -> None:
        self._processes[report.worker] = (report.pid, report.start_time)
        round_.batch.put_process(
            Process(
                pid=report.pid,
                started=report.start_time,
                group_id=report.pid,
                worker=report.worker,
                recorded_at=round_.at,
            )
        )

    def _worker_gone(self, report: WorkerGone, round_: Round) -> None:
        process = self._processes.pop(report.worker, None)
        if process is not None:
            round_.batch.remove_process(*process)
        piece = self._with_worker.pop(report.order_id, None) if report.order_id else None
        match piece:
            case _Question() | _Evaluation() if self._is_asked_again(piece):
                self._queue.append(replace(piece, lost=piece.lost + 1))
            case _Question(answer=answer):
                if not answer.done():
                    answer.set_exception(NoAnswer(_last_words(report, piece)))
            case _Evaluation(execution_id=execution_id, wanted=wanted):
                failure = Failure(message=_last_words(report, piece), kind=WORKER_LOST)
                self._apply(
                    round_,
                    execution_id,
                    Evaluated(at=round_.at, task_run_id=wanted.id, purpose=wanted.purpose, failure=failure),
                )
            case _Attempt():
                self._apply(
                    round_,
                    piece.execution_id,
                    WorkerLost(
                        at=round_.at,
                        task_run_id=piece.task_run_id,
                        attempt=piece.number,
                        message=report.message,
                        policy=self._worker_lost,
                        chance=self._dice.fraction(),
                    ),
                )
            case None:
                pass

    def _is_asked_again(self, piece: _Evaluation | _Question) -> bool:
        """As often as a task is tried again. The setting speaks of what authors write, and a template may call somebody;
        errands are ours, and begin anew."""
        return piece.lost < RESUBMITS_MAX and (self._worker_lost is WhenLost.RESUBMIT or piece.purpose in ERRANDS)

    def _apply(self, round_: Round, execution_id: str, event: Event) -> None:
        assert self._applies is not None
        self._applies.apply(round_, execution_id, event)

    async def _answer(self, report: WorkerAsks) -> None:
        assert self._pool is not None
        assert self._answers is not None
        piece = self._with_worker.get(report.order_id)
        if piece is None:
            return
        execution_id = piece.order.execution_id if isinstance(piece, _Question) else piece.execution_id
        live = self._executions.get(execution_id)
        namespace = piece.order.namespace if isinstance(piece, _Question) else live.key.namespace if live else ""
        try:
            value = await self._answers.answer(execution_id, namespace, report.kind, report.arguments)
        except NoAnswer as error:
            self._pool.answer(report.worker, report.ask_id, failure=str(error))
        else:
            self._pool.answer(report.worker, report.ask_id, value)


def _last_words(report: WorkerGone, piece: _Evaluation | _Question) -> str:
    return f"{report.message}, like {piece.lost} others that were asked before" if piece.lost else report.message


def _settle_question(answer: asyncio.Future[Any], report: OrderEnded) -> None:
    if answer.done():
        return
    if report.failure is None and report.state is State.SUCCESS:
        answer.set_result(report.value)
    else:
        answer.set_exception(NoAnswer(report.failure.message if report.failure else str(report.state)))


def _stored_line(live: Live, run: TaskRun, attempt: int | None, line: LogLine) -> StoredLogLine:
    return StoredLogLine(
        at=datetime.fromtimestamp(line.at / 1000, UTC),
        level=line.level,
        namespace=live.key.namespace,
        flow_id=live.key.flow_id,
        message=line.message,
        execution_id=live.execution.id,
        task_run_id=run.id,
        task_id=run.task_id,
        attempt=attempt,
    )


def _stored_line_of_trigger(order: Order, line: LogLine) -> StoredLogLine:
    """There is no execution yet, and may never be."""
    return StoredLogLine(
        at=datetime.fromtimestamp(line.at / 1000, UTC),
        level=line.level,
        namespace=order.namespace,
        flow_id=order.flow_id,
        message=line.message,
        trigger_id=order.task_id,
    )


def _stored_metric(live: Live, run: TaskRun, metric: Metric, at: datetime) -> StoredMetric:
    return StoredMetric(
        at=at,
        namespace=live.key.namespace,
        flow_id=live.key.flow_id,
        execution_id=live.execution.id,
        name=metric.name,
        kind=metric.kind,
        value=metric.value,
        task_run_id=run.id,
        task_id=run.task_id,
        tags=metric.tags,
    )
