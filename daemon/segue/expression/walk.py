"""Walking a tree: the expressions below a node, and all calls and filters of a template."""

from __future__ import annotations

from collections.abc import Iterator

from segue.expression.tree import (
    Arguments,
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Chain,
    Expression,
    FilterBlock,
    Filtered,
    For,
    If,
    Interpolation,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    MethodCall,
    Name,
    Output,
    Set,
    Statement,
    Ternary,
    Tested,
    Text,
    Unary,
)


def children_of(node: Expression) -> tuple[Expression, ...]:
    match node:
        case Literal() | Name():
            return ()
        case Interpolation():
            return node.parts
        case ListLiteral():
            return node.items
        case MapLiteral():
            return tuple(part for entry in node.entries for part in entry)
        case Attribute():
            return (node.target, node.key)
        case Call():
            return argument_values(node.arguments)
        case MethodCall() | Filtered():
            return (node.target, *argument_values(node.arguments))
        case Tested():
            return (node.target,)
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Chain():
            return node.operands
        case Ternary():
            return (node.condition, node.then, node.otherwise)


def argument_values(arguments: Arguments) -> tuple[Expression, ...]:
    return (*arguments.positional, *(value for _, value in arguments.named))


def statements_in(body: Body) -> Iterator[Statement]:
    """All statements, those inside others too."""
    for statement in body:
        yield statement
        match statement:
            case If():
                for _, inner in statement.branches:
                    yield from statements_in(inner)
                yield from statements_in(statement.otherwise)
            case For():
                yield from statements_in(statement.body)
                yield from statements_in(statement.otherwise)
            case FilterBlock() | Macro() | Block():
                yield from statements_in(statement.body)
            case Text() | Output() | Set():
                pass


def expressions_in(body: Body) -> Iterator[Expression]:
    """All expressions, those inside others too, each before what is in it."""
    waiting = [root for statement in statements_in(body) for root in _roots(statement)]
    waiting.reverse()
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children_of(node)))


def calls_in(body: Body) -> Iterator[Call]:
    return (node for node in expressions_in(body) if isinstance(node, Call))


def filters_in(body: Body) -> Iterator[tuple[str, Arguments]]:
    for statement in statements_in(body):
        if isinstance(statement, FilterBlock):
            yield from statement.filters
    for node in expressions_in(body):
        if isinstance(node, Filtered):
            yield node.name, node.arguments


def _roots(statement: Statement) -> tuple[Expression, ...]:
    match statement:
        case Text() | Block():
            return ()
        case Output():
            return (statement.expression,)
        case If():
            return tuple(condition for condition, _ in statement.branches)
        case For():
            return (statement.iterable,)
        case Set():
            return (statement.value,)
        case FilterBlock():
            return tuple(value for _, arguments in statement.filters for value in argument_values(arguments))
        case Macro():
            return tuple(default for _, default in statement.parameters if default is not None)
