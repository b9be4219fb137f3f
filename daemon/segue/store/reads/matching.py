"""Matching: how a text is compared with what a filter names. Regular expressions are left out on purpose: one that
never ends would hold the daemon's main process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from segue.model.names import is_within


class Op(StrEnum):
    """Kestra's words. PREFIX is a namespace and all below it."""

    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    IN = "IN"
    NOT_IN = "NOT_IN"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    CONTAINS = "CONTAINS"
    PREFIX = "PREFIX"


@dataclass(frozen=True, slots=True)
class Match:
    """A comparison with one value or several; without regard to case where only a part is compared."""

    op: Op
    values: tuple[str, ...]

    def holds(self, text: str) -> bool:
        return _RULES[self.op](text, self.values)


def equals(value: str) -> Match:
    return Match(Op.EQUALS, (value,))


def within(namespace: str) -> Match:
    return Match(Op.PREFIX, (namespace,))


_RULES: Final[Mapping[Op, Callable[[str, tuple[str, ...]], bool]]] = {
    Op.EQUALS: lambda text, values: text in values,
    Op.IN: lambda text, values: text in values,
    Op.NOT_EQUALS: lambda text, values: text not in values,
    Op.NOT_IN: lambda text, values: text not in values,
    Op.STARTS_WITH: lambda text, values: any(text.lower().startswith(value.lower()) for value in values),
    Op.ENDS_WITH: lambda text, values: any(text.lower().endswith(value.lower()) for value in values),
    Op.CONTAINS: lambda text, values: any(value.lower() in text.lower() for value in values),
    Op.PREFIX: lambda text, values: any(is_within(text, value) for value in values),
}
