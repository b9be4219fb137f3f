"""Log lines of executions and triggers: listed, searched, downloaded, followed, deleted."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from segue.store.reads.matching import Op
from segue.web import asks, filters
from segue.web.answers import Refused, as_json, to_json
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.live import execution_topic
from segue.web.ports.lists import Field, Filter
from segue.web.ports.logs import LogEntry, LogPage, LogSearch
from segue.web.ports.reads import Reads
from segue.web.shapes import log_json
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

BATCH: Final = 1000
BATCH_SHOWN: Final = 100
FOLLOW_PAUSE_SECONDS: Final = 0.1


def _wanted(request: Request) -> LogSearch:
    query = request.query_params
    attempt = asks.optional_number(query, "attempt")
    return LogSearch(
        execution_id=request.path_params["id"],
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
    """A page of the lines of everything, newest first unless `sort=timestamp:asc`."""
    query = request.query_params
    wanted = LogPage(
        filters=filters.read(query, web.daemon.now(), filters.LOGS),
        descending=not query.get("sort", "").endswith(":asc"),
        page=asks.number(query, "page", 1, least=1),
        size=asks.number(query, "size", BATCH_SHOWN, least=1, most=BATCH),
    )
    found = await web.read(web.reads.find_logs, wanted)
    return as_json({"results": [log_json(entry) for entry in found.results], "total": found.total, "type": "OFFSET"})


async def delete(web: Web, request: Request) -> Response:
    """The lines of an execution, or those that the filters name."""
    await web.execution_alone(request.path_params["id"])
    wanted = replace(_wanted(request), limit=BATCH)
    while entries := await web.read(web.reads.logs, wanted):
        await _delete(web, entries)
        wanted = replace(wanted, after=entries[-1].id)
    return Response(status_code=204)


async def delete_of_flow(web: Web, request: Request) -> Response:
    """The lines of a flow's trigger: `?triggerId=`."""
    path, trigger_id = request.path_params, request.query_params.get("triggerId", "")
    if not trigger_id:
        raise Refused(422, "Missing parameter `triggerId`: whose lines are to be deleted")
    wanted = LogPage(
        filters=(
            Filter(Field.NAMESPACE, Op.EQUALS, (path["namespace"],)),
            Filter(Field.FLOW_ID, Op.EQUALS, (path["flow_id"],)),
            Filter(Field.TRIGGER_ID, Op.EQUALS, (trigger_id,)),
        ),
        size=BATCH,
    )
    while entries := (await web.read(web.reads.find_logs, wanted)).results:
        await _delete(web, entries)
    return Response(status_code=204)


async def _delete(web: Web, entries: Sequence[LogEntry]) -> None:
    refusal = await web.daemon.delete_log_lines([entry.id for entry in entries])
    if refusal is not None:
        raise Refused(refusal.status, refusal.message)


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
