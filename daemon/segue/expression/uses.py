"""What a template asks of its surroundings: the variables it reads, each with its path and place, and the functions it
calls with the arguments that stand there as literals. Read off the tree, nothing runs.

`references` answers which values a task run needs sent; this answers what an author wrote and where, for those who
look for mistakes. So a path goes on behind a key that only running tells, and each use says whether the template can
do without it (`??`, `default`, `is defined`) or may never come to it (branches).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.expression.errors import ExpressionError
from segue.expression.functions import FUNCTIONS
from segue.expression.lint import Finding, findings_in
from segue.expression.parser import parse
from segue.expression.tree import (
    Arguments,
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Chain,
    Dialect,
    Expression,
    FilterBlock,
    Filtered,
    For,
    If,
    Literal,
    Macro,
    Name,
    Output,
    Set,
    Statement,
    Ternary,
    Tested,
    Text,
)
from segue.expression.walk import argument_values, children_of, statements_in

_TEMPLATES_KEPT_MAX: Final = 1024


class Hole(Enum):
    """Places in a path that the text does not tell."""

    ANY = "any"
    """One key."""
    EACH = "each"
    """The values of all loops around: `currentEachOutput(outputs.x)`."""


Key = str | int | Hole
Path = tuple[Key, ...]


class Use(Struct, frozen=True):
    """A variable and the keys behind it, from the line and column of its name. `is_guarded`: its absence is caught;
    `is_conditional`: it stands where the template may not come to."""

    path: Path
    line: int
    column: int
    is_guarded: bool = False
    is_conditional: bool = False


class Called(Struct, frozen=True):
    """A function call; `given` holds its arguments by parameter, `Hole.ANY` where one is no literal."""

    name: str
    given: Mapping[str, Any]
    line: int
    column: int
    is_conditional: bool = False


class Examined(Struct, frozen=True):
    """Everything that a template's text tells. Of one that cannot be read, only why."""

    findings: tuple[Finding, ...]
    uses: tuple[Use, ...] = ()
    calls: tuple[Called, ...] = ()


@lru_cache(maxsize=_TEMPLATES_KEPT_MAX)
def examine(text: str, dialect: Dialect = Dialect.V1) -> Examined:
    """Repositories repeat themselves: each distinct template is read once."""
    try:
        body = parse(text, dialect)
    except ExpressionError as error:
        return Examined((Finding("expression-syntax", error.message, error.line, error.column),))
    except RecursionError:
        return Examined((Finding("expression-syntax", "The expression nests too deep", 1, 1),))
    found = tuple(_of_body(body, _Here(_names_set(body))))
    uses = tuple(each for each in found if isinstance(each, Use))
    return Examined(
        findings=tuple(findings_in(body)),
        uses=_without_tested(uses),
        calls=tuple(each for each in found if isinstance(each, Called)),
    )


def _names_set(body: Body) -> frozenset[str]:
    """`set` inside a loop or a branch changes the variable of the whole template."""
    return frozenset(each.name for each in statements_in(body) if isinstance(each, Set))


def _without_tested(uses: tuple[Use, ...]) -> tuple[Use, ...]:
    """What stands in a branch and is caught elsewhere in the template is taken as caught: `x is defined ? x : ''`."""
    caught = {use.path for use in uses if use.is_guarded}
    if not caught:
        return uses
    return tuple(
        replace(use, is_guarded=True) if use.is_conditional and _begins_with(use.path, caught) else use for use in uses
    )


def _begins_with(path: Path, caught: set[Path]) -> bool:
    return any(path[:length] in caught for length in range(1, len(path) + 1))


class _Here(Struct, frozen=True):
    """Where the walk is: names that are the template's own, and what would become of an absent variable."""

    local: frozenset[str]
    is_guarded: bool = False
    is_conditional: bool = False

    def guarded(self) -> _Here:
        return self if self.is_guarded else replace(self, is_guarded=True)

    def conditional(self) -> _Here:
        return self if self.is_conditional else replace(self, is_conditional=True)

    def with_names(self, *names: str) -> _Here:
        return replace(self, local=self.local | {*names})


_Found = Iterator[Use | Called]


# Statements


def _of_body(body: Body, here: _Here) -> _Found:
    for statement in body:
        yield from _of_statement(statement, here)


def _of_statement(statement: Statement, here: _Here) -> _Found:
    match statement:
        case Text():
            return
        case Output():
            yield from _of(statement.expression, here)
        case Set():
            yield from _of(statement.value, here)
        case If():
            yield from _of_if(statement, here)
        case For():
            yield from _of(statement.iterable, here)
            yield from _of_body(statement.body, here.conditional().with_names(statement.variable, "loop"))
            yield from _of_body(statement.otherwise, here.conditional())
        case FilterBlock():
            for _, arguments in statement.filters:
                yield from _of_all(argument_values(arguments), here)
            yield from _of_body(statement.body, here)
        case Macro():
            inside = here.conditional().with_names(*(name for name, _ in statement.parameters))
            yield from _of_all(tuple(each for _, each in statement.parameters if each is not None), inside)
            yield from _of_body(statement.body, inside)
        case Block():
            yield from _of_body(statement.body, here)


def _of_if(statement: If, here: _Here) -> _Found:
    for index, (condition, body) in enumerate(statement.branches):
        yield from _of(condition, here.conditional() if index else here)
        yield from _of_body(body, here.conditional())
    yield from _of_body(statement.otherwise, here.conditional())


# Expressions


def _of_all(nodes: tuple[Expression, ...], here: _Here) -> _Found:
    for node in nodes:
        yield from _of(node, here)


def _of(node: Expression, here: _Here) -> _Found:
    match node:
        case Literal():
            return
        case Name() | Attribute():
            yield from _of_path(node, here)
        case Binary(operator="??" | "???"):
            yield from _of(node.left, here.guarded())
            yield from _of(node.right, here.conditional())
        case Filtered(name="default"):
            yield from _of(node.target, here.guarded())
            yield from _of_all(argument_values(node.arguments), here.conditional())
        case Tested(name="defined"):
            yield from _of(node.target, here.guarded())
        case Chain(operator="and" | "or"):
            yield from _of(node.operands[0], here)
            yield from _of_all(node.operands[1:], here.conditional())
        case Ternary():
            yield from _of(node.condition, here)
            yield from _of_all((node.then, node.otherwise), here.conditional())
        case Call():
            yield _called(node, here)
            yield from _of_all(argument_values(node.arguments), here)
        case _:
            yield from _of_all(children_of(node), here)


def _of_path(node: Expression, here: _Here) -> _Found:
    keys: list[Key] = []
    root = node
    while isinstance(root, Attribute):
        keys.append(_key(root.key))
        if keys[-1] is Hole.ANY:
            yield from _of(root.key, here)
        root = root.target
    keys.reverse()
    each = _each_output(root)
    if each is not None:
        yield Use((*each, Hole.EACH, *keys), root.line, root.column, here.is_guarded, here.is_conditional)
    if not isinstance(root, Name):
        yield from _of(root, here)
    elif root.name not in here.local:
        yield Use((root.name, *keys), root.line, root.column, here.is_guarded, here.is_conditional)


def _key(node: Expression) -> Key:
    is_known = isinstance(node, Literal) and isinstance(node.value, str | int) and not isinstance(node.value, bool)
    return node.value if isinstance(node, Literal) and is_known else Hole.ANY


def _each_output(node: Expression) -> Path | None:
    """The path that stands in `currentEachOutput(...)`."""
    if not isinstance(node, Call) or node.name != "currentEachOutput":
        return None
    values = argument_values(node.arguments)
    keys: list[Key] = []
    root = values[0] if values else node
    while isinstance(root, Attribute):
        keys.append(_key(root.key))
        root = root.target
    return (root.name, *reversed(keys)) if isinstance(root, Name) else None


def _called(node: Call, here: _Here) -> Called:
    return Called(node.name, _given(node.name, node.arguments), node.line, node.column, here.is_conditional)


def _given(name: str, arguments: Arguments) -> Mapping[str, Any]:
    signature = FUNCTIONS.get(name)
    by_place = zip(signature.parameters if signature else (), arguments.positional, strict=False)
    return {parameter: _literal(value) for parameter, value in (*by_place, *arguments.named)}


def _literal(node: Expression) -> Any:
    return node.value if isinstance(node, Literal) else Hole.ANY
