"""Triggers: their states, and what may be done to one or many of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from segue.model.revision import FlowKey
from segue.web import asks, filters
from segue.web.actions import (
    CreateBackfill,
    DeleteBackfill,
    Forget,
    PauseBackfill,
    SetDisabled,
    TriggerAction,
    Unlock,
)
from segue.web.answers import Refused, as_json, granted
from segue.web.context import Endpoint, Web, flow_key
from segue.web.dates import moment
from segue.web.finding import found_triggers, triggers_meeting
from segue.web.flow_shapes import trigger_json
from segue.web.ports.lists import Wanted
from segue.web.ports.refusals import Refusal
from segue.web.ports.triggers import LiveTrigger, TriggerKey
from segue.web.shapes import trigger_state_json


async def search(web: Web, request: Request) -> Response:
    triggers = found_triggers(web, request)
    shown = [_live_json(live) for live in asks.page_of(request.query_params, triggers)]
    return as_json({"results": shown, "total": len(triggers)})


def _live_json(live: LiveTrigger) -> dict[str, Any]:
    """In the spelling of 2.0 (`trigger`, `state`) and of 1.x (`abstractTrigger`, `triggerContext`)."""
    trigger, state = trigger_json(live.trigger), trigger_state_json(live)
    return {"trigger": trigger, "state": state, "abstractTrigger": trigger, "triggerContext": state}


async def set_disabled(web: Web, request: Request) -> Response:
    body = await _body(request)
    return await _act(web, _key(body), SetDisabled(bool(body.get("disabled", True))))


async def change(web: Web, request: Request) -> Response:
    """Kestra 1.x: the whole trigger state is sent, and with it what is to change."""
    body = await _body(request)
    backfill = body.get("backfill")
    if isinstance(backfill, dict):
        return await _act(web, _key(body), _new_backfill(backfill))
    return await _act(web, _key(body), SetDisabled(bool(body.get("disabled", False))))


async def unlock(web: Web, request: Request) -> Response:
    return await _act(web, _key_in_path(request), Unlock())


async def forget(web: Web, request: Request) -> Response:
    """The trigger's state goes; the trigger itself is the flow's and begins anew."""
    granted(await web.daemon.act_on_trigger(_key_in_path(request), Forget()))
    return Response(status_code=204)


def _key_in_path(request: Request) -> TriggerKey:
    return TriggerKey(flow_key(request), request.path_params["trigger_id"])


async def create_backfill(web: Web, request: Request) -> Response:
    body = await _body(request)
    return await _act(web, _key(body), _new_backfill(body.get("backfill")))


async def pause_backfill(web: Web, request: Request) -> Response:
    return await _act(web, _key(await _body(request)), PauseBackfill(paused=True))


async def unpause_backfill(web: Web, request: Request) -> Response:
    return await _act(web, _key(await _body(request)), PauseBackfill(paused=False))


async def delete_backfill(web: Web, request: Request) -> Response:
    return await _act(web, _key(await _body(request)), DeleteBackfill())


async def _act(web: Web, key: TriggerKey, action: TriggerAction) -> Response:
    return as_json(trigger_state_json(granted(await web.daemon.act_on_trigger(key, action))))


# Many at once.

Reading = Callable[[Mapping[str, Any]], TriggerAction]


def _disabled(asked: Mapping[str, Any]) -> TriggerAction:
    return SetDisabled(str(asked.get("disabled", True)).lower() == "true")


# Kestra's words for them, in paths.
MANY: Final[dict[str, Reading]] = {
    "set-disabled": _disabled,
    "unlock": lambda _: Unlock(),
    "delete": lambda _: Forget(),
    "backfill/pause": lambda _: PauseBackfill(paused=True),
    "backfill/unpause": lambda _: PauseBackfill(paused=False),
    "backfill/delete": lambda _: DeleteBackfill(),
}


def by_triggers(reading: Reading) -> Endpoint:
    """The endpoint of an act on the triggers that the body lists, alone or under `triggers`. One that is not there keeps
    it from all; one that has nothing to be acted on (no backfill ...) is not counted."""

    async def endpoint(web: Web, request: Request) -> Response:
        body = await asks.json_body(request)
        listed = body.get("triggers") if isinstance(body, dict) else body
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise Refused(422, "Expected a list of {namespace, flowId, triggerId}")
        keys = [_key(each) for each in listed]
        there = {live.key for live in web.daemon.triggers()}
        if missing := [key for key in keys if key not in there]:
            raise Refused(404, f"Not Found: trigger {missing[0].trigger_id} of flow {missing[0].flow}")
        return await _act_on_many(web, keys, reading(body if isinstance(body, dict) else request.query_params))

    return endpoint


def by_query(reading: Reading) -> Endpoint:
    """The endpoint of an act on the triggers that the filters find, in the query or under `filters` in the body."""

    async def endpoint(web: Web, request: Request) -> Response:
        triggers = triggers_meeting(web, request, await _wanted(web, request))
        return await _act_on_many(web, [live.key for live in triggers], reading(request.query_params))

    return endpoint


async def _wanted(web: Web, request: Request) -> tuple[Wanted, ...]:
    query = request.query_params
    if await request.body():
        body = await asks.json_body(request)
        listed = body.get("filters") if isinstance(body, dict) else None
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            raise Refused(422, "Expected {filters: [{field, operation, value}]}")
        query = QueryParams([*query.multi_items(), *map(_as_parameter, listed)])
    return filters.read(query, web.daemon.now(), filters.TRIGGERS)


def _as_parameter(each: Mapping[str, Any]) -> tuple[str, str]:
    """A filter of a body as a query has it."""
    value = each.get("value")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"filters[{each.get('field')}][{each.get('operation')}]", text


async def _act_on_many(web: Web, keys: Sequence[TriggerKey], action: TriggerAction) -> Response:
    answers = [await web.daemon.act_on_trigger(key, action) for key in keys]
    refusals = [each for each in answers if isinstance(each, Refusal) and each.status not in _NOT_MEANT]
    if refusals:
        raise Refused(refusals[0].status, refusals[0].message)
    return as_json({"count": sum(not isinstance(each, Refusal) for each in answers)})


# A trigger that has no backfill, or can have none; one that went meanwhile.
_NOT_MEANT: Final = frozenset({404, 409, 422})


async def _body(request: Request) -> dict[str, Any]:
    body = await asks.json_body(request)
    if not isinstance(body, dict):
        raise Refused(422, "Expected {namespace, flowId, triggerId, ...}")
    return body


def _key(body: dict[str, Any]) -> TriggerKey:
    names = [body.get(name) for name in ("namespace", "flowId", "triggerId")]
    if not all(isinstance(name, str) and name for name in names):
        raise Refused(422, "Expected {namespace, flowId, triggerId, ...}")
    namespace, flow_id, trigger_id = (str(name) for name in names)
    return TriggerKey(FlowKey(namespace, flow_id), trigger_id)


def _new_backfill(value: Any) -> CreateBackfill:
    if not isinstance(value, dict) or not isinstance(value.get("start"), str):
        raise Refused(422, "Expected {backfill: {start, end, inputs, labels}}")
    start = moment(value["start"])
    end = moment(str(value["end"])) if value.get("end") else None
    if start is None or (end is None and value.get("end")):
        raise Refused(422, "Backfill: `start` and `end` are ISO 8601 dates")
    return CreateBackfill(start, end, value.get("inputs") or {}, asks.labels_of_json(value.get("labels") or []))
