"""Properties of the tasks `core.metric.*`."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from segue.spec.fields import Dynamic, Labels, Spec, Text


class Metric(Spec):
    """One metric to publish."""

    name: Dynamic[Text] = Field(description="Name of the metric.")
    type: Dynamic[Text] = Field(description="`counter`, `timer` or `gauge`.")
    value: Any = Field(description="The number; for a timer an ISO 8601 duration.")
    tags: Dynamic[Labels] | None = Field(default=None, description="Tags by name.")


class Publish(Spec):
    """Publishes metrics of the task run."""

    metrics: Dynamic[list[Metric]] | None = Field(default=None, description="The metrics.")


class PurgeMetrics(Spec):
    """Deletes stored metrics."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Metrics of this namespace.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="Metrics of this flow.")
    start_date: Dynamic[Text] | None = Field(default=None, description="Metrics from this date on.")
    end_date: Dynamic[Text] = Field(description="Metrics up to this date.")


TYPES: Final[Mapping[str, type[Spec]]] = {"core.metric.Publish": Publish, "core.metric.PurgeMetrics": PurgeMetrics}
