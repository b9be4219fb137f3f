"""The errands of `core.flow.Loop`: the values that stand in a file, some lines at a time, and the outputs of all
iterations brought together at the end. What an iteration is, and when, is the engine's: see `engine.iterations`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from pydantic import Field

from segue.engine.flowables.loop import item_value
from segue.model.order import COLLECT, LINES
from segue.spec.fields import Spec, Text
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind
from segue.tasks.storage.items import item_lines, read_item
from segue.tasks.storage.pieces import forwards

LINES_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 1 << 20
"""About so much is read in one go: it becomes part of the Loop's task run until its iterations have begun."""

_NAME: Final = "io.kestra.plugin.core.flow.Loop"
_LINE_END: Final = b"\n"


class Lines(Spec):
    """Values from a file."""

    uri: Text = Field(description="Address of the file.")
    offset: int = Field(description="Where in it to begin, in bytes.")
    number: int = Field(description="The number of the value that stands there.")


class Collect(Spec):
    """The outputs of iterations."""

    task_run_id: Text = Field(description="The Loop's task run.")
    fetched: bool = Field(description="Hand them back, rather than keep them in a file.")


def read_lines(properties: Lines, context: TaskContext) -> Result:
    """`next` is where to go on, None at the end; `count` how many values there are in all, told at the beginning."""
    with context.open_file(properties.uri) as file:
        count = sum(1 for _ in item_lines(file)) if properties.offset == 0 else None
        values, following = _values(file, properties.offset, properties.number)
    return Result(outputs={"values": values, "next": following, "count": count})


def _values(file: BinaryIO, offset: int, number: int) -> tuple[list[Any], int | None]:
    values: list[Any] = []
    position = offset
    file.seek(offset)
    for line in forwards(file, _LINE_END):
        if len(values) >= LINES_AT_ONCE or position - offset >= BYTES_AT_ONCE:
            return values, position
        position += len(line) + len(_LINE_END)
        if line.strip():
            values.append(item_value(read_item(line, number + len(values) + 1)))
    return values, None


def collect(properties: Collect, context: TaskContext) -> Result:
    """All that have ended, in the order of their values; of those that failed without outputs."""
    found = context.daemon.outputs_of_iterations(properties.task_run_id)
    if properties.fetched:
        return Result(outputs={"outputs": list(found)})
    return Result(outputs={"uri": context.put_file("outputs.jsonl", _lines(found)).address})


def _lines(found: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    for each in found:
        yield json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() + _LINE_END


ERRANDS: Final[Mapping[str, TaskKind[Any]]] = {
    LINES: TaskKind(name=_NAME, properties=Lines, run=read_lines, unrendered=frozenset({"uri"})),
    COLLECT: TaskKind(name=_NAME, properties=Collect, run=collect),
}
