"""What an unquoted YAML word stands for: the core rules of YAML 1.2, and where they could surprise, text.

`on`, `no` and `yes` are texts, and so are dates, `12:30:45`, `1_000` and everything with a leading zero (`0755`, a
postal code). Numbers that JSON cannot hold (`.inf`, `.nan`, `1e999`) and whole numbers of absurd length stay texts too.
"""

import math
import re
from typing import Final

Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_DIGITS_MAX: Final = 100
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_BASED: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def scalar_of(word: str) -> Scalar:
    """The value of an unquoted word."""
    if word in _WORDS:
        return _WORDS[word]
    return _number_of(word) if word[0] in _NUMBER_STARTS else word


def _number_of(word: str) -> Scalar:
    if len(word) > _DIGITS_MAX:
        return word
    if _WHOLE.fullmatch(word):
        return int(word)
    if _BASED.fullmatch(word):
        return int(word, 0)
    if _FLOAT.fullmatch(word):
        number = float(word)
        return number if math.isfinite(number) else word
    return word
