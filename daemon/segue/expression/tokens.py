"""Text to tokens. Literal text between delimiters is one token; inside delimiters come names, numbers, strings, operators and punctuation.

What is special in Pebble: no escapes in strings except the quote itself, `#{...}` inside double quotes is an expression,
closing delimiters count only outside brackets (so `{{ {"a": {}} }}` works), and Kestra takes `{% raw %}` blocks out before anything else.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import Enum, auto

from msgspec import Struct

from segue.expression.budget import CODE_TEXT_MAX
from segue.expression.errors import ExpressionError

RAW_BLOCK = re.compile(r"\{%-*\s*raw\s*-*%\}(.*?)\{%-*\s*endraw\s*-*%\}", re.DOTALL)
"""Kestra's own pattern, made to cross lines. Group 1 is what stays of it in the end."""

_OPEN = re.compile(r"\{[{%#]")
_COMMENT_END = re.compile(r"(-?)#\}")
_VERBATIM = re.compile(r"\{%-?\s*verbatim\s*(-?)%\}(.*?)\{%(-?)\s*endverbatim\s*(-?)%\}", re.DOTALL)
_WORD_OPERATORS = r"(?:(?:is\s+not|is|not|and|or|contains|isIn|equals)(?![\w]))"
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    rf"|(?P<word>{_WORD_OPERATORS})"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<decimal>[0-9]+\.[0-9]+)"
    r"|(?P<integer>[0-9]+)L?"
    r"|(?P<operator>\?\?\?|\?\?|==|!=|<=|>=|\.\.|[+\-*/%|~<>])"
    r"|(?P<punctuation>[()\[\]{}?:.,=])"
    r"|(?P<quote>[\"'])"
)
_PLAIN_STRING = {
    '"': re.compile(r'"((?:[^"\\#]++|\\"?|#(?!\{))*)"'),
    "'": re.compile(r"'((?:[^'\\]++|\\'?)*)'"),
}
_STRING_PIECE = re.compile(r'((?:[^"\\#]++|\\"?|#(?!\{))*)("|#\{)')
_UNCLOSED_BLOCK = re.compile(r"\{%-*\s*(raw|verbatim)\s*-*%\}")
_CLOSERS = {"}}": re.compile(r"\s*(-?)\}\}"), "%}": re.compile(r"\s*(-?)%\}"), "}": re.compile(r"\s*()\}")}
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Kind(Enum):
    TEXT = auto()
    PRINT_OPEN = auto()
    PRINT_CLOSE = auto()
    TAG_OPEN = auto()
    TAG_CLOSE = auto()
    NAME = auto()
    INTEGER = auto()
    DECIMAL = auto()
    STRING = auto()
    INTERPOLATED = auto()
    OPERATOR = auto()
    PUNCTUATION = auto()
    END = auto()


class Token(Struct, frozen=True):
    kind: Kind
    value: str
    position: int
    parts: tuple[Token | tuple[Token, ...], ...] = ()
    """Of an interpolated string: a STRING token for each piece of text, a tuple of tokens for each expression."""


class Lines:
    """Line and column of a position, both from 1."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))] if "\n" in text else [0]

    def place(self, position: int) -> tuple[int, int]:
        line = bisect_right(self._starts, position)
        return line, position - self._starts[line - 1] + 1


def tokenize(text: str) -> list[Token]:
    """All tokens of a template, an END token last."""
    reader = _Reader(text)
    reader.read()
    return reader.tokens


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        self.position = 0
        self.trim_next = False
        self.code_length = 0

    def read(self) -> None:
        while (opening := _OPEN.search(self.text, self.position)) is not None:
            self._opened(opening.start(), opening.group())
        self._literal(self.position, len(self.text), trim=False)
        self.tokens.append(Token(Kind.END, "", len(self.text)))

    def _opened(self, start: int, delimiter: str) -> None:
        if delimiter == "{%" and (raw := RAW_BLOCK.match(self.text, start)) is not None:
            self._literal(self.position, raw.end(), trim=False)
            self.position = raw.end()
            return
        dashed = self.text.startswith("-", start + 2)
        self._literal(self.position, start, trim=dashed)
        inside = start + 2 + dashed
        if delimiter == "{#":
            self._comment(start)
        elif delimiter == "{%" and (verbatim := _VERBATIM.match(self.text, start)) is not None:
            self._verbatim(verbatim)
        elif delimiter == "{{":
            self._code(start, inside, Kind.PRINT_OPEN, Kind.PRINT_CLOSE, "}}")
        elif (unclosed := _UNCLOSED_BLOCK.match(self.text, start)) is not None:
            raise self._error(f"Unclosed `{unclosed.group(1)}` block", start)
        else:
            self._code(start, inside, Kind.TAG_OPEN, Kind.TAG_CLOSE, "%}")

    def _literal(self, start: int, end: int, *, trim: bool) -> None:
        text = self.text[start:end]
        if self.trim_next:
            text = text.lstrip()
            self.trim_next = False
        if trim:
            text = text.rstrip()
        if text:
            self.tokens.append(Token(Kind.TEXT, text, start))

    def _comment(self, start: int) -> None:
        end = _COMMENT_END.search(self.text, start + 2)
        if end is None:
            raise self._error("Unclosed comment", start)
        self.trim_next = bool(end.group(1))
        self.position = end.end()

    def _verbatim(self, block: re.Match[str]) -> None:
        text = block.group(2)
        text = text.lstrip() if block.group(1) else text
        text = text.rstrip() if block.group(3) else text
        if text:
            self.tokens.append(Token(Kind.TEXT, text, block.start(2)))
        self.trim_next = bool(block.group(4))
        self.position = block.end()

    def _code(self, start: int, inside: int, opened: Kind, closed: Kind, closer: str) -> None:
        self.tokens.append(Token(opened, self.text[start:inside], start))
        code, end, dashed = self._inside(inside, closer, start)
        self.code_length += end - start
        self.tokens.extend(code)
        self.tokens.append(Token(closed, closer, end - len(closer)))
        self.trim_next = dashed
        self.position = end

    def _inside(self, position: int, closer: str, opened_at: int) -> tuple[list[Token], int, bool]:
        """Tokens up to the closing delimiter, the position after it, and whether it carries a dash."""
        text, closing = self.text, _CLOSERS[closer]
        tokens: list[Token] = []
        brackets: list[str] = []
        while position < len(text):
            if position - opened_at > CODE_TEXT_MAX - self.code_length:
                raise self._error(f"The template has more than {CODE_TEXT_MAX} characters of expressions", opened_at)
            if not brackets and (end := closing.match(text, position)) is not None:
                return tokens, end.end(), bool(end.group(1))
            token, position = self._token(position)
            if token is None:
                continue
            tokens.append(token)
            if token.kind is Kind.PUNCTUATION:
                self._bracket(token, brackets)
        raise self._error(f"Unclosed `{text[opened_at : opened_at + 2]}`", opened_at)

    def _bracket(self, token: Token, brackets: list[str]) -> None:
        if token.value in "([{":
            brackets.append(token.value)
        elif token.value in _PAIRS and (not brackets or brackets.pop() != _PAIRS[token.value]):
            raise self._error(f"Unexpected `{token.value}`", token.position)

    def _token(self, position: int) -> tuple[Token | None, int]:
        found = _TOKEN.match(self.text, position)
        if found is None:
            raise self._error(f"Unexpected character `{self.text[position]}`", position)
        end = found.end()
        match found.lastgroup:
            case "space":
                return None, end
            case "word":
                return Token(Kind.OPERATOR, " ".join(found.group().split()), position), end
            case "name":
                return Token(Kind.NAME, found.group(), position), end
            case "integer":
                return Token(Kind.INTEGER, found.group("integer"), position), end
            case "decimal":
                return Token(Kind.DECIMAL, found.group(), position), end
            case "operator":
                return Token(Kind.OPERATOR, found.group(), position), end
            case "quote":
                return self._string(position, found.group())
            case _:
                return Token(Kind.PUNCTUATION, found.group(), position), end

    def _string(self, position: int, quote: str) -> tuple[Token, int]:
        plain = _PLAIN_STRING[quote].match(self.text, position)
        if plain is not None:
            return Token(Kind.STRING, plain.group(1).replace("\\" + quote, quote), position), plain.end()
        if quote == "'":
            raise self._error("Unclosed string", position)
        return self._interpolated(position)

    def _interpolated(self, start: int) -> tuple[Token, int]:
        parts: list[Token | tuple[Token, ...]] = []
        position = start + 1
        while (piece := _STRING_PIECE.match(self.text, position)) is not None:
            if piece.group(1):
                parts.append(Token(Kind.STRING, piece.group(1).replace('\\"', '"'), position))
            position = piece.end()
            if piece.group(2) == '"':
                return Token(Kind.INTERPOLATED, "", start, tuple(parts)), position
            tokens, position, _ = self._inside(position, "}", piece.start(2))
            parts.append((*tokens, Token(Kind.END, "}", position - 1)))
        raise self._error("Unclosed string", start)

    def _error(self, message: str, position: int) -> ExpressionError:
        line, column = Lines(self.text).place(position)
        return ExpressionError(message, line, column, self.text)
