"""Records: values that only the store keeps and other parts make and read: states of triggers, timers, log lines,
syncs, keys and values, worker processes. Executions and revisions are in the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segue.model.event import TimerKind
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State


@dataclass(frozen=True, slots=True)
class TriggerKey:
    namespace: str
    flow_id: str
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerState:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    execution_id: ExecutionId
    task_run_id: TaskRunId | None
    kind: TimerKind
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogLine:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMetric:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process group that works for the daemon. `started` is the kernel's start time of `pid` in clock ticks."""

    pid: int
    started: int
    group_id: int
    worker: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FiredSlot:
    """A fire time of a trigger that was used up, and the execution it gave, if any."""

    key: TriggerKey
    fire_time: datetime
    execution_id: ExecutionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFiring:
    """A trigger fired because `source_id` came to `state`, for the `occurrence`-th time (from 1)."""

    key: TriggerKey
    source_id: ExecutionId
    state: State
    occurrence: int = 1
    execution_id: ExecutionId | None = None
