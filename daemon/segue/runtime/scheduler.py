"""Schedules: which fire time comes next, waking for it, and starting what it asks for.

What is due is decided by `engine.due` from what is remembered; APScheduler only wakes us. A fire time that is used up
is written in the same transaction as the execution it gave, so that nothing fires twice whatever the clock does.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from msgspec.structs import replace

from segue.engine.conditions import Circumstances
from segue.engine.due import (
    Backfill,
    BadSchedule,
    Fail,
    Fire,
    ScheduleState,
    Timetable,
    Wait,
    after_end,
    begin,
    due,
    enabled,
    timetable,
)
from segue.engine.request import request_of
from segue.model.execution import TriggeredBy
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.model.trigger import RecoverMissed, Schedule, ScheduleOnDates, Trigger
from segue.runtime.clock import Clock
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates, key_of
from segue.store.records import FiredSlot, TriggerKey, TriggerState

# Fires of one trigger in one look: a long catch-up leaves room for others.
FIRES_AT_ONCE_MAX: Final = 100
_LINE: Final = "schedule"  # the note that holds the times a state was made for

_log = logging.getLogger("segue.scheduler")


class Scheduler:
    """All schedules of the live flows."""

    def __init__(
        self,
        revisions: Revisions,
        executions: LiveExecutions,
        states: TriggerStates,
        starts: TriggerStarts,
        loop: Loop,
        clock: Clock,
        zone: tzinfo,
        recover: RecoverMissed,
        scopes: TriggerScopes,
        was_fired: Callable[[TriggerKey, datetime], bool],
    ) -> None:
        self._revisions = revisions
        self._executions = executions
        self._states = states
        self._starts = starts
        self._loop = loop
        self._clock = clock
        self._zone = zone
        self._recover = recover
        self._scopes = scopes
        self._was_fired = was_fired
        self._timer = AsyncIOScheduler(timezone=UTC)
        self._deployed: dict[TriggerKey, Deployed] = {}

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        if self._timer.running:
            self._timer.shutdown(wait=False)

    # The world changed.

    def refresh(self, round_: Round) -> None:
        """Follow the schedules of the flows that are live now."""
        wanted = dict(_schedules(self._revisions))
        for key in self._deployed.keys() - wanted.keys():
            self._drop(round_, key)
        for key, deployed in wanted.items():
            known = self._deployed.get(key)
            self._deployed[key] = deployed
            if known is not deployed:
                self._take_up(round_, key, deployed, is_start=known is None)

    def _drop(self, round_: Round, key: TriggerKey) -> None:
        """The trigger is gone or disabled in its flow: what was remembered of its times goes too."""
        del self._deployed[key]
        self._disarm(key)
        self._states.remove(round_, key)

    def _take_up(self, round_: Round, key: TriggerKey, deployed: Deployed, *, is_start: bool) -> None:
        table = self._table(key, deployed, round_.at)
        if table is None:
            self._states.put(round_, self._states.of(key, round_.at))  # by which its log is found
            return
        line = _line_of(table.trigger)
        state = self._states.get(key)
        is_known = state is not None and state.notes.get(_LINE) == line
        if is_known and not is_start:
            self.look(key, round_)
            return
        memory = _memory(state) if state is not None and is_known else None
        begun = begin(table, memory, round_.at)
        if state is not None and state.is_disabled:
            begun = replace(begun, is_disabled=True)
        base = state or TriggerState(key=key, updated_at=round_.at)
        self._states.put(round_, _remembered(base, begun, line))
        self.look(key, round_)

    # Time comes.

    def look(self, key: TriggerKey, round_: Round) -> None:
        """Do what is due of one schedule, and wake again for what comes next."""
        deployed, state = self._deployed.get(key), self._states.get(key)
        if deployed is None or state is None:
            return
        table = self._table(key, deployed, round_.at)
        if table is None:
            return
        for _ in range(FIRES_AT_ONCE_MAX):
            decision = due(table, _memory(state), round_.at, is_busy=self._is_busy(state))
            match decision:
                case Wait(until=until, state=memory):
                    state = _remembered(state, memory)
                    if until is None or until > round_.at:
                        self._states.put(round_, state)
                        self._arm(key, until)
                        return
                case Fire():
                    state = self._fire(round_, table, deployed, state, decision)
                case Fail():
                    state = self._fail(round_, table, state, decision)
        self._states.put(round_, state)
        self._loop.do(partial(self.look, key))

    def _fire(
        self, round_: Round, table: Timetable, deployed: Deployed, state: TriggerState, fire: Fire
    ) -> TriggerState:
        slot = fire.dates.date.astimezone(UTC)
        after = _remembered(state, fire.state)
        if fire.backfill is None and self._was_fired(state.key, slot):
            _log.warning("scheduler.fired_before trigger=%s at=%s", state.key, slot)
            return after
        request = request_of(
            table.trigger,
            fire.dates.variables,
            self._scopes.of(deployed, table.trigger.id, round_.at),
            inputs=fire.backfill.inputs if fire.backfill else None,
            labels={key: str(value) for key, value in fire.backfill.labels.items()} if fire.backfill else None,
        )
        made = self._starts.start(round_, state.key, request, scheduled_at=slot)
        if fire.backfill is None:
            slot_id = made.id if made else None
            round_.batch.add_fired_slot(FiredSlot(key=state.key, fire_time=slot, execution_id=slot_id))
        _log.info("scheduler.fired trigger=%s at=%s execution=%s", state.key, slot, made.id if made else None)
        return replace(after, execution_id=made.id if made else None)

    def _fail(self, round_: Round, table: Timetable, state: TriggerState, failed: Fail) -> TriggerState:
        trigger = TriggeredBy(id=table.trigger.id, type=table.trigger.type, variables=failed.dates.variables)
        flow = FlowKey(state.key.namespace, state.key.flow_id)
        wanted = Wanted(flow=flow, trigger=trigger, scheduled_at=failed.dates.date.astimezone(UTC))
        self._starts.fail(round_, state.key, wanted, self._scopes.told(failed.message))
        return _remembered(state, failed.state)

    def on_move(self, round_: Round, live: Live, state: State) -> None:
        """An execution moved: the schedule that waits for it may go on."""
        trigger = live.execution.trigger
        if trigger is None or not state.is_final:
            return
        key = TriggerKey(live.key.namespace, live.key.flow_id, trigger.id)
        remembered = self._states.get(key)
        deployed = self._deployed.get(key)
        if remembered is None or deployed is None or remembered.execution_id != live.execution.id:
            return
        declared = deployed.flow.trigger(trigger.id)
        memory = _memory(remembered)
        if declared is not None:
            memory = after_end(declared, memory, state)
        self._states.put(round_, replace(_remembered(remembered, memory), execution_id=None))
        self.look(key, round_)

    # What a person does to a trigger.

    def set_disabled(self, round_: Round, key: TriggerKey, *, disabled: bool) -> None:
        state = self._states.of(key, round_.at)
        deployed = self._deployed.get(key)
        table = self._table(key, deployed, round_.at) if deployed else None
        if table is None or disabled:
            self._states.put(round_, replace(state, is_disabled=disabled))
        else:
            memory = enabled(table, _memory(state), round_.at)
            self._states.put(round_, _remembered(state, memory))
        self.look(key, round_)

    def unlock(self, round_: Round, key: TriggerKey) -> None:
        self._states.put(round_, replace(self._states.of(key, round_.at), execution_id=None))
        self.look(key, round_)

    def forget(self, round_: Round, key: TriggerKey) -> None:
        """Begin anew with a trigger, as if its flow had just come."""
        self._disarm(key)
        self._states.remove(round_, key)
        deployed = self._deployed.get(key)
        if deployed is not None:
            self._take_up(round_, key, deployed, is_start=True)

    def set_backfill(self, round_: Round, key: TriggerKey, backfill: Backfill | None) -> None:
        state = self._states.of(key, round_.at)
        self._states.put(round_, _remembered(state, replace(_memory(state), backfill=backfill)))
        self.look(key, round_)

    def backfill_of(self, key: TriggerKey) -> Backfill | None:
        state = self._states.get(key)
        return _memory(state).backfill if state else None

    def follows(self, key: TriggerKey) -> bool:
        return key in self._deployed

    def _is_busy(self, state: TriggerState) -> bool:
        live = self._executions.get(state.execution_id) if state.execution_id else None
        return live is not None and not live.execution.state.is_final

    def _table(self, key: TriggerKey, deployed: Deployed, at: datetime) -> Timetable | None:
        trigger = deployed.flow.trigger(key.trigger_id)
        if trigger is None:
            return None
        circumstances = Circumstances(
            scope=self._scopes.of_conditions(deployed, trigger.id, at),
            namespace=key.namespace,
            flow_id=key.flow_id,
        )
        try:
            return timetable(trigger, circumstances, zone=self._zone, recover=self._recover)
        except BadSchedule as error:
            _log.warning("scheduler.bad_schedule trigger=%s error=%s", key, error)
            said = str(error)
            self._loop.do(lambda round_: self._starts.log(round_, key, "ERROR", said))
            return None

    def _arm(self, key: TriggerKey, until: datetime | None) -> None:
        if until is None:
            self._disarm(key)
            return
        # A timer may wake a little early by its own clock; a millisecond late is never early.
        self._timer.add_job(
            self._wake,
            DateTrigger(run_date=until + timedelta(milliseconds=1), timezone=UTC),
            args=[key],
            id=str(key),
            replace_existing=True,
            misfire_grace_time=None,
        )

    def _disarm(self, key: TriggerKey) -> None:
        if self._timer.get_job(str(key)) is not None:
            self._timer.remove_job(str(key))

    async def _wake(self, key: TriggerKey) -> None:
        self._loop.do(partial(self.look, key))


def _schedules(revisions: Revisions) -> list[tuple[TriggerKey, Deployed]]:
    return [
        (key_of(deployed, trigger.id), deployed)
        for deployed in revisions.live.flows.values()
        if deployed.flow.why_off is None
        for trigger in deployed.flow.triggers
        if isinstance(trigger.body, Schedule | ScheduleOnDates) and not trigger.disabled
    ]


def _line_of(trigger: Trigger) -> str:
    """The times a trigger names: when they change, it begins anew."""
    match trigger.body:
        case Schedule(cron=cron, timezone=zone):
            return f"{cron} {zone or ''}"
        case ScheduleOnDates(dates=dates, timezone=zone):
            return f"{', '.join(map(str, dates))} {zone or ''}"
        case _:
            return ""


def _memory(state: TriggerState) -> ScheduleState:
    return ScheduleState(
        next_at=state.next_at,
        last_at=state.last_fired_at,
        is_disabled=state.is_disabled,
        backfill=None if state.backfill is None else _backfill(state.backfill),
    )


def _remembered(state: TriggerState, memory: ScheduleState, line: str | None = None) -> TriggerState:
    return replace(
        state,
        next_at=memory.next_at,
        last_fired_at=memory.last_at,
        is_disabled=memory.is_disabled,
        backfill=None if memory.backfill is None else _plain(memory.backfill),
        notes=state.notes if line is None else {**state.notes, _LINE: line},
    )


def _plain(backfill: Backfill) -> dict[str, Any]:
    return {
        "start": backfill.start.isoformat(),
        "end": backfill.end.isoformat(),
        "current": backfill.current.isoformat() if backfill.current else None,
        "paused": backfill.is_paused,
        "inputs": dict(backfill.inputs),
        "labels": dict(backfill.labels),
    }


def _backfill(plain: Mapping[str, Any]) -> Backfill:
    return Backfill(
        start=datetime.fromisoformat(plain["start"]),
        end=datetime.fromisoformat(plain["end"]),
        current=datetime.fromisoformat(plain["current"]) if plain["current"] else None,
        is_paused=plain["paused"],
        inputs=plain["inputs"],
        labels=plain["labels"],
    )
