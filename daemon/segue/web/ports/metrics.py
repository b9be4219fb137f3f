"""Metrics of task runs: one figure, and how a metric is followed over time."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from segue.model.names import TaskRunId
from segue.model.revision import FlowKey


class MetricEntry(Struct, frozen=True, kw_only=True):
    """`kind` is counter, timer or gauge."""

    at: datetime
    name: str
    kind: str
    value: float
    tags: Mapping[str, str]
    task_id: str | None = None
    task_run_id: TaskRunId | None = None


class MetricSpan(Struct, frozen=True, kw_only=True):
    """What one metric of a flow (or of a task of it) comes to over time. `aggregation` is sum, avg, min or max."""

    flow: FlowKey
    name: str
    since: datetime
    until: datetime
    aggregation: str = "sum"
    task_id: str | None = None
