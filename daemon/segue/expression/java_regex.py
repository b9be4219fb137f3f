"""Java's regular expressions in Python's syntax, and Java's replacement texts. The differences that flows meet, not all of them."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from segue.expression.errors import ExpressionError

PATTERN_MAX = 4096

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
    "h": r"[ \t\xa0]",
    "R": r"(?:\r\n|[\n\x0b\f\r\x85\u2028\u2029])",
    "e": r"\x1b",
    "X": r"(?s:.)",
}
_PROPERTY = re.compile(r"([pP])(?:\{(\^?)(\w+)\}|([A-Z]))")
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_REFERENCE = re.compile(r"\\(.)|\$(?:\{(\w+)\}|(\d))|\$", re.DOTALL)


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > PATTERN_MAX:
        raise ExpressionError(f"The regular expression is longer than {PATTERN_MAX} characters")
    try:
        return re.compile(_Translation(pattern).text(), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ExpressionError(f"Invalid regular expression '{pattern}': {error}") from error


def replaced(pattern: str, replacement: str, text: str) -> str:
    """Java's replaceAll: `$1` and `${name}` in the replacement are groups, a backslash takes a character as it is."""
    expression = compiled(pattern)
    return expression.sub(
        lambda found: _REFERENCE.sub(lambda reference: _referred(reference, found), replacement), text
    )


def _referred(reference: re.Match[str], found: re.Match[str]) -> str:
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
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.pieces: list[str] = []
        self.pending = [0]
        """For each open group, how many groups our translation opened inside it that must close with it."""

    def text(self) -> str:
        while self.position < len(self.pattern):
            self._next()
        self.pieces.append(")" * self.pending[0])
        return "".join(self.pieces)

    def _next(self) -> None:
        character = self.pattern[self.position]
        if character == "\\":
            self.pieces.append(self._escape(in_class=False))
        elif character == "[":
            self.pieces.append(self._class())
        elif character == "(":
            self._group()
        else:
            if character == ")" and len(self.pending) > 1:
                self.pieces.append(")" * self.pending.pop())
            self._take(1)

    def _group(self) -> None:
        rest = self.pattern[self.position :]
        if (flags := _FLAGS.match(rest)) is not None:
            on, off = _python_flags(flags.group(1)), _python_flags(flags.group(2) or "")
            self.position += flags.end()
            self.pieces.append(f"(?{on}{'-' + off if off else ''}:" if on or off else "(?:")
            if flags.group(3) == ")":
                self.pending[-1] += 1
            else:
                self.pending.append(0)
            return
        self.pending.append(0)
        if rest.startswith("(?<") and not rest.startswith(("(?<=", "(?<!")):
            self.pieces.append("(?P<")
            self.position += 3
        else:
            self._take(1)

    def _escape(self, *, in_class: bool) -> str:
        rest = self.pattern[self.position + 1 :]
        if rest.startswith("Q"):
            literal, _, _ = rest[1:].partition("\\E")
            self.position += min(2 + len(literal) + 2, len(self.pattern) - self.position)
            return re.escape(literal)
        if (found := _PROPERTY.match(rest)) is not None:
            self.position += 1 + found.end()
            return _property(found, in_class=in_class)
        if (named := re.match(r"k<(\w+)>", rest)) is not None:
            self.position += 1 + named.end()
            return f"(?P={named.group(1)})"
        if (code := re.match(r"x\{([0-9a-fA-F]{1,6})\}", rest)) is not None:
            self.position += 1 + code.end()
            return f"\\U{int(code.group(1), 16):08x}"
        self.position += 1 + len(rest[:1])
        if not in_class and rest[:1] in _ESCAPES:
            return _ESCAPES[rest[:1]]
        return "\\" + rest[:1]

    def _class(self) -> str:
        """A character class; one inside another is their union, so its brackets are dropped."""
        pieces = ["["]
        self.position += 1
        depth = 1
        if self.pattern.startswith("^", self.position):
            pieces.append("^")
            self.position += 1
        while depth and self.position < len(self.pattern):
            character = self.pattern[self.position]
            if character == "\\":
                pieces.append(self._escape(in_class=True))
                continue
            if self.pattern.startswith("&&", self.position):
                raise ExpressionError("Intersections of character classes (&&) are not supported")
            self.position += 1
            if character == "[":
                if self.pattern.startswith("^", self.position):
                    raise ExpressionError("Negated character classes inside others are not supported")
                depth += 1
            elif character == "]":
                depth -= 1
            else:
                pieces.append(
                    "\\" + character
                    if character in "&~|-" and self.pattern.startswith(character, self.position)
                    else character
                )
        return "".join((*pieces, "]" if not depth else ""))

    def _take(self, count: int) -> None:
        self.pieces.append(self.pattern[self.position : self.position + count])
        self.position += count


def _python_flags(letters: str) -> str:
    return "".join(letter for letter in letters if letter in "imsx")


def _property(found: re.Match[str], *, in_class: bool) -> str:
    name = found.group(3) or found.group(4)
    inverted = (found.group(1) == "P") != bool(found.group(2))
    ranges = _POSIX.get(name) or _ranges(_CATEGORIES.get(name) or (name.removeprefix("Is"),), inverted=False)
    if not inverted:
        return ranges if in_class else f"[{ranges}]"
    if not in_class:
        return f"[^{ranges}]"
    if name in _POSIX:
        raise ExpressionError(f"\\P{{{name}}} inside a character class is not supported")
    return _ranges(_CATEGORIES.get(name) or (name,), inverted=True)


@lru_cache(maxsize=32)
def _ranges(categories: tuple[str, ...], *, inverted: bool) -> str:
    """The basic plane's characters of these categories, as ranges for a character class."""
    ranges: list[str] = []
    start = None
    for code in range(0x10000 + 1):
        inside = code < 0x10000 and unicodedata.category(chr(code)).startswith(categories) is not inverted
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f"\\u{start:04x}-\\u{code - 1:04x}")
            start = None
    if not ranges:
        raise ExpressionError(f"Unknown character property name {categories[0]}")
    return "".join(ranges)
