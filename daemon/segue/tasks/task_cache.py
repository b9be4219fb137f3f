"""Outputs of a task that are kept from run to run (`taskCache`): what ran before with the same properties, in the same
place of the same flow, is not run again.

One small file in internal storage for each set of properties. It holds the outputs as they are stored, secrets encrypted.
Kept is only what went well and left nothing but outputs: a task that sets labels or variables, or ends the execution, runs.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segue.expression.errors import ExpressionError
from segue.model.order import LogLevel
from segue.storage import address as addresses
from segue.storage.storage import FileMissing, StorageFailure
from segue.tasks.context import TaskContext

_FILES_OF_NAMESPACES: Final = "namespaceFiles"
_STORED: Final = "kestra:///"


def address_of(context: TaskContext, rendered: Mapping[str, Any], unrendered: Iterable[str]) -> str:
    """Where outputs for these properties lie. Files of namespaces are those of the order's commit."""
    order = context.order
    value = (order.variables.get("taskrun") or {}).get("value")
    seen = {**rendered, **{name: _as_seen(context, rendered[name]) for name in unrendered if name in rendered}}
    commit = order.commit if _FILES_OF_NAMESPACES in rendered else None
    text = json.dumps([order.task_type, value, commit, seen], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return addresses.address_of(addresses.outputs_parts(order.namespace, order.flow_id, order.task_id, digest))


def _as_seen(context: TaskContext, template: Any) -> Any:
    """What the task renders itself: of items, one by one, the template is what tells."""
    try:
        return context.render(template)
    except ExpressionError:
        return template


def found(context: TaskContext, address: str, reuse_seconds: float | None) -> dict[str, Any] | None:
    """The outputs that are kept there, unless they are too old, or name files that are gone; None: there are none."""
    try:
        with context.open_file(address) as stored:
            said = json.load(stored)
    except (FileMissing, ValueError):
        return None
    is_old = reuse_seconds is not None and time.time() - said["made_at"] > reuse_seconds
    if is_old or not all(map(context.storage.exists, _files_in(said["outputs"]))):
        context.storage.delete(address)
        return None
    context.log(LogLevel.INFO, "taskCache: the task ran before with the same properties, its outputs are used again")
    return dict(said["outputs"])


def _files_in(value: Any) -> Iterator[str]:
    match value:
        case str() if value.startswith(_STORED):
            yield value
        case Mapping():
            for each in value.values():
                yield from _files_in(each)
        case list():
            for each in value:
                yield from _files_in(each)


def keep(context: TaskContext, address: str, outputs: Mapping[str, Any] | None) -> None:
    """Nothing that a task has done is worth less for not being kept."""
    try:
        context.storage.put(address, [json.dumps({"made_at": time.time(), "outputs": dict(outputs or {})}).encode()])
    except StorageFailure as error:
        context.log(LogLevel.WARN, f"taskCache: the outputs are not kept: {error}")
