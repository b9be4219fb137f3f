"""The tree of a template: frozen nodes with the line and column they began at. Only shapes; what they mean is in `evaluate` and `compile`."""

from __future__ import annotations

from enum import Enum
from typing import Any

from msgspec import Struct


class Dialect(Enum):
    """Kestra 1.x and 2.0 read the same text differently in a few places, the precedence of `??` above all."""

    V1 = "1.x"
    V2 = "2.0"


class Node(Struct, frozen=True):
    line: int
    column: int


class Literal(Node, frozen=True):
    value: Any


class Interpolation(Node, frozen=True):
    """A "double-quoted #{text}": its pieces in order."""

    parts: tuple[Expression, ...]


class ListLiteral(Node, frozen=True):
    items: tuple[Expression, ...]


class MapLiteral(Node, frozen=True):
    entries: tuple[tuple[Expression, Expression], ...]


class Name(Node, frozen=True):
    name: str


class Attribute(Node, frozen=True):
    """`target.key` and `target[key]`: the same thing."""

    target: Expression
    key: Expression


class Arguments(Struct, frozen=True):
    positional: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


class Call(Node, frozen=True):
    name: str
    arguments: Arguments


class MethodCall(Node, frozen=True):
    target: Expression
    name: str
    arguments: Arguments


class Filtered(Node, frozen=True):
    target: Expression
    name: str
    arguments: Arguments


class Tested(Node, frozen=True):
    target: Expression
    name: str
    negated: bool


class Unary(Node, frozen=True):
    operator: str
    operand: Expression


class Binary(Node, frozen=True):
    operator: str
    left: Expression
    right: Expression


class Chain(Node, frozen=True):
    """Operands of one operator whose order does not nest: `a ~ b ~ c`, `a and b and c`, `a or b or c`."""

    operator: str
    operands: tuple[Expression, ...]


class Ternary(Node, frozen=True):
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


class Text(Node, frozen=True):
    text: str


class Output(Node, frozen=True):
    expression: Expression


class If(Node, frozen=True):
    branches: tuple[tuple[Expression, Body], ...]
    otherwise: Body


class For(Node, frozen=True):
    variable: str
    iterable: Expression
    body: Body
    otherwise: Body


class Set(Node, frozen=True):
    name: str
    value: Expression


class FilterBlock(Node, frozen=True):
    """`{% filter upper | trim %}...{% endfilter %}`: names and arguments in the order they apply."""

    filters: tuple[tuple[str, Arguments], ...]
    body: Body


class Macro(Node, frozen=True):
    name: str
    parameters: tuple[tuple[str, Expression | None], ...]
    body: Body


class Block(Node, frozen=True):
    name: str
    body: Body


Statement = Text | Output | If | For | Set | FilterBlock | Macro | Block
Body = tuple[Statement, ...]
