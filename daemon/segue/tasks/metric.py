"""`core.metric.*`: metrics that the author of a flow publishes, and the end of old ones."""

from typing import Any

from segue.model.order import Metric as Published
from segue.spec.duration import NotADuration, parse_duration
from segue.spec.types.metric import Metric, Publish, PurgeMetrics
from segue.tasks.context import COUNTER, GAUGE, TIMER, TaskContext
from segue.tasks.daemon import Span
from segue.tasks.dates import moment_text, optional_moment_text
from segue.tasks.kind import Result, TaskFailed, TaskKind


def publish(properties: Publish, context: TaskContext) -> Result:
    for metric in [_published(each) for each in properties.metrics or ()]:
        context.journal.metric(metric)
    return Result()


def _published(metric: Metric) -> Published:
    kind = metric.type.lower()
    if kind not in (COUNTER, TIMER, GAUGE):
        raise TaskFailed(f"Metric '{metric.name}': unknown type '{metric.type}', expected counter, timer or gauge")
    read = _seconds if kind == TIMER else _number
    return Published(name=metric.name, kind=kind, value=read(metric), tags=dict(metric.tags or {}))


def _number(metric: Metric) -> float:
    try:
        return float(metric.value)
    except (TypeError, ValueError) as error:
        raise TaskFailed(f"Metric '{metric.name}': {metric.value!r} is no number") from error


def _seconds(metric: Metric) -> float:
    """An ISO 8601 duration; a number is one of seconds."""
    text = str(metric.value).strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_duration(text).total_seconds()
    except NotADuration as error:
        raise TaskFailed(f"Metric '{metric.name}': {error}") from error


def purge(properties: PurgeMetrics, context: TaskContext) -> Result:
    span = Span(
        namespace=properties.namespace,
        flow_id=properties.flow_id,
        start=optional_moment_text(properties.start_date, "startDate"),
        end=moment_text(properties.end_date, "endDate"),
    )
    return Result(outputs={"count": context.daemon.purge_metrics(span)})


_PREFIX = "io.kestra.plugin.core.metric."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Publish", properties=Publish, run=publish),
    TaskKind(name=_PREFIX + "PurgeMetrics", properties=PurgeMetrics, run=purge),
)
