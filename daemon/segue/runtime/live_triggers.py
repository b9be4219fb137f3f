"""The triggers of live flows, with their states: as pages and API see them, and what a person does to one."""

from collections.abc import Sequence
from datetime import UTC

from msgspec.structs import replace

from segue.engine import due
from segue.model.trigger import Schedule, ScheduleOnDates
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.round import Round
from segue.runtime.scheduler import Scheduler
from segue.runtime.trigger_states import TriggerStates, key_of
from segue.store import records
from segue.web.actions import (
    CreateBackfill,
    DeleteBackfill,
    Forget,
    PauseBackfill,
    SetDisabled,
    TriggerAction,
    Unlock,
)
from segue.web.live import FLOWS, TRIGGERS
from segue.web.ports.refusals import Refusal
from segue.web.ports.triggers import Backfill, LiveTrigger, TriggerKey


class LiveTriggers:
    def __init__(self, revisions: Revisions, states: TriggerStates, scheduler: Scheduler) -> None:
        self._revisions = revisions
        self._states = states
        self._scheduler = scheduler

    def all(self) -> Sequence[LiveTrigger]:
        flows = self._revisions.live.flows
        return tuple(
            self._seen(flows[key], trigger.id) for key in sorted(flows) for trigger in flows[key].flow.triggers
        )

    def act(self, round_: Round, key: TriggerKey, action: TriggerAction) -> LiveTrigger | Refusal:
        """Do it; gives the trigger as that leaves it."""
        deployed = self._revisions.live.flows.get(key.flow)
        trigger = deployed.flow.trigger(key.trigger_id) if deployed is not None else None
        if deployed is None or trigger is None:
            return Refusal(404, f"Trigger {key.trigger_id} not found in flow {key.flow}")
        is_schedule = isinstance(trigger.body, Schedule | ScheduleOnDates)
        if not is_schedule and not isinstance(action, SetDisabled | Unlock | Forget):
            return Refusal(422, f"Trigger {key.trigger_id} is no schedule: it has no past to fill")
        refused = self._act(round_, key_of(deployed, trigger.id), action)
        round_.topics |= {TRIGGERS, FLOWS}
        return refused or self._seen(deployed, trigger.id)

    def _act(self, round_: Round, key: records.TriggerKey, action: TriggerAction) -> Refusal | None:
        backfill = self._scheduler.backfill_of(key)
        match action:
            case SetDisabled(disabled=disabled):
                self._scheduler.set_disabled(round_, key, disabled=disabled)
            case Unlock():
                self._scheduler.unlock(round_, key)
            case Forget():
                self._scheduler.forget(round_, key)
            case CreateBackfill():
                return self._create_backfill(round_, key, action)
            case PauseBackfill() | DeleteBackfill() if backfill is None:
                return Refusal(409, "The trigger has no backfill")
            case PauseBackfill(paused=paused) if backfill is not None:
                self._scheduler.set_backfill(round_, key, replace(backfill, is_paused=paused))
            case DeleteBackfill():
                self._scheduler.set_backfill(round_, key, None)
        return None

    def _create_backfill(self, round_: Round, key: records.TriggerKey, action: CreateBackfill) -> Refusal | None:
        start, end = action.start, action.end or round_.at
        if start > end:
            return Refusal(422, f"The backfill would end ({end}) before it starts ({start})")
        created = due.Backfill(
            start=start.astimezone(UTC), end=end.astimezone(UTC), inputs=action.inputs, labels=action.labels
        )
        self._scheduler.set_backfill(round_, key, created)
        return None

    def _seen(self, deployed: Deployed, trigger_id: str) -> LiveTrigger:
        trigger = deployed.flow.trigger(trigger_id)
        assert trigger is not None
        key = key_of(deployed, trigger_id)
        state = self._states.get(key)
        backfill = self._scheduler.backfill_of(key)
        return LiveTrigger(
            key=TriggerKey(deployed.key, trigger_id),
            trigger=trigger,
            is_disabled=state.is_disabled if state else False,
            is_locked=bool(state and state.execution_id),
            last_fired_at=state.last_fired_at if state else None,
            next_fire_at=state.next_at if state else None,
            execution_id=state.execution_id if state else None,
            updated_at=state.updated_at if state else None,
            backfill=_shown(backfill) if backfill else None,
        )


def _shown(backfill: due.Backfill) -> Backfill:
    return Backfill(
        start=backfill.start,
        end=backfill.end,
        current=backfill.current,
        paused=backfill.is_paused,
        inputs=backfill.inputs,
        labels=backfill.labels,
    )
