"""Firing: everything that starts executions by itself - time, other flows, files, polls, a deadline that passed - and the
states of triggers, which all of it shares.

Built and ended here together; what each of them does stands in a module of its own.
"""

from datetime import datetime
from pathlib import Path

import tzlocal

from segue.model.state import State
from segue.runtime.clock import Clock, Dice
from segue.runtime.deadlines import Deadlines
from segue.runtime.deployed import Revisions
from segue.runtime.dispatch import Dispatch
from segue.runtime.file_triggers import FileTriggers
from segue.runtime.flow_triggers import FlowTriggers
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.polling import Poller
from segue.runtime.round import Round
from segue.runtime.scheduler import Scheduler
from segue.runtime.settings import Settings
from segue.runtime.starts import Starts
from segue.runtime.stopping import StopsAfter
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates, key_of
from segue.store.reads import triggers as stored
from segue.store.reads.readers import Readers
from segue.store.records import TriggerKey, TriggerState


class Firing:
    def __init__(
        self,
        settings: Settings,
        readers: Readers,
        revisions: Revisions,
        executions: LiveExecutions,
        loop: Loop,
        dispatch: Dispatch,
        starts: Starts,
        clock: Clock,
        dice: Dice,
        scopes: TriggerScopes,
    ) -> None:
        zone = tzlocal.get_localzone()
        self._readers = readers
        self._revisions = revisions
        self.states = states = TriggerStates(self._stored_states())
        self.starts = TriggerStarts(starts)
        self.scopes = scopes
        self.scheduler = Scheduler(
            revisions,
            executions,
            states,
            self.starts,
            loop,
            clock,
            zone,
            settings.recover_missed_schedules,
            scopes,
            self._was_fired,
        )
        self._flows = FlowTriggers(revisions, states, self.starts, zone, scopes)
        self._deadlines = Deadlines(revisions, states, self.starts, loop, clock, zone)
        self._stops_after = StopsAfter(revisions, states)
        watched = tuple(Path(each) for each in settings.watch_paths)
        self._files = FileTriggers(revisions, states, self.starts, loop, scopes, Path.cwd(), watched)
        self._poller = Poller(revisions, executions, states, self.starts, dispatch, loop, clock, dice, scopes)

    def begin(self) -> None:
        """From now on time passes for schedules."""
        self.scheduler.start()

    async def stop(self) -> None:
        self.scheduler.stop()
        self._deadlines.stop()
        await self._files.stop()
        await self._poller.stop()

    # When other flows are live than before.

    def refresh_listeners(self, round_: Round) -> None:
        """What fires when executions move: needed by whoever runs flows at all."""
        self._flows.refresh(round_)

    def refresh(self, round_: Round) -> None:
        """All else."""
        self.scheduler.refresh(round_)
        self._deadlines.refresh(round_)
        self._files.refresh(round_)
        self._poller.refresh(round_)
        self._forget(round_)

    def _forget(self, round_: Round) -> None:
        """What was remembered of triggers that no flow has any more."""
        live = self._revisions.live.flows.values()
        self.states.keep(round_, {key_of(deployed, each.id) for deployed in live for each in deployed.flow.triggers})

    def on_move(self, round_: Round, live: Live, state: State) -> None:
        """An execution has come to a state."""
        self._flows.on_move(round_, live, state)
        self.scheduler.on_move(round_, live, state)
        self._poller.on_move(round_, live, state)
        self._stops_after.on_move(round_, live, state)

    # What is stored.

    def _stored_states(self) -> tuple[TriggerState, ...]:
        with self._readers.snapshot(seconds_max=60) as connection:
            return stored.states(connection)

    def _was_fired(self, key: TriggerKey, fire_time: datetime) -> bool:
        with self._readers.snapshot() as connection:
            return stored.is_slot_fired(connection, key, fire_time)
