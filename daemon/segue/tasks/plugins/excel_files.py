"""`serdes.excel.*`: Excel sheets to items and back, row by row."""

from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, Final
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from segue.expression.dates import zone_named
from segue.expression.values import plain
from segue.spec.types.plugins.excel_files import ExcelToIon, IonToExcel
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.item_files import items_in, keep_items, line_of

EXTRA: Final = "excel"
CELL_LENGTH_MAX: Final = 32_767  # of Excel itself


def read(properties: ExcelToIon, context: TaskContext) -> Result:
    """Outputs `uris`, a file for each sheet by its name, and `size`, the rows of all."""
    openpyxl = library("openpyxl", EXTRA)
    uris: dict[str, str] = {}
    size = 0
    shows_formulas = properties.value_render == "FORMULA"
    with context.open_file(properties.from_.strip()) as file:
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=not shows_formulas)
        except (
            BadZipFile,
            KeyError,
            ValueError,
            OSError,
            ParseError,
        ) as error:  # what its parsers of foreign files raise
            raise TaskFailed(f"{properties.from_}: it is no Excel file (.xlsx) that can be read: {error}") from error
        for name in _wanted(properties, book.sheetnames):
            kept, count = keep_items(context, f"{name.replace('/', '_')}.ion", _items(book[name], properties))
            uris[name] = kept.address
            size += count
    return Result(outputs={"uris": uris, "size": size})


def _wanted(properties: ExcelToIon, there: list[str]) -> list[str]:
    wanted = properties.sheets_title
    if wanted is None:
        return there
    if missing := [name for name in wanted if name not in there]:
        raise TaskFailed(f"There is no sheet {missing[0]!r}; there are {', '.join(map(repr, there))}")
    return wanted


def _items(sheet: Any, properties: ExcelToIon) -> Iterator[Any]:
    rows = sheet.iter_rows()
    names = (
        [str(cell.value) if cell.value is not None else "" for cell in next(rows, ())] if properties.header else None
    )
    waiting: deque[Any] = deque()
    for number, row in enumerate(rows):
        values = [_value(cell, properties) for cell in row]
        if number < properties.skip_rows or (properties.skip_empty_rows and all(each is None for each in values)):
            continue
        waiting.append(values if names is None else dict(zip(names, values, strict=False)))
        if len(waiting) > properties.skip_last_rows:
            yield waiting.popleft()


def _value(cell: Any, properties: ExcelToIon) -> Any:
    value = cell.value
    if not isinstance(value, date | time):
        return value
    if properties.date_time_render == "SERIAL_NUMBER":
        return library("openpyxl.utils.datetime", EXTRA).to_excel(value)
    return value.isoformat()


def write(properties: IonToExcel, context: TaskContext) -> Result:
    """Outputs `uri` and `size`, the rows of all sheets."""
    openpyxl = library("openpyxl", EXTRA)
    book = openpyxl.Workbook(write_only=True)
    given = properties.from_
    sheets = given if isinstance(given, dict) else {properties.sheets_title: given}
    size = 0
    for title, address in sheets.items():
        try:
            sheet = book.create_sheet(title)
        except ValueError as error:
            raise TaskFailed(f"{title!r} is no name of a sheet: {error}") from error
        for row in _rows(items_in(context, address), properties):
            sheet.append([_cell(openpyxl, sheet, value, properties) for value in row.values])
            size += row.is_item
    path = context.working_directory / "items.xlsx"
    book.save(path)
    context.count("records", size)
    return Result(outputs={"uri": context.put_path("items.xlsx", path).address, "size": size})


class _Row:
    """Cells of a row; the header is none of the items."""

    def __init__(self, values: list[Any], *, is_item: bool = True) -> None:
        self.values = values
        self.is_item = is_item


def _rows(items: Iterator[Any], properties: IonToExcel) -> Iterator[_Row]:
    names: list[str] | None = None
    for number, item in enumerate(items, 1):
        match item:
            case dict():
                if names is None:
                    names = [str(name) for name in item]
                    if properties.header:
                        yield _Row(list(names), is_item=False)
                yield _Row([item.get(name) for name in names])
            case list() if not properties.header:
                yield _Row(item)
            case list():
                raise TaskFailed(f"Item {number} is a list, which names no columns: set `header: false`")
            case _:
                raise TaskFailed(f"Item {number} is neither a map nor a list of fields")


def _cell(openpyxl: Any, sheet: Any, value: Any, properties: IonToExcel) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case datetime():
            local = value.astimezone(zone_named(properties.time_zone_id)) if value.tzinfo else value
            return _styled(openpyxl, sheet, local.replace(tzinfo=None), properties.date_time_format, properties)
        case date():
            return _styled(openpyxl, sheet, value, properties.date_format, properties)
        case dict() | list():
            return line_of(value).rstrip("\n")[:CELL_LENGTH_MAX]
        case str() if value.startswith("="):
            cell = openpyxl.cell.WriteOnlyCell(sheet, value=value)
            cell.data_type = "s"  # a text from data never becomes a formula
            return cell
        case _:
            return str(plain(value))[:CELL_LENGTH_MAX]


def _styled(openpyxl: Any, sheet: Any, value: date, pattern: str, properties: IonToExcel) -> Any:
    cell = openpyxl.cell.WriteOnlyCell(sheet, value=value)
    if properties.styles:
        cell.number_format = pattern
    return cell


_PREFIX = "io.kestra.plugin.serdes.excel."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "ExcelToIon", properties=ExcelToIon, run=read),
    TaskKind(name=_PREFIX + "IonToExcel", properties=IonToExcel, run=write),
)
