"""Log lines and metrics of executions: listed, downloaded, followed."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from segue.web import asks
from segue.web.answers import as_json, to_json
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.live import execution_topic
from segue.web.ports import LogEntry, LogSearch, Reads
from segue.web.shapes import log_json, metric_json
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

BATCH: Final = 1000
FOLLOW_PAUSE_SECONDS: Final = 0.1


def _wanted(request: Request) -> LogSearch:
    query = request.query_params
    attempt = asks.optional_number(query, "attempt")
    return LogSearch(
        execution_id=request.path_params.get("id") or query.get("executionId"),
        namespace=query.get("namespace"),
        flow_id=query.get("flowId"),
        task_id=query.get("taskId"),
        task_run_id=query.get("taskRunId"),
        attempt=None if attempt is None else attempt + 1,
        trigger_id=query.get("triggerId"),
        min_level=asks.level(query),
        text=query.get("q", ""),
    )


async def of_execution(web: Web, request: Request) -> Response:
    """All its lines, in the order of their time; also of an execution that was deleted without its logs."""
    entries = await web.read(lambda: list(_all(web.reads, _wanted(request))))
    if not entries:
        await web.execution_alone(request.path_params["id"])
    return as_json([log_json(entry) for entry in entries])


async def search(web: Web, request: Request) -> Response:
    """Newest lines of everything, a page at a time."""
    size = asks.number(request.query_params, "size", 100, least=1, most=BATCH)
    entries = await web.read(web.reads.logs, replace(_wanted(request), newest=True, limit=size))
    return as_json({"results": [log_json(entry) for entry in reversed(entries)], "total": len(entries)})


async def download(web: Web, request: Request) -> Response:
    execution = await web.execution_alone(request.path_params["id"])
    lines = (_line(entry) for entry in _all(web.reads, _wanted(request)))
    headers = {"Content-Disposition": f'attachment; filename="{execution.id}.log"'}
    return StreamingResponse(lines, headers=headers, media_type="text/plain")


def _line(entry: LogEntry) -> str:
    return f"{iso(entry.at)} {entry.level} {entry.task_id or '-'} {entry.message}\n"


def _all(reads: Reads, wanted: LogSearch) -> Iterator[LogEntry]:
    """Batch by batch. Runs in a thread."""
    wanted = replace(wanted, limit=BATCH)
    while True:
        entries = reads.logs(wanted)
        yield from entries
        if len(entries) < BATCH:
            return
        wanted = replace(wanted, after=entries[-1].id)


async def follow(web: Web, request: Request) -> Response:
    """Every line from the first (or from `Last-Event-ID`) on, until the execution has ended."""
    execution = await web.execution_alone(request.path_params["id"])
    last = request.headers.get("last-event-id", "")
    wanted = replace(_wanted(request), limit=BATCH, after=int(last) if last.isdigit() else None)
    web.daemon.bells.check_room()
    return EventStream(_lines(web, execution.id, wanted))


async def _lines(web: Web, execution_id: str, wanted: LogSearch) -> AsyncGenerator[Sent]:
    with web.daemon.bells.follow(execution_topic(execution_id)) as subscription:
        yield Sent()
        while not subscription.is_closed:
            # Asked before the lines are read: nothing is written after the end.
            is_over = (await web.execution_alone(execution_id)).state.is_final
            entries = await web.read(web.reads.logs, wanted)
            for entry in entries:
                yield Sent(to_json(log_json(entry)), id=str(entry.id))
            if entries:
                wanted = replace(wanted, after=entries[-1].id)
            if len(entries) == BATCH:
                continue
            if is_over:
                yield Sent(b"{}", event="end")
                return
            while not await subscription.rung(HEARTBEAT_SECONDS) and not subscription.is_closed:
                yield Sent()
            await subscription.rest(FOLLOW_PAUSE_SECONDS)


async def metrics(web: Web, request: Request) -> Response:
    entries = await web.read(web.reads.metrics, request.path_params["id"])
    if not entries:
        await web.execution_alone(request.path_params["id"])
    return as_json({"results": [metric_json(entry) for entry in entries], "total": len(entries)})
