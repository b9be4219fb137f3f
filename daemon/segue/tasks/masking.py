"""Masking: values that were handed out as secrets never appear in a log line, however they are cut or encoded.

A `Masker` knows the values. `mask` serves whole texts, `mask_message` those that are a message of the log; for text that comes in pieces `cut_of` says up to where it
may be shown by now: its end is held back only where a secret could begin there.
"""

import base64
import json
import re
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "********"  # where nothing else is told of a value, not even its length
STAR: Final = "*"
SAID: Final = "**masked*"  # in place of the first stars, so that nobody takes them for what was printed
SECRET_LENGTH_MIN: Final = 4  # shorter values are part of too many words
_BASE64_STEP: Final = 3
_LONG_ROW: Final = re.compile(rf"\*{{{len(SAID)},}}")


class Masker:
    """The values to hide, with their encoded forms and, of a value of many lines, each line."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._needles: tuple[str, ...] = ()
        self._pattern: re.Pattern[str] | None = None

    @property
    def longest(self) -> int:
        return len(self._needles[0]) if self._needles else 0

    @property
    def hides_anything(self) -> bool:
        return self._pattern is not None

    def hide(self, value: str) -> None:
        if len(value.strip()) < SECRET_LENGTH_MIN or value in self._values:
            return
        self._values.add(value)
        found = {form for each in self._values for part in _parts_of(each) for form in _forms_of(part)}
        # The longest first: of two that begin alike the longer one is hidden whole.
        self._needles = tuple(sorted(found, key=lambda form: (-len(form), form)))
        self._pattern = re.compile("|".join(map(re.escape, self._needles)))

    def mask(self, text: str) -> str:
        """As many stars as there were characters."""
        return self._pattern.sub(_stars, text) if self._pattern else text

    def mask_message(self, text: str) -> str:
        """The same of a message of its own, in which the first long rows of stars, one for each value, say what they
        are."""
        found = set(self._pattern.findall(text)) if self._pattern else set()
        return _LONG_ROW.sub(_said, self.mask(text), count=len(found)) if found else text

    def cut_of(self, text: str) -> int:
        """Up to where `text` may be shown while more of it is to come: not into what could become a value."""
        if self._pattern is None:
            return len(text)
        cut = len(text) - self._begun_at_end(text)
        for match in self._pattern.finditer(text):
            if match.start() < cut < match.end():
                return match.start()
        return cut

    def _begun_at_end(self, text: str) -> int:
        for length in range(min(self.longest - 1, len(text)), 0, -1):
            end = text[-length:]
            if any(len(needle) > length and needle.startswith(end) for needle in self._needles):
                return length
        return 0


def _stars(match: re.Match[str]) -> str:
    return STAR * len(match[0])


def _said(row: re.Match[str]) -> str:
    return SAID.ljust(len(row[0]), STAR)


def _parts_of(value: str) -> list[str]:
    """The value, and the lines of it that are long enough to hide by themselves (a key in PEM)."""
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) < 2:
        return [value, value.strip()]
    return [value, value.strip(), *(line for line in lines if len(line) >= 2 * SECRET_LENGTH_MIN)]


def _forms_of(value: str) -> set[str]:
    data = value.encode("utf-8", "replace")
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value), data.hex(), data.hex().upper()}
    forms |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    for offset in range(_BASE64_STEP):
        forms |= _base64_forms(data, offset)
    return {form for form in forms if len(form) >= SECRET_LENGTH_MIN}


def _base64_forms(data: bytes, offset: int) -> set[str]:
    """The characters that every Base64 text shows which holds `data` at this offset within its groups of three.

    The first and last character may depend on what stands beside the value, so they are left off."""
    padded = b"\0" * offset + data
    text = base64.b64encode(padded).decode()
    begin = 0 if offset == 0 else offset + 1
    end = len(padded) * 8 // 6
    inner = text[begin:end]
    if len(inner) < 2 * SECRET_LENGTH_MIN:  # too short to be told from a word
        inner = ""
    whole = {text, text.rstrip("=")} if offset == 0 else set()
    return {form for each in (inner, *whole) for form in (each, each.replace("+", "-").replace("/", "_"))} - {""}
