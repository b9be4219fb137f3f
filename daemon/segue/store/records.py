"""Records: values that only the store keeps and other parts make and read: states of triggers, timers, log lines,
syncs, keys and values, worker processes. Executions and revisions are in the model.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from segue.model.event import TimerKind
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State


class TriggerKey(Struct, frozen=True):
    namespace: str
    flow_id: str
    trigger_id: str


class TriggerState(Struct, frozen=True, kw_only=True):
    """What is remembered of a trigger. `next_at` is the fire time it waits for, `last_fired_at` the fire time that
    it last fired for. `execution_id` is the execution that keeps it from firing again. `notes` are its kind's own."""

    key: TriggerKey
    updated_at: datetime
    next_at: datetime | None = None
    last_fired_at: datetime | None = None
    evaluated_at: datetime | None = None
    is_disabled: bool = False
    execution_id: ExecutionId | None = None
    backfill: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


class Timer(Struct, frozen=True, kw_only=True):
    execution_id: ExecutionId
    task_run_id: TaskRunId | None
    kind: TimerKind
    due: datetime


class StoredLogLine(Struct, frozen=True, kw_only=True):
    """A log line and what it is about. `id` is the order of arrival, 0 before it is stored."""

    at: datetime
    level: str
    namespace: str
    flow_id: str
    message: str
    execution_id: ExecutionId | None = None
    task_run_id: TaskRunId | None = None
    task_id: str | None = None
    attempt: int | None = None
    trigger_id: str | None = None
    id: int = 0


class StoredMetric(Struct, frozen=True, kw_only=True):
    at: datetime
    namespace: str
    flow_id: str
    execution_id: ExecutionId
    name: str
    kind: str
    value: float
    task_run_id: TaskRunId | None = None
    task_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


class Process(Struct, frozen=True, kw_only=True):
    """A process group that works for the daemon. `started` is the kernel's start time of `pid` in clock ticks."""

    pid: int
    started: int
    group_id: int
    worker: str
    recorded_at: datetime


class Sync(Struct, frozen=True, kw_only=True):
    """One bringing in line with the source. `error` when it could not be done. `id` is 0 before it is stored."""

    started_at: datetime
    ended_at: datetime
    reason: str
    commit_id: str | None = None
    previous_commit_id: str | None = None
    changed: tuple[str, ...] = ()
    problem_count: int = 0
    error: str | None = None
    id: int = 0


class Entry(Struct, frozen=True, kw_only=True):
    """A key of a namespace and its value; `type` is Kestra's word (STRING, NUMBER, BOOLEAN, DATETIME ...)."""

    namespace: str
    key: str
    type: str
    value: Any
    created_at: datetime
    updated_at: datetime
    description: str = ""
    version: int = 1
    expires_at: datetime | None = None


class FiredSlot(Struct, frozen=True, kw_only=True):
    """A fire time of a trigger that was used up, and the execution it gave, if any."""

    key: TriggerKey
    fire_time: datetime
    execution_id: ExecutionId | None = None


class FlowFiring(Struct, frozen=True, kw_only=True):
    """A trigger fired because `source_id` came to `state`, for the `occurrence`-th time (from 1)."""

    key: TriggerKey
    source_id: ExecutionId
    state: State
    occurrence: int = 1
    execution_id: ExecutionId | None = None
