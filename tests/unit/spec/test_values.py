"""Durations, and the kinds of values that models are made of."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from segue.spec.duration import NotADuration, format_duration, parse_duration
from segue.spec.fields import Dynamic, Labels, Span, Spec, Text, TextOrTexts


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("PT30S", timedelta(seconds=30)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("pt1h", timedelta(hours=1)),
        ("P1DT12H", timedelta(days=1, hours=12)),
        ("-PT5M", timedelta(minutes=-5)),
        ("PT-5M", timedelta(minutes=-5)),
        ("PT90M", timedelta(minutes=90)),
    ],
)
def test_an_iso_duration_is_read(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", " ", "P", "PT", "P1DT", "90", "1h", "P1M", "P1Y", "P1W", "00:05:00", "PT999999999999H"]
)
def test_what_is_no_duration_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(NotADuration) as raised:
        parse_duration(text)
    assert raised.value.text == text


@pytest.mark.parametrize("text", ["PT0S", "PT1M", "PT25H", "PT1M0.5S", "PT-5M", "PT1H1M1S"])
def test_a_duration_is_printed_as_java_does(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


class Sample(Spec):
    count: Dynamic[int] = 0
    names: Dynamic[list[Text]] | None = None
    lines: Dynamic[TextOrTexts] | None = None
    wait: Dynamic[Span] | None = None
    labels: Labels | None = None
    some_text: Text | None = None


def test_a_text_with_an_expression_passes_where_something_else_is_meant() -> None:
    assert Sample.model_validate({"count": "{{ inputs.n }}"}).count == "{{ inputs.n }}"  # type: ignore[comparison-overlap]


def test_a_text_without_one_must_be_what_is_meant() -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"count": "many"})


def test_rendered_values_must_be_what_is_meant() -> None:
    assert Sample.of_rendered({"count": "3", "wait": "PT1S"}) == Sample.model_validate(
        {"count": 3, "wait": timedelta(seconds=1)}
    )
    with pytest.raises(ValidationError):
        Sample.of_rendered({"count": "{{ still }}"})


def test_a_rendered_list_may_come_as_json() -> None:
    assert Sample.of_rendered({"names": '["a", "b"]'}).names == ["a", "b"]


def test_one_text_is_a_list_of_one() -> None:
    assert Sample.model_validate({"lines": "a"}).lines == ["a"]


@pytest.mark.parametrize(
    "labels", [{"a": "1", "b": True}, [{"key": "a", "value": 1}, {"key": "b", "value": "true"}]], ids=["map", "list"]
)
def test_labels_come_as_map_or_list(labels: object) -> None:
    assert Sample.model_validate({"labels": labels}).labels == {"a": "1", "b": "true"}


def test_keys_are_camel_case_only() -> None:
    assert Sample.model_validate({"someText": 5}).some_text == "5"
    with pytest.raises(ValidationError):
        Sample.model_validate({"some_text": "x"})


def test_null_counts_as_absent_but_hides_no_unknown_key() -> None:
    assert Sample.model_validate({"count": None}).count == 0
    with pytest.raises(ValidationError):
        Sample.model_validate({"unknown": None})
