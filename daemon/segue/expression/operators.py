"""The binary operators that always evaluate both sides, by their symbol."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from segue.expression.budget import Meter
from segue.expression.errors import ExpressionError
from segue.expression.tree import Dialect
from segue.expression.values import add, arithmetic, class_name, equal, key_text, ordered, spread, subtract, to_text

Operator = Callable[[Any, Any, Meter], Any]


def binary_operator(symbol: str, dialect: Dialect) -> Operator:
    if symbol in {"<", ">", "<=", ">="}:
        return partial(_ordered, symbol, dialect)
    return _OPERATORS[symbol]


def _ordered(symbol: str, dialect: Dialect, left: Any, right: Any, _meter: Meter) -> bool:
    return ordered(symbol, left, right, dialect)


def _unequal(left: Any, right: Any, meter: Meter) -> bool:
    return not equal(left, right, meter)


def _calculated(symbol: str, left: Any, right: Any, _meter: Meter) -> Any:
    return arithmetic(symbol, left, right)


def contains(left: Any, right: Any, meter: Meter) -> bool:
    """A list has the item, or all items of a list; a map has the key; a text has the part."""
    if left is None:
        return False
    if isinstance(left, str):
        meter.read(left)
        return to_text(right, meter) in left
    if isinstance(left, dict):
        return not isinstance(right, dict | list) and key_text(right) in left
    if isinstance(left, list):
        wanted = right if isinstance(right, list) else [right]
        meter.step(1 + ((len(left) * len(wanted)) >> 4))
        return all(any(equal(item, other, meter) for item in left) for other in wanted)
    raise ExpressionError(
        f"Contains operator can only be used on Collections, Maps and Strings, not {class_name(left)}"
    )


def _is_in(left: Any, right: Any, meter: Meter) -> bool:
    """Kestra's `isIn`: by text, in a list's items or a map's keys and values."""
    if left is None or right is None or not isinstance(right, list | dict):
        return False
    wanted = to_text(left, meter)
    items = [*right, *right.values()] if isinstance(right, dict) else right
    meter.step(1 + (len(items) >> 4))
    return any(item is not None and to_text(item, meter) == wanted for item in items)


def _range(left: Any, right: Any, meter: Meter) -> list[Any]:
    return spread(left, right, 1, meter)


_OPERATORS: dict[str, Operator] = {
    "+": add,
    "-": subtract,
    "*": partial(_calculated, "*"),
    "/": partial(_calculated, "/"),
    "%": partial(_calculated, "%"),
    "==": equal,
    "equals": equal,
    "!=": _unequal,
    "contains": contains,
    "isIn": _is_in,
    "..": _range,
}
