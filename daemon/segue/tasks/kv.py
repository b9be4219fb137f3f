"""`core.kv.*`: keys and values of namespaces. The daemon keeps them; what may be a value is `spec.key_values`."""

from collections.abc import Callable
from typing import Any, TypeVar

from segue.spec import key_values
from segue.spec.key_values import KeyRefused, NotOfKind
from segue.spec.types.kv import Delete, Get, GetKeys, PurgeKv, Set
from segue.tasks.context import TaskContext
from segue.tasks.dates import moment_text
from segue.tasks.kind import Result, TaskFailed, TaskKind

T = TypeVar("T")


def set_key(properties: Set, context: TaskContext) -> Result:
    kind, value = _legal(lambda: _typed(properties))
    context.daemon.kv_set(
        properties.namespace or context.order.namespace,
        _key(properties.key),
        value,
        kind=kind,
        overwrite=properties.overwrite,
        ttl_seconds=None if properties.ttl is None else properties.ttl.total_seconds(),
        description=properties.kv_description or "",
    )
    return Result()


def _typed(properties: Set) -> tuple[str, Any]:
    kind = properties.kv_type
    if kind is None:
        return key_values.told_apart(properties.value)
    return str(kind), key_values.converted(properties.value, str(kind))


def get_key(properties: Get, context: TaskContext) -> Result:
    namespace, key = properties.namespace or context.order.namespace, _key(properties.key)
    found = context.daemon.kv_get(namespace, key)
    if not found.is_there and properties.error_on_missing:
        raise _missing(namespace, key)
    return Result(outputs={"value": found.value})


def get_keys(properties: GetKeys, context: TaskContext) -> Result:
    keys = context.daemon.kv_keys(properties.namespace or context.order.namespace, properties.prefix or "")
    return Result(outputs={"keys": keys})


def delete_key(properties: Delete, context: TaskContext) -> Result:
    namespace, key = properties.namespace or context.order.namespace, _key(properties.key)
    is_deleted = context.daemon.kv_delete(namespace, key)
    if not is_deleted and properties.error_on_missing:
        raise _missing(namespace, key)
    return Result(outputs={"deleted": is_deleted})


def purge_keys(properties: PurgeKv, context: TaskContext) -> Result:
    if properties.namespaces is not None and properties.namespace_pattern is not None:
        raise TaskFailed("Give `namespaces` or `namespacePattern`, not both")
    behavior = properties.behavior
    if behavior is not None and behavior.type == "version":
        _check_version_bounds(behavior.keep_amount, behavior.before)
        # A key has one value here, its last: there are no older ones to purge, and the last is never purged so.
        return Result(outputs={"size": 0})
    expired_only = behavior.expired_only if behavior is not None else properties.expired_only
    size = context.daemon.kv_purge(
        {
            "namespaces": properties.namespaces,
            "namespace_pattern": properties.namespace_pattern,
            "key_pattern": properties.key_pattern,
            "with_children": properties.include_child_namespaces,
            "expired_only": True if expired_only is None else expired_only,
        }
    )
    return Result(outputs={"size": size})


def _check_version_bounds(keep_amount: int | None, before: str | None) -> None:
    if (keep_amount is None) == (before is None):
        raise TaskFailed("A behavior of type `version` needs one of `keepAmount` and `before`")
    if before is not None:
        moment_text(before, "before")


def _key(key: str) -> str:
    return _legal(lambda: key_values.checked_key(key))


def _legal(read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyRefused, NotOfKind) as error:
        raise TaskFailed(str(error)) from error


def _missing(namespace: str, key: str) -> TaskFailed:
    return TaskFailed(f"No value found for key '{key}' in namespace '{namespace}' and `errorOnMissing` is set to true")


_PREFIX = "io.kestra.plugin.core.kv."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Set", properties=Set, run=set_key, typed=frozenset({"value"})),
    TaskKind(name=_PREFIX + "Get", properties=Get, run=get_key),
    TaskKind(name=_PREFIX + "GetKeys", properties=GetKeys, run=get_keys),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete_key),
    TaskKind(name=_PREFIX + "PurgeKV", properties=PurgeKv, run=purge_keys),
)
