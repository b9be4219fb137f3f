"""Metrics, templated tasks, and what else needs nobody but a worker."""

from typing import Any

import pytest
from segue.model.order import Metric
from segue.model.state import State
from segue.tasks.metrics import added_up

from tests.support.pools import Outcome, SharedPool, order_of


def run(pool: SharedPool, task: str, properties: dict[str, Any], **given: Any) -> Outcome:
    return pool.run(order_of(f"core.{task}", properties, **given))


def test_metrics_are_published_with_tags(pool: SharedPool) -> None:
    metrics = [
        {"name": "rows", "type": "counter", "value": "{{ n }}", "tags": {"kind": "{{ k }}"}},
        {"name": "took", "type": "timer", "value": "PT1M2.5S"},
        {"name": "free", "type": "gauge", "value": 0.5},
    ]
    outcome = run(pool, "metric.Publish", {"metrics": metrics}, variables={"n": 3, "k": "a"})
    assert outcome.metrics == [
        Metric(name="rows", kind="counter", value=3.0, tags={"kind": "a"}),
        Metric(name="took", kind="timer", value=62.5),
        Metric(name="free", kind="gauge", value=0.5),
    ]


BAD_METRICS = {
    "an unknown type": ({"name": "x", "type": "meter", "value": 1}, "unknown type 'meter'"),
    "no number": ({"name": "x", "type": "counter", "value": "many"}, "is no number"),
    "no duration": ({"name": "x", "type": "timer", "value": "long"}, "ISO 8601"),
}


@pytest.mark.parametrize(("metric", "said"), BAD_METRICS.values(), ids=BAD_METRICS.keys())
def test_a_metric_that_is_none_fails_the_task(pool: SharedPool, metric: dict[str, Any], said: str) -> None:
    outcome = run(pool, "metric.Publish", {"metrics": [metric]})
    assert outcome.ended.state is State.FAILED
    assert said in outcome.text


def test_metrics_of_the_same_name_and_tags_add_up_and_gauges_do_not() -> None:
    given = [
        Metric(name="a", kind="counter", value=1),
        Metric(name="g", kind="gauge", value=5),
        Metric(name="a", kind="counter", value=2, tags={"k": "v"}),
        Metric(name="a", kind="counter", value=3),
        Metric(name="g", kind="gauge", value=4),
    ]
    assert [(each.name, each.value, dict(each.tags)) for each in added_up(given)] == [
        ("a", 4, {}),
        ("g", 4, {}),
        ("a", 2, {"k": "v"}),
    ]


def test_return_tells_how_long_its_text_is_and_how_long_it_took(pool: SharedPool) -> None:
    outcome = run(pool, "debug.Return", {"format": "{{ x }}"}, variables={"x": "four"})
    assert [(each.name, each.kind) for each in outcome.metrics] == [("length", "counter"), ("duration", "timer")]
    assert outcome.metrics[0].value == 4


def test_a_templated_task_runs_in_the_place_of_its_maker(pool: SharedPool) -> None:
    spec = "type: {{ type }}\nid: other\nformat: It's {{ x }}!"
    outcome = run(pool, "templating.TemplatedTask", {"spec": spec}, variables={"type": "core.debug.Return", "x": "on"})
    assert outcome.ended.outputs == {"value": "It's on!"}


PREFIX = "io.kestra.plugin.core."
BAD_TEMPLATES = {
    "a flowable": (f"type: {PREFIX}flow.Pause\ndelay: PT10S", "The templated task must be a runnable task"),
    "itself": (
        f"type: {PREFIX}templating.TemplatedTask\nspec: x",
        f"The templated task cannot be of type '{PREFIX}templating.TemplatedTask'",
    ),
    "no type": ("format: x", "must be one map with a `type`"),
    "a list": ("- a", "must be one map with a `type`"),
    "no YAML": ("type: [", "is no YAML"),
    "an unknown type": ("type: com.example.No", "The task type com.example.No is not installed here"),
    "an unknown property": (f"type: {PREFIX}debug.Return\nformt: x", "formt"),
}


@pytest.mark.parametrize(("spec", "said"), BAD_TEMPLATES.values(), ids=BAD_TEMPLATES.keys())
def test_a_templated_task_that_cannot_run_fails(pool: SharedPool, spec: str, said: str) -> None:
    outcome = run(pool, "templating.TemplatedTask", {"spec": spec})
    assert outcome.ended.state is State.FAILED
    assert said in outcome.text
