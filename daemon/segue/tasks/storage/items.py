"""Tasks on items: files with one value in a line, in Ion's text form or JSON. Lines that stay are kept byte for byte.

What is asked of an item is an expression that sees the item's fields as variables, beside those of the execution.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from segue.expression import ion
from segue.expression.errors import ExpressionError
from segue.expression.template import truthy
from segue.spec.types.storage import DeduplicateItems, FilterItems
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.storage.files import extension_at
from segue.tasks.storage.pieces import forwards

_LINE_END = b"\n"


def deduplicate(properties: DeduplicateItems, context: TaskContext) -> Result:
    """The last item of each key stays, at its own place. Of a key only a digest is held."""
    last: dict[bytes, int] = {}
    count = 0
    with context.open_file(properties.from_) as file:
        for _, item in _items(file):
            key = str(context.render(properties.expr, extra=item))
            last[hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()] = count
            count += 1
    staying = frozenset(last.values())
    with context.open_file(properties.from_) as file:
        lines = (line for number, line in enumerate(item_lines(file)) if number in staying)
        kept = context.put_file(_name("deduplicated", properties.from_), (line + _LINE_END for line in lines))
    return Result(
        outputs={
            "uri": kept.address,
            "numKeys": len(staying),
            "processedItemsTotal": count,
            "droppedItemsTotal": count - len(staying),
        }
    )


def filter_items(properties: FilterItems, context: TaskContext) -> Result:
    counts = {"processedItemsTotal": 0, "droppedItemsTotal": 0}

    def staying() -> Iterator[bytes]:
        for line, item in _items(file):
            counts["processedItemsTotal"] += 1
            if _stays(properties, context, item):
                yield line + _LINE_END
            else:
                counts["droppedItemsTotal"] += 1

    with context.open_file(properties.from_) as file:
        kept = context.put_file(_name("filtered", properties.from_), staying())
    return Result(outputs={"uri": kept.address, **counts})


def _stays(properties: FilterItems, context: TaskContext, item: dict[str, Any]) -> bool:
    condition, includes = properties.filter_condition, properties.filter_type == "INCLUDE"
    try:
        text = str(context.render(condition.strip(), extra=item)).strip()
        if text or context.render(condition.strip(), typed=True, extra=item) is not None:
            return truthy(text) is includes
    except ExpressionError:
        if properties.error_or_null_behavior == "FAIL":
            raise
    match properties.error_or_null_behavior:
        case "FAIL":
            raise TaskFailed(f"Expression `{condition}` returned `null` on item `{json.dumps(item, default=str)}`")
        case behavior:
            return behavior == "INCLUDE"


def _items(file: BinaryIO) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for number, line in enumerate(item_lines(file), 1):
        item = read_item(line, number)
        if not isinstance(item, dict):
            raise TaskFailed(f"Item {number} is no map of fields, so that an expression can say nothing of it")
        yield line, item


def item_lines(file: BinaryIO) -> Iterator[bytes]:
    return (line for line in forwards(file, _LINE_END) if line.strip())


def read_item(line: bytes, number: int) -> Any:
    """JSON is Ion too, and much quicker to read as what it is."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise TaskFailed(f"Item {number} is no text in UTF-8: only Ion's text form and JSON are read") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        values = list(ion.read_values(text))
    except ExpressionError as error:
        raise TaskFailed(f"Item {number} is neither JSON nor Ion: {error}") from error
    if len(values) != 1:
        raise TaskFailed(f"Line {number} of the file has {len(values)} items: expected one in a line")
    return values[0]


def _name(what: str, address: str) -> str:
    return f"{what}{extension_at(address) or '.ion'}"


_PREFIX = "io.kestra.plugin.core.storage."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(
        name=_PREFIX + "DeduplicateItems", properties=DeduplicateItems, run=deduplicate, unrendered=frozenset({"expr"})
    ),
    TaskKind(
        name=_PREFIX + "FilterItems",
        properties=FilterItems,
        run=filter_items,
        unrendered=frozenset({"filterCondition"}),
    ),
)
