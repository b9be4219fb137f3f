"""Beside: in a branch that runs at once with another one's, so that neither waits for the other. What is beside a task run
that is done again, and went well, need not be done again.

A flowable goes on from how many of its children there are, so of those after the branch in question only those count that
follow it without a gap.
"""

from collections.abc import Iterable, Iterator
from itertools import takewhile

from segue.engine.plan import Plan
from segue.model.execution import Execution, TaskRun
from segue.model.names import TaskRunId
from segue.model.task import ForEach, Parallel

_AT_ONCE = "tasks"


def beside(plan: Plan, execution: Execution, chosen: TaskRun) -> set[TaskRunId]:
    """The task runs with which such branches begin. What is below them belongs to them."""
    line = [(execution.task_runs[run.parent_id], run) for run in _line(execution, chosen) if run.parent_id is not None]
    children: dict[TaskRunId | None, list[TaskRun]] = {parent.id: [] for parent, _ in line}
    for run in sorted(execution.task_runs.values(), key=lambda run: run.sequence):
        node = plan.nodes.get(run.task_id)
        if run.parent_id in children and node is not None and node.branch == _AT_ONCE:
            children[run.parent_id].append(run)
    return {run.id for parent, own in line for run in _branches(plan, parent, own, children[parent.id])}


def _line(execution: Execution, run: TaskRun) -> Iterator[TaskRun]:
    """Itself and those above it, the nearest first."""
    yield run
    while run.parent_id is not None:
        run = execution.task_runs[run.parent_id]
        yield run


def _branches(plan: Plan, parent: TaskRun, own: TaskRun, siblings: list[TaskRun]) -> Iterator[TaskRun]:
    node = plan.nodes.get(parent.task_id)
    position = next((at for at, run in enumerate(siblings) if run.id == own.id), None)
    if position is None or node is None or node.task is None:
        return
    match node.task.body:
        case Parallel():
            yield from filter(_went_well, siblings[:position])
            yield from takewhile(_went_well, siblings[position + 1 :])
        case ForEach(concurrency_limit=limit) if limit != 1 and own.iteration is not None:
            yield from _values(own.iteration, siblings)


def _values(own: int, siblings: Iterable[TaskRun]) -> Iterator[TaskRun]:
    groups: dict[int, list[TaskRun]] = {}
    for run in siblings:
        if run.iteration is not None:
            groups.setdefault(run.iteration, []).append(run)
    for number in sorted(groups):
        if number < own:
            yield from takewhile(_went_well, groups[number])
    following = own + 1
    while following in groups and _went_well(groups[following][0]):
        yield from takewhile(_went_well, groups[following])
        following += 1


def _went_well(run: TaskRun) -> bool:
    return run.state.is_success
