"""What is wrong with a text that YAML cannot read, in words for its author: what, where, where it began, what to do."""

from typing import Final

import yaml
from msgspec import Struct

# What libyaml says -> what helps.
_HINTS: Final = (
    ("cannot start any token", "indent with spaces, not tabs, and quote texts that begin with a special character"),
    ("mapping values are not allowed", "quote a text that holds ': '"),
    ("did not find expected key", "look at the indentation here and just above; quote texts that begin with {{"),
    ("did not find expected '-'", "look at the indentation here and just above; quote texts that begin with {{"),
    ("unexpected end of stream while scanning a quoted scalar", "close the quote"),
    ("did not find expected node content while parsing a flow node", "close the bracket"),
    ("did not find expected ',' or", "close the bracket, or put a comma between its entries"),
    ("found undefined alias", "an alias (*name) needs its anchor (&name) above it; quote a text that begins with *"),
)
_UTF_8: Final = "save the file as UTF-8"


class Fault(Struct, frozen=True):
    """`line` and `column` count from 1; zeros where YAML tells no place."""

    message: str
    hint: str | None
    line: int
    column: int


def yaml_fault(error: yaml.YAMLError) -> Fault:
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault("this is no YAML", None, 0, 0)
    mark = error.problem_mark or error.context_mark
    said = " ".join(filter(None, (error.problem, error.context))) or "this is no YAML"
    hint = next((hint for words, hint in _HINTS if words in said), None)
    if mark is None:
        return Fault(said, hint, 0, 0)
    begun = error.context_mark
    if begun is not None and begun.line != mark.line:
        said += f", which begins in line {begun.line + 1}"
    return Fault(said, hint, mark.line + 1, mark.column + 1)


def utf8_fault(error: UnicodeDecodeError, text: bytes) -> Fault:
    line, column = place_of_byte(text, error.start)
    return Fault(f"this is not UTF-8: byte 0x{text[error.start]:02x}", _UTF_8, line, column)


def place_of_byte(text: bytes, offset: int) -> tuple[int, int]:
    """Line and column, in characters, from 1."""
    line_start = text.rfind(b"\n", 0, offset) + 1
    return (text.count(b"\n", 0, offset) + 1, len(text[line_start:offset].decode("utf-8", "replace")) + 1)


def too_large(bytes_max: int) -> Fault:
    message = f"the file is larger than {bytes_max:,} bytes, and not read"
    return Fault(message, "what is not the flow itself belongs into a namespace file (`_files/`)", 0, 0)
