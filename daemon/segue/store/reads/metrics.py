"""Metrics: those of an execution, their names, and one of them over time."""

import sqlite3
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from segue.model.names import ExecutionId, TaskRunId
from segue.store.columns import microseconds, read_document, time
from segue.store.named_queries import QUERIES
from segue.store.records import StoredMetric

_DAY: Final = 86_400_000_000
_HOUR: Final = 3_600_000_000


class Aggregation(StrEnum):
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


class Point(Struct, frozen=True):
    """What a metric comes to in the hour or day that begins at `at`."""

    at: datetime
    value: float


def of_execution(
    connection: sqlite3.Connection,
    execution_id: str,
    *,
    task_run_id: str | None = None,
    task_id: str | None = None,
    limit: int | None = None,
) -> tuple[StoredMetric, ...]:
    """In the order they came in; all of them without a limit."""
    wanted = {
        "execution": execution_id,
        "task_run": task_run_id,
        "task": task_id,
        "limit": -1 if limit is None else limit,
    }
    rows = connection.execute(QUERIES["metrics_of_execution"], wanted)
    return tuple(map(_read, rows))


def names(
    connection: sqlite3.Connection, namespace: str, flow_id: str, *, task_id: str | None = None
) -> tuple[str, ...]:
    rows = connection.execute(QUERIES["metric_names"], {"namespace": namespace, "flow": flow_id, "task": task_id})
    return tuple(name for (name,) in rows)


def tasks(connection: sqlite3.Connection, namespace: str, flow_id: str) -> tuple[str, ...]:
    """Those that metrics are stored of."""
    return tuple(task for (task,) in connection.execute(QUERIES["metric_tasks"], (namespace, flow_id)))


def over_time(
    connection: sqlite3.Connection,
    namespace: str,
    flow_id: str,
    name: str,
    *,
    since: datetime,
    before: datetime,
    aggregation: Aggregation = Aggregation.SUM,
    task_id: str | None = None,
) -> tuple[Point, ...]:
    """By hour up to two days, by day beyond that; times without values are left out."""
    first, last = microseconds(since), microseconds(before)
    span = _HOUR if last - first <= 2 * _DAY else _DAY
    rows = connection.execute(
        QUERIES["metric_over_time"],
        {
            "namespace": namespace,
            "flow": flow_id,
            "name": name,
            "since": first,
            "before": last,
            "span": span,
            "task": task_id,
        },
    )
    column = {Aggregation.SUM: 1, Aggregation.AVG: 2, Aggregation.MIN: 3, Aggregation.MAX: 4}[aggregation]
    return tuple(Point(time(row[0]), row[column]) for row in rows)


def _read(row: tuple[Any, ...]) -> StoredMetric:
    at, namespace, flow_id, execution_id, task_run_id, task_id, name, kind, value, tags = row
    return StoredMetric(
        at=time(at),
        namespace=namespace,
        flow_id=flow_id,
        execution_id=ExecutionId(execution_id),
        task_run_id=None if task_run_id is None else TaskRunId(task_run_id),
        task_id=task_id,
        name=name,
        kind=kind,
        value=value,
        tags=read_document(tags),
    )
