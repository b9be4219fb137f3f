"""Assertions of flow tests: does what an execution came to hold against what is expected. Rendered values in, a result
out.

Kestra renders both sides to text and compares that: `equalTo: 200` holds for a number and for the text `200`. So it is
here, and beside it maps and lists are equal if they hold the same, however they are written.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.expression.budget import Budget, Meter
from segue.expression.errors import BudgetExceeded
from segue.expression.uses import examine
from segue.expression.values import to_text
from segue.model.flow_test import Assertion, AssertionResult, Operator

_SHOWN_MAX: Final = 1_000
VALUE_LENGTH_MAX: Final = 10_000  # in JSON; of a longer value a result holds the beginning, as text

_SAID: Final[Mapping[Operator, str]] = {
    Operator.EQUAL_TO: "equal",
    Operator.NOT_EQUAL_TO: "not equal",
    Operator.STARTS_WITH: "start with",
    Operator.ENDS_WITH: "end with",
    Operator.CONTAINS: "contain",
    Operator.GREATER_THAN: "be greater than",
    Operator.GREATER_THAN_OR_EQUAL_TO: "be at least",
    Operator.LESS_THAN: "be less than",
    Operator.LESS_THAN_OR_EQUAL_TO: "be at most",
    Operator.IN: "be one of",
    Operator.NOT_IN: "be none of",
}
_NUMERIC: Final = frozenset(
    {
        Operator.GREATER_THAN,
        Operator.GREATER_THAN_OR_EQUAL_TO,
        Operator.LESS_THAN,
        Operator.LESS_THAN_OR_EQUAL_TO,
    }
)


def template_of(assertion: Assertion) -> dict[str, Any]:
    """All of an assertion that may hold expressions, to be rendered with their types."""
    texts = {"description": assertion.description, "errorMessage": assertion.error_message}
    expected = {operator.value: value for operator, value in assertion.expected.items()}
    return {"value": assertion.value, "expected": expected, **{name: text for name, text in texts.items() if text}}


def judged(assertion: Assertion, rendered: Mapping[str, Any]) -> tuple[AssertionResult, ...]:
    """A result for each operator, from what `template_of` came to."""
    actual, message = rendered["value"], rendered.get("errorMessage")
    description = rendered.get("description")
    return tuple(
        AssertionResult(
            operator=operator,
            value=assertion.value if isinstance(assertion.value, str) else _shown(assertion.value),
            expected=_bounded(expected),
            actual=_bounded(actual),
            holds=why is None,
            line=assertion.line,
            task_id=assertion.task_id,
            description=None if description is None else str(description),
            message=None if why is None else str(message or why),
        )
        for operator, expected, why in _each(assertion, actual, rendered["expected"])
    )


def _each(assertion: Assertion, actual: Any, expected: Mapping[str, Any]) -> Iterator[tuple[Operator, Any, str | None]]:
    for operator in assertion.expected:
        wanted = expected[operator.value]
        yield operator, wanted, _wrong(operator, assertion.value, actual, wanted)


def _wrong(operator: Operator, value: Any, actual: Any, expected: Any) -> str | None:
    """Why it does not hold; None if it does."""
    if operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        is_null = _flag(expected) is (operator is Operator.IS_NULL)
        wanted = "be null" if is_null else "not be null"
        return (
            None if (actual is None) is is_null else f"expected {_shown(value)} to {wanted}, but it is {_shown(actual)}"
        )
    if operator in _NUMERIC and (wrong := _no_number(value, actual, expected)) is not None:
        return wrong
    if _holds(operator, actual, expected):
        return None
    return f"expected {_shown(value)} to {_SAID[operator]} {_shown(expected)}, but it is {_shown(actual)}"


def _no_number(value: Any, actual: Any, expected: Any) -> str | None:
    if _number(expected) is None:
        return f"{_shown(value)} cannot be compared with {_shown(expected)}: that is no number"
    return f"expected {_shown(value)} to be a number, but it is {_shown(actual)}" if _number(actual) is None else None


def _holds(operator: Operator, actual: Any, expected: Any) -> bool:
    match operator:
        case Operator.EQUAL_TO:
            return _equal(actual, expected)
        case Operator.NOT_EQUAL_TO:
            return not _equal(actual, expected)
        case Operator.STARTS_WITH:
            return _text(actual).startswith(_text(expected))
        case Operator.ENDS_WITH:
            return _text(actual).endswith(_text(expected))
        case Operator.CONTAINS:
            return _text(expected) in _text(actual)
        case Operator.IN:
            return any(_equal(actual, each) for each in _list(expected))
        case Operator.NOT_IN:
            return not any(_equal(actual, each) for each in _list(expected))
        case _:
            return _compares(operator, _number(actual) or 0.0, _number(expected) or 0.0)


def _compares(operator: Operator, actual: float, expected: float) -> bool:
    match operator:
        case Operator.GREATER_THAN:
            return actual > expected
        case Operator.GREATER_THAN_OR_EQUAL_TO:
            return actual >= expected
        case Operator.LESS_THAN:
            return actual < expected
        case _:
            return actual <= expected


def _equal(actual: Any, expected: Any) -> bool:
    if _is_structure(actual) or _is_structure(expected):
        return _same(_structure(actual), _structure(expected))
    return _same(actual, expected) or _text(actual) == _text(expected)


def _same(one: Any, other: Any) -> bool:
    """Equal, where a boolean is no number, whatever order the keys of a map are in."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _is_structure(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _structure(value: Any) -> Any:
    """A text that is a list or map in JSON, as that."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _list(value: Any) -> list[Any]:
    read = _structure(value)
    return read if isinstance(read, list) else [read]


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _text(value).strip().lower() == "true"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value if isinstance(value, int | float) else _text(value).strip())
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """What the expression writes."""
    try:
        return to_text(value, Meter(Budget()))
    except BudgetExceeded:
        return str(value)


def _shown(value: Any) -> str:
    """For people: texts in quotes, so that what is empty or ends in a blank is seen."""
    return _cut(_json(value), _SHOWN_MAX)


def _bounded(value: Any) -> Any:
    text = _json(value)
    return value if len(text) <= VALUE_LENGTH_MAX else _cut(text, VALUE_LENGTH_MAX)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def names_state(assertion: Assertion) -> bool:
    """Does the assertion look at how the execution, or a task, has ended: then a failure is nothing unexpected."""
    if not isinstance(assertion.value, str):
        return False
    paths = (use.path for use in examine(assertion.value).uses)
    return any(path[:2] == ("execution", "state") or (path[0] == "tasks" and path[-1] == "state") for path in paths)
