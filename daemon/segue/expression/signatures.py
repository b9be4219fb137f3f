"""What a filter or function is called with: its parameters by name, which of them it needs, and whether it needs the outside world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Evaluation
from segue.expression.values import class_name

Given = Mapping[str, Any]
"""Arguments by parameter name; those not given are not there."""

REST = "*"
"""The name under which a variadic function finds its arguments, as a list."""


class FilterSignature(Struct, frozen=True):
    apply: Callable[[Any, Given, Evaluation], Any]
    parameters: tuple[str, ...] = ()
    required: int = 0
    effect: bool = False
    """Whether it must not be evaluated in the main process: it reaches outside, or its time cannot be bounded."""
    variadic: bool = False


class FunctionSignature(Struct, frozen=True):
    apply: Callable[[Given, Evaluation], Any]
    parameters: tuple[str, ...] = ()
    required: int = 0
    effect: bool = False
    variadic: bool = False


def check_names(
    parameters: tuple[str, ...], positional: int, named: tuple[str, ...], what: str, *, variadic: bool = False
) -> None:
    """Refuse arguments that no parameter takes. What is missing is told by the filter or function itself, in its own words."""
    if variadic:
        if named:
            raise ExpressionError(f"The following named argument does not exist: {named[0]}")
        return
    if positional > len(parameters):
        raise ExpressionError(f"{what} takes {_count(len(parameters))}, not {positional}")
    for name in named:
        if name not in parameters:
            raise ExpressionError(f"The following named argument does not exist: {name}")
        if name in parameters[:positional]:
            raise ExpressionError(f"{what} is given the argument '{name}' twice")


def _count(number: int) -> str:
    return f"{number} argument" if number == 1 else f"{number} arguments" if number else "no arguments"


# Reading arguments


def text_argument(given: Given, name: str, what: str, default: str | None = None) -> str:
    """An argument that must be text; without a default it must be given."""
    value = given.get(name)
    if value is None:
        if default is None:
            raise ExpressionError(f"{what} expects an argument '{name}'.")
        return default
    if not isinstance(value, str):
        raise ExpressionError(f"{what} expects an argument '{name}' with type string, not {class_name(value)}.")
    return value


def optional_text(given: Given, name: str, what: str) -> str | None:
    return None if given.get(name) is None else text_argument(given, name, what)


def integer_argument(given: Given, name: str, what: str, default: int | None = None) -> int:
    value = given.get(name)
    if value is None:
        if default is None:
            raise ExpressionError(f"{what} expects an integer as argument '{name}'.")
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise ExpressionError(f"{what} expects an integer as argument '{name}', not {class_name(value)}.")
    return value


def boolean_argument(given: Given, name: str, what: str, *, default: bool) -> bool:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ExpressionError(f"{what} expects an argument '{name}' with type boolean, not {class_name(value)}.")
    return value
