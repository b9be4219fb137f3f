"""Webhooks: a call of a trigger's address becomes an execution.

What a call brings as files - those of a form, or its body if the trigger says so - is stored as the execution's own,
once it is certain that there will be one.
"""

import asyncio
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, trigger_applies
from segue.engine.inputs import safe_name
from segue.engine.match import webhook_variables, webhook_with_key
from segue.engine.request import request_of
from segue.engine.scope import nested
from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.model.execution import Execution, TriggeredBy
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.trigger import Trigger, Webhook
from segue.runtime.clock import Clock, Dice, monotonic
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.loop import Loop
from segue.runtime.rates import Rates
from segue.runtime.round import Round
from segue.runtime.starts import Starts, Wanted
from segue.runtime.trigger_states import TriggerScopes, TriggerStarts, TriggerStates, key_of
from segue.storage import address as addresses
from segue.storage.storage import Storage, StorageFailure, chunks_of
from segue.web.ports.refusals import Refusal
from segue.web.ports.webhooks import NotFired, WebhookCall, WebhookFired, WebhookPart

STATUS_OF_FAILED: Final = 500  # of a call that waits, when nothing else is said
_BODY: Final = "body"
_UNKNOWN = Refusal(404, "Not Found: Flow not found, or no webhook of it has this key")


class _Seen(Struct, frozen=True):
    """What a call is to the execution, and the files to store for that, by their addresses."""

    variables: Mapping[str, Any]
    files: Mapping[str, BinaryIO]


class Webhooks:
    """Answers calls. An unknown flow, a wrong key and a disabled trigger look the same from outside."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        starts: Starts,
        trigger_starts: TriggerStarts,
        decisions: Decisions,
        loop: Loop,
        storage: Storage,
        clock: Clock,
        dice: Dice,
        scopes: TriggerScopes,
        rate: int | None,
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._starts = starts
        self._trigger_starts = trigger_starts
        self._decisions = decisions
        self._loop = loop
        self._storage = storage
        self._clock = clock
        self._dice = dice
        self._scopes = scopes
        self._rates = Rates(rate) if rate is not None else None

    async def call(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal:
        deployed = self._revisions.live.flows.get(call.flow)
        trigger = self._trigger(deployed, call.key) if deployed is not None else None
        if deployed is None or trigger is None or deployed.flow.why_off is not None:
            return _UNKNOWN
        state = self._states.get(key_of(deployed, trigger.id))
        if state is not None and state.is_disabled:
            return _UNKNOWN
        wait = self._rates.seconds_to_wait((call.flow, trigger.id), monotonic()) if self._rates else 0
        if wait:
            return Refusal(429, f"Too many calls of this webhook, try again in {wait} s", retry_after=wait)
        return await self._fire(deployed, trigger, call)

    def _trigger(self, deployed: Deployed, key: str) -> Trigger | None:
        scope = self._scopes.of_conditions(deployed, "", self._clock.now())
        return webhook_with_key(deployed.flow.triggers, key, scope)

    async def _fire(self, deployed: Deployed, trigger: Trigger, call: WebhookCall) -> WebhookFired | NotFired | Refusal:
        webhook = trigger.body
        assert isinstance(webhook, Webhook)
        execution_id = self._dice.execution_id(self._clock.now())
        seen = _seen(deployed, trigger.id, webhook, call, execution_id)
        variables = seen.variables
        now = self._clock.now()
        circumstances = Circumstances(
            scope=self._scopes.of_conditions(deployed, trigger.id, now),
            namespace=deployed.key.namespace,
            flow_id=deployed.key.flow_id,
        ).with_trigger(variables)
        try:
            if not trigger_applies(trigger, circumstances):
                return NotFired()
        except CannotTell as error:
            return await self._failed(deployed, trigger, variables, self._scopes.told(str(error)))
        request = request_of(trigger, variables, self._scopes.of(deployed, trigger.id, now))
        if request.error is not None:
            return await self._failed(deployed, trigger, variables, request.error)
        wanted = Wanted(
            flow=call.flow,
            inputs=request.inputs,
            trigger_labels=request.labels,
            trigger=request.trigger,
            is_lenient=True,
            id=execution_id,
        )
        return await self._begin(deployed, trigger, webhook, wanted, seen.files)

    async def _begin(
        self, deployed: Deployed, trigger: Trigger, webhook: Webhook, wanted: Wanted, files: Mapping[str, BinaryIO]
    ) -> WebhookFired | Refusal:
        prepared = await self._starts.prepare(wanted)
        if isinstance(prepared, Refusal):
            return prepared
        try:
            if files:
                await asyncio.to_thread(self._store, files)
        except StorageFailure as error:
            return Refusal(503, str(error))
        made, end = await self._loop.call(partial(self._starts.begin_and_wait, prepared, waits=webhook.wait))
        execution = made if end is None else await end
        return WebhookFired(
            execution=execution,
            returns_outputs=webhook.wait and webhook.return_outputs,
            content_type=webhook.response_content_type,
            status=self._status(deployed, trigger, webhook, execution) if webhook.wait else None,
        )

    def _store(self, files: Mapping[str, BinaryIO]) -> None:
        for address, file in files.items():
            file.seek(0)
            self._storage.put(address, chunks_of(file))

    def _status(self, deployed: Deployed, trigger: Trigger, webhook: Webhook, execution: Execution) -> int | None:
        """The status of the answer at the end, which may be an expression of what came out."""
        if webhook.response_code is None:
            return STATUS_OF_FAILED if execution.state is State.FAILED else None
        scope = self._scopes.of(deployed, trigger.id, self._clock.now())
        seen = {
            "execution": {"id": execution.id, "state": execution.state.value},
            "inputs": execution.inputs,
            "outputs": execution.outputs_tree,
            "labels": nested(execution.labels),
            "trigger": dict(execution.trigger.variables) if execution.trigger else {},
        }
        try:
            said = render_value(webhook.response_code, replace(scope, variables={**scope.variables, **seen}))
        except ExpressionError as error:
            self._tell(deployed, trigger, f"responseCode: {error}")
            return STATUS_OF_FAILED
        text = str(said).strip()
        if text.isdigit() and 200 <= int(text) <= 599:
            return int(text)
        self._tell(deployed, trigger, f"responseCode: {text[:100]!r} is no status of an answer: expected 200 to 599")
        return STATUS_OF_FAILED

    def _tell(self, deployed: Deployed, trigger: Trigger, sentence: str) -> None:
        key = key_of(deployed, trigger.id)
        self._loop.do(lambda round_: self._trigger_starts.log(round_, key, "ERROR", sentence))

    async def _failed(
        self, deployed: Deployed, trigger: Trigger, variables: Mapping[str, Any], message: str
    ) -> WebhookFired | Refusal:
        """The call was good, the flow's own rule is not: an execution in FAILED says so."""
        triggered = TriggeredBy(id=trigger.id, type=trigger.type, variables=variables)
        wanted = Wanted(flow=deployed.key, trigger=triggered)

        def work(round_: Round) -> WebhookFired | Refusal:
            made = self._starts.begin_failed(round_, wanted, message)
            return _UNKNOWN if made is None else WebhookFired(execution=made)

        return await self._loop.call(work)


def _seen(deployed: Deployed, trigger_id: str, webhook: Webhook, call: WebhookCall, execution_id: ExecutionId) -> _Seen:
    body, uri = call.body, call.uri
    files: dict[str, BinaryIO] = {}
    folder = addresses.trigger_parts(deployed.key.namespace, deployed.key.flow_id, execution_id, trigger_id)
    if webhook.fetch_type != "FETCH":
        body = None
    if webhook.fetch_type == "STORE" and call.parts is None:
        uri = addresses.address_of((*folder, _BODY))
        files[uri] = io.BytesIO(call.content)
    parts = None if call.parts is None else list(_parts(folder, call.parts, files))
    variables = webhook_variables(
        body=body,
        headers=call.headers,
        parameters=call.parameters,
        uri=uri,
        path=call.path,
        parts=parts,
        fields=call.fields,
    )
    return _Seen(variables, files)


def _parts(
    folder: tuple[str, ...], parts: Sequence[WebhookPart], files: dict[str, BinaryIO]
) -> Iterator[Mapping[str, Any]]:
    """What is said of the files of a form; each has a folder of its own, for several may have one name."""
    for number, part in enumerate(parts):
        uri = addresses.address_of((*folder, str(number), safe_name(part.file.file_name) or _BODY))
        files[uri] = part.file.content
        yield {
            "name": part.name,
            "filename": part.file.file_name,
            "contentType": part.content_type,
            "size": part.file.size,
            "uri": uri,
        }
