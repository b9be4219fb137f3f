"""`core.log.*`: says something in the execution's log, fetches what was said, and deletes it."""

import json
from collections.abc import Iterator
from typing import Any

from segue.model.order import LogLevel
from segue.spec.types.log import Fetch, Log, PurgeLogs
from segue.tasks.context import TaskContext
from segue.tasks.daemon import Span
from segue.tasks.dates import moment_text, optional_moment_text
from segue.tasks.kind import Result, TaskKind
from segue.tasks.targets import target_of


def log(properties: Log, context: TaskContext) -> Result:
    messages = properties.message if isinstance(properties.message, list) else [properties.message]
    for message in messages:
        context.log(LogLevel(properties.level), message)
    return Result()


def fetch(properties: Fetch, context: TaskContext) -> Result:
    """The lines as a file with one of them in a line, which is JSON and so Ion too."""
    target = target_of(context.order, properties.namespace, properties.flow_id, properties.execution_id)
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for line in context.daemon.log_lines(target.execution_id, properties.tasks_id or (), str(properties.level)):
            count += 1
            yield json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    kept = context.put_file("logs.ion", lines())
    return Result(outputs={"uri": kept.address, "size": count})


def purge(properties: PurgeLogs, context: TaskContext) -> Result:
    span = Span(
        namespace=properties.namespace,
        flow_id=properties.flow_id,
        start=optional_moment_text(properties.start_date, "startDate"),
        end=moment_text(properties.end_date, "endDate"),
    )
    levels = None if properties.log_levels is None else [str(level) for level in properties.log_levels]
    count = context.daemon.purge_logs(span, execution_id=properties.execution_id, levels=levels)
    return Result(outputs={"count": count})


_PREFIX = "io.kestra.plugin.core.log."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Log", properties=Log, run=log),
    TaskKind(name=_PREFIX + "Fetch", properties=Fetch, run=fetch),
    TaskKind(name=_PREFIX + "PurgeLogs", properties=PurgeLogs, run=purge),
)
