"""What is remembered of triggers, and the timers of executions: all that has a time to come."""

import sqlite3
from datetime import datetime
from typing import Any

from segue.model.event import TimerKind
from segue.model.names import ExecutionId, TaskRunId
from segue.store.columns import microseconds, read_document, time, time_or_none
from segue.store.named_queries import QUERIES
from segue.store.records import Timer, TriggerKey, TriggerState


def states(connection: sqlite3.Connection) -> tuple[TriggerState, ...]:
    """Of every trigger that something is remembered of, those of retired flows too."""
    return tuple(map(_read_state, connection.execute(QUERIES["trigger_states"])))


def state(connection: sqlite3.Connection, key: TriggerKey) -> TriggerState | None:
    row = connection.execute(QUERIES["trigger_state"], (key.namespace, key.flow_id, key.trigger_id)).fetchone()
    return None if row is None else _read_state(row)


def next_fires(connection: sqlite3.Connection, limit: int) -> tuple[TriggerState, ...]:
    """The triggers that fire next, by time; those that are disabled left out."""
    return tuple(map(_read_state, connection.execute(QUERIES["next_fires"], (limit,))))


def is_slot_fired(connection: sqlite3.Connection, key: TriggerKey, fire_time: datetime) -> bool:
    parameters = (key.namespace, key.flow_id, key.trigger_id, microseconds(fire_time))
    return connection.execute(QUERIES["fired_slot"], parameters).fetchone() is not None


def timers(connection: sqlite3.Connection, *, due_before: datetime | None = None) -> tuple[Timer, ...]:
    """Every timer that is set, or those due before a time; by time."""
    last = None if due_before is None else microseconds(due_before)
    return tuple(
        Timer(
            execution_id=ExecutionId(execution_id),
            task_run_id=TaskRunId(task_run_id) if task_run_id else None,
            kind=TimerKind(kind),
            due=time(due),
        )
        for execution_id, task_run_id, kind, due in connection.execute(QUERIES["timers"], {"last": last})
    )


def _read_state(row: tuple[Any, ...]) -> TriggerState:
    (namespace, flow_id, trigger_id, next_at, last_fired_at, evaluated_at, updated_at) = row[:7]
    is_disabled, execution_id, backfill, notes = row[7:]
    return TriggerState(
        key=TriggerKey(namespace, flow_id, trigger_id),
        updated_at=time(updated_at),
        next_at=time_or_none(next_at),
        last_fired_at=time_or_none(last_fired_at),
        evaluated_at=time_or_none(evaluated_at),
        is_disabled=bool(is_disabled),
        execution_id=None if execution_id is None else ExecutionId(execution_id),
        backfill=read_document(backfill),
        notes=read_document(notes),
    )
