"""Purge: deleting executions with all that hangs on them, a bounded slice at a time, through the writer like
everything else. Who purges submits a slice, waits until it is durable, and asks for the next.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from segue.model.names import ExecutionId
from segue.model.state import FINAL, State
from segue.store.batch import Batch
from segue.store.columns import microseconds
from segue.store.named_queries import QUERIES
from segue.store.reads.matching import Match

SLICE_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """Which executions go: those that ended before a time, narrowed by namespace, flow and state."""

    ended_before: datetime
    namespaces: tuple[Match, ...] = ()
    flows: tuple[Match, ...] = ()
    states: frozenset[State] = FINAL
    logs: bool = True
    metrics: bool = True


@dataclass(frozen=True, slots=True)
class Slice:
    """Executions to delete now. `after` is where the next slice begins; None when this is the last."""

    ids: tuple[ExecutionId, ...]
    after: tuple[int, str] | None

    def batch(self, purged: Purged) -> Batch:
        batch = Batch()
        for id_ in self.ids:
            batch.remove_execution(id_, logs=purged.logs, metrics=purged.metrics)
        return batch


def next_slice(
    connection: sqlite3.Connection, purged: Purged, after: tuple[int, str] | None = None, *, slice_max: int = SLICE_MAX
) -> Slice:
    """Looks at no more than `slice_max` executions, oldest end first, and names those of them that go."""
    ended_after, id_after = after or (-(2**62), "")
    rows = connection.execute(
        QUERIES["ended_executions"], (ended_after, id_after, microseconds(purged.ended_before), slice_max)
    ).fetchall()
    ids = tuple(
        ExecutionId(id_)
        for _, id_, namespace, flow_id, state in rows
        if State(state) in purged.states
        and all(match.holds(namespace) for match in purged.namespaces)
        and all(match.holds(flow_id) for match in purged.flows)
    )
    return Slice(ids, (rows[-1][0], rows[-1][1]) if len(rows) == slice_max else None)
