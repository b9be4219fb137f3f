"""Pieces: a file cut at a separator, read forwards or backwards a block at a time. A piece comes without its
separator, and one that a last separator would begin is none."""

import os
from collections.abc import Iterator
from typing import BinaryIO, Final

from segue.tasks.kind import TaskFailed

BLOCK_BYTES: Final = 1 << 18
PIECE_BYTES_MAX: Final = 64 << 20


def forwards(file: BinaryIO, separator: bytes) -> Iterator[bytes]:
    rest = b""
    while block := file.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(separator)
        yield from whole
        _check(rest)
    if rest:
        yield rest


def backwards(file: BinaryIO, separator: bytes) -> Iterator[bytes]:
    """The last piece first."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    is_end = True
    while position:
        size = min(BLOCK_BYTES, position)
        position -= size
        file.seek(position)
        text = file.read(size) + rest
        if is_end and len(text) >= len(separator):
            text, is_end = text.removesuffix(separator), False
        rest, *whole = text.split(separator)
        yield from reversed(whole)
        _check(rest)
    if rest or not is_end:
        yield rest


def _check(rest: bytes) -> None:
    if len(rest) > PIECE_BYTES_MAX:
        raise TaskFailed(f"A line of the file is longer than {PIECE_BYTES_MAX >> 20} MiB")


def separator_of(text: str) -> bytes:
    if not text:
        raise TaskFailed("separator: it must not be empty")
    return text.encode()
