"""Snapshots: copies of an execution as it is now, for whoever must not see it move on."""

from msgspec.structs import replace

from segue.model.execution import Execution, TaskRun


def snapshot(execution: Execution) -> Execution:
    """A copy that nothing changes afterwards. Values (inputs, outputs) are shared: they are never changed in place."""
    return replace(
        execution,
        history=list(execution.history),
        labels=dict(execution.labels),
        variables=dict(execution.variables),
        progress=replace(execution.progress, notes=dict(execution.progress.notes)),
        task_runs={run_id: _copy(run) for run_id, run in execution.task_runs.items()},
    )


def _copy(run: TaskRun) -> TaskRun:
    return replace(
        run,
        history=list(run.history),
        attempts=[replace(attempt, history=list(attempt.history)) for attempt in run.attempts],
    )
