"""`core.debug.Return` gives a text back; `core.debug.Echo` is the old name of `Log`."""

import time

from segue.model.order import LogLevel
from segue.spec.types.debug import Echo, Return
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind


def give_back(properties: Return, context: TaskContext) -> Result:
    """Two metrics: how long the text is, and how long it took to fill in."""
    begin = time.perf_counter()
    value = context.render(properties.format)
    if value is not None:
        context.log(LogLevel.DEBUG, value)
        context.count("length", len(value))
    context.time("duration", time.perf_counter() - begin)
    return Result(outputs={"value": value})


def echo(properties: Echo, context: TaskContext) -> Result:
    context.log(LogLevel(properties.level), properties.format)
    return Result()


KINDS = (
    TaskKind(
        name="io.kestra.plugin.core.debug.Return", properties=Return, run=give_back, unrendered=frozenset({"format"})
    ),
    TaskKind(name="io.kestra.plugin.core.debug.Echo", properties=Echo, run=echo),
)
