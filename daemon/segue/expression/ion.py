"""Amazon Ion as text: what Kestra's tasks store rows in. Reads all of the text form but s-expressions; writes the compact form."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.iso import Instant, json_text, offset_zone
from segue.expression.values import BigInteger, Float32, class_name, float_text, key_text

DEPTH_MAX = 100
_NUMBER_MAX = 1000

_SPACE = re.compile(r"(?:\s++|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
_TIMESTAMP = re.compile(
    r"(\d{4})(?:T|-(\d\d)(?:T|-(\d\d)(?:T(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d))?)?))(?![\w+-])"
)
_NUMBER = re.compile(r"[+-]inf|nan|-?0[xX][0-9a-fA-F_]+|-?0[bB][01_]+|-?\d[\d_]*(?:\.[\d_]*)?(?:[eEdD][+-]?\d+)?")
_SYMBOL = re.compile(r"[A-Za-z_$][\w$]*")
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_LONG_STRING = re.compile(r"'''((?:[^'\\]++|\\.|'(?!''))*+)'''", re.DOTALL)
_QUOTED_SYMBOL = re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_BLOB = re.compile(r"\{\{\s*([A-Za-z0-9+/=\s]*+)\}\}")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_RESERVED = {"true", "false", "null", "nan"}
_CONTROL = re.compile(r'[\x00-\x1f"\\]')
_NULL = "null"


def read_values(text: str) -> Iterator[Any]:
    """The top-level values one after the other."""
    reader = _Reader(text)
    while not reader.at_end():
        yield reader.value(0)


def write_value(value: Any) -> str:
    """One value, on one line."""
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        self._skip()
        return self.position >= len(self.text)

    def value(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise self._error(f"nested deeper than {DEPTH_MAX} levels")
        self._skip()
        text, position = self.text, self.position
        character = text[position : position + 1]
        if character == "{":
            return self._blob() if text.startswith("{{", position) else self._struct(depth)
        if character == "[":
            return self._list(depth)
        if character == '"':
            return _unescaped(self._take(_STRING, "a string").group(1))
        if text.startswith("'''", position):
            return self._long_string()
        if (found := _TIMESTAMP.match(text, position)) is not None:
            self.position = found.end()
            return self._timestamp(found)
        if (found := _NUMBER.match(text, position)) is not None:
            self.position = found.end()
            return self._number(found.group())
        return self._word(depth)

    def _struct(self, depth: int) -> dict[str, Any]:
        self.position += 1
        struct: dict[str, Any] = {}
        while not self._closed("}"):
            key = self._key()
            self._expect(":")
            struct[key] = self.value(depth + 1)
            self._separate("}")
        return struct

    def _list(self, depth: int) -> list[Any]:
        self.position += 1
        items: list[Any] = []
        while not self._closed("]"):
            items.append(self.value(depth + 1))
            self._separate("]")
        return items

    def _key(self) -> str:
        self._skip()
        if self.text.startswith('"', self.position):
            return _unescaped(self._take(_STRING, "a key").group(1))
        if self.text.startswith("'", self.position):
            return _unescaped(self._take(_QUOTED_SYMBOL, "a key").group(1))
        return self._take(_SYMBOL, "a key").group()

    def _word(self, depth: int) -> Any:
        """A symbol, a keyword, or an annotation before a value: `name::value`."""
        quoted = self.text.startswith("'", self.position)
        found = self._take(_QUOTED_SYMBOL if quoted else _SYMBOL, "a value")
        word = _unescaped(found.group(1)) if quoted else found.group()
        self._skip()
        if self.text.startswith("::", self.position):
            self.position += 2
            return self.value(depth + 1)
        if quoted:
            return word
        if word == _NULL:
            if self.text.startswith(".", self.position):
                self.position += 1
                self._take(_SYMBOL, "a type")
            return None
        if word == "nan":
            return math.nan
        return {"true": True, "false": False}.get(word, word)

    def _blob(self) -> str:
        return "".join(self._take(_BLOB, "a blob").group(1).split())

    def _long_string(self) -> str:
        pieces: list[str] = []
        while self.text.startswith("'''", self.position):
            pieces.append(_unescaped(self._take(_LONG_STRING, "a long string").group(1)))
            self._skip()
        return "".join(pieces)

    def _number(self, text: str) -> Any:
        digits = text.replace("_", "")
        if len(digits) > _NUMBER_MAX:
            raise self._error("a number is too long")
        if digits.endswith("inf"):
            return math.inf if digits[0] == "+" else -math.inf
        if digits == "nan":
            return math.nan
        prefix = digits.lstrip("-")[:2].lower()
        if prefix in {"0x", "0b"}:
            return _integer(int(digits, 0))
        try:
            if "e" in digits or "E" in digits:
                return float(digits)
            if "." in digits or "d" in digits or "D" in digits:
                return Decimal(digits.replace("d", "e").replace("D", "e"))
        except InvalidOperation as error:
            raise self._error(f"{text} is no number") from error
        return _integer(int(digits))

    def _timestamp(self, found: re.Match[str]) -> datetime:
        year, month, day, hour, minute, second, fraction, offset = found.groups()
        micros = int((fraction or "0").ljust(6, "0")[:6])
        try:
            zone = UTC if offset is None or offset == "Z" else offset_zone(offset)
            moment = Instant(
                int(year),
                int(month or 1),
                int(day or 1),
                int(hour or 0),
                int(minute or 0),
                int(second or 0),
                micros,
                zone,
            )
        except ValueError as error:
            raise self._error(f"{found.group()} is no date") from error
        return moment

    def _closed(self, closer: str) -> bool:
        self._skip()
        if self.text.startswith(closer, self.position):
            self.position += 1
            return True
        return False

    def _separate(self, closer: str) -> None:
        self._skip()
        if not self.text.startswith(closer, self.position):
            self._expect(",")

    def _expect(self, character: str) -> None:
        self._skip()
        if not self.text.startswith(character, self.position):
            raise self._error(f"expected `{character}`")
        self.position += 1

    def _take(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise self._error(f"expected {wanted}")
        self.position = found.end()
        return found

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.position)
        assert found is not None
        self.position = found.end()

    def _error(self, what: str) -> ExpressionError:
        line = self.text.count("\n", 0, self.position) + 1
        return ExpressionError(f"Invalid ion: {what} at line {line}")


def _integer(value: int) -> int:
    return value if value.bit_length() < 64 else BigInteger(value)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_escaped_character, text) if "\\" in text else text


def _escaped_character(found: re.Match[str]) -> str:
    code = found.group(1)
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else "\ufffd"
    return "" if code.endswith("\n") else _ESCAPES.get(code, code)


def _write(value: Any, pieces: list[str]) -> None:
    if isinstance(value, dict):
        separator = "{"
        for key, item in value.items():
            pieces.append(f"{separator}{_symbol(key_text(key))}:")
            _write(item, pieces)
            separator = ","
        pieces.append("}" if value else "{}")
    elif isinstance(value, list):
        separator = "["
        for item in value:
            pieces.append(separator)
            _write(item, pieces)
            separator = ","
        pieces.append("]" if value else "[]")
    else:
        pieces.append(_scalar(value))


def _symbol(key: str) -> str:
    if _PLAIN_KEY.fullmatch(key) and key not in _RESERVED:
        return key
    return "'" + _CONTROL.sub(_escape_control, key).replace('\\"', '"').replace("'", "\\'") + "'"


def _scalar(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{_CONTROL.sub(_escape_control, value)}"'
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, Instant):
        return json_text(value)
    if isinstance(value, timedelta):
        return f'Duration::"{json_text(value)}"'
    return f'{class_name(value).rpartition(".")[2]}::"{json_text(value)}"'


def _float(value: float) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("+inf" if value > 0 else "-inf")
    text = float_text(float(value)) if isinstance(value, Float32) else float_text(value)
    return text if "E" in text else f"{text}e0"


def _decimal(value: Decimal) -> str:
    text = str(value).replace("E", "d").replace("+", "")
    return text if "." in text or "d" in text else f"{text}."


def _escape_control(found: re.Match[str]) -> str:
    character = found.group()
    return {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character, f"\\x{ord(character):02x}")
