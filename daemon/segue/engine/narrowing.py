"""Narrowing: of all variables those parts that templates name, so that an order is as small as what it needs.

A path is followed through maps only; what it ends in goes whole, and so does a map that is asked for something it has
no key for but may know all the same (its size).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segue.engine.templates import Needs
from segue.expression.references import CURRENT, PARENT_VALUE, VALUE, Reference

ALWAYS: Final = ("flow", "execution", "task", "taskrun", "parents", "parent")
"""Small, and needed by keys and functions (`outputs.t[taskrun.value]`, `currentEachOutput`) that do not name them."""

_KNOWN_OF_MAPS: Final = frozenset(
    {
        "containsKey",
        "containsValue",
        "empty",
        "entrySet",
        "equals",
        "get",
        "getOrDefault",
        "isEmpty",
        "keySet",
        "size",
        "toString",
        "values",
    }
)

_Wanted = dict[Any, "_Wanted | None"]  # None: all of it


def narrowed(variables: Mapping[str, Any], needs: Needs) -> Mapping[str, Any]:
    """The variables, and the parts of them, that are needed."""
    if needs.everything:
        return variables
    wanted: _Wanted = {}
    for path in _paths(variables, needs.references):
        _add(wanted, path)
    taken = _taken({key: value for key, value in variables.items() if key not in ALWAYS}, wanted)
    return {**{key: variables[key] for key in ALWAYS if key in variables}, **taken}


def _paths(variables: Mapping[str, Any], references: Iterable[Reference]) -> Iterator[list[Any]]:
    for reference in references:
        if reference[0] not in ALWAYS:
            yield list(_keys(variables, reference))


def _keys(variables: Mapping[str, Any], reference: Reference) -> Iterator[Any]:
    """The path with the task run's own values in it, as far as they are known."""
    for element in reference:
        match element:
            case str() | int():
                yield element
                continue
            case PARENT_VALUE(level=level):
                values = _parent_values(variables)[level : level + 1]
            case _ if element is VALUE:
                values = _own_value(variables)
            case _ if element is CURRENT:
                values = [*reversed(_parent_values(variables, within=True)), *_own_value(variables)]
                yield from (value for value in values if value is not None)
                continue
        if not values or values[0] is None:
            return
        yield values[0]


def _own_value(variables: Mapping[str, Any]) -> list[Any]:
    return [variables.get("taskrun", {}).get("value")]


def _parent_values(variables: Mapping[str, Any], *, within: bool = False) -> list[Any]:
    """`within`: of an iteration of a Loop only those inside it."""
    parents = (each for each in variables.get("parents", ()) if not (within and each.get("isOutside")))
    return [parent.get("taskrun", {}).get("value") for parent in parents]


def _add(wanted: _Wanted, path: list[Any]) -> None:
    """Put a path in. Less is more: `a` takes in `a.b`."""
    *keys, last = path
    for key in keys:
        below = wanted.setdefault(key, {})
        if below is None:
            return
        wanted = below
    wanted[last] = None


def _taken(value: Mapping[str, Any], wanted: _Wanted) -> Mapping[str, Any]:
    taken = {}
    for key, below in wanted.items():
        if key in value:
            inner = value[key]
            taken[key] = _taken(inner, below) if below is not None and isinstance(inner, Mapping) else inner
        elif isinstance(key, int) or key in _KNOWN_OF_MAPS:
            return value
    return taken
