"""Purge: deleting executions with all that hangs on them, or old log lines and metrics, a bounded slice at a time,
through the writer like everything else. Who purges submits a slice, waits until it is durable, and asks for the next.
"""

import json
import re
import sqlite3
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from segue.model.names import ExecutionId
from segue.model.state import FINAL, State
from segue.store.batch import Batch
from segue.store.columns import microseconds, microseconds_or_none
from segue.store.named_queries import QUERIES
from segue.store.reads.matching import Match

SLICE_MAX: Final = 200

Cursor = tuple[int, str]


class Purged(Struct, frozen=True, kw_only=True):
    """Which executions go: those that ended before a time, narrowed by start, namespace, flow and state."""

    ended_before: datetime
    started_from: datetime | None = None
    namespaces: tuple[Match, ...] = ()
    flows: tuple[Match, ...] = ()
    states: frozenset[State] = FINAL
    logs: bool = True
    metrics: bool = True


class Slice(Struct, frozen=True):
    """Executions to delete now. `after` is where the next slice begins; None when this is the last."""

    ids: tuple[ExecutionId, ...]
    after: Cursor | None

    def batch(self, purged: Purged) -> Batch:
        batch = Batch()
        for id_ in self.ids:
            batch.remove_execution(id_, logs=purged.logs, metrics=purged.metrics)
        return batch


def next_slice(
    connection: sqlite3.Connection, purged: Purged, after: Cursor | None = None, *, slice_max: int = SLICE_MAX
) -> Slice:
    """Looks at no more than `slice_max` executions, oldest end first, and names those of them that go."""
    ended_after, id_after = after or (-(2**62), "")
    rows = connection.execute(
        QUERIES["ended_executions"], (ended_after, id_after, microseconds(purged.ended_before), slice_max)
    ).fetchall()
    started_from = microseconds_or_none(purged.started_from)
    ids = tuple(
        ExecutionId(id_)
        for _, id_, namespace, flow_id, state, started_at in rows
        if State(state) in purged.states
        and (started_from is None or started_at >= started_from)
        and all(match.holds(namespace) for match in purged.namespaces)
        and all(match.holds(flow_id) for match in purged.flows)
    )
    return Slice(ids, (rows[-1][0], rows[-1][1]) if len(rows) == slice_max else None)


class Weight(Struct, frozen=True):
    """How much hangs on some executions."""

    task_outputs: int
    logs: int
    metrics: int


def weigh(connection: sqlite3.Connection, ids: list[ExecutionId]) -> Weight:
    listed = json.dumps(ids)
    counts = (
        connection.execute(QUERIES[name], (listed,)).fetchone()[0]
        for name in ("count_task_outputs", "count_logs", "count_metrics")
    )
    return Weight(*counts)


class Lines(Struct, frozen=True, kw_only=True):
    """Which log lines or metrics go: those up to a time. Without a flow, a namespace is meant with all below it."""

    table: Literal["logs", "metrics"]
    until: datetime
    since: datetime | None = None
    namespace: str | None = None
    flow_id: str | None = None
    execution_id: str | None = None
    levels: tuple[str, ...] | None = None


def next_lines(
    connection: sqlite3.Connection, lines: Lines, after: int, *, rows_max: int
) -> tuple[tuple[int, ...], int | None]:
    """Looks at the rows after `after`, about `rows_max` of them; those that go, and up to where it has looked: None
    when at the end."""
    (last,) = connection.execute(QUERIES[f"last_of_{lines.table}"]).fetchone()
    upto = min(after + rows_max, last)
    namespace = lines.namespace
    below = None if namespace is None else re.sub(r"([!%_])", r"!\1", namespace) + ".%"
    found = connection.execute(
        QUERIES[f"some_{lines.table}"],
        {
            "after": after,
            "upto": upto,
            "since": microseconds_or_none(lines.since),
            "until": microseconds(lines.until),
            "namespace": namespace,
            "below": below if lines.flow_id is None else None,
            "flow": lines.flow_id,
            "execution": lines.execution_id,
            "levels": None if lines.levels is None else json.dumps(lines.levels),
        },
    )
    return tuple(id_ for (id_,) in found), None if upto >= last else upto
