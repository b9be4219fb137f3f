"""Which variables a template may read, as paths; and which of its filters and functions need a worker. Read off the tree, nothing runs.

A path ends where it can no longer be known: what it ends in is needed whole. `()` means everything: the template renders text that
only running tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from msgspec import Struct

from segue.expression.filters import FILTERS
from segue.expression.functions import FUNCTIONS
from segue.expression.tree import (
    Arguments,
    Attribute,
    Block,
    Body,
    Call,
    Expression,
    FilterBlock,
    For,
    If,
    Literal,
    Macro,
    Name,
    Output,
    Set,
    Statement,
    Text,
)
from segue.expression.walk import calls_in, children_of, filters_in


class Marker(Enum):
    """Places in a path that a task run fills in."""

    VALUE = "taskrun.value"
    """The loop value of this task run."""
    CURRENT = "currentEachOutput"
    """The loop values of all parents, the outermost first, then this task run's."""


VALUE = Marker.VALUE
CURRENT = Marker.CURRENT


class PARENT_VALUE(Struct, frozen=True):  # noqa: N801 - stands in paths beside VALUE and CURRENT
    """The loop value of the n-th parent, 0 the nearest."""

    level: int


Element = str | int | Marker | PARENT_VALUE
Reference = tuple[Element, ...]

EVERYTHING: Reference = ()
_PARENT: tuple[Reference, ...] = (
    ("trigger", "namespace"),
    ("trigger", "flowId"),
    ("trigger", "executionId"),
)
"""Whose files may be read besides the execution's own."""
_IMPLIED: dict[str, tuple[Reference, ...]] = {
    "fetchContext": (EVERYTHING,),
    "fileExists": _PARENT,
    "fileSize": _PARENT,
    "fileURI": (("flow", "namespace"),),
    "isFileEmpty": _PARENT,
    "iterationOutput": (("outputs",),),
    "parentOutput": (("outputs",),),
    "read": _PARENT,
    "printContext": (EVERYTHING,),
    "render": (EVERYTHING,),
    "renderOnce": (EVERYTHING,),
    "tasksWithState": (("tasks",),),
}
_REGEX_REPEATS = frozenset("*+{?(")


def references_in(body: Body) -> frozenset[Reference]:
    found = frozenset(_of_body(body, frozenset()))
    return frozenset({EVERYTHING}) if EVERYTHING in found else found


def effects_in(body: Body) -> frozenset[str]:
    filters = {name for name, arguments in filters_in(body) if _is_filter_effect(name, arguments)}
    functions = {call.name for call in calls_in(body) if call.name in FUNCTIONS and FUNCTIONS[call.name].effect}
    return frozenset(filters | functions)


def _is_filter_effect(name: str, arguments: Arguments) -> bool:
    """Regular expressions can run for ever; a literal text to split at, or to replace, cannot."""
    if name not in FILTERS or not FILTERS[name].effect:
        return False
    if name == "split":
        delimiter = _argument(arguments, 0, "delimiter")
        text = delimiter.value if isinstance(delimiter, Literal) else None
        return not isinstance(text, str) or not _REGEX_REPEATS.isdisjoint(text)
    if name == "replace":
        by_regex = _argument(arguments, 1, "regexp")
        return by_regex is not None and not (isinstance(by_regex, Literal) and by_regex.value is False)
    return True


def _argument(arguments: Arguments, place: int, name: str) -> Expression | None:
    if place < len(arguments.positional):
        return arguments.positional[place]
    return dict(arguments.named).get(name)


# Statements


def _of_body(body: Body, local: frozenset[str]) -> Iterator[Reference]:
    for statement in body:
        yield from _of_statement(statement, local)


def _of_statement(statement: Statement, local: frozenset[str]) -> Iterator[Reference]:
    match statement:
        case Text():
            return
        case Output():
            yield from _of(statement.expression, local)
        case Set():
            yield from _of(statement.value, local)
        case If():
            for condition, body in statement.branches:
                yield from _of(condition, local)
                yield from _of_body(body, local)
            yield from _of_body(statement.otherwise, local)
        case For():
            yield from _of(statement.iterable, local)
            yield from _of_body(statement.body, local | {statement.variable, "loop"})
            yield from _of_body(statement.otherwise, local)
        case FilterBlock():
            for _, arguments in statement.filters:
                yield from _of_arguments(arguments, local)
            yield from _of_body(statement.body, local)
        case Macro():
            inside = local | {name for name, _ in statement.parameters}
            for _, default in statement.parameters:
                if default is not None:
                    yield from _of(default, inside)
            yield from _of_body(statement.body, inside)
        case Block():
            yield from _of_body(statement.body, local)


# Expressions


def _of(node: Expression, local: frozenset[str]) -> Iterator[Reference]:
    if isinstance(node, Name | Attribute):
        yield from _of_path(node, local)
        return
    if isinstance(node, Call):
        yield from _IMPLIED.get(node.name, ())
        if node.name == "currentEachOutput" and (path := _current_output(node, local)) is not None:
            yield path
            return
    for child in children_of(node):
        yield from _of(child, local)


def _of_arguments(arguments: Arguments, local: frozenset[str]) -> Iterator[Reference]:
    for value in (*arguments.positional, *(value for _, value in arguments.named)):
        yield from _of(value, local)


def _of_path(node: Expression, local: frozenset[str]) -> Iterator[Reference]:
    """The longest known path from a variable, then whatever the unknown keys after it need."""
    keys: list[Expression] = []
    root = node
    while isinstance(root, Attribute):
        keys.append(root.key)
        root = root.target
    keys.reverse()
    elements = [_element(key, local) for key in keys]
    for key, element in zip(keys, elements, strict=True):
        if element is None:
            yield from _of(key, local)
    if not isinstance(root, Name):
        yield from _of(root, local)
    elif root.name not in local:
        known = next((place for place, element in enumerate(elements) if element is None), len(elements))
        yield (root.name, *(element for element in elements[:known] if element is not None))


def _element(key: Expression, local: frozenset[str]) -> Element | None:
    if isinstance(key, Literal) and isinstance(key.value, str | int) and not isinstance(key.value, bool):
        return key.value
    path = _literal_path(key)
    if path is None or path[0] in local:
        return None
    match path:
        case ("taskrun", "value"):
            return VALUE
        case ("parent", "taskrun", "value"):
            return PARENT_VALUE(0)
        case ("parents", int(level), "taskrun", "value"):
            return PARENT_VALUE(level)
        case _:
            return None


def _literal_path(node: Expression) -> tuple[Any, ...] | None:
    keys: list[Any] = []
    while isinstance(node, Attribute):
        if not isinstance(node.key, Literal):
            return None
        keys.append(node.key.value)
        node = node.target
    return (node.name, *reversed(keys)) if isinstance(node, Name) else None


def _current_output(call: Call, local: frozenset[str]) -> Reference | None:
    target = _argument(call.arguments, 0, "outputs")
    path = None if target is None else _literal_path(target)
    return None if path is None or path[0] in local else (*path, CURRENT)
