"""Tokens to a tree: precedence climbing for expressions, one method for each tag.

Precedences are Pebble's with Kestra's `??` and `???`, which bind at 120 in 1.x and at 30 in 2.0. Two rules surprise people who know
other template languages: a filter binds tighter than `+` but looser than `~`, and the ternary is not an operator, so it stands only
outermost or in brackets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from segue.expression.budget import EXPRESSION_DEPTH_MAX, TAG_DEPTH_MAX, TEMPLATE_TEXT_MAX
from segue.expression.errors import ExpressionError
from segue.expression.tokens import Kind, Lines, Token, tokenize
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

_Read = TypeVar("_Read")

_FILTER = 100
_UNARY = 500
_PRECEDENCES = {
    "or": 10,
    "and": 15,
    "is": 20,
    "is not": 20,
    "contains": 20,
    "isIn": 20,
    "==": 30,
    "equals": 30,
    "!=": 30,
    "<": 30,
    ">": 30,
    "<=": 30,
    ">=": 30,
    "+": 40,
    "-": 40,
    "*": 60,
    "/": 60,
    "%": 60,
    "|": _FILTER,
    "~": 110,
    "..": 120,
}
PRECEDENCES = {
    Dialect.V1: {**_PRECEDENCES, "??": 120, "???": 120},
    Dialect.V2: {**_PRECEDENCES, "??": 30, "???": 30},
}
_CHAINED = {"~", "and", "or"}
_CONSTANTS = {
    "true": True,
    "TRUE": True,
    "false": False,
    "FALSE": False,
    "null": None,
    "NULL": None,
    "none": None,
    "NONE": None,
}
_LONG_MAX = (1 << 63) - 1
_ENDINGS = {"elseif", "else", "endif", "endfor", "endset", "endfilter", "endmacro", "endblock", "endverbatim", "endraw"}


def parse(text: str, dialect: Dialect) -> Body:
    """The statements of a template."""
    if len(text) > TEMPLATE_TEXT_MAX:
        raise ExpressionError(f"The template is longer than {TEMPLATE_TEXT_MAX} characters", 1, 1, text)
    return _Parser(text, tokenize(text), dialect).template()


class _Parser:
    def __init__(self, text: str, tokens: list[Token], dialect: Dialect) -> None:
        self.text = text
        self.tokens = tokens
        self.next = 0
        self.lines = Lines(text)
        self.precedences = PRECEDENCES[dialect]
        self.depth = 0
        self.tags: dict[str, Callable[[tuple[int, int]], Statement]] = {
            "if": self._if,
            "for": self._for,
            "set": self._set,
            "filter": self._filter_block,
            "macro": self._macro,
            "block": self._block,
        }
        self.tag_depth = 0

    # Statements

    def template(self) -> Body:
        body, ending = self._body()
        if ending is not None:
            raise self._error(f'Unexpected tag name "{ending.value}"', ending)
        return body

    def _body(self, *endings: str) -> tuple[Body, Token | None]:
        """Statements up to a tag among `endings`, which is left open: its name token is given back."""
        statements: list[Statement] = []
        while (token := self.tokens[self.next]).kind is not Kind.END:
            self.next += 1
            if token.kind is Kind.TEXT:
                statements.append(Text(*self._place(token), token.value))
            elif token.kind is Kind.PRINT_OPEN:
                expression = self._expression()
                self._expect(Kind.PRINT_CLOSE, "}}")
                statements.append(Output(*self._place(token), expression))
            else:
                name = self._name("a tag name")
                if name.value in endings or name.value in _ENDINGS:
                    if name.value not in endings:
                        raise self._error(f'Unexpected tag name "{name.value}"', name)
                    return tuple(statements), name
                statements.append(self._tag(token, name))
        if endings:
            raise self._error(f"Missing `{{% {endings[-1]} %}}`", self.tokens[self.next])
        return tuple(statements), None

    def _tag(self, opening: Token, name: Token) -> Statement:
        read = self.tags.get(name.value)
        if read is None:
            raise self._error(f'Unexpected tag name "{name.value}"', name)
        self.tag_depth += 1
        if self.tag_depth > TAG_DEPTH_MAX:
            raise self._error(f"Tags nest deeper than {TAG_DEPTH_MAX} levels", name)
        statement = read(self._place(opening))
        self.tag_depth -= 1
        return statement

    def _if(self, place: tuple[int, int]) -> If:
        branches: list[tuple[Expression, Body]] = []
        while True:
            condition = self._expression()
            self._close_tag()
            body, ending = self._body("elseif", "else", "endif")
            branches.append((condition, body))
            if ending is None or ending.value != "elseif":
                break
        otherwise: Body = ()
        if ending is not None and ending.value == "else":
            self._close_tag()
            otherwise, _ = self._body("endif")
        self._close_tag()
        return If(*place, tuple(branches), otherwise)

    def _for(self, place: tuple[int, int]) -> For:
        variable = self._name("the loop variable").value
        keyword = self._name("`in`")
        if keyword.value != "in":
            raise self._error("Expected `in`", keyword)
        iterable = self._expression()
        self._close_tag()
        body, ending = self._body("else", "endfor")
        otherwise: Body = ()
        if ending is not None and ending.value == "else":
            self._close_tag()
            otherwise, _ = self._body("endfor")
        self._close_tag()
        return For(*place, variable, iterable, body, otherwise)

    def _set(self, place: tuple[int, int]) -> Set:
        name = self._name("a variable name").value
        self._expect(Kind.PUNCTUATION, "=")
        value = self._expression()
        self._close_tag()
        return Set(*place, name, value)

    def _filter_block(self, place: tuple[int, int]) -> FilterBlock:
        filters = [self._filter()]
        while self._at(Kind.OPERATOR, "|"):
            self.next += 1
            filters.append(self._filter())
        self._close_tag()
        body, _ = self._body("endfilter")
        self._close_tag()
        return FilterBlock(*place, tuple(filters), body)

    def _macro(self, place: tuple[int, int]) -> Macro:
        name = self._name("a macro name").value
        self._expect(Kind.PUNCTUATION, "(")
        parameters = self._listed(")", self._parameter)
        self._close_tag()
        body, _ = self._body("endmacro")
        self._end_name()
        return Macro(*place, name, parameters, body)

    def _parameter(self) -> tuple[str, Expression | None]:
        name = self._name("a parameter name").value
        if not self._at(Kind.PUNCTUATION, "="):
            return name, None
        self.next += 1
        return name, self._expression()

    def _block(self, place: tuple[int, int]) -> Block:
        token = self.tokens[self.next]
        if token.kind not in {Kind.NAME, Kind.STRING}:
            raise self._error("Expected a block name", token)
        self.next += 1
        self._close_tag()
        body, _ = self._body("endblock")
        self._end_name()
        return Block(*place, token.value, body)

    def _end_name(self) -> None:
        """`{% endblock title %}` may repeat the name."""
        if self.tokens[self.next].kind is Kind.NAME:
            self.next += 1
        self._close_tag()

    # Expressions

    def _expression(self, minimum: int = 0) -> Expression:
        self.depth += 1
        if self.depth > TAG_DEPTH_MAX:
            raise self._error(f"The expression nests deeper than {TAG_DEPTH_MAX} levels", self.tokens[self.next])
        left = self._operand()
        height = 0
        while (operator := self._operator(minimum)) is not None:
            left = self._combined(left, operator)
            height += 1
            if height > EXPRESSION_DEPTH_MAX:
                raise self._error(f"The expression chains more than {EXPRESSION_DEPTH_MAX} operators", operator)
        if minimum == 0 and self._at(Kind.PUNCTUATION, "?"):
            left = self._ternary(left)
        self.depth -= 1
        return left

    def _operator(self, minimum: int) -> Token | None:
        token = self.tokens[self.next]
        if token.kind is not Kind.OPERATOR or self.precedences.get(token.value, -1) < minimum:
            return None
        return token

    def _combined(self, left: Expression, operator: Token) -> Expression:
        self.next += 1
        place = self._place(operator)
        match operator.value:
            case "|":
                return Filtered(*place, left, *self._filter())
            case "is" | "is not":
                return Tested(*place, left, self._test_name(), operator.value == "is not")
            case symbol:
                right = self._expression(self.precedences[symbol] + 1)
                if symbol not in _CHAINED:
                    return Binary(*place, symbol, left, right)
                operands = [left, right]
                while self._at(Kind.OPERATOR, symbol):
                    self.next += 1
                    operands.append(self._expression(self.precedences[symbol] + 1))
                return Chain(*place, symbol, tuple(operands))

    def _ternary(self, condition: Expression) -> Ternary:
        place = self._place(self.tokens[self.next])
        self.next += 1
        then = self._expression()
        self._expect(Kind.PUNCTUATION, ":")
        return Ternary(*place, condition, then, self._expression())

    def _operand(self) -> Expression:
        token = self.tokens[self.next]
        place = self._place(token)
        self.next += 1
        match token.kind:
            case Kind.OPERATOR if token.value in {"not", "+", "-"}:
                return Unary(*place, token.value, self._expression(_UNARY))
            case Kind.PUNCTUATION if token.value == "(":
                inner = self._expression()
                self._expect(Kind.PUNCTUATION, ")")
                return self._postfix(inner)
            case Kind.PUNCTUATION if token.value == "[":
                return ListLiteral(*place, self._listed("]", self._expression))
            case Kind.PUNCTUATION if token.value == "{":
                return MapLiteral(*place, self._listed("}", self._entry))
            case Kind.STRING:
                return self._postfix(Literal(*place, token.value))
            case Kind.INTERPOLATED:
                return self._postfix(Interpolation(*place, tuple(map(self._interpolated, token.parts))))
            case Kind.INTEGER:
                return self._postfix(Literal(*place, self._integer(token)))
            case Kind.DECIMAL:
                return self._postfix(Literal(*place, float(token.value)))
            case Kind.NAME if token.value in _CONSTANTS:
                return self._postfix(Literal(*place, _CONSTANTS[token.value]))
            case Kind.NAME if self._at(Kind.PUNCTUATION, "("):
                return self._postfix(Call(*place, token.value, self._arguments()))
            case Kind.NAME:
                return self._postfix(Name(*place, token.value))
            case _:
                raise self._unexpected(token)

    def _postfix(self, target: Expression) -> Expression:
        height = 0
        while (token := self.tokens[self.next]).kind is Kind.PUNCTUATION and token.value in ".[":
            height += 1
            if height > EXPRESSION_DEPTH_MAX:
                raise self._error(f"The expression chains more than {EXPRESSION_DEPTH_MAX} operators", token)
            self.next += 1
            place = self._place(token)
            if token.value == "[":
                key = self._expression()
                self._expect(Kind.PUNCTUATION, "]")
                target = Attribute(*place, target, key)
                continue
            name = self.tokens[self.next]
            if name.kind not in {Kind.NAME, Kind.INTEGER} and not (name.kind is Kind.OPERATOR and name.value.isalpha()):
                raise self._unexpected(name)
            self.next += 1
            if self._at(Kind.PUNCTUATION, "("):
                target = MethodCall(*place, target, name.value, self._arguments())
            else:
                target = Attribute(*place, target, Literal(*self._place(name), name.value))
        return target

    def _interpolated(self, part: Token | tuple[Token, ...]) -> Expression:
        if isinstance(part, Token):
            return Literal(*self._place(part), part.value)
        outer, self.tokens, self.next = (self.tokens, self.next), list(part), 0
        expression = self._expression()
        self._expect(Kind.END, "}")
        self.tokens, self.next = outer
        return expression

    def _entry(self) -> tuple[Expression, Expression]:
        key = self._expression()
        self._expect(Kind.PUNCTUATION, ":")
        return key, self._expression()

    def _filter(self) -> tuple[str, Arguments]:
        name = self._name("a filter name").value
        return name, self._arguments() if self._at(Kind.PUNCTUATION, "(") else Arguments()

    def _test_name(self) -> str:
        name = self._name("a test name").value
        if self._at(Kind.PUNCTUATION, "("):
            arguments = self._arguments()
            if arguments.positional or arguments.named:
                raise self._error(f"The test [{name}] takes no arguments", self.tokens[self.next - 1])
        return name

    def _arguments(self) -> Arguments:
        self._expect(Kind.PUNCTUATION, "(")
        positional: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        for name, value in self._listed(")", self._argument):
            if name is not None:
                named.append((name, value))
            elif named:
                raise ExpressionError(
                    "Positional arguments must be declared before any named arguments",
                    value.line,
                    value.column,
                    self.text,
                )
            else:
                positional.append(value)
        return Arguments(tuple(positional), tuple(named))

    def _argument(self) -> tuple[str | None, Expression]:
        token, after = self.tokens[self.next], self.tokens[self.next + 1]
        if token.kind is Kind.NAME and after.kind is Kind.PUNCTUATION and after.value == "=":
            self.next += 2
            return token.value, self._expression()
        return None, self._expression()

    def _listed(self, closer: str, read: Callable[[], _Read]) -> tuple[_Read, ...]:
        """Comma-separated items up to the closing bracket; the opening one is behind us."""
        items: list[_Read] = []
        while not self._at(Kind.PUNCTUATION, closer):
            if items:
                self._expect(Kind.PUNCTUATION, ",")
            items.append(read())
        self.next += 1
        return tuple(items)

    # Tokens

    def _integer(self, token: Token) -> int:
        if len(token.value) > len(str(_LONG_MAX)) or int(token.value) > _LONG_MAX:
            raise self._error(f"The number {token.value[:40]} does not fit 64 bits", token)
        return int(token.value)

    def _at(self, kind: Kind, value: str) -> bool:
        token = self.tokens[self.next]
        return token.kind is kind and token.value == value

    def _expect(self, kind: Kind, value: str) -> None:
        token = self.tokens[self.next]
        if token.kind is not kind or token.value != value:
            raise self._error(f"Unexpected {_described(token)}, expected `{value}`", token)
        self.next += 1

    def _close_tag(self) -> None:
        self._expect(Kind.TAG_CLOSE, "%}")

    def _name(self, wanted: str) -> Token:
        token = self.tokens[self.next]
        if token.kind is not Kind.NAME:
            raise self._error(f"Unexpected {_described(token)}, expected {wanted}", token)
        self.next += 1
        return token

    def _place(self, token: Token) -> tuple[int, int]:
        return self.lines.place(token.position)

    def _unexpected(self, token: Token) -> ExpressionError:
        return self._error(f"Unexpected {_described(token)}", token)

    def _error(self, message: str, token: Token) -> ExpressionError:
        return ExpressionError(message, *self._place(token), self.text)


def _described(token: Token) -> str:
    match token.kind:
        case Kind.END if not token.value:
            return "end of the template"
        case Kind.STRING | Kind.INTERPOLATED:
            return "string"
        case _:
            return f"`{token.value}`"
