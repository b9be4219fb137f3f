"""Matching: how a text is compared with what a filter names, here and in SQL. Regular expressions are for the few texts
that are looked at here, each look bounded; SQL has none, because a bound for each of a million rows is none at all."""
# ruff: noqa: S608

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from segue.expression.java_regex import found_in
from segue.model.names import is_within


class Op(StrEnum):
    """Kestra's words. PREFIX is a namespace and all below it."""

    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    IN = "IN"
    NOT_IN = "NOT_IN"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    GREATER_THAN_OR_EQUAL_TO = "GREATER_THAN_OR_EQUAL_TO"
    LESS_THAN_OR_EQUAL_TO = "LESS_THAN_OR_EQUAL_TO"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    CONTAINS = "CONTAINS"
    NOT_CONTAINS = "NOT_CONTAINS"
    REGEX = "REGEX"
    PREFIX = "PREFIX"
    IS_NULL = "IS_NULL"
    IS_NOT_NULL = "IS_NOT_NULL"


ORDERED: Final = frozenset({Op.GREATER_THAN, Op.LESS_THAN, Op.GREATER_THAN_OR_EQUAL_TO, Op.LESS_THAN_OR_EQUAL_TO})
# What holds of a value that is not there.
_OF_NOTHING: Final = frozenset({Op.NOT_EQUALS, Op.NOT_IN, Op.NOT_CONTAINS, Op.IS_NULL})


class Match(Struct, frozen=True):
    """A comparison with one value or several; without regard to case where only a part is compared."""

    op: Op
    values: tuple[str, ...] = ()

    def holds(self, text: str | None) -> bool:
        """Raises `expression.java_regex.TooSlow`."""
        return self.op in _OF_NOTHING if text is None else _RULES[self.op](text, self.values)


def equals(value: str) -> Match:
    return Match(Op.EQUALS, (value,))


def within(namespace: str) -> Match:
    return Match(Op.PREFIX, (namespace,))


_RULES: Final[Mapping[Op, Callable[[str, tuple[str, ...]], bool]]] = {
    Op.EQUALS: lambda text, values: text in values,
    Op.IN: lambda text, values: text in values,
    Op.NOT_EQUALS: lambda text, values: text not in values,
    Op.NOT_IN: lambda text, values: text not in values,
    Op.GREATER_THAN: lambda text, values: all(text > value for value in values),
    Op.LESS_THAN: lambda text, values: all(text < value for value in values),
    Op.GREATER_THAN_OR_EQUAL_TO: lambda text, values: all(text >= value for value in values),
    Op.LESS_THAN_OR_EQUAL_TO: lambda text, values: all(text <= value for value in values),
    Op.STARTS_WITH: lambda text, values: any(text.lower().startswith(value.lower()) for value in values),
    Op.ENDS_WITH: lambda text, values: any(text.lower().endswith(value.lower()) for value in values),
    Op.CONTAINS: lambda text, values: any(value.lower() in text.lower() for value in values),
    Op.NOT_CONTAINS: lambda text, values: not any(value.lower() in text.lower() for value in values),
    Op.REGEX: lambda text, values: any(found_in(value, text) is not None for value in values),
    Op.PREFIX: lambda text, values: any(is_within(text, value) for value in values),
    Op.IS_NULL: lambda _text, _values: False,
    Op.IS_NOT_NULL: lambda _text, _values: True,
}


# The same in SQL, but that of letters beyond ASCII the case counts.

IN_SQL: Final = frozenset(Op) - ORDERED - {Op.REGEX}
_VALUES: Final = "SELECT value AS wanted FROM json_each(?)"


def condition(column: str, match: Match) -> tuple[str, list[Any]]:
    """A condition on a text column that holds where `match` does, and its parameters. `column` is ours, never typed."""
    assert match.op in IN_SQL
    wanted = [json.dumps(match.values)]
    match match.op:
        case Op.IS_NULL:
            return f"{column} IS NULL", []
        case Op.IS_NOT_NULL:
            return f"{column} IS NOT NULL", []
        case Op.EQUALS | Op.IN:
            return f"{column} IN ({_VALUES})", wanted
        case Op.NOT_EQUALS | Op.NOT_IN:
            return f"({column} IS NULL OR {column} NOT IN ({_VALUES}))", wanted
        case Op.NOT_CONTAINS:
            return f"({column} IS NULL OR NOT {_any(_PARTS[Op.CONTAINS], column)})", wanted
        case part:
            return _any(_PARTS[part], column), wanted


def _any(comparison: str, column: str) -> str:
    # The table of values is wrapped: it has an `id` of its own, as executions have.
    return f"EXISTS (SELECT 1 FROM ({_VALUES}) WHERE {comparison.format(column=column)})"


_PARTS: Final[Mapping[Op, str]] = {
    Op.STARTS_WITH: "lower(substr({column}, 1, length(wanted))) = lower(wanted)",
    Op.ENDS_WITH: "lower(substr({column}, length({column}) - length(wanted) + 1)) = lower(wanted)",
    Op.CONTAINS: "instr(lower({column}), lower(wanted))",
    Op.PREFIX: "{column} = wanted OR substr({column}, 1, length(wanted) + 1) = wanted || '.'",
}
