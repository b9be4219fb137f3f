"""What is remembered of triggers, in memory and in the database, and starting executions for them."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from segue.engine.request import Request
from segue.expression.template import Scope
from segue.model.execution import Execution
from segue.model.names import ExecutionId
from segue.model.revision import FlowKey
from segue.runtime.deployed import Deployed
from segue.runtime.nearby import Nearby
from segue.runtime.round import Round
from segue.runtime.starts import Starts, Wanted
from segue.store.records import StoredLogLine, TriggerKey, TriggerState
from segue.web.live import TRIGGERS


class TriggerStates:
    """States by key; a change is written with the round that makes it."""

    def __init__(self, known: Iterable[TriggerState] = ()) -> None:
        self._states = {state.key: state for state in known}

    def get(self, key: TriggerKey) -> TriggerState | None:
        return self._states.get(key)

    def of(self, key: TriggerKey, at: datetime) -> TriggerState:
        """The state, or that of a trigger nothing happened to yet."""
        return self._states.get(key) or TriggerState(key=key, updated_at=at)

    def put(self, round_: Round, state: TriggerState) -> None:
        known = self._states.get(state.key)
        state = replace(state, updated_at=round_.at)
        if known is not None and replace(known, updated_at=round_.at) == state:
            return
        self._states[state.key] = state
        round_.batch.put_trigger_state(state)
        round_.topics.add(TRIGGERS)

    def remove(self, round_: Round, key: TriggerKey) -> None:
        if self._states.pop(key, None) is not None:
            round_.batch.remove_trigger_state(key)
            round_.topics.add(TRIGGERS)

    def keep(self, round_: Round, triggers: Collection[TriggerKey]) -> None:
        """Forgets all triggers but these. What several remember together is nobody's alone, and stays."""
        for key in [key for key in self._states if key.flow_id and key not in triggers]:
            self.remove(round_, key)


def key_of(deployed: Deployed, trigger_id: str) -> TriggerKey:
    return TriggerKey(deployed.key.namespace, deployed.key.flow_id, trigger_id)


class TriggerScopes:
    """What a trigger's own expressions see, and may ask."""

    def __init__(self, surroundings: Mapping[str, Any], nearby: Nearby) -> None:
        self._surroundings = surroundings
        self._nearby = nearby

    def of(self, deployed: Deployed, trigger_id: str, at: datetime, *, tells_secrets: bool = False) -> Scope:
        outside = self._nearby.outside(deployed.key.namespace, at, tells_secrets=tells_secrets)
        return Scope(variables=self._variables(deployed, trigger_id), outside=outside)

    def of_conditions(self, deployed: Deployed, trigger_id: str, at: datetime) -> Scope:
        """They are told secrets: true or false is all that is kept of them."""
        return self.of(deployed, trigger_id, at, tells_secrets=True)

    def told(self, sentence: str) -> str:
        """What went wrong with a condition, in which no secret shows."""
        return self._nearby.masked(sentence)

    def _variables(self, deployed: Deployed, trigger_id: str) -> dict[str, Any]:
        flow = deployed.flow
        trigger = flow.trigger(trigger_id)
        return {
            **self._surroundings,
            "flow": {
                "id": flow.id,
                "namespace": flow.namespace,
                "revision": deployed.revision.number,
                "tenantId": "main",
            },
            "vars": flow.variables,
            "labels": dict(flow.labels),
            "trigger": {"id": trigger_id, "type": trigger.type if trigger else ""},
        }


class TriggerStarts:
    """Makes the execution that a fired trigger asks for; one in FAILED where that cannot be done."""

    def __init__(self, starts: Starts) -> None:
        self._starts = starts

    def start(
        self,
        round_: Round,
        key: TriggerKey,
        request: Request,
        *,
        scheduled_at: datetime | None = None,
        correlation_id: str | None = None,
        is_lenient: bool = False,
        execution_id: ExecutionId | None = None,
    ) -> Execution | None:
        wanted = Wanted(
            flow=FlowKey(key.namespace, key.flow_id),
            inputs=request.inputs,
            trigger_labels=request.labels,
            trigger=request.trigger,
            scheduled_at=scheduled_at,
            correlation_id=correlation_id,
            is_lenient=is_lenient,
            id=execution_id,
        )
        for warning in request.warnings:
            self.log(round_, key, "WARN", warning)
        if request.error is not None:
            return self.fail(round_, key, wanted, request.error)
        prepared = self._starts.prepare_now(wanted)
        if isinstance(prepared, str):
            return self.fail(round_, key, wanted, prepared)
        return self._starts.begin(round_, prepared)

    def fail(self, round_: Round, key: TriggerKey, wanted: Wanted, message: str) -> Execution | None:
        self.log(round_, key, "ERROR", message)
        return self._starts.begin_failed(round_, wanted, message)

    def log(self, round_: Round, key: TriggerKey, level: str, message: str) -> None:
        """A line of the trigger's own log."""
        round_.batch.add_log(
            StoredLogLine(
                at=round_.at,
                level=level,
                namespace=key.namespace,
                flow_id=key.flow_id,
                message=message,
                trigger_id=key.trigger_id,
            )
        )
