"""Metrics of one task run that are of the same name, kind and tags become one."""

from collections.abc import Iterable

from msgspec.structs import replace

from segue.model.order import Metric

_GAUGE = "gauge"


def added_up(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Counters and timers add up, of a gauge the last value stays; in the order in which they were first given."""
    merged: dict[tuple[str, str, frozenset[tuple[str, str]]], Metric] = {}
    for metric in metrics:
        key = (metric.name, metric.kind, frozenset(metric.tags.items()))
        known = merged.get(key)
        is_sum = known is not None and metric.kind != _GAUGE
        merged[key] = replace(metric, value=known.value + metric.value) if known is not None and is_sum else metric
    return tuple(merged.values())
