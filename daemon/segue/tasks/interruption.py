"""Interruption: how a kill, a timeout or the end of the daemon reaches a task that works.

A worker has one thread; signals reach it as an `Interrupted` raised wherever the task is. Around what must not be
cut in two (writing a frame, starting a process) it is held back for a moment.
"""

import contextlib
import signal
from collections.abc import Iterator
from enum import StrEnum
from types import FrameType


class Cause(StrEnum):
    KILL = "kill"
    TIMEOUT = "timeout"
    DAEMON_GONE = "daemon-gone"


_CAUSES = {
    signal.SIGTERM: Cause.KILL,
    signal.SIGALRM: Cause.TIMEOUT,
    signal.SIGHUP: Cause.DAEMON_GONE,
}


class Interrupted(BaseException):
    """Not an Exception: a task that catches everything must not catch this."""

    def __init__(self, cause: Cause) -> None:
        self.cause = cause
        super().__init__(cause)


class Interruption:
    """Turns signals into `Interrupted`, at most once for each time it is armed, and only while it is."""

    def __init__(self) -> None:
        self._is_armed = False
        self._held = 0
        self._pending: Cause | None = None
        self._was_early = False
        self._is_idle = False
        self._cause: Cause | None = None
        self.is_daemon_gone = False

    def install(self) -> None:
        for number in _CAUSES:
            signal.signal(number, self._on_signal)

    @contextlib.contextmanager
    def armed(self) -> Iterator[None]:
        """While an order is worked on. A signal that comes later was for what has just ended."""
        self._pending = self._cause = None
        self._is_armed = True
        try:
            yield
        finally:
            self._is_armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    @property
    def cause(self) -> Cause | None:
        """What has interrupted that which was worked on last, whatever became of the exception on its way."""
        return self._cause

    def was_early(self) -> bool:
        """Did a kill come while nothing was worked on: too late for the last order, or too early for this one."""
        early, self._was_early = self._was_early, False
        return early

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if not self._held and self._is_armed and self._pending is not None:
            self._raise(self._pending)

    @contextlib.contextmanager
    def idle(self) -> Iterator[None]:
        """While there is nothing to do: the worker leaves at once when the daemon is gone."""
        self._is_idle = True
        try:
            if self.is_daemon_gone and not self._is_armed:
                raise SystemExit
            yield
        finally:
            self._is_idle = False

    def after(self, seconds: float) -> None:
        """Time out then."""
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        cause = _CAUSES[signal.Signals(number)]
        if cause is Cause.DAEMON_GONE:
            self.is_daemon_gone = True
        if not self._is_armed:
            self._was_early = self._was_early or cause is Cause.KILL
            if self.is_daemon_gone and self._is_idle:
                raise SystemExit
            return
        if self._held:
            self._pending = self._pending or cause
        else:
            self._raise(cause)

    def _raise(self, cause: Cause) -> None:
        self._is_armed = False
        self._cause = cause
        raise Interrupted(cause)
