"""Assertions: what holds, what does not, and what is said of it."""

from typing import Any

import pytest
from segue.engine.assertions import VALUE_LENGTH_MAX, judged, names_state, template_of
from segue.model.flow_test import Assertion, Operator

HOLDS: dict[str, tuple[str, Any, Any]] = {
    "a number is its text": ("equalTo", 200, "200"),
    "a text is its number": ("equalTo", "200", 200),
    "a boolean is its text": ("equalTo", True, "true"),
    "a whole number is its float": ("equalTo", 1, 1.0),
    "maps in another order": ("equalTo", {"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    "a list written as JSON": ("equalTo", '["a", 1]', ["a", 1]),
    "another number": ("notEqualTo", 1, 2),
    "true is no number": ("notEqualTo", [True], [1]),
    "a beginning": ("startsWith", "prod-1", "prod-"),
    "an end": ("endsWith", "a.json", ".json"),
    "a part": ("contains", "it works", "work"),
    "an element": ("contains", ["MY-PRODUCT-1"], "MY-PRODUCT-1"),
    "more": ("greaterThan", "10.5", 10.0),
    "as much": ("greaterThanOrEqualTo", 10, 10.0),
    "less": ("lessThan", -1, 0.0),
    "no more": ("lessThanOrEqualTo", 1, "1"),
    "one of them": ("in", 200, ["200", 201]),
    "one of a list in JSON": ("in", "a", '["a", "b"]'),
    "none of them": ("notIn", 404, [200]),
    "nothing": ("isNull", None, True),
    "something, though empty": ("isNotNull", "", True),
    "not nothing": ("isNull", 1, False),
}
FAILS: dict[str, tuple[str, Any, Any, str]] = {
    "another text": ("equalTo", "a", "b", 'expected "{{ x }}" to equal "b", but it is "a"'),
    "the same": ("notEqualTo", 1, "1", 'expected "{{ x }}" to not equal "1", but it is 1'),
    "no number": ("greaterThan", "many", 1.0, 'expected "{{ x }}" to be a number, but it is "many"'),
    "nothing to compare": ("lessThan", None, 1.0, 'expected "{{ x }}" to be a number, but it is null'),
    "compared with no number": ("lessThan", 1, "x", '"{{ x }}" cannot be compared with "x": that is no number'),
    "another beginning": ("startsWith", "a", "b", 'expected "{{ x }}" to start with "b", but it is "a"'),
    "not in the list": ("in", 3, [1, 2], 'expected "{{ x }}" to be one of [1, 2], but it is 3'),
    "something": ("isNull", 0, True, 'expected "{{ x }}" to be null, but it is 0'),
    "null": ("isNotNull", None, True, 'expected "{{ x }}" to not be null, but it is null'),
}


def judge(operator: str, actual: Any, expected: Any, **more: Any) -> Any:
    assertion = Assertion(value="{{ x }}", expected={Operator(operator): expected}, line=7, **more)
    (result,) = judged(assertion, {**template_of(assertion), "value": actual})
    return result


@pytest.mark.parametrize(("operator", "actual", "expected"), HOLDS.values(), ids=HOLDS)
def test_it_holds(operator: str, actual: Any, expected: Any) -> None:
    result = judge(operator, actual, expected)
    assert (result.holds, result.message) == (True, None)


@pytest.mark.parametrize(("operator", "actual", "expected", "message"), FAILS.values(), ids=FAILS)
def test_it_does_not_hold_and_says_why(operator: str, actual: Any, expected: Any, message: str) -> None:
    result = judge(operator, actual, expected)
    assert (result.holds, result.message, result.line) == (False, message, 7)


def test_of_a_long_value_a_result_holds_the_beginning() -> None:
    result = judge("equalTo", ["x" * 20_000], [])
    assert (result.actual[:3], result.actual[-1], len(result.actual)) == ('["x', "…", VALUE_LENGTH_MAX)
    assert len(result.message) < 2_000


def test_every_operator_can_hold() -> None:
    assert {operator for operator, _, _ in HOLDS.values()} == {each.value for each in Operator}


def test_the_authors_own_message_is_told_instead() -> None:
    result = judge("equalTo", 1, 2, error_message="one is not two", description="sums", task_id="add")
    assert (result.message, result.description, result.task_id) == ("one is not two", "sums", "add")


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("{{ execution.state }}", True),
        ("{{ tasks['a']['x'].state ?? 'none' }}", True),
        ("{{ outputs.a.state }}", False),
        ("execution.state", False),
        (1, False),
    ],
)
def test_who_asks_for_a_state_may_see_a_failure(value: Any, names: bool) -> None:
    assert names_state(Assertion(value=value, expected={})) is names
