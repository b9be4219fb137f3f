"""`serdes.csv.*`: CSV to items and back."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final, Literal, Self

from segue.expression.dates import formatted, zone_named
from segue.expression.values import plain
from segue.model.order import LogLevel
from segue.spec.types.plugins.csv_files import CsvToIon, IonToCsv
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.item_files import encoded, items_in, keep_items, line_of, opened_as_text

FIELD_LENGTH_MAX: Final = 16 << 20
_QUOTING: Final[Mapping[str, Literal[0, 1, 2]]] = {
    "ALWAYS": csv.QUOTE_ALL,
    "REQUIRED": csv.QUOTE_MINIMAL,
    "NON_NUMERIC": csv.QUOTE_NONNUMERIC,
}
_NULL: Final = r"\N"  # how databases write NULL into CSV
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


def read(properties: CsvToIon, context: TaskContext) -> Result:
    with opened_as_text(context, properties.from_, properties.charset) as file:
        csv.field_size_limit(properties.max_field_size or FIELD_LENGTH_MAX)
        rows = csv.reader(
            file,
            delimiter=properties.field_separator,
            quotechar=properties.text_delimiter,
            strict=not properties.allow_extra_chars_after_closing_quote,
        )
        try:
            kept, _ = keep_items(context, "items.ion", _items(rows, properties, context))
        except csv.Error as error:
            raise TaskFailed(f"Line {rows.line_num}: {error}") from error
    return Result(outputs={"uri": kept.address})


def _items(rows: Iterator[list[str]], properties: CsvToIon, context: TaskContext) -> Iterator[Any]:
    names = next(rows, None) if properties.header else None
    skipped = 0
    for row in rows:
        if not row:
            if properties.skip_empty_rows:
                continue
            row = [""]  # noqa: PLW2901 - an empty line is a row with one empty field
        if skipped < properties.skip_rows:
            skipped += 1
            continue
        values = [None if value == _NULL else value for value in row]
        if names is None:
            yield values
        elif len(values) == len(names):
            yield dict(zip(names, values, strict=True))
        else:
            _bad_line(f"Expected {len(names)} fields, found {len(values)}: {row!r:.200}", properties, context)


def _bad_line(sentence: str, properties: CsvToIon, context: TaskContext) -> None:
    if properties.on_bad_lines == "ERROR":
        raise TaskFailed(sentence)
    if properties.on_bad_lines == "WARN":
        context.log(LogLevel.WARN, f"{sentence}; it is left out")


def write(properties: IonToCsv, context: TaskContext) -> Result:
    lines = _lines(items_in(context, properties.from_), properties, context)
    kept = context.put_file("items.csv", encoded(lines, properties.charset))
    return Result(outputs={"uri": kept.address})


def _lines(items: Iterable[Any], properties: IonToCsv, context: TaskContext) -> Iterator[str]:
    """Columns are those of the first item; what later ones lack is empty."""
    writer = _Line(properties)
    names: list[str] | None = None
    count = 0
    for count, item in enumerate(items, 1):
        match item:
            case dict():
                if names is None:
                    names = [str(name) for name in item]
                    if properties.header:
                        yield writer.line(names)
                if unknown := item.keys() - set(names):
                    raise TaskFailed(f"Item {count} has the field {min(unknown)!r}, which the first item has not")
                yield writer.line([item.get(name) for name in names])
            case list() if properties.header:
                raise TaskFailed(f"Item {count} is a list, which names no columns: set `header: false`")
            case list():
                yield writer.line(item)
            case _:
                raise TaskFailed(f"Item {count} is neither a map nor a list of fields")
    context.count("records", count)


class _Line:
    """Writes one line at a time."""

    def __init__(self, properties: IonToCsv) -> None:
        self._properties = properties
        self._zone = zone_named(properties.time_zone_id)
        mode = properties.quote_mode or ("ALWAYS" if properties.always_delimit_text else "REQUIRED")
        self._buffer = io.StringIO()
        self._quotes_texts = mode == "NON_NUMERIC"
        quoting = _QUOTING[mode]
        self._writer = csv.writer(
            self._buffer,
            delimiter=properties.field_separator,
            quotechar=properties.text_delimiter,
            lineterminator=properties.line_delimiter,
            quoting=quoting,
        )

    def line(self, values: list[Any]) -> str:
        self._writer.writerow([self._field(value) for value in values])
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text

    def _field(self, value: Any) -> Any:
        text = self._text(value)
        return _Number(text) if self._quotes_texts and _NUMBER.fullmatch(text) else text

    def _text(self, value: Any) -> str:
        match value:
            case None:
                return ""
            case bool():
                return "true" if value else "false"
            case datetime():
                return formatted(value, self._properties.date_time_format, self._zone, None)
            case date():
                at = datetime(value.year, value.month, value.day, tzinfo=self._zone)
                return formatted(at, self._properties.date_format, self._zone, None)
            case dict() | list():
                return line_of(value).rstrip("\n")
            case _:
                return str(plain(value))


class _Number(float):
    """A number that is written with the digits it came with; `csv` leaves numbers alone in QUOTE_NONNUMERIC."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __repr__(self) -> str:
        return self.text

    __str__ = __repr__


_PREFIX = "io.kestra.plugin.serdes.csv."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "CsvToIon", properties=CsvToIon, run=read),
    TaskKind(name=_PREFIX + "IonToCsv", properties=IonToCsv, run=write),
)
