"""Metrics: those of an execution, which ones a flow and its tasks have, and one of them over time."""

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from segue.web import asks
from segue.web.answers import Refused, as_json
from segue.web.context import Web, flow_key
from segue.web.dates import iso
from segue.web.ports.metrics import MetricSpan
from segue.web.shapes import metric_json

AGGREGATIONS: Final = ("sum", "avg", "min", "max")
SPAN: Final = timedelta(days=30)  # looked back unless `startDate` says
HOURLY: Final = timedelta(days=2)  # spans up to this are told by hour


async def of_execution(web: Web, request: Request) -> Response:
    query = request.query_params
    entries = await web.read(web.reads.metrics, request.path_params["id"])
    if not entries:
        await web.execution_alone(request.path_params["id"])
    wanted = [
        entry
        for entry in entries
        if query.get("taskId") in {None, entry.task_id} and query.get("taskRunId") in {None, entry.task_run_id}
    ]
    shown = asks.page_of(query, wanted) if "page" in query or "size" in query else wanted
    return as_json({"results": [metric_json(entry) for entry in shown], "total": len(wanted)})


async def names(web: Web, request: Request) -> Response:
    return as_json(await web.read(web.reads.metric_names, flow_key(request), request.path_params.get("task_id")))


async def tasks(web: Web, request: Request) -> Response:
    return as_json(await web.read(web.reads.metric_tasks, flow_key(request)))


async def aggregate(web: Web, request: Request) -> Response:
    """`?aggregation=` sum, avg, min or max, by hour or by day."""
    query, path = request.query_params, request.path_params
    aggregation = query.get("aggregation", "sum").lower()
    if aggregation not in AGGREGATIONS:
        raise Refused(422, f"Invalid parameter `aggregation`: `{aggregation}` is not one of {', '.join(AGGREGATIONS)}")
    until = asks.date(query, "endDate") or web.daemon.now()
    since = asks.date(query, "startDate") or until - SPAN
    wanted = MetricSpan(
        flow=flow_key(request),
        name=path["metric"],
        since=since,
        until=until,
        aggregation=aggregation,
        task_id=path.get("task_id"),
    )
    points = await web.read(web.reads.metric_over_time, wanted)
    return as_json(
        {
            "groupBy": "hour" if until - since <= HOURLY else "day",
            "aggregations": [{"date": iso(at), "value": value} for at, value in points],
        }
    )
