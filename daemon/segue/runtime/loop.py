"""The loop: the engine's shell. News comes in, the engine decides, one transaction is written, then it is acted on.

Theory. Everything that changes an execution happens in `tick`, on the event loop's thread. A tick takes the work that
waits (each piece a function of the round), hands orders to idle workers, and submits the round's batch. The next tick
may decide more before that batch is durable: batches become durable in the order they were submitted, and a round's
acts (an order sent, a caller answered, a page told) wait for their own batch. So nothing outside ever sees what a
crash could take back.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from segue.model.event import Event
from segue.runtime.clock import Clock
from segue.runtime.round import Round
from segue.store.errors import StoreError
from segue.store.writer import Writer
from segue.web.live import EXECUTIONS, Doorbells

T = TypeVar("T")
Work = Callable[[Round], T]

# Pieces of work in one tick: about ten milliseconds' worth, so that web requests are not kept waiting.
WORK_PER_TICK_MAX: Final = 200
_INSIST_SECONDS: Final = 5.0

_log = logging.getLogger("segue.loop")


class Busy(Exception):
    """Nothing new can be taken in now: the disk is full, or too much waits to be written."""


class _Piece(Struct):
    work: Work[Any]
    answer: asyncio.Future[Any] | None = None


class Decide(Protocol):
    """What the loop needs from the wiring: apply an event to an execution, and hand out orders."""

    def apply(self, round_: Round, execution_id: str, event: Event) -> bool: ...
    def assign(self, round_: Round) -> None: ...


class Loop:
    """One for a daemon; made and used on its event loop's thread."""

    def __init__(self, clock: Clock, writer: Writer, bells: Doorbells) -> None:
        self._clock = clock
        self._writer = writer
        self._bells = bells
        self._inbox: deque[_Piece] = deque()
        self._is_woken = False
        self._rounds_submitted = 0
        self._rounds_settled = 0
        self._readers: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._decide: Decide | None = None
        self._running = asyncio.get_running_loop()
        self._after_tick: Callable[[], None] | None = None
        self.decided = 0

    def bind(self, decide: Decide) -> None:
        """Say who applies events. Once, before the first piece of work."""
        self._decide = decide

    def after_tick(self, look: Callable[[], None]) -> None:
        """Call this after each tick."""
        self._after_tick = look

    # Asking for work.

    def post(self, execution_id: str, event: Event) -> None:
        """News about an execution, to be decided on in the next tick."""
        self.do(lambda round_: self._applied(round_, execution_id, event))

    def do(self, work: Work[None]) -> None:
        """A piece of work in the next tick; nobody waits for it."""
        self._inbox.append(_Piece(work))
        self.wake()

    async def call(self, work: Work[T]) -> T:
        """Do a piece of work in the next tick; gives its answer once what it decided is durable. Raises `Busy`."""
        reason = self.trouble
        if reason is not None:
            raise Busy(reason)
        answer: asyncio.Future[T] = self._running.create_future()
        self._inbox.append(_Piece(work, answer))
        self.wake()
        return await answer

    async def insist(self, work: Work[None]) -> None:
        """Do a piece of work as soon as it can be written: a full disk delays what was seen and does not lose it."""
        while True:
            try:
                return await self.call(work)
            except Busy:
                await asyncio.sleep(_INSIST_SECONDS)

    def wake(self) -> None:
        """See to it that a tick follows."""
        if not self._is_woken:
            self._is_woken = True
            self._running.call_soon(self.tick)

    @property
    def trouble(self) -> str | None:
        """Why nothing new is taken in; None when all is well."""
        health = self._writer.health
        if health.reason is not None:
            return health.reason
        return f"{health.waiting} decisions wait to be written" if self._writer.is_congested else None

    @property
    def is_all_durable(self) -> bool:
        """Is all that was decided written?"""
        return self._rounds_settled == self._rounds_submitted

    async def durable(self) -> None:
        """Wait until all that is decided by now is written: before that nobody outside may see it."""
        if not self.is_all_durable:
            written: asyncio.Future[None] = self._running.create_future()
            self._readers.append((self._rounds_submitted, written))
            await written

    @property
    def is_idle(self) -> bool:
        return not self._inbox and self.is_all_durable

    # Deciding.

    def tick(self) -> None:
        """Decide on what waits, and hand it to be written."""
        self._is_woken = False
        assert self._decide is not None
        round_ = Round(self._clock.now())
        for _ in range(min(len(self._inbox), WORK_PER_TICK_MAX)):
            self._do_one(round_, self._inbox.popleft())
        self._decide.assign(round_)
        self._submit(round_)
        if self._after_tick is not None:
            self._after_tick()
        if self._inbox:
            self.wake()

    def _do_one(self, round_: Round, piece: _Piece) -> None:
        self.decided += 1
        try:
            answer = piece.work(round_)
        except Exception as error:  # noqa: BLE001 - the loop's tick: a bug in one piece must not stop the others
            _log.exception("loop.bug")
            if piece.answer is not None:
                round_.then(partial(_raise, piece.answer, error))
            return
        if piece.answer is not None:
            round_.then(partial(_resolve, piece.answer, answer))
            round_.or_else(partial(_refuse, piece.answer))

    def _applied(self, round_: Round, execution_id: str, event: Event) -> None:
        assert self._decide is not None
        self._decide.apply(round_, execution_id, event)

    def _submit(self, round_: Round) -> None:
        if not round_.batch:
            self._act(round_)
            return
        self._rounds_submitted += 1
        self._writer.submit(round_.batch, partial(self._on_durable, round_))

    def _on_durable(self, round_: Round, error: StoreError | None) -> None:
        """Called on the writer's thread."""
        try:
            self._running.call_soon_threadsafe(self._on_settled, round_, error)
        except RuntimeError:
            _log.debug("loop.closed: a batch became durable after the end")

    def _on_settled(self, round_: Round, error: StoreError | None) -> None:
        self._rounds_settled += 1
        if error is None:
            self._act(round_)
        else:
            _log.error("loop.batch_refused error=%s", error)
            for tell in round_.failures:
                tell(error)
        while self._readers and self._readers[0][0] <= self._rounds_settled:
            _resolve(self._readers.popleft()[1], None)

    def _act(self, round_: Round) -> None:
        for act in round_.acts:
            act()
        if round_.topics:
            self._bells.ring(EXECUTIONS)
            for topic in round_.topics:
                self._bells.ring(topic)


def _resolve(answer: asyncio.Future[Any], value: Any) -> None:
    if not answer.done():
        answer.set_result(value)


def _raise(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _refuse(answer: asyncio.Future[Any], error: StoreError) -> None:
    _raise(answer, Busy(str(error)))
