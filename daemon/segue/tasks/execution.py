"""`core.execution.*`: tasks that speak about the execution they run in. What they want of it are wishes in their
result; the engine grants them."""

from collections.abc import Mapping
from typing import Any

from segue.expression.template import truthy
from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted
from segue.model.order import LogLevel
from segue.model.state import State
from segue.spec.types.execution import Assert, Exit, Fail, SetLabels, SetVariables, UnsetVariables
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind


def fail(properties: Fail, _context: TaskContext) -> Result:
    if properties.condition is None or truthy(properties.condition.strip()):
        raise TaskFailed(properties.error_message)
    return Result()


def assert_all(properties: Assert, context: TaskContext) -> Result:
    written = context.order.properties.get("conditions")
    failed = 0
    for position, condition in enumerate(properties.conditions):
        if not truthy(condition.strip()):
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


_PREFIX = "io.kestra.plugin.core.execution."

KINDS = (
    TaskKind(name=_PREFIX + "Fail", properties=Fail, run=fail),
    TaskKind(name=_PREFIX + "Assert", properties=Assert, run=assert_all),
    TaskKind(name=_PREFIX + "Exit", properties=Exit, run=exit_execution),
    TaskKind(name=_PREFIX + "Labels", properties=SetLabels, run=set_labels),
    TaskKind(name=_PREFIX + "SetVariables", properties=SetVariables, run=set_variables, typed=frozenset({"variables"})),
    TaskKind(name=_PREFIX + "UnsetVariables", properties=UnsetVariables, run=unset_variables),
)
