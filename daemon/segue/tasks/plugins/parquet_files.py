"""`serdes.parquet.*`: Parquet to items and back, a batch of rows at a time.

What types columns have is told by the items: they are read twice, once to learn the types, once to write.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from segue.expression.values import plain
from segue.spec.types.plugins.parquet_files import IonToParquet, ParquetToIon
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.item_files import items_in, keep_items

EXTRA: Final = "parquet"
BATCH_ROWS: Final = 10_000
_CODECS: Final = {"UNCOMPRESSED": "none"}


def read(properties: ParquetToIon, context: TaskContext) -> Result:
    arrow, parquet = library("pyarrow", EXTRA), library("pyarrow.parquet", EXTRA)
    with context.open_file(properties.from_.strip()) as file:
        try:
            rows = parquet.ParquetFile(file)
        except arrow.ArrowException as error:
            raise TaskFailed(f"{properties.from_}: it is no Parquet file: {error}") from error
        kept, _ = keep_items(context, "items.ion", _rows(rows))
    return Result(outputs={"uri": kept.address})


def _rows(file: Any) -> Iterator[Any]:
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        yield from map(_plain, batch.to_pylist())


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bytes():
            return value.decode("utf-8", "replace")
        case None | bool() | int() | float() | str():
            return value
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else float(value)


def write(properties: IonToParquet, context: TaskContext) -> Result:
    arrow, parquet = library("pyarrow", EXTRA), library("pyarrow.parquet", EXTRA)
    path = context.working_directory / "items.parquet"
    codec = _CODECS.get(properties.compression_codec, properties.compression_codec.lower())
    count = 0
    try:
        schema = _schema(arrow, _batches(properties, context))
        with parquet.ParquetWriter(path, schema, compression=codec) as writer:
            for rows in _batches(properties, context):
                table = arrow.Table.from_pylist(rows, schema=schema)
                writer.write_table(table, row_group_size=properties.row_group_size)
                count += len(rows)
    except arrow.ArrowException as error:
        raise TaskFailed(f"The items cannot be written as columns: {error}") from error
    context.count("records", count)
    return Result(outputs={"uri": context.put_path("items.parquet", path).address})


def _schema(arrow: Any, batches: Iterable[list[dict[str, Any]]]) -> Any:
    schema = None
    for rows in batches:
        found = arrow.Table.from_pylist(rows).schema
        schema = found if schema is None else arrow.unify_schemas([schema, found], promote_options="permissive")
    return schema if schema is not None else arrow.schema([])


def _batches(properties: IonToParquet, context: TaskContext) -> Iterator[list[dict[str, Any]]]:
    items = enumerate(items_in(context, properties.from_), 1)
    while some := list(islice(items, BATCH_ROWS)):
        for number, item in some:
            if not isinstance(item, dict):
                raise TaskFailed(f"Item {number} is no map of fields")
        names = dict.fromkeys(name for _, item in some for name in item)
        yield [{name: plain(item.get(name)) for name in names} for _, item in some]


_PREFIX = "io.kestra.plugin.serdes.parquet."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "ParquetToIon", properties=ParquetToIon, run=read),
    TaskKind(name=_PREFIX + "IonToParquet", properties=IonToParquet, run=write),
)
