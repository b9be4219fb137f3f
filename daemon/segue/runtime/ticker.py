"""Wakes the loop for the next timer that is due. One handle on the event loop, whatever the number of timers."""

import asyncio
from datetime import datetime

from segue.runtime.clock import Clock
from segue.runtime.decisions import Decisions
from segue.runtime.loop import Loop
from segue.runtime.timers import Timers

# Looked at again after so long at most, so that a clock that was set forward is noticed.
_LONGEST_SECONDS = 1.0


class Ticker:
    def __init__(self, timers: Timers, loop: Loop, decisions: Decisions, clock: Clock) -> None:
        self._timers = timers
        self._loop = loop
        self._decisions = decisions
        self._clock = clock
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for: datetime | None = None

    def rearm(self) -> None:
        """After each tick: the next timer may be another one."""
        due = self._timers.next_due()
        if due == self._armed_for and self._handle is not None:
            return
        self._cancel()
        if due is not None:
            seconds = min(max((due - self._clock.now()).total_seconds(), 0.0), _LONGEST_SECONDS)
            self._armed_for = due
            self._handle = asyncio.get_running_loop().call_later(seconds, self._ring)

    def stop(self) -> None:
        self._cancel()

    def _ring(self) -> None:
        self._handle, self._armed_for = None, None
        due = self._timers.next_due()
        if due is not None and due <= self._clock.now():
            self._loop.do(self._decisions.fire_due)
        else:
            self.rearm()

    def _cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._armed_for = None, None
