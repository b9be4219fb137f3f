"""Executions: found by namespace, flow, state, label, time and text; and done to many at once."""

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.actions import Action, Delete, Kill, Replay, Restart
from segue.web.answers import Refused, granted
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.paging import Paging, page_of
from segue.web.ports import Field, Filter, Page, Search

SIZE: Final = 25
RANGES: Final = {
    "": "Any time",
    "PT1H": "Last hour",
    "PT24H": "Last 24 hours",
    "P7D": "Last 7 days",
    "P30D": "Last 30 days",
}
_FIELDS: Final = ("q", "namespace", "flowId", "labels", "timeRange", "triggerId", "parentId", "triggerExecutionId")
_MANY: Final[dict[str, Action]] = {"kill": Kill(), "restart": Restart(), "replay": Replay(), "delete": Delete()}


async def page(web: Web, request: Request) -> Response:
    query = request.query_params
    said = ""
    try:
        wanted = asks.search(query, web.daemon.now())
        found = await web.read(web.reads.search, replace(wanted, size=SIZE, page=page_of(request)))
    except Refused as refusal:
        found, said = Page((), 0), refusal.message
    return render.page(
        web,
        request,
        "executions.html",
        topics="executions",
        found=found,
        query={name: query.get(name, "") for name in _FIELDS},
        states=set(query.getlist("state")),
        all_states=list(State),
        ranges=RANGES,
        namespaces=sorted({live.key.namespace for live in web.daemon.flows()}),
        said=said,
        is_filtered=any(query.get(name) for name in (*_FIELDS, "state")),
        paging=Paging.of(request, total=found.total, size=SIZE, is_exact=found.is_total_exact),
        back=f"{request.url.path}?{request.url.query}",
    )


async def act_on_many(web: Web, request: Request) -> Response:
    form = await request.form()
    action = _MANY.get(str(form.get("act")))
    if action is None:
        raise Refused(422, "There is no such act.")
    ids = [str(each) for each in form.getlist("id")]
    if ids:
        granted(await web.daemon.act_on_many(ids, action))
    return RedirectResponse(_safe_way_back(str(form.get("back", ""))), 303)


def _safe_way_back(back: str) -> str:
    """Only to our own list: never where a forged form says."""
    return back if back.startswith("/executions?") else "/executions"


def of_flow(namespace: str, flow_id: str, size: int) -> Search:
    return Search(
        filters=(
            Filter(Field.NAMESPACE, Op.EQUALS, (namespace,)),
            Filter(Field.FLOW_ID, Op.EQUALS, (flow_id,)),
        ),
        size=size,
    )
