"""Labels of a new execution."""

import pytest
from segue.engine.labels import labels_of_new, refused_labels, rendered_labels
from segue.expression.evaluation import Scope


def test_later_sources_win_and_system_labels_are_the_daemons() -> None:
    labels = labels_of_new(
        flow={"a": "flow", "b": "flow", "system.readOnly": "true"},
        trigger={"b": "trigger", "c": "trigger"},
        given={"c": "given", "system.correlationId": "forged"},
        system={"system.from": "api"},
        correlation_id="e1",
    )
    assert labels == {"a": "flow", "b": "trigger", "c": "given", "system.from": "api", "system.correlationId": "e1"}


def test_a_triggers_label_that_cannot_be_rendered_is_left_out_and_said() -> None:
    rendered, errors = rendered_labels(
        {"a": "{{ x }}", "b": "{{ nothing }}", "c": "{{ null }}", "d": 5}, Scope(variables={"x": 1})
    )
    assert rendered == {"a": "1", "c": "", "d": "5"}
    assert len(errors) == 1
    assert "Unable to render label `b`" in errors[0]


@pytest.mark.parametrize(
    ("key", "value", "is_refused"),
    [
        ("team", "data", False),
        ("system.correlationId", "x", True),
        ("", "x", True),
        ("x", " ", True),
        ("x", "y" * 5000, True),
        ("a\nb", "x", True),
        ("Grün", "ja", False),
    ],
)
def test_a_person_may_not_give_every_label(key: str, value: str, is_refused: bool) -> None:
    assert bool(refused_labels({key: value})) is is_refused
