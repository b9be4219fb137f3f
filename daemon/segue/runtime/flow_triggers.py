"""Flow triggers: an execution came to a state; which flows does that start? Decided and written in the round of the
move itself, so that no end is ever missed, and none fires twice.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from msgspec.structs import replace

from segue.engine.gathering import Gathered, Met
from segue.engine.labels import CORRELATION_ID
from segue.engine.match import Listener, Listeners, Matched, match
from segue.engine.scope import nested
from segue.engine.source import source_of
from segue.engine.windows import Bounds
from segue.expression.template import Scope
from segue.model.execution import Execution, Kind, TriggeredBy
from segue.model.names import ExecutionId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.live import Live
from segue.runtime.round import Round
from segue.runtime.starts import Wanted
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates
from segue.store.records import FlowFiring, TriggerKey

_GATHERED = "gathered"

_log = logging.getLogger("segue.flow_triggers")


class FlowTriggers:
    """All flow triggers of the live flows."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        starts: TriggerStarts,
        zone: tzinfo,
        scopes: TriggerScopes,
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._starts = starts
        self._zone = zone
        self._scopes = scopes
        self._listeners = Listeners(())
        self._fired: dict[ExecutionId, set[tuple[TriggerKey, State, int]]] = {}

    def refresh(self, _round: Round) -> None:
        """Listen with the flows that are live now."""
        self._listeners = Listeners(deployed.flow for deployed in self._revisions.live.flows.values())

    def on_move(self, round_: Round, live: Live, state: State) -> None:
        """A test is no news to anybody, and an iteration of a Loop is a part of an execution."""
        if live.execution.kind is not Kind.NORMAL:
            return
        listeners = self._listeners.to(live.key.namespace, live.key.flow_id, state)
        for listener in listeners:
            self._hear(round_, listener, live, state)
        if live.execution.is_over:
            self._fired.pop(live.execution.id, None)

    def _hear(self, round_: Round, listener: Listener, live: Live, state: State) -> None:
        key = TriggerKey(listener.namespace, listener.flow_id, listener.trigger.id)
        deployed = self._revisions.live.find(listener.namespace, listener.flow_id)
        remembered = self._states.get(key)
        if deployed is None or (remembered is not None and remembered.is_disabled):
            return
        # A move is known by the state and how often the execution has come to it: RUNNING again after a pause is news.
        occurrence = sum(moved.state is state for moved in live.execution.history)
        if (key, state, occurrence) in self._fired.get(live.execution.id, ()):
            return
        matched = match(
            listener,
            replace(source_of(live.execution), state=state),
            kept=_kept(remembered.notes.get(_GATHERED, {}) if remembered else {}),
            scope=self._scope(deployed, listener, live, round_.at),
            now=round_.at,
            zone=self._zone,
        )
        self._keep(round_, key, matched)
        if matched.request is not None or matched.error is not None:
            made = self._fire(round_, key, listener, matched, live)
            self._fired.setdefault(live.execution.id, set()).add((key, state, occurrence))
            round_.batch.add_flow_firing(
                FlowFiring(
                    key=key,
                    source_id=live.execution.id,
                    state=state,
                    occurrence=occurrence,
                    execution_id=made.id if made else None,
                )
            )

    def _scope(self, deployed: Deployed, listener: Listener, live: Live, at: datetime) -> Scope:
        """What the trigger's expressions see: its own flow, and of the execution that moved what it has come to."""
        scope = self._scopes.of(deployed, listener.trigger.id, at)
        execution = live.execution
        seen = {
            "execution": {"id": execution.id, "state": execution.state.value},
            "inputs": execution.inputs,
            "outputs": execution.outputs_tree,
            "labels": nested(execution.labels),
        }
        return replace(scope, variables={**scope.variables, **seen})

    def _fire(
        self, round_: Round, key: TriggerKey, listener: Listener, matched: Matched, live: Live
    ) -> Execution | None:
        execution = live.execution
        if matched.request is not None:
            correlation = execution.labels.get(CORRELATION_ID)
            made = self._starts.start(round_, key, matched.request, correlation_id=correlation, is_lenient=True)
        else:
            trigger = TriggeredBy(id=listener.trigger.id, type=listener.trigger.type)
            wanted = Wanted(flow=FlowKey(key.namespace, key.flow_id), trigger=trigger)
            made = self._starts.fail(round_, key, wanted, matched.error or "")
        self._states.put(round_, replace(self._states.of(key, round_.at), last_fired_at=round_.at))
        _log.info("flow_trigger.fired trigger=%s source=%s", key, execution.id)
        return made

    def _keep(self, round_: Round, key: TriggerKey, matched: Matched) -> None:
        """What has been met in the windows so far."""
        if not matched.kept:
            return
        state = self._states.of(key, round_.at)
        notes = {name: _plain(each) for name, each in matched.kept.items() if each is not None}
        self._states.put(round_, replace(state, notes={**state.notes, _GATHERED: notes}))


def _plain(gathered: Gathered) -> dict[str, Any]:
    end = gathered.bounds.end
    return {
        "start": gathered.bounds.start.isoformat(),
        "end": end.isoformat() if end else None,
        "fired": gathered.has_fired,
        "met": {
            name: [met.at.isoformat(), met.execution_id, met.flow_id, dict(met.outputs)]
            for name, met in gathered.met.items()
        },
    }


def _kept(plain: Mapping[str, Any]) -> dict[str, Gathered]:
    return {name: _gathered(each) for name, each in plain.items()}


def _gathered(plain: Mapping[str, Any]) -> Gathered:
    end = plain["end"]
    return Gathered(
        bounds=Bounds(datetime.fromisoformat(plain["start"]), datetime.fromisoformat(end) if end else None),
        met={
            name: Met(at=datetime.fromisoformat(at), execution_id=execution_id, flow_id=flow_id, outputs=outputs)
            for name, (at, execution_id, flow_id, outputs) in plain["met"].items()
        },
        has_fired=plain["fired"],
    )
