"""Source: the execution whose move flow triggers look at, as they see it. A frozen excerpt: the live execution goes on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from segue.expression.iso import json_text
from segue.model.execution import Execution
from segue.model.names import ExecutionId
from segue.model.state import State


class Source(Struct, frozen=True, kw_only=True):
    """`state` is the one it came to, with which this excerpt was made. `attempts` are the states of the attempts of each
    task run."""

    id: ExecutionId
    namespace: str
    flow_id: str
    revision: int
    state: State
    started_at: datetime
    ended_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[tuple[State, ...], ...] = ()
    first_failed_task_id: str | None = None
    last_task_id: str | None = None

    @property
    def variables(self) -> dict[str, Any]:
        """What `trigger` is in the execution that follows."""
        seen = {
            "executionId": self.id,
            "namespace": self.namespace,
            "flowId": self.flow_id,
            "flowRevision": self.revision,
            "state": str(self.state),
            "executionLabels": dict(self.labels),
            "startDate": json_text(self.started_at),
            "endDate": json_text(self.ended_at) if self.ended_at else None,
            "firstFailedTaskId": self.first_failed_task_id,
            "lastTaskId": self.last_task_id,
            "outputs": dict(self.outputs),
        }
        return {key: value for key, value in seen.items() if value is not None}


def source_of(execution: Execution) -> Source:
    """The excerpt of an execution as it stands."""
    runs = sorted(execution.task_runs.values(), key=lambda run: run.sequence)
    failed = next((run.task_id for run in runs if run.state.is_failed), None)
    return Source(
        id=execution.id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        revision=execution.revision,
        state=execution.state,
        started_at=execution.started_at,
        ended_at=execution.history[-1].at if execution.state.is_final else None,
        labels=dict(execution.labels),
        outputs=dict(execution.outputs or {}),
        attempts=tuple(tuple(attempt.state for attempt in run.attempts) for run in runs if run.attempts),
        first_failed_task_id=failed,
        last_task_id=runs[-1].task_id if runs else None,
    )
