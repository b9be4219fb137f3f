"""The tree of a template: frozen nodes with the line and column they began at. Only shapes; what they mean is in `evaluate` and `compile`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Dialect(Enum):
    """Kestra 1.x and 2.0 read the same text differently in a few places, the precedence of `??` above all."""

    V1 = "1.x"
    V2 = "2.0"


@dataclass(frozen=True, slots=True)
class Node:
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Any


@dataclass(frozen=True, slots=True)
class Interpolation(Node):
    """A "double-quoted #{text}": its pieces in order."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ListLiteral(Node):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class MapLiteral(Node):
    entries: tuple[tuple[Expression, Expression], ...]


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`target.key` and `target[key]`: the same thing."""

    target: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Arguments:
    positional: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Node):
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class MethodCall(Node):
    target: Expression
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Filtered(Node):
    target: Expression
    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Tested(Node):
    target: Expression
    name: str
    negated: bool


@dataclass(frozen=True, slots=True)
class Unary(Node):
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Chain(Node):
    """Operands of one operator whose order does not nest: `a ~ b ~ c`, `a and b and c`, `a or b or c`."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Node):
    condition: Expression
    then: Expression
    otherwise: Expression


Expression = (
    Literal
    | Interpolation
    | ListLiteral
    | MapLiteral
    | Name
    | Attribute
    | Call
    | MethodCall
    | Filtered
    | Tested
    | Unary
    | Binary
    | Chain
    | Ternary
)


@dataclass(frozen=True, slots=True)
class Text(Node):
    text: str


@dataclass(frozen=True, slots=True)
class Output(Node):
    expression: Expression


@dataclass(frozen=True, slots=True)
class If(Node):
    branches: tuple[tuple[Expression, Body], ...]
    otherwise: Body


@dataclass(frozen=True, slots=True)
class For(Node):
    variable: str
    iterable: Expression
    body: Body
    otherwise: Body


@dataclass(frozen=True, slots=True)
class Set(Node):
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class FilterBlock(Node):
    """`{% filter upper | trim %}...{% endfilter %}`: names and arguments in the order they apply."""

    filters: tuple[tuple[str, Arguments], ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Macro(Node):
    name: str
    parameters: tuple[tuple[str, Expression | None], ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Block(Node):
    name: str
    body: Body


Statement = Text | Output | If | For | Set | FilterBlock | Macro | Block
Body = tuple[Statement, ...]
