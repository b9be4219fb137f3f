"""Logs of everything: found by namespace, flow, level, time and text, the latest first shown at the end, a page at a
time. What one execution printed is on its own page, and follows there."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from segue.model.order import LogLevel
from segue.web import asks
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.dates import span
from segue.web.pages import render
from segue.web.pages.executions import RANGES
from segue.web.ports.logs import LogSearch, LookedBack

LINES: Final = 200
_FIELDS: Final = ("q", "namespace", "flowId", "level", "timeRange", "startDate", "endDate")


async def page(web: Web, request: Request) -> Response:
    query = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    said = ""
    try:
        found = await web.read(web.reads.look_back, _wanted(web, request))
    except Refused as refusal:
        found, said = LookedBack(()), refusal.message
    kept = {name: value for name, value in query.items() if value}
    return render.page(
        web,
        request,
        "logs.html",
        # A look at an earlier page stays what it is.
        topics="" if request.query_params.get("before") else "executions",
        found=found,
        query=query,
        levels=list(LogLevel),
        ranges=RANGES,
        namespaces=sorted({live.key.namespace for live in web.daemon.flows()}),
        said=said,
        is_filtered=bool(kept),
        is_earlier=bool(request.query_params.get("before")),
        latest=f"/logs?{urlencode(kept)}",
        earlier=None if found.earlier is None else f"/logs?{urlencode({**kept, 'before': found.earlier})}",
    )


def _wanted(web: Web, request: Request) -> LogSearch:
    query = request.query_params
    since = asks.date(query, "startDate")
    if query.get("timeRange"):
        back = span(query["timeRange"])
        if back is None:
            raise Refused(422, f"Invalid parameter `timeRange`: `{query['timeRange']}` is not an ISO 8601 duration")
        since = web.daemon.now() - back
    until = asks.date(query, "endDate")
    return LogSearch(
        namespace=query.get("namespace", "").strip() or None,
        flow_id=query.get("flowId", "").strip() or None,
        min_level=asks.level(query),
        text=query.get("q", "").strip(),
        since=since,
        until=None if until is None else until + timedelta(microseconds=1),
        before=asks.number(query, "before", 0, most=1 << 62) or None,
        newest=True,
        limit=LINES,
    )
