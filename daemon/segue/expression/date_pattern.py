"""The letters of Java's DateTimeFormatter patterns, split into fields and literal text. `date_format` writes them, `date_parse` reads them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from segue.expression.errors import ExpressionError

LETTERS = frozenset("GuyDMLdQqYwWEecFaBhKkHmsSAnNVvzOXxZ")
PATTERN_MAX = 256


class Field(NamedTuple):
    letter: str
    """A pattern letter, or nothing for literal text."""
    width: int
    text: str


@lru_cache(maxsize=512)
def fields_of(pattern: str) -> tuple[Field, ...]:
    """The fields of a pattern in order. Optional sections `[...]` are taken as always there."""
    if len(pattern) > PATTERN_MAX:
        raise ExpressionError(f"The date pattern is longer than {PATTERN_MAX} characters")
    fields: list[Field] = []
    position = 0
    while position < len(pattern):
        letter = pattern[position]
        if letter == "'":
            text, position = _quoted(pattern, position)
            fields.append(Field("", 0, text))
        elif letter.isascii() and letter.isalpha():
            count = len(pattern) - position - len(pattern[position:].lstrip(letter))
            if letter not in LETTERS:
                raise ExpressionError(f"Unknown pattern letter: {letter}")
            fields.append(Field(letter, count, ""))
            position += count
        else:
            if letter in "{}#":
                raise ExpressionError(f"Pattern includes reserved character: '{letter}'")
            if letter not in "[]":
                fields.append(Field("", 0, letter))
            position += 1
    return tuple(fields)


def _quoted(pattern: str, start: int) -> tuple[str, int]:
    position = start + 1
    text = ""
    while position < len(pattern):
        if pattern[position] != "'":
            text += pattern[position]
            position += 1
        elif pattern.startswith("''", position):
            text += "'"
            position += 2
        else:
            return text or "'", position + 1
    raise ExpressionError(f"Pattern ends with an incomplete string literal: {pattern}")
