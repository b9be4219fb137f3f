"""`core.execution.*`: tasks that speak about executions. What they want of the one they run in are wishes in their
result, which the engine grants; what they want of others they ask the daemon for."""

from collections.abc import Mapping
from typing import Any

from segue.expression.template import truthy
from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted
from segue.model.order import LogLevel
from segue.model.state import State
from segue.spec.types.execution import (
    Assert,
    Count,
    Exit,
    Fail,
    Kill,
    PurgeExecutions,
    Resume,
    SetLabels,
    SetVariables,
    UnsetVariables,
)
from segue.tasks.context import TaskContext
from segue.tasks.daemon import Span
from segue.tasks.dates import moment_text, optional_moment_text
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.targets import target_of


def fail(properties: Fail, _context: TaskContext) -> Result:
    if properties.condition is None or truthy(properties.condition):
        raise TaskFailed(properties.error_message)
    return Result()


def assert_all(properties: Assert, context: TaskContext) -> Result:
    written = context.order.properties.get("conditions")
    failed = 0
    for position, condition in enumerate(properties.conditions):
        if not truthy(condition):
            failed += 1
            shown = written[position] if isinstance(written, list) and position < len(written) else condition
            context.log(LogLevel.ERROR, f"Assertion `{shown}` failed")
    context.count("failed", failed)
    context.count("success", len(properties.conditions) - failed)
    if failed:
        count = f"{failed} assertion{'s' if failed > 1 else ''} failed"
        raise TaskFailed(properties.error_message or f"{count} out of {len(properties.conditions)}")
    return Result()


def exit_execution(properties: Exit, _context: TaskContext) -> Result:
    return Result(wishes=(ExitWanted(state=State(properties.state)),))


def set_labels(properties: SetLabels, _context: TaskContext) -> Result:
    if refused := next((key for key in properties.labels if key.startswith("system.")), None):
        raise TaskFailed(f"System labels can only be set by Segue itself: {refused}")
    if empty := next((key for key, value in properties.labels.items() if not key or not value), None):
        raise TaskFailed(f"Label {empty!r} has no value")
    return Result(wishes=(LabelsWanted(labels=properties.labels),))


def set_variables(properties: SetVariables, context: TaskContext) -> Result:
    there = _variables(context)
    if not properties.overwrite and (taken := sorted(there.keys() & properties.variables.keys())):
        raise TaskFailed(f"Variable {taken[0]!r} already exists, and `overwrite` is false")
    return Result(wishes=(VariablesWanted(set=properties.variables),))


def unset_variables(properties: UnsetVariables, context: TaskContext) -> Result:
    there = _variables(context)
    missing = [name for name in properties.variables if name not in there]
    if missing and not properties.ignore_missing:
        raise TaskFailed(f"Variable {missing[0]!r} does not exist, and `ignoreMissing` is false")
    return Result(wishes=(VariablesWanted(removed=tuple(properties.variables)),))


def _variables(context: TaskContext) -> Mapping[str, Any]:
    there = context.scope.variables.get("vars")
    return there if isinstance(there, Mapping) else {}


def kill(properties: Kill, context: TaskContext) -> Result:
    """A task that kills its own execution is killed with it."""
    context.daemon.kill(properties.execution_id or context.order.execution_id, cascade=properties.propagate_kill)
    return Result()


def resume(properties: Resume, context: TaskContext) -> Result:
    target = target_of(context.order, properties.namespace, properties.flow_id, properties.execution_id)
    context.daemon.resume(target.execution_id, properties.inputs or {})
    return Result()


def count(properties: Count, context: TaskContext) -> Result:
    """Outputs `results`, those for which the expression holds, and the `total` of all that were counted."""
    if not properties.flows and not properties.namespaces:
        raise TaskFailed("Count needs `flows` or `namespaces`")
    counted = context.daemon.count_executions(
        {
            "flows": [[flow.namespace, flow.flow_id] for flow in properties.flows or ()],
            "namespaces": properties.namespaces or [],
            "states": None if properties.states is None else [str(state) for state in properties.states],
            "start": optional_moment_text(properties.start_date, "startDate"),
            "end": optional_moment_text(properties.end_date, "endDate"),
        }
    )
    results = [each for each in counted if truthy(context.render(properties.expression, extra=each))]
    return Result(outputs={"results": results, "total": sum(each["count"] for each in counted)})


def purge(properties: PurgeExecutions, context: TaskContext) -> Result:
    if properties.flow_id is not None and properties.namespace is None:
        raise TaskFailed("`namespace` should be set when `flowId` is set")
    span = Span(
        namespace=properties.namespace,
        flow_id=properties.flow_id,
        start=optional_moment_text(properties.start_date, "startDate"),
        end=moment_text(properties.end_date, "endDate"),
    )
    parts = {
        "states": None if properties.states is None else [str(state) for state in properties.states],
        "executions": properties.purge_execution,
        "logs": properties.purge_log,
        "metrics": properties.purge_metric,
        "storage": properties.purge_storage,
    }
    totals = dict.fromkeys(("executions", "taskOutputs", "logs", "metrics", "storages"), 0)
    for counts in context.daemon.purge_executions(span, parts, at_once=properties.batch_size):
        for name in totals:
            totals[name] += counts[name]
    return Result(outputs={f"{name}Count": number for name, number in totals.items()})


_PREFIX = "io.kestra.plugin.core.execution."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Fail", properties=Fail, run=fail),
    TaskKind(name=_PREFIX + "Assert", properties=Assert, run=assert_all),
    TaskKind(name=_PREFIX + "Exit", properties=Exit, run=exit_execution),
    TaskKind(name=_PREFIX + "Labels", properties=SetLabels, run=set_labels),
    TaskKind(name=_PREFIX + "SetVariables", properties=SetVariables, run=set_variables, typed=frozenset({"variables"})),
    TaskKind(name=_PREFIX + "UnsetVariables", properties=UnsetVariables, run=unset_variables),
    TaskKind(name=_PREFIX + "Kill", properties=Kill, run=kill),
    TaskKind(name=_PREFIX + "Resume", properties=Resume, run=resume),
    TaskKind(name=_PREFIX + "Count", properties=Count, run=count, unrendered=frozenset({"expression"})),
    TaskKind(name=_PREFIX + "PurgeExecutions", properties=PurgeExecutions, run=purge),
)
