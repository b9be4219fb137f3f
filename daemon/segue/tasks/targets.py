"""Which execution a task means that takes `namespace`, `flowId` and `executionId`: the one named, else its own."""

from msgspec import Struct

from segue.model.order import Order
from segue.tasks.kind import TaskFailed


class Target(Struct, frozen=True):
    namespace: str
    flow_id: str
    execution_id: str


def target_of(order: Order, namespace: str | None, flow_id: str | None, execution_id: str | None) -> Target:
    """What is left out is the running execution's own; but a namespace says nothing without a flow, nor a flow
    without an execution."""
    if namespace is not None and flow_id is None:
        raise TaskFailed("`flowId` should be set when `namespace` is set")
    if execution_id is None and flow_id is not None:
        raise TaskFailed("`executionId` should be set when `flowId` is set")
    return Target(namespace or order.namespace, flow_id or order.flow_id, execution_id or order.execution_id)
