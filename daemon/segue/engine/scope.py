"""Scope: the variables that expressions of an execution, or of one of its task runs, see (Kestra's names).

For the engine's own evaluations the live values are handed over as they are, whatever the execution weighs. What goes
into an order is narrowed to what the templates name: see `narrow`.

An iteration of a Loop is an execution of its own, so its `outputs` are flat. Behind them it sees what the execution around
it has come to: outputs of the tasks before the Loop, the trigger, the `parents`. None of that is copied into it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from segue.engine.evolve import values_of
from segue.engine.flowables import loop
from segue.engine.flowables.working_directory import run_around
from segue.engine.scene import Scene
from segue.model.execution import Execution, TaskRun

_TENANT: Final = "main"
_SCHEDULES: Final = "Schedule"
# Outputs of an iteration are not kept by these values: what finds its way through the values by itself passes them over.
_OUTSIDE: Final[Mapping[str, Any]] = {"isOutside": True}


def scope_of(scene: Scene) -> dict[str, Any]:
    """All variables; `tasks`, which has to be put together from all task runs, only if the node's templates name it."""
    variables = dict(scene.plan.surroundings)
    variables.update(_of_execution(scene))
    if scene.run is not None:
        variables.update(_of_task_run(scene, scene.run))
        if loop.is_loop(scene.node):
            variables.update(loop.judged_variables(scene))
    if scene.node.needs.name("tasks"):
        variables["tasks"] = {
            key: state for each in _from_outside(scene.execution) for key, state in task_states(each).items()
        }
    return variables


def _of_execution(scene: Scene) -> Iterator[tuple[str, Any]]:
    execution, flow = scene.execution, scene.plan.flow
    yield (
        "flow",
        {"id": flow.id, "namespace": flow.namespace, "revision": execution.revision, "tenantId": _TENANT},
    )
    yield (
        "execution",
        {
            "id": execution.id,
            "startDate": instant(execution.started_at),
            "originalId": execution.original_id or execution.id,
            "state": execution.state.value,
            "outputs": execution.outputs or {},
        },
    )
    if execution.inputs or flow.inputs:
        yield "inputs", execution.inputs
    yield "vars", execution.variables
    yield "outputs", _outputs(execution)
    yield "labels", nested(execution.labels)
    if execution.loop_run is not None:
        yield "item", loop.item_variables(execution.loop_run.item, execution.loop_run.parents)
    trigger = next(_from_outside(execution)).trigger
    if trigger is not None:
        variables = dict(trigger.variables)
        yield "trigger", variables
        if trigger.type.rpartition(".")[2] == _SCHEDULES:
            yield "schedule", variables


def _from_outside(execution: Execution) -> Iterator[Execution]:
    """The executions around an iteration, the outermost first, and itself; else only itself."""
    if execution.outer is not None:
        yield from _from_outside(execution.outer)
    yield execution


def _outputs(execution: Execution) -> Mapping[str, Any]:
    if execution.outer is None:
        return execution.outputs_tree
    return {**_outputs(execution.outer), **execution.outputs_tree}


def _of_task_run(scene: Scene, run: TaskRun) -> Iterator[tuple[str, Any]]:
    assert scene.node.task is not None
    yield "task", {"id": run.task_id, "type": scene.node.task.type}
    folder = run_around(scene.plan, scene.execution, run.parent_id)
    if folder is None:
        yield "taskrun", _taskrun(run)
    else:
        yield "taskrun", _handed_down(folder) | _taskrun(run)
        yield "workerTaskrun", _taskrun(folder)
    parents = list(_parents(scene.execution, run))
    if parents:
        yield "parents", parents
        yield "parent", parents[0]


def _taskrun(run: TaskRun) -> dict[str, Any]:
    before = sum(attempt.state.is_final for attempt in run.attempts)
    variables: dict[str, Any] = {
        "id": run.id,
        "startDate": instant(run.history[0].at),
        "attemptsCount": before,
    }
    if run.parent_id is not None:
        variables["parentId"] = run.parent_id
    if run.value is not None:
        variables["value"] = run.value
    if run.iteration is not None:
        variables["iteration"] = run.iteration
    return variables


def _handed_down(folder: TaskRun) -> dict[str, Any]:
    """The tasks of a WorkingDirectory have the value that it has itself, as they have in Kestra."""
    variables = _taskrun(folder)
    return {name: variables[name] for name in ("value", "iteration") if name in variables}


def _parents(execution: Execution, run: TaskRun) -> Iterator[dict[str, Any]]:
    """From the nearest to the farthest, those that have a value or outputs; of an iteration also those around its Loop."""
    above = run
    while above.parent_id is not None:
        above = execution.task_runs[above.parent_id]
        entry: dict[str, Any] = {}
        if above.value is not None:
            entry["taskrun"] = {"value": above.value}
        if above.outputs is not None:
            entry["outputs"] = above.outputs
        if entry:
            yield entry
    around = _run_around(execution)
    if around is not None:
        if around[1].value is not None:
            yield {"taskrun": {"value": around[1].value}, **_OUTSIDE}
        yield from ({**parent, **_OUTSIDE} for parent in _parents(*around))


def _run_around(execution: Execution) -> tuple[Execution, TaskRun] | None:
    """The Loop's task run, in the execution around an iteration."""
    if execution.outer is None or execution.loop_run is None:
        return None
    run = execution.outer.task_runs.get(execution.loop_run.task_run_id)
    return None if run is None else (execution.outer, run)


def task_states(execution: Execution) -> dict[str, Any]:
    """`tasks.<id>.state`, with the values between for runs in a loop."""
    tree: dict[str, Any] = {}
    for run in execution.task_runs.values():
        level = tree.setdefault(run.task_id, {})
        for value in values_of(execution, run):
            level = level.setdefault(value, {})
        level["state"] = run.state.value
    return tree


def nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`. Where one key is the start of another (`a` and `a.b`), the longer one stays as
    it is written."""
    tree: dict[str, Any] = {}
    for key in sorted(flat):
        *path, last = key.split(".")
        level: Any = tree
        for part in path:
            level = level.setdefault(part, {}) if isinstance(level, dict) else None
        if isinstance(level, dict):
            level[last] = flat[key]
        else:
            tree[key] = flat[key]
    return tree


def instant(at: datetime) -> str:
    """A time as Kestra prints it: ISO 8601 in UTC with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
