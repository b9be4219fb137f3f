"""Item files: one value in a line. Read as JSON or Ion text, written as JSON, which is Ion text too; never whole in memory."""

import codecs
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from segue.expression.values import plain
from segue.storage.storage import StoredFile
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.storage.items import item_lines, read_item

BATCH_BYTES: Final = 1 << 16
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


def items_in(context: TaskContext, address: str) -> Iterator[Any]:
    """The values of a file, one after the other; times stay times where the file is Ion."""
    with context.open_file(address.strip()) as file:
        for number, line in enumerate(item_lines(file), 1):
            yield read_item(line, number)


def line_of(item: Any) -> str:
    return _ENCODER.encode(plain(item)) + "\n"


def keep_items(context: TaskContext, name: str, items: Iterable[Any]) -> tuple[StoredFile, int]:
    """The file that they are written to, and how many there were; told as the metric `records` too."""
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for item in items:
            count += 1
            yield line_of(item)

    kept = context.put_file(name, encoded(lines()))
    context.count("records", count)
    return kept, count


def encoded(texts: Iterable[str], charset: str = "UTF-8") -> Iterator[bytes]:
    """Many small texts as fewer larger chunks."""
    encoder = codecs.getincrementalencoder(known_charset(charset))()
    waiting: list[str] = []
    size = 0
    try:
        for text in texts:
            waiting.append(text)
            size += len(text)
            if size >= BATCH_BYTES:
                yield encoder.encode("".join(waiting))
                waiting, size = [], 0
        yield encoder.encode("".join(waiting), final=True)
    except UnicodeEncodeError as error:
        raise TaskFailed(f"{error.object[error.start : error.end]!r} cannot be written in {charset}") from error


@contextmanager
def opened_as_text(context: TaskContext, address: str, charset: str) -> Iterator[TextIO]:
    """The file as text, its line ends as they are; a byte order mark at its beginning is none of it."""
    name = known_charset(charset)
    with context.open_file(address.strip()) as file:
        text = io.TextIOWrapper(file, "utf-8-sig" if name == "utf-8" else name, newline="")
        try:
            yield text
        except UnicodeDecodeError as error:
            raise TaskFailed(f"{address}: it is no text in {charset}") from error


def known_charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise TaskFailed(f"charset: {name!r} is no charset") from error
