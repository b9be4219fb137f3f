"""Java's regular expressions in the syntax of the `regex` package, and Java's replacement texts. The differences that flows meet, not
all of them.

Every match has a time bound: a pattern that backtracks for ever (`(a+)+$`) ends in `TooSlow`, an error its author can read. What
matches in the daemon's main process - an input's pattern, a condition - has the short bound; what a template does is counted as an
effect (see `references`), because matches in a loop add up, so a worker does it and may take the long one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

import regex

from segue.expression.errors import ExpressionError

PATTERN_MAX = 4096
MATCH_SECONDS_MAX = 0.05
"""One match in the main process. Honest patterns take microseconds."""
TEMPLATE_MATCH_SECONDS_MAX = 1.0
"""One match, or one replacement of all, in a template: a worker's time."""

_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "ASCII": r"\x00-\x7f",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Punct": r"!-/:-@\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "XDigit": "0-9a-fA-F",
    "Space": r" \t\n\x0b\f\r",
}
_CATEGORIES = {
    "IsAlphabetic": ("L",),
    "IsLetter": ("L",),
    "IsDigit": ("Nd",),
    "IsUppercase": ("Lu",),
    "IsLowercase": ("Ll",),
    "IsPunctuation": ("P",),
    "IsWhite_Space": ("Z",),
    "javaLetter": ("L",),
    "javaLowerCase": ("Ll",),
    "javaUpperCase": ("Lu",),
}
_ESCAPES = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "X": r"(?s:.)",
}
_CLASS_ESCAPES = {
    "e": r"\x1b",
    "h": r"[ \t\xa0]",
    "H": r"[^ \t\xa0]",
    "v": r"[\n\x0b\f\r\x85\u2028\u2029]",
    "V": r"[^\n\x0b\f\r\x85\u2028\u2029]",
}
"""Those that may stand in a character class too: classes themselves."""
_KNOWN_ESCAPES = frozenset("dDwWsSbBAGtnrfaxuc0123456789")
_PROPERTY = regex.compile(r"([pP])(?:\{(\^?)(\w+)\}|([A-Z]))")
_FLAGS = regex.compile(r"\(\?([idmsuxU]*)(?:-([idmsuxU]*))?([:)])")
_NAMED_GROUP = regex.compile(r"\(\?<(?=[a-zA-Z])")
_OTHER_GROUP = regex.compile(r"\(\?(?:[:=!>]|<[=!])")
_REPEAT = regex.compile(r"\{\d+(?:,\d*)?\}")
_BACK_REFERENCE = regex.compile(r"k<(\w+)>")
_CODE = regex.compile(r"x\{([0-9a-fA-F]{1,6})\}")
_REFERENCE = regex.compile(r"\\(.)|\$(?:\{(\w+)\}|(\d))|\$", regex.DOTALL)
_SET_OPERATORS = frozenset("-|~")
"""Doubled they are operators of `regex`'s character classes, and nothing of Java's."""

T = TypeVar("T")


class TooSlow(ExpressionError):
    """A regular expression that did not come to an end in its time."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> regex.Pattern[str]:
    """The pattern; ask the functions below to match with it: they bound the time."""
    if len(pattern) > PATTERN_MAX:
        raise ExpressionError(f"The regular expression is longer than {PATTERN_MAX} characters")
    try:
        return regex.compile(_Translation(pattern).text(), regex.ASCII | regex.V1)
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise ExpressionError(f"Invalid regular expression '{pattern}': {error}") from error


def is_full_match(pattern: str, text: str, *, seconds: float = MATCH_SECONDS_MAX) -> bool:
    """Java's `matches`: the whole text."""
    expression = compiled(pattern)
    return _bounded(pattern, seconds, lambda: expression.fullmatch(text, timeout=seconds) is not None)


def found_in(pattern: str, text: str, *, seconds: float = MATCH_SECONDS_MAX) -> regex.Match[str] | None:
    """The first place that matches."""
    expression = compiled(pattern)
    return _bounded(pattern, seconds, lambda: expression.search(text, timeout=seconds))


def all_in(pattern: str, text: str, *, seconds: float = MATCH_SECONDS_MAX) -> Iterator[regex.Match[str]]:
    """All places that match, one after the other."""
    places = compiled(pattern).finditer(text, timeout=seconds)
    while (found := _bounded(pattern, seconds, lambda: next(places, None))) is not None:
        yield found


def replaced(pattern: str, replacement: str, text: str, *, seconds: float = MATCH_SECONDS_MAX) -> str:
    """Java's replaceAll: `$1` and `${name}` in the replacement are groups, a backslash takes a character as it is."""
    expression = compiled(pattern)

    def filled_in(found: regex.Match[str]) -> str:
        return _REFERENCE.sub(lambda reference: _referred(reference, found), replacement)

    return _bounded(pattern, seconds, lambda: expression.sub(filled_in, text, timeout=seconds))


def _bounded(pattern: str, seconds: float, match: Callable[[], T]) -> T:
    try:
        return match()
    except TimeoutError as error:
        raise TooSlow(f"The regular expression '{pattern}' takes longer than {seconds:g} s on this text") from error


def _referred(reference: regex.Match[str], found: regex.Match[str]) -> str:
    literal, name, number = reference.groups()
    if literal is not None:
        return str(literal)
    group = name if name is not None else number
    if group is None:
        raise ExpressionError("Illegal group reference: group index is missing")
    try:
        return found[group if name is not None else int(group)] or ""
    except IndexError as error:
        raise ExpressionError(f"No group {group}") from error


class _Translation:
    """One walk over a pattern. What Java does not know is refused: the engine underneath would take it for its own."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.pieces: list[str] = []

    def text(self) -> str:
        while self.position < len(self.pattern):
            self._next()
        return "".join(self.pieces)

    def _next(self) -> None:
        match self.pattern[self.position]:
            case "\\":
                self.pieces.append(self._escape(in_class=False))
            case "[":
                self._class()
            case "(":
                self._group()
            case "{" if _REPEAT.match(self.pattern, self.position) is None:
                raise ExpressionError(f"Invalid regular expression '{self.pattern}': Illegal repetition")
            case _:
                self._take(1)

    def _group(self) -> None:
        if (flags := _FLAGS.match(self.pattern, self.position)) is not None:
            on, off = _known_flags(flags.group(1)), _known_flags(flags.group(2) or "")
            self.position = flags.end()
            end = flags.group(3)
            if on or off or end == ":":
                self.pieces.append(f"(?{on}{'-' + off if off else ''}{end}")
        elif _NAMED_GROUP.match(self.pattern, self.position) is not None:
            self.pieces.append("(?P<")
            self.position += 3
        elif (other := _OTHER_GROUP.match(self.pattern, self.position)) is not None:
            self._take(len(other.group()))
        elif self.pattern.startswith("(?", self.position):
            raise ExpressionError(f"Invalid regular expression '{self.pattern}': Unknown inline modifier")
        else:
            self._take(1)

    def _escape(self, *, in_class: bool) -> str:
        at = self.position + 1
        if self.pattern.startswith("Q", at):
            literal, _, _ = self.pattern[at + 1 :].partition("\\E")
            self.position = min(at + 1 + len(literal) + 2, len(self.pattern))
            return regex.escape(literal, special_only=False)
        if (found := _PROPERTY.match(self.pattern, at)) is not None:
            self.position = found.end()
            return _property(found)
        if (named := _BACK_REFERENCE.match(self.pattern, at)) is not None:
            self.position = named.end()
            return f"(?P={named.group(1)})"
        if (code := _CODE.match(self.pattern, at)) is not None:
            self.position = code.end()
            return f"\\U{int(code.group(1), 16):08x}"
        letter = self.pattern[at : at + 1]
        self.position = at + len(letter)
        if letter in _CLASS_ESCAPES:
            return _CLASS_ESCAPES[letter]
        if not in_class and letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter.isascii() and letter.isalnum() and letter not in _KNOWN_ESCAPES:
            raise ExpressionError(f"Invalid regular expression '{self.pattern}': Illegal escape \\{letter}")
        return "\\" + letter

    def _class(self) -> None:
        """A character class, with those inside it: unions, intersections (&&) and negations are the same in both."""
        depth = 0
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            if character == "\\":
                self.pieces.append(self._escape(in_class=True))
                continue
            if character in _SET_OPERATORS and self.pattern.startswith(character, self.position + 1):
                self.pieces.append("\\")
            self._take(1)
            if character == "[":
                depth += 1
                if self.pattern.startswith("^", self.position):
                    self._take(1)
            elif character == "]":
                depth -= 1
                if depth == 0:
                    return

    def _take(self, count: int) -> None:
        self.pieces.append(self.pattern[self.position : self.position + count])
        self.position += count


def _known_flags(letters: str) -> str:
    return "".join(letter for letter in letters if letter in "imsx")


def _property(found: regex.Match[str]) -> str:
    name = found.group(3) or found.group(4)
    inverted = (found.group(1) == "P") != bool(found.group(2))
    ranges = _POSIX.get(name) or _ranges(_CATEGORIES.get(name) or (name.removeprefix("Is"),))
    return f"[^{ranges}]" if inverted else f"[{ranges}]"


@lru_cache(maxsize=32)
def _ranges(categories: tuple[str, ...]) -> str:
    """The basic plane's characters of these categories, as ranges for a character class."""
    ranges: list[str] = []
    start = None
    for code in range(0x10000 + 1):
        inside = code < 0x10000 and unicodedata.category(chr(code)).startswith(categories)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f"\\u{start:04x}-\\u{code - 1:04x}")
            start = None
    if not ranges:
        raise ExpressionError(f"Unknown character property name {categories[0]}")
    return "".join(ranges)
