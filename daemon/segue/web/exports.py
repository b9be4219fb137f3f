"""Lists to take along: executions, flows and triggers as CSV files, flows as a zip of their texts. What the filters
find, as it stood when it was asked for."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from segue.model.execution import Execution
from segue.model.revision import FlowKey
from segue.store.reads.matching import Op
from segue.web import asks, filters
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.finding import found_flows, found_triggers
from segue.web.ports.executions import Search
from segue.web.ports.flows import LiveFlow
from segue.web.ports.lists import Field, Filter, Wanted
from segue.web.ports.reads import Reads
from segue.web.ports.triggers import LiveTrigger
from segue.web.shapes import length_of

_CSV: Final = "text/csv; charset=utf-8"
_ZIP_BEGINS: Final = (1980, 1, 1, 0, 0, 0)  # the format knows no time before

ROWS_MAX: Final = 100_000
SIZE: Final = 250  # one read: rows that lie far apart on a slow disk are in time as well
COLUMNS: Final = (
    "id",
    "namespace",
    "flowId",
    "flowRevision",
    "commit",
    "state",
    "startDate",
    "endDate",
    "seconds",
    "trigger",
    "labels",
)
# A spreadsheet takes what begins so for a formula, whoever wrote it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def executions(web: Web, request: Request) -> Response:
    now = web.daemon.now()
    wanted = filters.read(request.query_params, now, filters.EXECUTIONS)
    headers = _attachment(web, "executions", "csv")
    return StreamingResponse(_lines(web.reads, wanted, now), headers=headers, media_type=_CSV)


def _lines(reads: Reads, wanted: tuple[Wanted, ...], now: datetime) -> Iterator[str]:
    """Runs in a thread."""
    yield _written([list(COLUMNS)])
    left = ROWS_MAX
    for executions in _pages(reads, wanted, now):
        yield _written([_row(each, now) for each in executions[:left]])
        left -= len(executions)
        if left <= 0:
            return


def _pages(reads: Reads, wanted: tuple[Wanted, ...], now: datetime) -> Iterator[list[Execution]]:
    """Latest first. Each page begins at the moment where the one before it ended: to count off all that came before
    would cost more with every page."""
    until, number, told = now, 1, frozenset[str]()
    while True:
        begun = Filter(Field.START_DATE, Op.LESS_THAN_OR_EQUAL_TO, (iso(until),))
        found = reads.search(Search(filters=(*wanted, begun), page=number, size=SIZE)).results
        yield [each for each in found if each.id not in told]
        if len(found) < SIZE:
            return
        last = found[-1].started_at
        if last == until:  # more of one moment than a page holds
            number += 1
            continue
        until, number = last, 1
        told = frozenset(each.id for each in found if each.started_at == last)


def _row(execution: Execution, now: datetime) -> list[str]:
    end = execution.history[-1].at if execution.state.is_final else None
    return [
        execution.id,
        execution.namespace,
        execution.flow_id,
        str(execution.revision),
        execution.commit,
        execution.state,
        iso(execution.started_at),
        "" if end is None else iso(end),
        f"{length_of(execution.history, now).total_seconds():.3f}",
        _plain("" if execution.trigger is None else execution.trigger.id),
        _labels(execution.labels),
    ]


def _labels(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), ensure_ascii=False) if labels else ""


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    # Lone surrogates (a label may hold anything) have no UTF-8.
    return out.getvalue().encode("utf-8", "replace").decode()


def _attachment(web: Web, name: str, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}-{web.daemon.now():%Y%m%dT%H%M%SZ}.{ending}"'}


# Flows.

FLOW_COLUMNS: Final = ("namespace", "id", "revision", "commit", "path", "updated", "disabled", "triggers", "labels")


async def flows(web: Web, request: Request) -> Response:
    found = found_flows(web, request)
    text = _written([FLOW_COLUMNS, *(_flow_row(live) for live in found)])
    return Response(text, headers=_attachment(web, "flows", "csv"), media_type=_CSV)


def _flow_row(live: LiveFlow) -> list[str]:
    revision, flow = live.revision, live.flow
    return [
        flow.namespace,
        flow.id,
        str(revision.number),
        revision.commit_id,
        _plain(revision.path),
        iso(revision.committed_at),
        str(flow.disabled).lower(),
        " ".join(trigger.id for trigger in flow.triggers),
        _labels(flow.labels),
    ]


async def zipped_flows(web: Web, request: Request) -> Response:
    """The texts of the flows that the filters find, each a file of its own."""
    return await _zipped(web, found_flows(web, request))


async def zipped_flows_named(web: Web, request: Request) -> Response:
    """Those that the body names."""
    body = await asks.json_body(request)
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise Refused(422, "Expected a list of {namespace, id}")
    keys = [FlowKey(str(each.get("namespace")), str(each.get("id") or each.get("flowId"))) for each in body]
    return await _zipped(web, [web.flow(key) for key in keys])


async def _zipped(web: Web, found: Sequence[LiveFlow]) -> Response:
    content = await web.read(lambda: zipped(_member(web, live) for live in found))
    return Response(content, headers=_attachment(web, "flows", "zip"), media_type="application/octet-stream")


def _member(web: Web, live: LiveFlow) -> tuple[str, datetime, bytes]:
    text = web.sources.text(live.revision) or ""
    return f"{live.key.namespace}.{live.key.flow_id}.yml", live.revision.committed_at, text.encode("utf-8", "replace")


def zipped(members: Iterable[tuple[str, datetime, bytes]]) -> bytes:
    """A zip file of named contents and their times. The same contents give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, at, content in members:
            moment = max(at.timetuple()[:6], _ZIP_BEGINS)
            archive.writestr(zipfile.ZipInfo(name, moment), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


# Triggers.

TRIGGER_COLUMNS: Final = (
    "namespace",
    "flowId",
    "triggerId",
    "type",
    "disabled",
    "locked",
    "lastTriggeredDate",
    "nextExecutionDate",
    "executionId",
)


async def triggers(web: Web, request: Request) -> Response:
    text = _written([TRIGGER_COLUMNS, *(_trigger_row(live) for live in found_triggers(web, request))])
    return Response(text, headers=_attachment(web, "triggers", "csv"), media_type=_CSV)


def _trigger_row(live: LiveTrigger) -> list[str]:
    return [
        live.key.flow.namespace,
        live.key.flow.flow_id,
        live.key.trigger_id,
        live.trigger.type,
        str(live.is_disabled or live.trigger.disabled).lower(),
        str(live.is_locked).lower(),
        "" if live.last_fired_at is None else iso(live.last_fired_at),
        "" if live.next_fire_at is None else iso(live.next_fire_at),
        live.execution_id or "",
    ]
