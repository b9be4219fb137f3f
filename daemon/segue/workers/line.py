"""The line to one worker: its socket, its process, and what it does at the moment. The pool decides, this holds."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

from segue.model.order import Order
from segue.tasks.scripts import processes
from segue.workers.messages import FrameReader
from segue.workers.reports import OrderEnded

READ_BYTES: Final = 1 << 18


class Stage(Enum):
    STARTING = auto()
    IDLE = auto()
    RESERVED = auto()
    BUSY = auto()
    LEAVING = auto()


class Line:
    def __init__(self, name: str, end: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self.name = name
        self.end = end
        self.stage = Stage.STARTING
        self.since = loop.time()
        self.is_ready = False
        self.is_closed = False
        self.is_drained = False
        self.is_dead = False
        self.is_buried = False
        self.pid = 0
        self.pidfd: int | None = None
        self.start_time = 0
        self.exit_code: int | None = None
        self.last_words: str | None = None
        self.order: Order | None = None
        self.verdict: OrderEnded | None = None
        self._loop = loop
        self._reader = FrameReader()
        self._unsent = bytearray()
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def order_id(self) -> str | None:
        return None if self.order is None else self.order.id

    def is_soon_free(self, now: float, quick_seconds: float) -> bool:
        """Starts, or works on something that it got only a moment ago and may well be quick."""
        if self.stage in (Stage.BUSY, Stage.RESERVED):
            return now - self.since < quick_seconds
        return self.stage is Stage.STARTING

    def begin(self, pid: int, pidfd: int) -> None:
        facts = processes.facts_of(pid)
        self.pid, self.pidfd = pid, pidfd
        self.start_time = facts.start_time if facts else 0

    def take(self, order: Order, now: float) -> None:
        self.stage, self.order, self.since = Stage.BUSY, order, now

    def give_back(self) -> None:
        self.order, self.verdict = None, None
        self._cancel_timers()

    def rest(self, now: float) -> None:
        self.stage, self.since = Stage.IDLE, now

    def leave(self) -> None:
        self.stage = Stage.LEAVING
        if self._unsent:
            self._loop.remove_writer(self.end)
            self._unsent.clear()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Unless the order ends before, or the worker."""
        self._timers.append(self._loop.call_later(seconds, act))

    def write(self, frame: bytes) -> None:
        """At once as far as the socket takes it, the rest when it can."""
        if self._unsent:
            self._unsent += frame
            return
        sent = self._send(frame)
        if sent < len(frame):
            self._unsent += frame[sent:]
            self._loop.add_writer(self.end, self._on_writable)

    def frames(self) -> Iterator[bytes]:
        """Whole frames of what can be read now."""
        try:
            data = self.end.recv(READ_BYTES)
        except BlockingIOError:
            self.is_drained = True
            return
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return
        yield from self._reader.feed(data)

    def signal(self, number: signal.Signals) -> None:
        if self.pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    def kill_session(self) -> None:
        """The worker itself, at once; what it leaves is ended when it is buried."""
        self.signal(signal.SIGKILL)

    def close(self) -> None:
        self._cancel_timers()
        if self._unsent:
            self._loop.remove_writer(self.end)
        self.end.close()
        if self.pidfd is not None:
            os.close(self.pidfd)

    def obituary(self) -> str:
        """For the log of the attempt."""
        if self.last_words is not None:
            return f"{self.name} was ended: {self.last_words}"
        if self.exit_code is None:
            return f"{self.name} is gone"
        if self.exit_code < 0:
            return f"{self.name} was killed by signal {-self.exit_code} ({_signal_name(-self.exit_code)})"
        return f"{self.name} ended with code {self.exit_code}"

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self.end.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)  # it died: its pidfd tells

    def _on_writable(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self.end)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
