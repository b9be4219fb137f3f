"""Create: a new execution of a flow, or one that replays another. Ids, dates and resolved inputs are brought along."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from segue.engine.beside import beside
from segue.engine.ending import EXIT
from segue.engine.flowables import working_directory
from segue.engine.labels import CORRELATION_ID
from segue.engine.notes import BREAKPOINTS, FIXTURES, HELD, RERUN, SEQUENCE
from segue.engine.plan import AFTER_EXECUTION, SIDE_BRANCHES, Plan
from segue.engine.rebuild import restore
from segue.engine.reopen import without_verdict
from segue.model.execution import Execution, Item, Kind, LoopRun, Moved, Progress, TaskRun, TriggeredBy
from segue.model.flow import Flow
from segue.model.names import ExecutionId, TaskRunId, task_run_id
from segue.model.state import State


def new_execution(
    *,
    id: ExecutionId,  # noqa: A002  (the noun's own word, as in the model)
    flow: Flow,
    revision: int,
    commit: str,
    at: datetime,
    inputs: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    trigger: TriggeredBy | None = None,
    scheduled_at: datetime | None = None,
    parent_id: ExecutionId | None = None,
    original_id: ExecutionId | None = None,
    kind: Kind = Kind.NORMAL,
    notes: Mapping[str, Any] | None = None,
) -> Execution:
    """An execution in CREATED. The flow's labels come first, then the caller's; the correlation id is its own unless
    one is given. `notes` are what it has to remember from the start."""
    return Execution(
        id=id,
        namespace=flow.namespace,
        flow_id=flow.id,
        revision=revision,
        commit=commit,
        history=[Moved(State.CREATED, at)],
        labels=_with_correlation({**flow.labels, **(labels or {})}, id),
        inputs=dict(inputs or {}),
        variables=dict(flow.variables),
        trigger=trigger,
        parent_id=parent_id,
        original_id=original_id or id,
        scheduled_at=scheduled_at,
        kind=kind,
        progress=Progress(notes=dict(notes or {})),
    )


def replay_of(
    plan: Plan,
    execution: Execution,
    *,
    id: ExecutionId,  # noqa: A002
    at: datetime,
    revision: int,
    commit: str,
    task_run_id: TaskRunId | None = None,
    inputs: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Execution | None:
    """A new execution that does again what another one did: all of it (CREATED), or from a task run on (RESTARTED, with
    the earlier task runs and their outputs). None if there is no such task run, or `plan`, which may be of another
    revision, has no place for it."""
    fresh = new_execution(
        id=id,
        flow=plan.flow,
        revision=revision,
        commit=commit,
        at=at,
        inputs=execution.inputs if inputs is None else inputs,
        labels={**execution.labels, **(labels or {})},
        trigger=execution.trigger,
        parent_id=execution.id,
        original_id=execution.original_id or execution.id,
        kind=execution.kind,
        notes=notes,
    )
    fresh = _at_the_same_place(fresh, execution)
    if task_run_id is None:
        return fresh
    return _from_task_run(plan, execution, task_run_id, fresh, at)


def rerun_of(execution: Execution, flow: Flow, *, id: ExecutionId, at: datetime, due: datetime) -> Execution:  # noqa: A002
    """The execution that follows a RETRIED one: the same revision, inputs, labels and trigger, the next attempt."""
    again = new_execution(
        id=id,
        flow=flow,
        revision=execution.revision,
        commit=execution.commit,
        at=at,
        inputs=execution.inputs,
        labels=execution.labels,
        trigger=execution.trigger,
        scheduled_at=due,
        parent_id=execution.parent_id,
        original_id=execution.original_id or execution.id,
        kind=execution.kind,
        notes=_handed_on(execution),
    )
    return replace(_at_the_same_place(again, execution), attempt_number=execution.attempt_number + 1)


def iteration_of(
    plan: Plan,
    execution: Execution,
    task_run_id: TaskRunId,
    item: Item,
    *,
    id: ExecutionId,  # noqa: A002
    at: datetime,
) -> Execution:
    """An iteration of a Loop (`plan` is that of the execution around it): with what that one was started with and what
    it has come to know, pinned to the same commit, and with nothing done yet."""
    task = plan.nodes[execution.task_runs[task_run_id].task_id].task
    assert task is not None
    outer = execution.loop_run
    variables = {
        "executionId": execution.id,
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "flowRevision": execution.revision,
        "taskRunId": task_run_id,
    }
    made = new_execution(
        id=id,
        flow=plan.loops[task.id].flow,
        revision=execution.revision,
        commit=execution.commit,
        at=at,
        inputs=execution.inputs,
        labels=execution.labels,
        trigger=TriggeredBy(id=task.id, type=task.type, variables=variables),
        kind=Kind.LOOP,
        notes=_handed_on(execution),
    )
    return replace(
        made,
        variables=dict(execution.variables),
        loop_run=LoopRun(
            task_id=task.id,
            task_run_id=task_run_id,
            item=item,
            parents=(outer.item, *outer.parents) if outer is not None else (),
        ),
        outer=execution,
    )


def _handed_on(execution: Execution) -> dict[str, Any]:
    """What an execution that takes the place of this one, or does a part of it, remembers from the start."""
    notes = execution.progress.notes
    return {key: notes[key] for key in (FIXTURES, BREAKPOINTS) if key in notes}


def _at_the_same_place(fresh: Execution, execution: Execution) -> Execution:
    """For the same item, if the execution is an iteration."""
    if execution.loop_run is None:
        return fresh
    around = execution.outer
    variables = fresh.variables if around is None else dict(around.variables)
    return replace(fresh, loop_run=execution.loop_run, outer=around, variables=variables)


def _from_task_run(
    plan: Plan, execution: Execution, chosen_id: TaskRunId, fresh: Execution, at: datetime
) -> Execution | None:
    chosen = execution.task_runs.get(chosen_id)
    if chosen is None:
        return None
    chosen = _whole(plan, execution, chosen)
    kept = {run.id: run for run in _kept(plan, execution, chosen)}
    if chosen.id not in kept:
        return None
    above = _above(execution, chosen)
    reopened = _with_lost_children(execution, kept) | {run.id for run in above}
    anew = {
        chosen.id,
        *(run_id for run_id in reopened if working_directory.is_folder(plan.nodes[kept[run_id].task_id])),
    }
    kept = {run.id: run for run in kept.values() if anew.isdisjoint(over.id for over in _above(execution, run))}
    ids = {old: task_run_id(fresh.id, number) for number, old in enumerate(kept)}
    for number, run in enumerate(kept.values()):
        copy = _copied(run, number, ids, fresh.id)
        if run.id in anew:
            copy.history.append(Moved(State.RESTARTED, at))
            copy.outputs, copy.progress = None, None
        elif run.id in reopened:
            copy.history.append(Moved(State.RUNNING, at))
            assert copy.progress is not None, run
            copy.progress.branch = str(copy.progress.notes["main"])
            copy.progress.notes = without_verdict(copy.progress.notes)
        fresh.task_runs[copy.id] = copy
    _put_branches(plan, fresh, [ids[run.id] for run in (chosen, *above)])
    fresh.history = [*execution.history, Moved(State.RESTARTED, at)]
    fresh.variables = dict(execution.variables)
    return restore(plan, fresh)


def _whole(plan: Plan, execution: Execution, chosen: TaskRun) -> TaskRun:
    """What a task run is done again with: in a working directory all of it, since its folder is gone."""
    for above in _above(execution, chosen):
        node = plan.nodes.get(above.task_id)
        if node is not None and working_directory.is_folder(node):
            return above
    return chosen


def _kept(plan: Plan, execution: Execution, chosen: TaskRun) -> Iterable[TaskRun]:
    """The task runs made before the chosen one, itself, and those beside it, as far as the plan still has a place for
    them."""
    places: set[TaskRunId | None] = {None}
    others: set[TaskRunId | None] = {*beside(plan, execution, chosen)}
    for run in sorted(execution.task_runs.values(), key=lambda run: run.sequence):
        node = plan.nodes.get(run.task_id)
        if node is None or run.parent_id not in places or _is_after(plan, run):
            continue
        if run.parent_id in others:
            others.add(run.id)
        if run.sequence > chosen.sequence and run.id not in others:
            continue
        parent = execution.task_runs[run.parent_id].task_id if run.parent_id is not None else ""
        if node.parent is not None and node.parent.id == parent:
            places.add(run.id)
            yield run


def _is_after(plan: Plan, run: TaskRun) -> bool:
    return run.parent_id is None and plan.nodes[run.task_id].branch == AFTER_EXECUTION


def _above(execution: Execution, run: TaskRun) -> list[TaskRun]:
    """The ancestors, the nearest first."""
    above = []
    while run.parent_id is not None:
        run = execution.task_runs[run.parent_id]
        above.append(run)
    return above


def _with_lost_children(execution: Execution, kept: Mapping[TaskRunId, TaskRun]) -> set[TaskRunId]:
    """Those kept that have something below them that is not: they have to go on, and so have those above them."""
    found: set[TaskRunId] = set()
    for run in execution.task_runs.values():
        parent = kept.get(run.parent_id) if run.parent_id is not None else None
        if run.id not in kept and parent is not None:
            found |= {parent.id, *(above.id for above in _above(execution, parent))}
    return found


def _copied(run: TaskRun, number: int, ids: Mapping[TaskRunId, TaskRunId], execution: ExecutionId) -> TaskRun:
    return replace(
        run,
        id=task_run_id(execution, number),
        sequence=number,
        parent_id=ids[run.parent_id] if run.parent_id is not None else None,
        history=list(run.history),
        attempts=[replace(attempt, history=list(attempt.history)) for attempt in run.attempts],
        progress=_copied_progress(run.progress),
    )


def _copied_progress(progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    notes = {key: value for key, value in progress.notes.items() if key not in {EXIT, HELD, RERUN, SEQUENCE}}
    return replace(progress, values=progress.values, notes=notes)


def _put_branches(plan: Plan, execution: Execution, path: list[TaskRunId]) -> None:
    """Each node above the chosen task run is at the list in which the path goes on."""
    for run_id in path:
        run = execution.task_runs[run_id]
        branch = plan.nodes[run.task_id].branch
        if run.parent_id is None:
            execution.progress.branch = branch
            continue
        progress = execution.task_runs[run.parent_id].progress
        assert progress is not None, run
        progress.branch = branch
        if branch not in SIDE_BRANCHES:
            progress.notes = {**progress.notes, "main": branch}


def _with_correlation(labels: dict[str, str], own: str) -> dict[str, str]:
    """The labels with the correlation id at the end."""
    correlation = labels.pop(CORRELATION_ID, own)
    return {**labels, CORRELATION_ID: correlation}
