"""`core.storage.Split`: one file into parts - by size, by number of lines, by turns, or by what a pattern finds."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from segue.spec.types.storage import Split
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.storage.files import extension_at
from segue.tasks.storage.pieces import forwards, separator_of

PARTS_MAX: Final = 10_000
BUFFERED_BYTES_MAX: Final = 8 << 20
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", re.IGNORECASE)
_UNITS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}

IsFull = Callable[[int, int], bool]  # (bytes, lines) in a part so far


def split(properties: Split, context: TaskContext) -> Result:
    separator = separator_of(properties.separator)
    extension = extension_at(properties.from_)
    with context.open_file(properties.from_) as file:
        lines = (piece + separator for piece in forwards(file, separator))
        if properties.bytes is not None:
            bytes_max = byte_count(properties.bytes)
            uris = _contiguous(context, extension, lines, lambda length, _: length >= bytes_max)
        elif properties.partitions is not None:
            uris = _sorted_into(context, extension, lines, _in_turn(properties.partitions))
        elif properties.rows is not None:
            rows_max = properties.rows
            uris = _contiguous(context, extension, lines, lambda _, rows: rows >= rows_max)
        elif properties.regex_pattern is not None:
            uris = _sorted_into(context, extension, lines, _by_group(properties.regex_pattern))
        else:
            raise TaskFailed("Split needs one of `bytes`, `partitions`, `rows` and `regexPattern`")
    return Result(outputs={"uris": uris})


def byte_count(text: str) -> int:
    """`10MB`: units are powers of 1,024, as in Kestra."""
    found = _SIZE.fullmatch(text)
    count = int(float(found[1]) * 1024 ** _UNITS[found[2].upper()]) if found else 0
    if count < 1:
        raise TaskFailed(f"bytes: {text!r} is no size like 10MB")
    return count


# Parts that follow one another.


class _Part:
    """The lines of one part, until it is full; `next` is the line that begins the one after, None at the end."""

    def __init__(self, first: bytes, lines: Iterator[bytes], is_full: IsFull) -> None:
        self.next: bytes | None = first
        self._lines = lines
        self._is_full = is_full

    def __iter__(self) -> Iterator[bytes]:
        length = rows = 0
        while self.next is not None and not (rows and self._is_full(length, rows)):
            line = self.next
            yield line
            length, rows = length + len(line), rows + 1
            self.next = next(self._lines, None)


def _contiguous(context: TaskContext, extension: str, lines: Iterator[bytes], is_full: IsFull) -> list[str]:
    uris: list[str] = []
    begin = next(lines, None)
    while begin is not None:
        if len(uris) >= PARTS_MAX:
            raise TaskFailed(f"Split would make more than {PARTS_MAX:,} files")
        part = _Part(begin, lines, is_full)
        uris.append(context.put_file(_name(len(uris), extension), part).address)
        begin = part.next
    return uris


def _name(number: int, extension: str) -> str:
    return f"split-{number + 1:05}{extension}"


# Parts that are filled side by side.


def _in_turn(count: int) -> Callable[[int, bytes], str | None]:
    return lambda row, _line: str(row % count)


def _by_group(pattern: str) -> Callable[[int, bytes], str | None]:
    """The first group that the pattern finds in a line; a line without it goes to no part."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise TaskFailed(f"regexPattern: {error}") from error
    if not compiled.groups:
        raise TaskFailed("regexPattern: the pattern needs a group, which names the part")

    def group(_row: int, line: bytes) -> str | None:
        found = compiled.search(line.decode("utf-8", "replace"))
        return found[1] if found else None

    return group


class _Sorter:
    """Files of the working directory by the name of their part, written when enough has come together."""

    def __init__(self, folder: Path) -> None:
        self.paths: dict[str, Path] = {}
        self._folder = folder
        self._waiting: dict[str, list[bytes]] = {}
        self._length = 0

    def add(self, part: str, line: bytes) -> None:
        if part not in self.paths:
            if len(self.paths) >= PARTS_MAX:
                raise TaskFailed(f"Split would make more than {PARTS_MAX:,} files")
            self.paths[part] = self._folder / f"part-{len(self.paths)}"
        self._waiting.setdefault(part, []).append(line)
        self._length += len(line)
        if self._length > BUFFERED_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        for part, lines in self._waiting.items():
            with self.paths[part].open("ab") as file:
                file.writelines(lines)
        self._waiting, self._length = {}, 0


def _sorted_into(
    context: TaskContext, extension: str, lines: Iterator[bytes], part_of: Callable[[int, bytes], str | None]
) -> list[str]:
    sorter = _Sorter(context.working_directory)
    for row, line in enumerate(lines):
        part = part_of(row, line)
        if part is not None:
            sorter.add(part, line)
    sorter.flush()
    return [
        context.put_path(_name(number, extension), path).address for number, path in enumerate(sorter.paths.values())
    ]


KINDS: tuple[TaskKind[Any], ...] = (TaskKind(name="io.kestra.plugin.core.storage.Split", properties=Split, run=split),)
