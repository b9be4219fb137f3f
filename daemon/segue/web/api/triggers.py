"""Triggers: their states, and what may be done to them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segue.model.revision import FlowKey
from segue.web import asks
from segue.web.actions import (
    CreateBackfill,
    DeleteBackfill,
    PauseBackfill,
    SetDisabled,
    TriggerAction,
    Unlock,
)
from segue.web.answers import Refused, as_json, granted
from segue.web.context import Web
from segue.web.dates import moment
from segue.web.flow_shapes import trigger_json
from segue.web.ports import LiveTrigger, TriggerKey
from segue.web.settings import PAGE_SIZE_MAX
from segue.web.shapes import trigger_state_json


async def search(web: Web, request: Request) -> Response:
    query = request.query_params
    namespace = query.get("namespace") or query.get("filters[namespace][EQUALS]") or ""
    flow_id = query.get("flowId") or query.get("filters[flowId][EQUALS]") or request.path_params.get("flow_id", "")
    namespace = request.path_params.get("namespace", namespace)
    text = query.get("q", "").lower()
    triggers = [
        live
        for live in web.daemon.triggers()
        if (not namespace or f"{live.key.flow.namespace}.".startswith(f"{namespace}."))
        and (not flow_id or live.key.flow.flow_id == flow_id)
        and (not text or text in f"{live.key.flow}/{live.key.trigger_id}".lower())
    ]
    page = asks.number(query, "page", 1, least=1)
    size = asks.number(query, "size", 10, least=1, most=PAGE_SIZE_MAX)
    shown = triggers[(page - 1) * size : page * size]
    return as_json({"results": [_live_json(live) for live in shown], "total": len(triggers)})


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
    flow = FlowKey(request.path_params["namespace"], request.path_params["flow_id"])
    return await _act(web, TriggerKey(flow, request.path_params["trigger_id"]), Unlock())


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
