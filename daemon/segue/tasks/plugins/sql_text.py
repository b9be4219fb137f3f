"""SQL as text, as far as it must be understood before a database reads it: where a statement ends, where a value goes.

Pure. What stands in quotes, in `$tag$` quotes of PostgreSQL and in comments is left alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NAME: Final = r"[A-Za-z_]\w*"


class UnknownParameter(ValueError):
    """A `:name` that has no value."""


def _tokens_with(string: str) -> re.Pattern[str]:
    return re.compile(
        rf"""(?P<quoted>{string} | "(?:[^"]|"")*" | `[^`]*` | (?P<tag>\$(?:{_NAME})?\$).*?(?P=tag))
        | (?P<comment>--[^\n]* | /\*.*?\*/)
        | (?P<end>;)
        | (?P<name>(?<![:\w]):{_NAME})
        | (?P<mark>\?)
        | (?P<percent>%)
        | (?P<text>[^'"`$/;:?%-]+ | .)""",
        re.VERBOSE | re.DOTALL,
    )


_TOKENS: Final = _tokens_with(r"'(?:[^']|'')*'")
_TOKENS_WITH_BACKSLASHES: Final = _tokens_with(r"'(?:[^'\\]|''|\\.)*'")


def _scanned(sql: str, *, has_backslashes: bool) -> Iterator[tuple[str, str]]:
    tokens = _TOKENS_WITH_BACKSLASHES if has_backslashes else _TOKENS
    for found in tokens.finditer(sql):
        kind = found.lastgroup or "text"
        yield "quoted" if kind == "tag" else kind, found[0]


def statements(sql: str, *, has_backslashes: bool = False) -> list[str]:
    """The statements of a text, without those that are empty or comments alone."""
    found: list[str] = []
    current: list[str] = []
    has_words = False
    for kind, text in _scanned(sql, has_backslashes=has_backslashes):
        if kind == "end":
            if has_words:
                found.append("".join(current).strip())
            current, has_words = [], False
        else:
            current.append(text)
            has_words = has_words or (kind != "comment" and not text.isspace())
    return [*found, "".join(current).strip()] if has_words else found


def bound(
    sql: str, parameters: Mapping[str, Any], mark: str, *, has_backslashes: bool = False
) -> tuple[str, list[Any]]:
    """The statement with the database's own mark for each `:name`, and the values in the order of the marks."""
    values: list[Any] = []
    pieces: list[str] = []
    for kind, text in _scanned(sql, has_backslashes=has_backslashes):
        if kind == "name":
            if text[1:] not in parameters:
                raise UnknownParameter(f"`parameters` has no value for {text}")
            values.append(parameters[text[1:]])
            pieces.append(mark)
        else:
            pieces.append(text.replace("%", "%%") if mark == "%s" else text)
    return "".join(pieces), values


def with_marks(sql: str, mark: str, *, has_backslashes: bool = False) -> str:
    """The statement with the database's own mark for each `?`."""
    return "".join(
        mark if kind == "mark" else text.replace("%", "%%") if mark == "%s" else text
        for kind, text in _scanned(sql, has_backslashes=has_backslashes)
    )
