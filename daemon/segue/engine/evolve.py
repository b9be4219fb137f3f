"""Evolve: fold one change into an execution. The only code that changes an `Execution`.

It decides nothing. Every move is held against the tables of moves: one that is not in them is our bug. Beside what a
change says it keeps the derived fields in step - the counts in a parent's `Progress`, the tree of outputs, the index
of children - and puts on `unsettled` what the change may have set in motion. All of it costs what the change costs,
not what the execution weighs; only a return to RUNNING by hand looks at all task runs.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from segue.engine.outcome import is_blocking, worse
from segue.engine.standing import stands_still
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ExecutionMoved,
    LabelsChanged,
    OutputsSet,
    ProgressMade,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunRemoved,
    VariablesChanged,
)
from segue.model.execution import Attempt, Execution, Moved, Progress, TaskRun
from segue.model.names import TaskRunId
from segue.model.state import EXECUTION_MOVES, TASK_RUN_MOVES, State


def evolve(execution: Execution, change: Change) -> None:
    match change:
        case AttemptMoved():
            _move_attempt(execution, change)
        case TaskRunMoved():
            _move_task_run(execution, change.id, change.state, change.at)
        case OutputsSet():
            _set_outputs(execution, change.id, change.outputs)
        case TaskRunCreated():
            _create_task_run(execution, change)
        case AttemptOpened():
            run = execution.task_runs[change.id]
            assert change.number == len(run.attempts) + 1, change
            run.attempts.append(Attempt(number=change.number, history=[Moved(State.CREATED, change.at)]))
            execution.open_attempts += 1
        case ProgressMade():
            _make_progress(execution, change.id, change.fields)
        case ExecutionMoved():
            _move_execution(execution, change)
        case TaskRunRemoved():
            _remove_task_run(execution, change.id)
        case LabelsChanged():
            execution.labels = dict(change.labels)
        case VariablesChanged():
            execution.variables = dict(change.variables)
        case _:
            pass  # those that only ask for something outside


def _move_execution(execution: Execution, change: ExecutionMoved) -> None:
    before, state, stood_still = execution.state, change.state, stands_still(execution)
    assert state in EXECUTION_MOVES[before], f"execution {execution.id}: {before} to {state}"
    execution.history.append(Moved(state, change.at))
    if change.is_again:
        execution.attempt_number += 1
    if state is State.RUNNING and stood_still:
        execution.unsettled = all_open(execution)
    else:
        execution.unsettled.append(None)


def all_open(execution: Execution) -> deque[TaskRunId | None]:
    """All that may have something to go on with, when nobody knows what has been settled before."""
    return deque([None, *(run.id for run in execution.task_runs.values() if not run.state.is_final)])


def _create_task_run(execution: Execution, change: TaskRunCreated) -> None:
    assert change.id not in execution.task_runs, change
    execution.task_runs[change.id] = TaskRun(
        id=change.id,
        sequence=change.sequence,
        task_id=change.task_id,
        parent_id=change.parent_id,
        history=[Moved(State.CREATED, change.at)],
        value=change.value,
        iteration=change.iteration,
    )
    execution.next_sequence = max(execution.next_sequence, change.sequence + 1)
    execution.children.setdefault(change.parent_id, []).append(change.id)
    progress = progress_of(execution, change.parent_id)
    progress.running += 1
    progress.next = progress.next + 1 if change.iteration is None else max(progress.next, change.iteration + 1)
    execution.unsettled.append(change.id)


def _move_task_run(execution: Execution, run_id: TaskRunId, state: State, at: datetime) -> None:
    run = execution.task_runs[run_id]
    before = run.state
    assert state in TASK_RUN_MOVES[before], f"task run {run_id}: {before} to {state}"
    run.history.append(Moved(state, at))
    execution.retrying += (state is State.RETRYING) - (before is State.RETRYING)
    execution.pausing += (state is State.PAUSED) - (before is State.PAUSED)
    execution.stopped += (state is State.BREAKPOINT) - (before is State.BREAKPOINT)
    if state.is_final != before.is_final:
        progress_of(execution, run.parent_id).running += 1 if before.is_final else -1
    if state.is_final:
        _count_end(progress_of(execution, run.parent_id), state)
    if state is not State.RUNNING or run.progress is not None:
        execution.unsettled.append(run_id)


def _count_end(progress: Progress, state: State) -> None:
    progress.worst = worse(progress.worst, state)
    if is_blocking(state):
        progress.blocked = True


def _move_attempt(execution: Execution, change: AttemptMoved) -> None:
    attempt = execution.task_runs[change.id].attempts[change.number - 1]
    before = attempt.state
    assert change.state in TASK_RUN_MOVES[before], f"attempt {change.number} of {change.id}: {before} to {change.state}"
    attempt.history.append(Moved(change.state, change.at))
    if change.log_file is not None:
        attempt.log_file = change.log_file
    if change.worker is not None:
        attempt.worker = change.worker
    if change.failure is not None:
        attempt.failure = change.failure
    if change.state.is_final and not before.is_final:
        execution.open_attempts -= 1


def _remove_task_run(execution: Execution, run_id: TaskRunId) -> None:
    run = execution.task_runs.pop(run_id)
    assert not run.attempts or run.attempts[-1].state.is_final, run
    execution.children[run.parent_id].remove(run_id)
    execution.children.pop(run_id, None)
    drop_outputs(execution, run)
    execution.pausing -= run.state is State.PAUSED
    execution.stopped -= run.state is State.BREAKPOINT
    execution.retrying -= run.state is State.RETRYING


def progress_of(execution: Execution, run_id: TaskRunId | None) -> Progress:
    """The progress of a flowable's run, or with None of the execution itself."""
    if run_id is None:
        return execution.progress
    run = execution.task_runs[run_id]
    if run.progress is None:
        run.progress = Progress()
    return run.progress


def _make_progress(execution: Execution, run_id: TaskRunId | None, fields: Mapping[str, Any]) -> None:
    progress = progress_of(execution, run_id)
    for name, value in fields.items():
        setattr(progress, name, value)
    execution.unsettled.append(run_id)


def _set_outputs(execution: Execution, run_id: TaskRunId | None, outputs: Mapping[str, Any] | None) -> None:
    given = None if outputs is None else dict(outputs)
    if run_id is None:
        execution.outputs = given
        return
    run = execution.task_runs[run_id]
    if run.outputs is not None:
        drop_outputs(execution, run)
    run.outputs = given
    if given is not None:
        add_outputs(execution, run)


def values_of(execution: Execution, run: TaskRun) -> list[str]:
    """The values of a task run and those above it, the outermost first: the keys of its outputs."""
    values = []
    above: TaskRun | None = run
    while above is not None:
        if above.value is not None:
            values.append(above.value)
        above = execution.task_runs[above.parent_id] if above.parent_id is not None else None
    values.reverse()
    return values


def add_outputs(execution: Execution, run: TaskRun) -> None:
    """Put a task run's outputs into the tree: `outputs.task[value][value].name`."""
    *keys, last = (run.task_id, *values_of(execution, run))
    tree = execution.outputs_tree
    for key in keys:
        tree = tree.setdefault(key, {})
    tree[last] = run.outputs


def drop_outputs(execution: Execution, run: TaskRun) -> None:
    """Take them out again, and what is left empty above them."""
    levels = [execution.outputs_tree]
    *keys, last = (run.task_id, *_values_left(execution, run))
    for key in keys:
        levels.append(levels[-1].get(key, {}))
    levels.pop().pop(last, None)
    for level, key in zip(reversed(levels), reversed(keys), strict=True):
        if level.get(key):
            return
        level.pop(key, None)


def _values_left(execution: Execution, run: TaskRun) -> list[str]:
    """As `values_of`, for a run that is itself no longer in the execution (its ancestors go after it)."""
    above = execution.task_runs.get(run.parent_id) if run.parent_id is not None else None
    values = values_of(execution, above) if above is not None else []
    return values if run.value is None else [*values, run.value]
