"""Log lines: of one execution, as they come in; or of many, latest first. Conditions are constant fragments; what a
person typed is always a parameter."""
# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.model.names import ExecutionId, TaskRunId
from segue.model.order import LEVELS, LogLevel
from segue.store.columns import microseconds, time
from segue.store.named_queries import QUERIES
from segue.store.reads.matching import Match, condition
from segue.store.records import StoredLogLine

COUNT_MAX: Final = 10_000
LINES_MAX: Final = 1_000
LOOK_MAX: Final = 50_000  # lines that one look back goes through where no index tells which are meant
_COLUMNS: Final = "id, at, level, namespace, flow_id, execution_id, task_run_id, task_id, attempt, trigger_id, message"

_ONE_FLOW: Final = "namespace = ? AND flow_id = ?"
_SEVERAL_FLOWS: Final = "(+namespace, +flow_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"


class Column(StrEnum):
    """What else a text is compared with, line by line."""

    LEVEL = "level"
    EXECUTION_ID = "execution_id"
    TRIGGER_ID = "trigger_id"
    TASK_ID = "task_id"
    TASK_RUN_ID = "task_run_id"
    ATTEMPT = "CAST(attempt AS TEXT)"


class LogFilters(Struct, frozen=True, kw_only=True):
    """All of these have to hold, and of each entry of `any_of` one. `after_id` is for who has read up to there, `before_id` for who reads backwards. `attempt` counts from 1."""

    execution_id: str | None = None
    after_id: int | None = None
    before_id: int | None = None
    level_min: LogLevel = LogLevel.TRACE
    task_id: str | None = None
    task_run_id: str | None = None
    attempt: int | None = None
    trigger_id: str | None = None
    namespaces: tuple[Match, ...] = ()
    flows: tuple[Match, ...] = ()
    columns: tuple[tuple[Column, Match], ...] = ()
    any_of: tuple[tuple["LogFilters", ...], ...] = ()
    text: str | None = None
    since: datetime | None = None
    before: datetime | None = None


class FoundLines(Struct, frozen=True):
    """A page of log lines and how many there are in all; at least that many when not exact."""

    lines: tuple[StoredLogLine, ...]
    total: int
    is_exact: bool


class LookedBack(Struct, frozen=True):
    """Lines, latest first, and the id before which to look for more; None if there is nothing more. `reached` is when
    the earliest line that was looked at was printed, if the look ended before it had found enough."""

    lines: tuple[StoredLogLine, ...]
    earlier: int | None = None
    reached: datetime | None = None


def of_execution(
    connection: sqlite3.Connection, execution_id: str, filters: LogFilters | None = None, *, limit: int = LINES_MAX
) -> tuple[StoredLogLine, ...]:
    """In the order they came in. Ask again with the last one's id as `after_id` for more."""
    where, parameters = _where(connection, filters or LogFilters(), execution_id)
    rows = connection.execute(f"SELECT {_COLUMNS} FROM logs WHERE {where} ORDER BY id LIMIT ?", (*parameters, limit))
    return tuple(map(_read, rows))


def all_of_execution(
    connection: sqlite3.Connection, execution_id: str, filters: LogFilters | None = None
) -> Iterator[StoredLogLine]:
    """Every line, for a download, read as it is asked for."""
    where, parameters = _where(connection, filters or LogFilters(), execution_id)
    return map(_read, connection.execute(f"SELECT {_COLUMNS} FROM logs WHERE {where} ORDER BY id", parameters))


def latest(connection: sqlite3.Connection, filters: LogFilters, *, limit: int = LINES_MAX) -> list[StoredLogLine]:
    """The last lines, latest first, without counting them."""
    where, parameters = _where(connection, filters, filters.execution_id)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM logs WHERE {where} ORDER BY id DESC LIMIT ?", (*parameters, min(limit, LINES_MAX))
    )
    return list(map(_read, rows))


def look_back(connection: sqlite3.Connection, filters: LogFilters, *, limit: int) -> LookedBack:
    """The last lines that are meant, going through no more than LOOK_MAX: a text that nobody printed is looked for in
    many short steps, not in one that holds a reader for seconds."""
    (last,) = connection.execute(QUERIES["last_of_logs"]).fetchone()
    end = last + 1 if filters.before_id is None else filters.before_id
    start = 0 if _is_indexed(filters) else max(end - LOOK_MAX, 0)
    found = latest(connection, replace(filters, before_id=end, after_id=start - 1), limit=limit)
    if len(found) == limit:
        return LookedBack(tuple(found), found[-1].id)
    if start == 0 or (row := connection.execute(QUERIES["first_log_from"], (start,)).fetchone()) is None:
        return LookedBack(tuple(found))
    reached = time(row[0])
    if filters.since is not None and reached < filters.since:
        return LookedBack(tuple(found))
    return LookedBack(tuple(found), start, reached)


def _is_indexed(filters: LogFilters) -> bool:
    return filters.execution_id is not None or (
        filters.level_min is LogLevel.ERROR and not (filters.text or filters.namespaces or filters.flows)
    )


def search(
    connection: sqlite3.Connection, filters: LogFilters, *, offset: int = 0, limit: int = 25, descending: bool = True
) -> FoundLines:
    where, parameters = _where(connection, filters, filters.execution_id)
    (number,) = connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM logs WHERE {where} LIMIT ?)", (*parameters, COUNT_MAX + 1)
    ).fetchone()
    order = "DESC" if descending else "ASC"
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM logs WHERE {where} ORDER BY id {order} LIMIT ? OFFSET ?",
        (*parameters, min(limit, LINES_MAX), offset),
    )
    return FoundLines(tuple(map(_read, rows)), min(number, COUNT_MAX), number <= COUNT_MAX)


def _where(connection: sqlite3.Connection, filters: LogFilters, execution_id: str | None) -> tuple[str, list[Any]]:
    parts: list[str] = []
    parameters: list[Any] = []
    for part, value in (
        ("execution_id = ?", execution_id),
        ("id > ?", filters.after_id),
        ("id < ?", filters.before_id),
        ("task_id = ?", filters.task_id),
        ("task_run_id = ?", filters.task_run_id),
        ("attempt = ?", filters.attempt),
        ("trigger_id = ?", filters.trigger_id),
        ("at >= ?", None if filters.since is None else microseconds(filters.since)),
        ("at < ?", None if filters.before is None else microseconds(filters.before)),
        ("instr(lower(message), lower(?))", filters.text or None),
    ):
        if value is not None:
            parts.append(part)
            parameters.append(value)
    if filters.level_min is LogLevel.ERROR:
        parts.append("level = 'ERROR'")  # word for word as the index of errors has it
    elif filters.level_min is not LEVELS[0]:
        parts.append("level IN (SELECT value FROM json_each(?))")
        parameters.append(json.dumps(LEVELS[LEVELS.index(filters.level_min) :]))
    if filters.namespaces or filters.flows:
        flows = _flows(connection, filters)
        # One flow is a range of the index; several would have to be sorted, so they are looked for along the lines.
        parts.append(_ONE_FLOW if len(flows) == 1 else _SEVERAL_FLOWS)
        parameters.extend(flows[0] if len(flows) == 1 else [json.dumps(flows)])
    for column, match in filters.columns:
        part, wanted = condition(column.value, match)
        parts.append(part)
        parameters.extend(wanted)
    for alternatives in filters.any_of:
        each = [_where(connection, alternative, alternative.execution_id) for alternative in alternatives]
        parts.append("(" + (" OR ".join(f"({part})" for part, _ in each) or "FALSE") + ")")
        parameters.extend(parameter for _, wanted in each for parameter in wanted)
    return " AND ".join(parts) or "TRUE", parameters


def _flows(connection: sqlite3.Connection, filters: LogFilters) -> list[tuple[str, str]]:
    return [
        (namespace, flow_id)
        for namespace, flow_id in connection.execute(QUERIES["logged_flows"])
        if all(match.holds(namespace) for match in filters.namespaces)
        and all(match.holds(flow_id) for match in filters.flows)
    ]


def _read(row: tuple[Any, ...]) -> StoredLogLine:
    id_, at, level, namespace, flow_id, execution_id, task_run_id, task_id, attempt, trigger_id, message = row
    return StoredLogLine(
        id=id_,
        at=time(at),
        level=level,
        namespace=namespace,
        flow_id=flow_id,
        message=message,
        execution_id=None if execution_id is None else ExecutionId(execution_id),
        task_run_id=None if task_run_id is None else TaskRunId(task_run_id),
        task_id=task_id,
        attempt=attempt,
        trigger_id=trigger_id,
    )
