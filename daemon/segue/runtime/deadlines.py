"""Deadlines of flow triggers (`onMiss`): at the end of a window in which the trigger has not fired, an execution in FAILED
says so.

Up to when a trigger's windows have been looked at is kept with its state: a window that ends while the daemon is down
is told at the next start, once, whatever the number of those that ended.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from msgspec.structs import replace

from segue.engine.deadlines import Deadline, deadline_of, is_missed
from segue.engine.windows import Bounds
from segue.model.execution import TriggeredBy
from segue.model.revision import FlowKey
from segue.model.trigger import Trigger
from segue.runtime.clock import Clock
from segue.runtime.deployed import Revisions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerStarts, TriggerStates, key_of
from segue.store.records import TriggerKey

_SEEN: Final = "deadline"  # the note that says up to when windows have been looked at
_LONGEST_SECONDS: Final = 30.0  # then the clock is looked at anew: it may have been set forward

_log = logging.getLogger("segue.deadlines")


class Deadlines:
    """All flow triggers of the live flows that are held to a window."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        starts: TriggerStarts,
        loop: Loop,
        clock: Clock,
        zone: tzinfo,
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._starts = starts
        self._loop = loop
        self._clock = clock
        self._zone = zone
        self._held: Mapping[TriggerKey, tuple[Trigger, Deadline]] = {}
        self._handle: asyncio.TimerHandle | None = None

    def refresh(self, round_: Round) -> None:
        """Hold those of the flows that are live now; a new one from now on."""
        self._held = {
            key_of(deployed, trigger.id): (trigger, deadline)
            for deployed in self._revisions.live.flows.values()
            if deployed.flow.why_off is None
            for trigger in deployed.flow.triggers
            if not trigger.disabled and (deadline := deadline_of(trigger)) is not None
        }
        for key in self._held:
            if _seen(self._states.of(key, round_.at).notes) is None:
                self._see(round_, key)
        self.look(round_)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def look(self, round_: Round) -> None:
        """Tell what was missed by now, and wake again for the next window that ends."""
        for key, (trigger, deadline) in self._held.items():
            self._look_at(round_, key, trigger, deadline)
        self._arm(round_.at)

    def _look_at(self, round_: Round, key: TriggerKey, trigger: Trigger, deadline: Deadline) -> None:
        state = self._states.of(key, round_.at)
        ended = deadline.last_ended(_seen(state.notes) or round_.at, round_.at, self._zone)
        if ended is None:
            return
        if not state.is_disabled and is_missed(ended, state.last_fired_at):
            self._fail(round_, key, trigger, deadline, ended)
        self._see(round_, key)

    def _fail(self, round_: Round, key: TriggerKey, trigger: Trigger, deadline: Deadline, window: Bounds) -> None:
        by = TriggeredBy(id=trigger.id, type=trigger.type, variables={})
        wanted = Wanted(flow=FlowKey(key.namespace, key.flow_id), trigger=by, trigger_labels=deadline.labels)
        assert window.end is not None
        said = f"Trigger `{trigger.id}` was not satisfied by {window.end.isoformat(timespec='seconds')}"
        made = self._starts.fail(round_, key, wanted, said)
        _log.info("deadlines.missed trigger=%s execution=%s", key, made and made.id)

    def _see(self, round_: Round, key: TriggerKey) -> None:
        state = self._states.of(key, round_.at)
        self._states.put(round_, replace(state, notes={**state.notes, _SEEN: round_.at.isoformat()}))

    def _arm(self, now: datetime) -> None:
        self.stop()
        windows = (deadline.window_after(now, self._zone) for _, deadline in self._held.values())
        ends = [window.end for window in windows if window is not None and window.end is not None]
        if not ends:
            return
        seconds = (min(ends) - self._clock.now()).total_seconds()
        # Not before the end by the clock, which the event loop's does not follow to the millisecond.
        wait = min(max(seconds, 0.0) + 0.002, _LONGEST_SECONDS)
        self._handle = asyncio.get_running_loop().call_later(wait, self._loop.do, self.look)


def _seen(notes: Mapping[str, object]) -> datetime | None:
    text = notes.get(_SEEN)
    return datetime.fromisoformat(text) if isinstance(text, str) else None
