"""`core.log.Log`: says something in the execution's log."""

from segue.model.order import LogLevel
from segue.spec.types.log import Log
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind


def log(properties: Log, context: TaskContext) -> Result:
    messages = properties.message if isinstance(properties.message, list) else [properties.message]
    for message in messages:
        context.log(LogLevel(properties.level), message)
    return Result()


KINDS = (TaskKind(name="io.kestra.plugin.core.log.Log", properties=Log, run=log),)
