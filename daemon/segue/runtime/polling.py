"""Polling triggers: a look in a worker every `interval`, one at a time for each trigger, and an execution for what it gives.

A look that gives nothing starts nothing; one that fails is told in the trigger's log, and with `failOnTriggerError` by an
execution in FAILED. What a look wants to know the next time (its notes) is written in the transaction of the execution
that it gave. While that execution runs there is no look, unless the trigger allows several at a time.

Where something has to be done before the execution starts (files to move), the look only claims it. The claim is
written down, then a worker does it, then the execution starts; a claim that is left over is taken up before any look.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from weakref import WeakValueDictionary

from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, trigger_applies
from segue.engine.request import request_of
from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.model.execution import TriggeredBy
from segue.model.names import ExecutionId
from segue.model.order import POLL, Order
from segue.model.state import State
from segue.model.trigger import Polling, Trigger
from segue.runtime.attending import Attending
from segue.runtime.clock import Clock, Dice
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch, NoAnswer
from segue.runtime.live import Live, LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates
from segue.store.records import TriggerKey

LOOK_LIMIT: Final = "PT1H"  # no look holds a worker for longer
INTERVAL_SECONDS_MIN: Final = 0.1
_NOTES: Final = "poll"  # the note that holds what the trigger's looks remember
_CLAIM: Final = "claim"  # the note that holds what is to be done before an execution starts

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
        scopes: TriggerScopes,
    ) -> None:
        self._revisions = revisions
        self._executions = executions
        self._states = states
        self._starts = starts
        self._dispatch = dispatch
        self._loop = loop
        self._clock = clock
        self._dice = dice
        self._scopes = scopes
        self._polling = Attending(revisions, states, Polling, self._poll)
        self._memories: WeakValueDictionary[TriggerKey, asyncio.Lock] = WeakValueDictionary()

    def refresh(self, round_: Round) -> None:
        """Poll for the flows that are live now."""
        self._polling.refresh(round_)

    async def stop(self) -> None:
        await self._polling.stop()

    # Looking.

    async def _poll(self, key: TriggerKey, body: Polling) -> None:
        """A look at once, or when the interval since the last one - before a restart, perhaps - is over."""
        interval = max(body.interval.total_seconds(), INTERVAL_SECONDS_MIN)
        state = self._states.get(key)
        if state is not None and state.evaluated_at is not None and self._claim(key) is None:
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
        at = self._clock.now()
        try:
            memory = self._memory(key, body, at)
        except ExpressionError as error:
            await self._loop.insist(partial(self._take, key, key, None, f"stateKey: {error}"))
            return
        async with self._memories.setdefault(memory, asyncio.Lock()):
            if self._claim(key) is None:
                execution_id = self._dice.execution_id(at)
                seen = await self._asked(key, memory, body, execution_id)
                await self._loop.insist(partial(self._take, key, memory, execution_id, seen))
            claim = self._claim(key)
            if claim is not None:
                execution_id = ExecutionId(claim["executionId"])
                done = await self._asked(key, memory, body, execution_id, claim["claim"])
                await self._loop.insist(partial(self._take_done, key, memory, execution_id, done))

    def _memory(self, key: TriggerKey, body: Polling, at: datetime) -> TriggerKey:
        """Whose state holds the notes: the trigger's own, or one of the namespace, which is no flow's."""
        deployed = self._deployed(key)
        if body.state_key is None or deployed is None:
            return key
        scope = self._scopes.of(deployed, key.trigger_id, at)
        return TriggerKey(key.namespace, "", str(render_value(body.state_key, scope)))

    def _claim(self, key: TriggerKey) -> Mapping[str, Any] | None:
        """What is left to be done, if the trigger still is of the type that claimed it."""
        state, trigger = self._states.get(key), self._trigger(key)
        claim = state.notes.get(_CLAIM) if state is not None else None
        return claim if claim is not None and trigger is not None and claim["type"] == trigger.type else None

    async def _asked(
        self,
        key: TriggerKey,
        memory: TriggerKey,
        body: Polling,
        execution_id: ExecutionId,
        claim: Mapping[str, Any] | None = None,
    ) -> dict[str, Any] | str:
        """What a worker saw, or did; a text says what was wrong."""
        deployed = self._deployed(key)
        if deployed is None:
            return f"The flow {key.namespace}.{key.flow_id} is gone"
        remembered = self._states.get(memory)
        notes = remembered.notes.get(_NOTES) if remembered is not None else None
        try:
            answer: dict[str, Any] = await self._dispatch.ask(
                self._order(key, deployed, body, execution_id, {"notes": notes, "claim": claim})
            )
        except NoAnswer as error:
            return str(error)
        return answer

    def _order(
        self, key: TriggerKey, deployed: Deployed, body: Polling, execution_id: ExecutionId, given: Mapping[str, Any]
    ) -> Order:
        """Files that the look stores are those of the execution that it may give."""
        trigger = deployed.flow.trigger(key.trigger_id)
        assert trigger is not None
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
            variables=self._scopes.of(deployed, trigger.id, self._clock.now()).variables,
            timeout=LOOK_LIMIT,
            log_level=trigger.log_level,
            purpose=POLL,
            template=given,
        )

    # What was seen.

    def _take(
        self,
        key: TriggerKey,
        memory: TriggerKey,
        execution_id: ExecutionId | None,
        seen: dict[str, Any] | str,
        round_: Round,
    ) -> None:
        deployed, trigger = self._deployed(key), self._trigger(key)
        if deployed is None or trigger is None:
            return
        self._states.put(round_, replace(self._states.of(key, round_.at), evaluated_at=round_.at))
        if isinstance(seen, str):
            self._failed(round_, key, deployed, trigger, seen)
            return
        if self._states.of(key, round_.at).is_disabled:
            return  # meanwhile: as if nobody had looked
        assert execution_id is not None
        self._remember(round_, memory, seen["notes"])
        outputs, claim = seen["outputs"], seen["claim"]
        if outputs is None or not self._applies(round_, key, deployed, trigger, outputs):
            return
        if claim is None:
            self._start(round_, key, deployed, trigger, execution_id, outputs)
        else:
            wanted = {"executionId": execution_id, "type": trigger.type, "claim": claim}
            self._note(round_, key, {_CLAIM: wanted})

    def _take_done(
        self,
        key: TriggerKey,
        memory: TriggerKey,
        execution_id: ExecutionId,
        done: dict[str, Any] | str,
        round_: Round,
    ) -> None:
        """What was claimed is done, so that the execution starts; if that failed it is tried again."""
        deployed, trigger = self._deployed(key), self._trigger(key)
        if deployed is None or trigger is None:
            return
        if isinstance(done, str):
            self._failed(round_, key, deployed, trigger, done)
            return
        self._note(round_, key, {_CLAIM: None})
        self._remember(round_, memory, done["notes"])
        if done["outputs"] is not None:
            self._start(round_, key, deployed, trigger, execution_id, done["outputs"])

    def _remember(self, round_: Round, memory: TriggerKey, notes: Mapping[str, Any]) -> None:
        self._note(round_, memory, {_NOTES: notes})

    def _note(self, round_: Round, key: TriggerKey, changed: Mapping[str, Any]) -> None:
        state = self._states.of(key, round_.at)
        notes = {name: note for name, note in {**state.notes, **changed}.items() if note is not None}
        self._states.put(round_, replace(state, notes=notes))

    def _applies(
        self, round_: Round, key: TriggerKey, deployed: Deployed, trigger: Trigger, variables: Mapping[str, Any]
    ) -> bool:
        circumstances = self._circumstances(round_, deployed, trigger, variables)
        try:
            return trigger_applies(trigger, circumstances)
        except CannotTell as error:
            request = request_of(trigger, variables, circumstances.scope)
            self._starts.fail(round_, key, Wanted(flow=deployed.key, trigger=request.trigger), str(error))
            self._states.put(round_, replace(self._states.of(key, round_.at), last_fired_at=round_.at))
            return False

    def _circumstances(
        self, round_: Round, deployed: Deployed, trigger: Trigger, variables: Mapping[str, Any]
    ) -> Circumstances:
        return Circumstances(
            scope=self._scopes.of(deployed, trigger.id, round_.at),
            namespace=deployed.key.namespace,
            flow_id=deployed.key.flow_id,
        ).with_trigger(variables)

    def _start(
        self,
        round_: Round,
        key: TriggerKey,
        deployed: Deployed,
        trigger: Trigger,
        execution_id: ExecutionId,
        variables: Mapping[str, Any],
    ) -> None:
        scope = self._circumstances(round_, deployed, trigger, variables).scope
        made = self._starts.start(round_, key, request_of(trigger, variables, scope), execution_id=execution_id)
        _log.info("polling.fired trigger=%s execution=%s", key, made and made.id)
        state = self._states.of(key, round_.at)
        self._states.put(round_, replace(state, last_fired_at=round_.at, execution_id=made.id if made else None))

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
