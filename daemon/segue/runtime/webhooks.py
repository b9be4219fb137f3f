"""Webhooks: a call of a trigger's address becomes an execution."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from segue.engine.conditions import CannotTell, Circumstances, trigger_applies
from segue.engine.match import webhook_variables, webhook_with_key
from segue.engine.request import request_of
from segue.expression.template import effects_of
from segue.model.execution import TriggeredBy
from segue.model.trigger import Trigger, Webhook
from segue.runtime.clock import Clock
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.secrets import Secrets
from segue.runtime.starts import Starts, Wanted
from segue.runtime.trigger_states import TriggerStates, key_of, trigger_scope
from segue.web import ports

_UNKNOWN = ports.Refusal(404, "Not Found: Flow not found, or no webhook of it has this key")


class Webhooks:
    """Answers calls. An unknown flow, a wrong key and a disabled trigger look the same from outside."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        starts: Starts,
        decisions: Decisions,
        loop: Loop,
        clock: Clock,
        surroundings: Mapping[str, Any],
        secrets: Secrets,
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._starts = starts
        self._decisions = decisions
        self._loop = loop
        self._clock = clock
        self._surroundings = surroundings
        self._secrets = secrets

    async def call(self, call: ports.WebhookCall) -> ports.WebhookFired | ports.NotFired | ports.Refusal:
        deployed = self._revisions.live.flows.get(call.flow)
        trigger = self._trigger(deployed, call.key) if deployed is not None else None
        if deployed is None or trigger is None or deployed.flow.disabled:
            return _UNKNOWN
        state = self._states.get(key_of(deployed, trigger.id))
        if state is not None and state.is_disabled:
            return _UNKNOWN
        return await self._fire(deployed, trigger, call)

    def _trigger(self, deployed: Deployed, key: str) -> Trigger | None:
        scope = trigger_scope(deployed, "", self._clock.now(), self._surroundings)
        triggers = deployed.flow.triggers
        if any(isinstance(each.body, Webhook) and effects_of(each.body.key) for each in triggers):
            scope = self._secrets.scope(scope, deployed.key.namespace)
        return webhook_with_key(triggers, key, scope)

    async def _fire(
        self, deployed: Deployed, trigger: Trigger, call: ports.WebhookCall
    ) -> ports.WebhookFired | ports.NotFired | ports.Refusal:
        webhook = trigger.body
        assert isinstance(webhook, Webhook)
        variables = webhook_variables(
            body=call.body, headers=call.headers, parameters=call.parameters, uri=call.uri, path=call.path
        )
        scope = trigger_scope(deployed, trigger.id, self._clock.now(), self._surroundings)
        circumstances = Circumstances(
            scope=scope, namespace=deployed.key.namespace, flow_id=deployed.key.flow_id
        ).with_trigger(variables)
        try:
            if not trigger_applies(trigger, circumstances):
                return ports.NotFired()
        except CannotTell as error:
            return await self._failed(deployed, trigger, variables, str(error))
        request = request_of(trigger, variables, circumstances.scope)
        if request.error is not None:
            return await self._failed(deployed, trigger, variables, request.error)
        prepared = await self._starts.prepare(
            Wanted(
                flow=call.flow,
                inputs=request.inputs,
                trigger_labels=request.labels,
                trigger=request.trigger,
                is_lenient=True,
            )
        )
        if isinstance(prepared, ports.Refusal):
            return prepared
        made, end = await self._loop.call(partial(self._starts.begin_and_wait, prepared, waits=webhook.wait))
        execution = made if end is None else await end
        return ports.WebhookFired(
            execution=execution,
            returns_outputs=webhook.wait and webhook.return_outputs,
            content_type=webhook.response_content_type,
            status=_status(webhook.response_code),
        )

    async def _failed(
        self, deployed: Deployed, trigger: Trigger, variables: Mapping[str, Any], message: str
    ) -> ports.WebhookFired | ports.Refusal:
        """The call was good, the flow's own rule is not: an execution in FAILED says so."""
        triggered = TriggeredBy(id=trigger.id, type=trigger.type, variables=variables)
        wanted = Wanted(flow=deployed.key, trigger=triggered)

        def work(round_: Round) -> ports.WebhookFired | ports.Refusal:
            made = self._starts.begin_failed(round_, wanted, message)
            return _UNKNOWN if made is None else ports.WebhookFired(execution=made)

        return await self._loop.call(work)


def _status(code: int | str | None) -> int | None:
    text = str(code or "")
    return int(text) if text.isdigit() and 100 <= int(text) <= 599 else None
