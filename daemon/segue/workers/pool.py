"""The pool: worker processes as the daemon sees them, all on its event loop.

A worker is starting, idle, reserved (the daemon writes down that it gets an attempt), busy with one order, or leaving.
Each has a socket of its own and a pidfd, so that one that dies, hangs or talks nonsense disturbs no other. The pool
grows while orders wait and nobody is about to become free, and shrinks when workers have nothing to do.

How an order ends that is cut short: the worker is asked (SIGTERM), ends its script's processes and reports. If it
does not within the grace time - it hangs in C code, say - its whole session is killed, and the pool reports for it.
"""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from segue.model.execution import Failure
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.context import clear_work
from segue.workers import messages, survivors
from segue.workers.line import Line, Stage
from segue.workers.messages import Answer, Asked, DeadlineSet, Ended, FrameRefused, FromWorker, Kill, Ready, Told
from segue.workers.nursery import Births, Nursery
from segue.workers.reports import (
    OrderEnded,
    OrderLogged,
    Report,
    WorkerAsks,
    WorkerGone,
    WorkerIdle,
    WorkerStarted,
)
from segue.workers.settings import PoolSettings

# An order that takes longer than this is one that others should not wait for.
QUICK_SECONDS: Final = 0.025
# What a worker gets on top of the grace time before it is ended by force.
MARGIN_SECONDS: Final = 2.0
_STATUS_WAIT_SECONDS: Final = 0.5
_LEAVE_SECONDS: Final = 5.0
_RESTART_SECONDS: Final = 1.0


class Pool:
    """All methods are to be called on the loop that `start` was called on."""

    def __init__(self, settings: PoolSettings, report: Callable[[Report], None]) -> None:
        self._settings = settings
        self._report = report
        births = Births(started=self._on_started, ended=self._on_ended_process, lost=self._on_nursery_lost)
        self._nursery = Nursery(settings.worker, births)
        self._lines: dict[str, Line] = {}
        self._idle: deque[str] = deque()  # the one that was busy last at the end
        self._orders: dict[str, Line] = {}
        self._waiting = 0
        self._counted = 0
        self._is_started = False
        self._is_stopping = False
        self._growth: asyncio.TimerHandle | None = None
        self._shrinking: asyncio.TimerHandle | None = None
        self._is_empty = asyncio.Event()
        self._burials: set[asyncio.Task[None]] = set()
        self._starts_from = 0.0
        self._cores = len(os.sched_getaffinity(0))

    # What the daemon calls ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begins to start the first workers; `WorkerIdle` tells when each is there."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(clear_work, self._settings.worker.work)
        self._is_started = True
        self._nursery.open()
        self._start_workers(self._settings.workers_min)
        self._shrink_later()

    def reserve(self, waiting: int = 1) -> str | None:
        """An idle worker, now reserved. None: there is none; one will be reported idle, or an order will end.

        `waiting` is how many orders want a worker: the pool grows by it.
        """
        if self._is_stopping or not self._is_started:
            return None
        if self._idle:
            name = self._idle.pop()
            self._lines[name].stage = Stage.RESERVED
            self._waiting = max(waiting - 1, 0)
            return name
        self._waiting = waiting
        self._grow()
        return None

    def release(self, worker: str) -> None:
        """Gives a reserved worker back unused."""
        line = self._lines.get(worker)
        if line is not None and line.stage is Stage.RESERVED:
            self._become_idle(line)

    def send(self, worker: str, order: Order) -> None:
        """The order to a reserved worker. If that has died meanwhile the order is reported as one whose worker is gone."""
        line = self._lines.get(worker)
        if line is None or line.stage is not Stage.RESERVED or line.is_dead:
            gone = WorkerGone(worker=worker, order_id=order.id, message=f"{worker} ended before it got the order")
            self._loop.call_soon(self._report, gone)
            return
        try:
            frame = messages.frame_of(order)
        except (FrameRefused, ValueError, TypeError, RecursionError) as error:
            self._become_idle(line)
            failure = Failure(message=f"The order cannot be sent to a worker: {error}")
            ended = OrderEnded(order_id=order.id, worker=worker, state=State.FAILED, failure=failure)
            self._loop.call_soon(self._report, ended)
            return
        line.take(order, self._loop.time())
        self._orders[order.id] = line
        if order.purpose is not None and not order.is_errand:
            seconds = self._settings.evaluation_timeout.total_seconds()
            failure = Failure(message=f"The evaluation took longer than {seconds:g} s", kind="timeout")
            self._end_order_after(line, seconds, State.FAILED, failure)
        line.write(frame)

    def kill(self, order_id: str) -> bool:
        """Ends the order: it is reported KILLED unless it ended just now. False: no worker has it."""
        line = self._orders.get(order_id)
        if line is None:
            return False
        # The signal may come before the worker has read its order: the frame tells then what it was for.
        line.write(messages.frame_of(Kill(order_id=order_id)))
        line.signal(signal.SIGTERM)
        grace = self._settings.worker.kill_grace.total_seconds() + MARGIN_SECONDS
        self._end_order_after(line, grace, State.KILLED, Failure(message="Killed", kind="killed"))
        return True

    def answer(self, worker: str, ask_id: int, value: Any = None, failure: str | None = None) -> None:
        """To `WorkerAsks`: a value, or a text that says why there is none."""
        line = self._lines.get(worker)
        if line is None or line.stage is not Stage.BUSY:
            return
        try:
            frame = messages.frame_of(Answer(ask_id=ask_id, value=value, failure=failure))
        except (FrameRefused, ValueError, TypeError, RecursionError) as error:
            frame = messages.frame_of(Answer(ask_id=ask_id, failure=f"The answer cannot be sent: {error}"))
        line.write(frame)

    async def stop(self, grace_seconds: float | None = None) -> None:
        """Ends every worker and what it runs. Orders that have not ended are reported with `WorkerGone`."""
        grace = self._settings.worker.kill_grace.total_seconds() if grace_seconds is None else grace_seconds
        self._is_stopping = True
        if not self._lines:
            self._is_empty.set()
        if not self._is_started:
            return
        for timer in (self._growth, self._shrinking):
            if timer is not None:
                timer.cancel()
        for line in tuple(self._lines.values()):
            if line.stage is Stage.BUSY:
                line.signal(signal.SIGHUP)
            elif line.stage is not Stage.LEAVING:
                self._dismiss(line)
        await self._all_gone(grace + MARGIN_SECONDS)
        for line in tuple(self._lines.values()):
            line.kill_session()
        await self._all_gone(_LEAVE_SECONDS)
        await self._nursery.close()

    @property
    def processes(self) -> tuple[tuple[str, int, int], ...]:
        """(name, process id, start time) of every worker."""
        return tuple((line.name, line.pid, line.start_time) for line in self._lines.values() if line.pid)

    # Growing and shrinking ---------------------------------------------------------------------------------------

    def _grow(self) -> None:
        """Start workers for orders that wait, unless enough will be free in a moment: more processes than cores
        make quick orders slower, but slow ones must not hold up the others."""
        now = self._loop.time()
        soon_free = sum(1 for line in self._lines.values() if line.is_soon_free(now, QUICK_SECONDS))
        missing = min(self._waiting, max(self._cores, len(self._lines))) - soon_free
        if soon_free < self._cores and missing > 0:
            self._start_workers(missing)
        if self._growth is None and self._waiting and len(self._lines) < self._settings.workers_max:
            self._growth = self._loop.call_later(QUICK_SECONDS, self._grow_again)

    def _grow_again(self) -> None:
        self._growth = None
        if self._waiting and not self._idle and not self._is_stopping:
            self._grow()

    def _start_workers(self, count: int) -> None:
        if self._loop.time() < self._starts_from:
            return
        for _ in range(min(count, self._settings.workers_max - len(self._lines))):
            self._counted += 1
            name = f"worker-{self._counted}"
            line = Line(name, self._nursery.start_worker(name), self._loop)
            self._lines[name] = line
            self._is_empty.clear()
            self._loop.add_reader(line.end, self._on_readable, line)

    def _shrink_later(self) -> None:
        interval = max(self._settings.idle_timeout.total_seconds() / 4, 0.05)
        self._shrinking = self._loop.call_later(interval, self._shrink)

    def _shrink(self) -> None:
        """Dismiss the workers that have been idle for longest."""
        long_ago = self._loop.time() - self._settings.idle_timeout.total_seconds()
        too_many = sum(line.stage is not Stage.LEAVING for line in self._lines.values()) - self._settings.workers_min
        while self._idle and too_many > 0:
            line = self._lines[self._idle[0]]
            if line.since > long_ago:
                break
            self._idle.popleft()
            self._dismiss(line)
            too_many -= 1
        if too_many < 0:
            self._start_workers(-too_many)
        self._shrink_later()

    def _dismiss(self, line: Line) -> None:
        """The worker sees its socket closed and leaves."""
        line.leave()
        self._loop.remove_reader(line.end)
        line.end.close()
        line.later(_LEAVE_SECONDS, line.kill_session)

    def _become_idle(self, line: Line) -> None:
        if line.is_dead:
            return  # it is buried, or will be
        if self._is_stopping:
            self._dismiss(line)
            return
        line.rest(self._loop.time())
        self._idle.append(line.name)

    # What workers say --------------------------------------------------------------------------------------------

    def _on_readable(self, line: Line) -> None:
        try:
            for frame in line.frames():
                self._on_message(line, messages.from_worker(frame))
        except FrameRefused as error:
            line.last_words = f"it said something that is no message: {error}"
            self._loop.remove_reader(line.end)
            line.kill_session()
        if line.is_closed and line.stage is not Stage.LEAVING:
            self._loop.remove_reader(line.end)
            # Its process is about to end; if only the socket is closed, it ends now.
            line.later(_STATUS_WAIT_SECONDS, line.kill_session)

    def _on_message(self, line: Line, message: FromWorker) -> None:
        match message:
            case Ready():
                line.is_ready = True
                self._greet(line)
            case Told():
                if message.order_id == line.order_id:
                    self._report(OrderLogged(order_id=message.order_id, lines=message.lines, metrics=message.metrics))
            case DeadlineSet():
                if message.order_id == line.order_id:
                    seconds = message.seconds + self._settings.worker.kill_grace.total_seconds() + MARGIN_SECONDS
                    self._end_order_after(line, seconds, State.FAILED, message.failure)
            case Asked():
                if message.order_id == line.order_id:
                    self._report(
                        WorkerAsks(
                            worker=line.name,
                            ask_id=message.ask_id,
                            order_id=message.order_id,
                            kind=message.kind,
                            arguments=message.arguments,
                        )
                    )
            case Ended():
                if message.order_id == line.order_id:
                    self._on_order_ended(line, message)

    def _on_order_ended(self, line: Line, message: Ended) -> None:
        if message.lines or message.metrics:
            self._report(OrderLogged(order_id=message.order_id, lines=message.lines, metrics=message.metrics))
        self._orders.pop(message.order_id, None)
        line.give_back()
        if message.is_worn:
            self._dismiss(line)
        else:
            self._become_idle(line)
        self._report(
            OrderEnded(
                order_id=message.order_id,
                worker=line.name,
                state=message.state,
                outputs=message.outputs,
                failure=message.failure,
                wishes=message.wishes,
                value=message.value,
                log_file=message.log_file,
            )
        )

    def _end_order_after(self, line: Line, seconds: float, state: State, failure: Failure) -> None:
        order_id = line.order_id
        assert order_id is not None

        def end_by_force() -> None:
            if line.order_id == order_id:
                line.verdict = OrderEnded(order_id=order_id, worker=line.name, state=state, failure=failure)
                line.kill_session()

        line.later(seconds, end_by_force)

    # Births and deaths -------------------------------------------------------------------------------------------

    def _on_started(self, name: str, pid: int, pidfd: int) -> None:
        line = self._lines.get(name)
        if line is None:
            os.close(pidfd)
            return
        line.begin(pid, pidfd)
        self._loop.add_reader(pidfd, self._on_death, line)
        self._report(WorkerStarted(worker=name, pid=pid, start_time=line.start_time))
        if line.stage is Stage.LEAVING:
            return
        self._greet(line)

    def _greet(self, line: Line) -> None:
        """Both are known by now: that it runs, and that it waits."""
        if line.pid and line.is_ready and line.stage is Stage.STARTING:
            self._become_idle(line)
            self._waiting = max(self._waiting - 1, 0)
            self._report(WorkerIdle(worker=line.name))

    def _on_death(self, line: Line) -> None:
        """Its process has ended. How, the forkserver tells in a moment."""
        assert line.pidfd is not None
        self._loop.remove_reader(line.pidfd)
        line.is_dead = True
        if line.name in self._idle:
            self._idle.remove(line.name)
        if line.exit_code is not None:
            self._bury_later(line)
        else:
            line.later(_STATUS_WAIT_SECONDS, lambda: self._bury_later(line))

    def _on_ended_process(self, pid: int, exit_code: int) -> None:
        line = next((line for line in self._lines.values() if line.pid == pid), None)
        if line is not None:
            line.exit_code = exit_code
            if line.is_dead:
                self._bury_later(line)

    def _on_nursery_lost(self) -> None:
        """Those that were being started never will be; the others got SIGHUP and die by themselves."""
        self._starts_from = self._loop.time() + _RESTART_SECONDS
        for line in tuple(self._lines.values()):
            if not line.pid:
                line.last_words = "the process that starts workers has ended"
                self._bury_later(line)

    def _bury_later(self, line: Line) -> None:
        if self._lines.get(line.name) is not line or line.is_buried:
            return
        line.is_buried = True
        if line.stage is not Stage.LEAVING:
            self._loop.remove_reader(line.end)
            self._hear_out(line)
        if line.name in self._idle:
            self._idle.remove(line.name)
        burial = self._loop.create_task(self._bury(line))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    def _hear_out(self, line: Line) -> None:
        """What it said before it died."""
        line.is_drained = False
        while not (line.is_closed or line.is_drained or line.last_words):
            self._on_readable(line)

    async def _bury(self, line: Line) -> None:
        """Nothing of its order may run on when the order is given to another worker."""
        order = line.order
        if line.pid and (order is not None or line.exit_code != 0):
            task_run_id, attempt = (order.task_run_id, order.attempt) if order else (None, 0)
            instance = self._settings.worker.instance
            await asyncio.to_thread(survivors.end_attempt, line.pid, instance, task_run_id, attempt)
        line.close()
        del self._lines[line.name]
        if order is not None:
            self._orders.pop(order.id, None)
        if line.verdict is not None and order is not None:
            self._report(replace(line.verdict))
            order = None
        gone = WorkerGone(worker=line.name, order_id=order.id if order else None, message=line.obituary())
        self._report(gone)
        if not self._lines:
            self._is_empty.set()

    async def _all_gone(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_empty.wait()
