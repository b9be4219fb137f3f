"""`core.trigger.Toggle`: switches a trigger on or off, in its state; the flow's text stays as it is."""

from segue.spec.types.state import Toggle
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind


def toggle(properties: Toggle, context: TaskContext) -> Result:
    context.daemon.toggle_trigger(
        properties.namespace or context.order.namespace,
        properties.flow_id or context.order.flow_id,
        properties.trigger,
        enabled=properties.enabled,
    )
    return Result()


KINDS = (TaskKind(name="io.kestra.plugin.core.trigger.Toggle", properties=Toggle, run=toggle),)
