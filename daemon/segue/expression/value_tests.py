"""What can stand after `is`: a value in, a boolean out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.values import class_name, is_empty, is_number


def _is_even(value: Any, _: Evaluation) -> bool:
    return _remainder(value, "even") == 0


def _is_odd(value: Any, _: Evaluation) -> bool:
    return _remainder(value, "odd") != 0


def _remainder(value: Any, test: str) -> int:
    if value is None:
        raise ExpressionError(f'Can not pass null value to "{test}" test.')
    if not is_number(value):
        raise ExpressionError(f'The "{test}" test takes a number, not {class_name(value)}')
    return int(value) % 2


def _is_json(value: Any, evaluation: Evaluation) -> bool:
    if not isinstance(value, str):
        return False
    evaluation.meter.read(value)
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


TESTS: dict[str, Callable[[Any, Evaluation], bool]] = {
    "defined": lambda value, _: value is not None,
    "empty": lambda value, _: is_empty(value),
    "even": _is_even,
    "iterable": lambda value, _: isinstance(value, list),
    "json": _is_json,
    "map": lambda value, _: isinstance(value, dict),
    "null": lambda value, _: value is None,
    "odd": _is_odd,
}
