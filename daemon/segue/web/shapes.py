"""Shapes: executions, task runs, logs and the like as JSON with Kestra's field names."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from segue.engine import breakpoints
from segue.model.execution import Attempt, Execution, Item, LoopRun, Moved, TaskRun, TriggeredBy
from segue.web.dates import duration_text, iso
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import Page
from segue.web.ports.logs import LogEntry
from segue.web.ports.metrics import MetricEntry
from segue.web.ports.starts import CheckedInput
from segue.web.ports.triggers import Backfill, LiveTrigger


def execution_json(execution: Execution, now: datetime, *, url: str | None = None) -> dict[str, Any]:
    """An execution whole, with its task runs in the order of their making."""
    shape = execution_head_json(execution, now)
    runs = execution.task_runs.values()
    shape["taskRunList"] = [task_run_json(run, execution, now) for run in runs]
    if url is not None:
        shape["url"] = url
    return shape


def execution_head_json(execution: Execution, now: datetime) -> dict[str, Any]:
    """Without its task runs, as lists have it."""
    return {
        "id": execution.id,
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "flowRevision": execution.revision,
        "commit": execution.commit,
        "state": state_json(execution.history, now),
        "labels": labels_json(execution.labels),
        "inputs": execution.inputs,
        "outputs": execution.outputs,
        "variables": execution.variables,
        "trigger": trigger_json(execution.trigger),
        "parentId": execution.parent_id,
        "originalId": execution.original_id or execution.id,
        "scheduleDate": None if execution.scheduled_at is None else iso(execution.scheduled_at),
        "kind": execution.kind,
        "breakpoints": breakpoints_json(execution),
        "loopRun": None if execution.loop_run is None else loop_run_json(execution.loop_run),
        "metadata": {"attemptNumber": execution.attempt_number, "originalCreatedDate": iso(execution.started_at)},
        "deleted": False,
    }


def breakpoints_json(execution: Execution) -> list[dict[str, Any]] | None:
    found = breakpoints.of(execution.progress.notes)
    return [{"id": each.task_id, "value": each.value} for each in found] or None


def loop_run_json(loop_run: LoopRun) -> dict[str, Any]:
    """Of which Loop an execution is an iteration, and for what. `parents` are the items around it, the nearest first."""
    return {
        "taskId": loop_run.task_id,
        "taskRunId": loop_run.task_run_id,
        **item_json(loop_run.item),
        "parents": [item_json(each) for each in loop_run.parents],
    }


def item_json(item: Item) -> dict[str, Any]:
    return {"index": item.index, "key": item.key, "value": item.value}


def state_json(history: Sequence[Moved], now: datetime) -> dict[str, Any]:
    """Where something is, since when, and all it has been through."""
    last = history[-1]
    shape: dict[str, Any] = {
        "current": last.state,
        "startDate": iso(history[0].at),
        "duration": duration_text(length_of(history, now)),
        "histories": [{"state": moved.state, "date": iso(moved.at)} for moved in history],
    }
    if last.state.is_final:
        shape["endDate"] = iso(last.at)
    return shape


def length_of(history: Sequence[Moved], now: datetime) -> timedelta:
    """From its first moment to its last; to now while it goes on."""
    end = history[-1].at if history[-1].state.is_final else now
    return max(end - history[0].at, timedelta(0))


def task_run_json(run: TaskRun, execution: Execution, now: datetime) -> dict[str, Any]:
    shape = {
        "id": run.id,
        "executionId": execution.id,
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "taskId": run.task_id,
        "parentTaskRunId": run.parent_id,
        "value": run.value,
        "iteration": run.iteration,
        "attempts": [attempt_json(attempt, now) for attempt in run.attempts],
        "state": state_json(run.history, now),
    }
    if run.outputs is not None:
        shape["outputs"] = run.outputs
    return shape


def attempt_json(attempt: Attempt, now: datetime) -> dict[str, Any]:
    shape: dict[str, Any] = {"state": state_json(attempt.history, now), "workerId": attempt.worker}
    if attempt.failure is not None:
        shape["failure"] = {"message": attempt.failure.message, "kind": attempt.failure.kind}
    if attempt.log_file is not None:
        shape["logFile"] = attempt.log_file
    return shape


def labels_json(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels.items()]


def trigger_json(trigger: TriggeredBy | None) -> dict[str, Any] | None:
    if trigger is None:
        return None
    return {"id": trigger.id, "type": trigger.type, "variables": dict(trigger.variables)}


def page_json(page: Page[Any], results: Sequence[Any]) -> dict[str, Any]:
    return {"results": results, "total": page.total}


def log_json(entry: LogEntry) -> dict[str, Any]:
    """`attemptNumber` counts from 0, as in Kestra."""
    return {
        "timestamp": iso(entry.at),
        "level": entry.level,
        "message": entry.message,
        "namespace": entry.namespace,
        "flowId": entry.flow_id,
        "executionId": entry.execution_id,
        "taskId": entry.task_id,
        "taskRunId": entry.task_run_id,
        "attemptNumber": None if entry.attempt is None else entry.attempt - 1,
        "triggerId": entry.trigger_id,
    }


def metric_json(entry: MetricEntry) -> dict[str, Any]:
    return {
        "timestamp": iso(entry.at),
        "name": entry.name,
        "type": entry.kind,
        "value": entry.value,
        "tags": dict(entry.tags),
        "taskId": entry.task_id,
        "taskRunId": entry.task_run_id,
    }


def checked_input_json(checked: CheckedInput) -> dict[str, Any]:
    declared = checked.input
    return {
        "input": {"id": declared.id, "type": declared.type, "required": declared.required},
        "value": checked.value,
        "enabled": checked.is_enabled,
        "isDefault": checked.is_default,
        "errors": [{"message": message} for message in checked.errors],
    }


def trigger_state_json(live: LiveTrigger) -> dict[str, Any]:
    return {
        "namespace": live.key.flow.namespace,
        "flowId": live.key.flow.flow_id,
        "triggerId": live.key.trigger_id,
        "disabled": live.is_disabled,
        "locked": live.is_locked,
        "executionId": live.execution_id,
        "lastTriggeredDate": _iso_or_none(live.last_fired_at),
        "nextEvaluationDate": _iso_or_none(live.next_fire_at),
        "nextExecutionDate": _iso_or_none(live.next_fire_at),
        "updatedAt": _iso_or_none(live.updated_at),
        "backfill": None if live.backfill is None else _backfill_json(live.backfill),
    }


def _backfill_json(backfill: Backfill) -> dict[str, Any]:
    return {
        "start": iso(backfill.start),
        "end": iso(backfill.end),
        "currentDate": _iso_or_none(backfill.current),
        "paused": backfill.paused,
        "inputs": dict(backfill.inputs),
        "labels": labels_json(backfill.labels),
    }


def key_json(entry: KeyValue) -> dict[str, Any]:
    return {
        "namespace": entry.namespace,
        "key": entry.key,
        "type": entry.kind,
        "value": entry.value,
        "description": entry.description or None,
        "version": entry.version,
        "revision": entry.version,
        "creationDate": _iso_or_none(entry.created_at),
        "updateDate": _iso_or_none(entry.updated_at),
        "updated": _iso_or_none(entry.updated_at),
        "expirationDate": _iso_or_none(entry.expires_at),
    }


def _iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
