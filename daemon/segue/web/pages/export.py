"""The list of executions as a CSV file: what the filters find, latest first, as it stood when it was asked for."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from segue.model.execution import Execution
from segue.store.reads.matching import Op
from segue.web import filters
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.ports import Field, Filter, Reads, Search, Wanted
from segue.web.shapes import length_of

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
    headers = {"Content-Disposition": f'attachment; filename="executions-{now:%Y%m%dT%H%M%SZ}.csv"'}
    return StreamingResponse(_lines(web.reads, wanted, now), headers=headers, media_type="text/csv; charset=utf-8")


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
        json.dumps(dict(execution.labels), ensure_ascii=False) if execution.labels else "",
    ]


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    # Lone surrogates (a label may hold anything) have no UTF-8.
    return out.getvalue().encode("utf-8", "replace").decode()
