"""Rebuild: the derived fields of an execution that was loaded, from those that are stored.

Nothing of it is decided anew. What was being settled is found again by looking at all that is open.
"""

from segue.engine.evolve import add_outputs, all_open
from segue.engine.notes import SEQUENCE
from segue.engine.plan import Plan
from segue.engine.recount import recounted
from segue.engine.standing import stands_still
from segue.model.execution import Execution, Progress, TaskRun
from segue.model.state import State


def restore(plan: Plan, execution: Execution) -> Execution:
    """The same execution, made ready for `advance`."""
    runs = execution.task_runs.values()
    execution.children = {}
    execution.outputs_tree = {}
    for run in runs:
        execution.children.setdefault(run.parent_id, []).append(run.id)
        if run.outputs is not None:
            add_outputs(execution, run)
    execution.next_sequence = max(
        int(execution.progress.notes.get(SEQUENCE, 0)), max((run.sequence + 1 for run in runs), default=0)
    )
    execution.open_attempts = sum(bool(run.attempts) and not run.attempts[-1].state.is_final for run in runs)
    execution.retrying = sum(run.state is State.RETRYING for run in runs)
    execution.pausing = sum(run.state is State.PAUSED for run in runs)
    execution.stopped = sum(run.state is State.BREAKPOINT for run in runs)
    _recount(plan, execution, execution.progress, None)
    for run in runs:
        if run.progress is not None:
            _recount(plan, execution, run.progress, run)
    execution.unsettled.clear()
    if not stands_still(execution) and (not execution.state.is_final or execution.progress.running):
        execution.unsettled = all_open(execution)
    return execution


def _recount(plan: Plan, execution: Execution, progress: Progress, run: TaskRun | None) -> None:
    children = (execution.task_runs[child] for child in execution.children.get(run.id if run else None, ()))
    for name, value in recounted(plan, progress.branch, children, {}).items():
        setattr(progress, name, value)
