"""Polling triggers: a look in a worker every `interval`, one at a time for each trigger, and an execution for what it gives.

A look that gives nothing starts nothing; one that fails is told in the trigger's log, and with `failOnTriggerError` by an
execution in FAILED. What a look wants to know the next time (its notes) is written in the transaction of the execution
that it gave. While that execution runs there is no look, unless the trigger allows several at a time.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from segue.engine.conditions import CannotTell, Circumstances, trigger_applies
from segue.engine.request import request_of
from segue.model.execution import TriggeredBy
from segue.model.names import ExecutionId
from segue.model.order import POLL, Order
from segue.model.state import State
from segue.model.trigger import Polling, Trigger
from segue.runtime.clock import Clock, Dice
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch, NoAnswer
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Busy, Loop
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerStarts, TriggerStates, key_of, trigger_scope
from segue.store.records import TriggerKey, TriggerState

LOOK_LIMIT: Final = "PT1H"  # no look holds a worker for longer
INTERVAL_SECONDS_MIN: Final = 0.1
_NOTES: Final = "poll"  # the note that holds what the trigger's looks remember
_RETRY_SECONDS: Final = 5.0

_log = logging.getLogger("segue.polling")


class Poller:
    """All polling triggers of the live flows."""

    def __init__(
        self,
        revisions: Revisions,
        executions: LiveExecutions,
        states: TriggerStates,
        starts: TriggerStarts,
        dispatch: Dispatch,
        loop: Loop,
        clock: Clock,
        dice: Dice,
        surroundings: Mapping[str, Any],
    ) -> None:
        self._revisions = revisions
        self._executions = executions
        self._states = states
        self._starts = starts
        self._dispatch = dispatch
        self._loop = loop
        self._clock = clock
        self._dice = dice
        self._surroundings = surroundings
        self._polling: dict[TriggerKey, tuple[Polling, asyncio.Task[None]]] = {}

    def refresh(self, round_: Round) -> None:
        """Poll for the flows that are live now."""
        wanted = dict(_polling_triggers(self._revisions))
        for key in self._polling.keys() - wanted.keys():
            self._stop(key)
            self._states.remove(round_, key)
        for key, body in wanted.items():
            known = self._polling.get(key)
            if known is not None and known[0] == body:
                continue
            if known is not None:
                self._stop(key)
            task = asyncio.get_running_loop().create_task(self._poll(key, body), name=f"poll {key}")
            self._polling[key] = (body, task)

    async def stop(self) -> None:
        tasks = [task for _, task in self._polling.values()]
        for key in tuple(self._polling):
            self._stop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stop(self, key: TriggerKey) -> None:
        _, task = self._polling.pop(key)
        task.cancel()

    # Looking.

    async def _poll(self, key: TriggerKey, body: Polling) -> None:
        """A look at once, or when the interval since the last one - before a restart, perhaps - is over."""
        interval = max(body.interval.total_seconds(), INTERVAL_SECONDS_MIN)
        state = self._states.get(key)
        if state is not None and state.evaluated_at is not None:
            passed = (self._clock.now() - state.evaluated_at).total_seconds()
            await asyncio.sleep(max(0.0, interval - passed))
        while True:
            if self._may_look(key):
                await self._look(key, body)
            await asyncio.sleep(interval)

    def _may_look(self, key: TriggerKey) -> bool:
        state, trigger = self._states.get(key), self._trigger(key)
        if trigger is None:
            return False
        if state is None:
            return True
        live = self._executions.get(state.execution_id) if state.execution_id else None
        is_busy = live is not None and not live.execution.state.is_final
        return not state.is_disabled and (trigger.allow_concurrent or not is_busy)

    async def _look(self, key: TriggerKey, body: Polling) -> None:
        deployed = self._deployed(key)
        if deployed is None:
            return
        at = self._clock.now()
        execution_id = self._dice.execution_id(at)
        order = self._order(key, deployed, body, at, execution_id)
        try:
            seen: dict[str, Any] | str = await self._dispatch.ask(order)
        except NoAnswer as error:
            seen = str(error)
        while True:
            try:
                await self._loop.call(partial(self._take, key, execution_id, seen))
            except Busy:  # a full disk delays what was seen and does not lose it
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    def _order(
        self, key: TriggerKey, deployed: Deployed, body: Polling, at: datetime, execution_id: ExecutionId
    ) -> Order:
        """Files that the look stores are those of the execution that it may give."""
        trigger = deployed.flow.trigger(key.trigger_id)
        assert trigger is not None
        state = self._states.get(key)
        return Order(
            id=f"{execution_id}?{POLL}",
            execution_id=execution_id,
            namespace=key.namespace,
            flow_id=key.flow_id,
            revision=deployed.revision.number,
            commit=self._revisions.live.commit,
            task_run_id=None,
            task_id=key.trigger_id,
            task_type=trigger.type,
            attempt=1,
            properties=body.properties,
            variables=trigger_scope(deployed, trigger.id, at, self._surroundings).variables,
            timeout=LOOK_LIMIT,
            log_level=trigger.log_level,
            purpose=POLL,
            template=state.notes.get(_NOTES) if state is not None else None,
        )

    # What was seen.

    def _take(self, key: TriggerKey, execution_id: ExecutionId, seen: dict[str, Any] | str, round_: Round) -> None:
        deployed, trigger = self._deployed(key), self._trigger(key)
        if deployed is None or trigger is None:
            return
        state = replace(self._states.of(key, round_.at), evaluated_at=round_.at)
        if isinstance(seen, str):
            self._failed(round_, key, deployed, trigger, seen)
        else:
            state = replace(state, notes={**state.notes, _NOTES: seen["notes"]})
            if seen["outputs"] is not None and not state.is_disabled:
                state = self._fire(round_, state, deployed, trigger, execution_id, seen["outputs"])
        self._states.put(round_, state)

    def _fire(
        self,
        round_: Round,
        state: TriggerState,
        deployed: Deployed,
        trigger: Trigger,
        execution_id: ExecutionId,
        variables: Mapping[str, Any],
    ) -> TriggerState:
        key = state.key
        circumstances = Circumstances(
            scope=trigger_scope(deployed, trigger.id, round_.at, self._surroundings),
            namespace=key.namespace,
            flow_id=key.flow_id,
        ).with_trigger(variables)
        request = request_of(trigger, variables, circumstances.scope)
        try:
            if not trigger_applies(trigger, circumstances):
                return state
        except CannotTell as error:
            self._starts.fail(round_, key, Wanted(flow=deployed.key, trigger=request.trigger), str(error))
            return replace(state, last_fired_at=round_.at)
        made = self._starts.start(round_, key, request, execution_id=execution_id)
        _log.info("polling.fired trigger=%s execution=%s", key, made and made.id)
        return replace(state, last_fired_at=round_.at, execution_id=made.id if made else None)

    def _failed(self, round_: Round, key: TriggerKey, deployed: Deployed, trigger: Trigger, message: str) -> None:
        if not trigger.extra.get("failOnTriggerError"):
            self._starts.log(round_, key, "ERROR", message)
            return
        by = TriggeredBy(id=trigger.id, type=trigger.type, variables={})
        self._starts.fail(round_, key, Wanted(flow=deployed.key, trigger=by), message)

    def on_move(self, round_: Round, live: Live, state: State) -> None:
        """An execution that a trigger waits for has ended: it may look again, or is done for good (`stopAfter`)."""
        by = live.execution.trigger
        if by is None or not state.is_final:
            return
        key = TriggerKey(live.key.namespace, live.key.flow_id, by.id)
        remembered = self._states.get(key)
        if key not in self._polling or remembered is None or remembered.execution_id != live.execution.id:
            return
        trigger = self._trigger(key)
        is_over = trigger is not None and state in trigger.stop_after
        self._states.put(round_, replace(remembered, execution_id=None, is_disabled=remembered.is_disabled or is_over))

    def _deployed(self, key: TriggerKey) -> Deployed | None:
        return self._revisions.live.find(key.namespace, key.flow_id)

    def _trigger(self, key: TriggerKey) -> Trigger | None:
        deployed = self._deployed(key)
        return deployed.flow.trigger(key.trigger_id) if deployed is not None else None


def _polling_triggers(revisions: Revisions) -> list[tuple[TriggerKey, Polling]]:
    return [
        (key_of(deployed, trigger.id), trigger.body)
        for deployed in revisions.live.flows.values()
        if not deployed.flow.disabled
        for trigger in deployed.flow.triggers
        if isinstance(trigger.body, Polling) and not trigger.disabled
    ]
