"""`serdes.json.*`: JSON to items and back. A file that is one JSON value is read whole; one value in a line is not."""

import json
from collections.abc import Iterator
from typing import Any, Final

from segue.spec.types.plugins.json_files import IonToJson, JsonToIon, JsonToJsonl
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.item_files import encoded, items_in, keep_items, line_of, opened_as_text

WHOLE_LENGTH_MAX: Final = 256 << 20  # of a file that is one JSON value, in characters


def read(properties: JsonToIon, context: TaskContext) -> Result:
    kept, _ = keep_items(context, "items.ion", _values(properties, context))
    return Result(outputs={"uri": kept.address})


def to_lines(properties: JsonToJsonl, context: TaskContext) -> Result:
    kept, _ = keep_items(context, "items.jsonl", _values(properties, context))
    return Result(outputs={"uri": kept.address})


def _values(properties: JsonToIon | JsonToJsonl, context: TaskContext) -> Iterator[Any]:
    with opened_as_text(context, properties.from_, properties.charset) as file:
        if properties.new_line:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(line, f"Line {number}")
            return
        text = file.read(WHOLE_LENGTH_MAX + 1)
    if len(text) > WHOLE_LENGTH_MAX:
        raise TaskFailed(f"The file is longer than {WHOLE_LENGTH_MAX:,} characters: write one value in a line")
    value = _parsed(text, "The file")
    yield from value if isinstance(value, list) else [value]


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = " (is it one value over several lines? then set `newLine: false`)" if where != "The file" else ""
        raise TaskFailed(f"{where} is no JSON: {error}{hint}") from error


def write(properties: IonToJson, context: TaskContext) -> Result:
    items = items_in(context, properties.from_)
    texts = map(line_of, items) if properties.new_line else _as_list(items)
    name = "items.jsonl" if properties.new_line else "items.json"
    return Result(outputs={"uri": context.put_file(name, encoded(texts, properties.charset)).address})


def _as_list(items: Iterator[Any]) -> Iterator[str]:
    before = "["
    for item in items:
        yield before + line_of(item).rstrip("\n")
        before = ",\n"
    yield "]" if before != "[" else "[]"


_PREFIX = "io.kestra.plugin.serdes.json."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "JsonToIon", properties=JsonToIon, run=read),
    TaskKind(name=_PREFIX + "IonToJson", properties=IonToJson, run=write),
    TaskKind(name=_PREFIX + "JsonToJsonl", properties=JsonToJsonl, run=to_lines),
)
