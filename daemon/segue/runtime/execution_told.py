"""What tasks are told of an execution, their own or another: its head, and where it has come to."""

from datetime import datetime
from typing import Any

from segue.model.execution import Execution
from segue.model.state import State
from segue.web.shapes import execution_head_json


def execution_told(execution: Execution, now: datetime, base_url: str) -> dict[str, Any]:
    """Not its task runs, which may be many, nor its inputs and outputs, which are not asked for."""
    head = execution_head_json(execution, now)
    kept = ("id", "namespace", "flowId", "flowRevision", "commit", "state", "trigger")
    url = f"{base_url.rstrip('/')}/executions/{execution.id}" if base_url else None
    ended = [run for run in execution.task_runs.values() if run.state.is_final]
    failed = next((run.task_id for run in ended if run.state is State.FAILED), None)
    last = ended[-1].task_id if ended else None
    return {name: head[name] for name in kept} | {"url": url, "lastTask": last, "failedTask": failed}
