"""Triggers of all flows: when each fired, when it fires next; on and off."""

from datetime import UTC, datetime

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.revision import FlowKey
from segue.web import asks
from segue.web.actions import CreateBackfill, DeleteBackfill, PauseBackfill, SetDisabled, TriggerAction, Unlock
from segue.web.answers import Refused, granted
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.paging import Paging
from segue.web.ports.triggers import LiveTrigger, TriggerKey

SIZE = 50
_FAR = datetime.max.replace(tzinfo=UTC)
_ACTS: dict[str, TriggerAction] = {
    "disable": SetDisabled(True),
    "enable": SetDisabled(False),
    "unlock": Unlock(),
    "pause-backfill": PauseBackfill(paused=True),
    "go-on-backfill": PauseBackfill(paused=False),
    "delete-backfill": DeleteBackfill(),
}


async def page(web: Web, request: Request) -> Response:
    text = request.query_params.get("q", "").strip()
    matching = [
        live for live in web.daemon.triggers() if text.lower() in f"{live.key.flow}/{live.key.trigger_id}".lower()
    ]
    matching.sort(key=_by_next_fire)
    paging = Paging.of(request, total=len(matching), size=SIZE)
    return render.page(
        web,
        request,
        "triggers.html",
        topics="triggers,flows",
        triggers=matching[paging.offset : paging.offset + SIZE],
        q=text,
        paging=paging,
    )


def _by_next_fire(live: LiveTrigger) -> tuple[datetime, FlowKey, str]:
    return live.next_fire_at or _FAR, live.key.flow, live.key.trigger_id


async def act(web: Web, request: Request) -> Response:
    form = await request.form()
    name = request.path_params["act"]
    action = _backfill(form) if name == "backfill" else _ACTS.get(name)
    if action is None:
        raise Refused(404, "There is no such act.")
    flow = FlowKey(request.path_params["namespace"], request.path_params["flow_id"])
    granted(await web.daemon.act_on_trigger(TriggerKey(flow, request.path_params["trigger_id"]), action))
    back = f"/flows/{flow.namespace}/{flow.flow_id}/triggers" if form.get("back") == "flow" else "/triggers"
    return RedirectResponse(back, 303)


def _backfill(form: FormData) -> CreateBackfill:
    """Times of the browser's fields are meant in UTC; without an end it ends now."""
    fields = {name: str(form.get(name, "")) for name in ("start", "end")}
    start = asks.date(fields, "start")
    if start is None:
        raise Refused(422, "A backfill needs a start: the first moment whose schedule is caught up on.")
    labels = (part.strip() for part in str(form.get("labels", "")).split(","))
    return CreateBackfill(start, asks.date(fields, "end"), labels=asks.labels(part for part in labels if part))
