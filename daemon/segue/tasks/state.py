"""`core.state.*`: a map that a flow, or a namespace, remembers from execution to execution."""

from typing import Any

from segue.spec.types.state import Delete, Get, Set, StateOf
from segue.tasks.context import TaskContext
from segue.tasks.daemon import StateKey
from segue.tasks.kind import Result, TaskFailed, TaskKind


def set_state(properties: Set, context: TaskContext) -> Result:
    count = context.daemon.state_merge(_key(properties, context), properties.data or {})
    return Result(outputs={"count": count, "key": properties.name})


def get_state(properties: Get, context: TaskContext) -> Result:
    found = context.daemon.state_get(_key(properties, context))
    if not found.is_there and properties.error_on_missing:
        raise _missing(properties)
    data = found.value if found.is_there else {}
    return Result(outputs={"count": len(data), "data": data})


def delete_state(properties: Delete, context: TaskContext) -> Result:
    is_deleted = context.daemon.state_delete(_key(properties, context))
    if not is_deleted and properties.error_on_missing:
        raise _missing(properties)
    return Result(outputs={"deleted": is_deleted})


def _key(properties: StateOf, context: TaskContext) -> StateKey:
    value = context.scope.variables.get("taskrun", {}).get("value") if properties.taskrun_value else None
    return StateKey(
        flow_id=None if properties.namespace else context.order.flow_id,
        name=properties.name,
        value=None if value is None else str(value),
    )


def _missing(properties: StateOf) -> TaskFailed:
    return TaskFailed(f"State '{properties.name}' not found and `errorOnMissing` is set to true")


_PREFIX = "io.kestra.plugin.core.state."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Set", properties=Set, run=set_state),
    TaskKind(name=_PREFIX + "Get", properties=Get, run=get_state),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete_state),
)
