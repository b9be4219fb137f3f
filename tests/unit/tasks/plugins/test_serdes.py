"""Files of one format turned into another, with real files in internal storage."""

import io
import json
import sys
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest
from segue.tasks.kind import TaskFailed
from segue.tasks.plugins.extras import library

from tests.unit.tasks.plugins.conftest import Workbench


def items(bench: Workbench, uri: str) -> list[Any]:
    return [json.loads(line) for line in bench.text(uri).splitlines()]


def lines_of(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def from_csv(bench: Workbench, text: str | bytes, **more: Any) -> list[Any]:
    outputs = bench.outputs("serdes.csv.CsvToIon", from_=bench.put("in.csv", text), **more)
    return items(bench, outputs["uri"])


def to_csv(bench: Workbench, text: str, **more: Any) -> str:
    uri = bench.outputs("serdes.csv.IonToCsv", from_=bench.put("in.ion", text), **more)["uri"]
    return bench.read(uri).decode(more.get("charset", "utf-8"))


def test_csv_becomes_items_of_texts(bench: Workbench) -> None:
    text = 'id,name,note\r\n1,"a ""b"", c","two\nlines"\r\n2,é,\\N\r\n'
    assert from_csv(bench, text) == [
        {"id": "1", "name": 'a "b", c', "note": "two\nlines"},
        {"id": "2", "name": "é", "note": None},
    ]


CSV = {
    "no header": ("1,2\n3,4\n", {"header": False}, [["1", "2"], ["3", "4"]]),
    "other characters": ("a;b\n'x;y';2\n", {"fieldSeparator": ";", "textDelimiter": "'"}, [{"a": "x;y", "b": "2"}]),
    "rows left out": ("a\n1\n2\n3\n", {"skipRows": 2}, [{"a": "3"}]),
    "empty rows left out": ("a,b\n\n1,2\n", {"skipEmptyRows": True}, [{"a": "1", "b": "2"}]),
    "bad rows left out": ("a,b\n1\n1,2\n", {"onBadLines": "SKIP"}, [{"a": "1", "b": "2"}]),
    "byte order mark": (b"\xef\xbb\xbfa\n1\n", {}, [{"a": "1"}]),
    "charset": ("a\né\n".encode("latin-1"), {"charset": "ISO-8859-1"}, [{"a": "é"}]),
    "nothing": ("", {}, []),
}


@pytest.mark.parametrize(("text", "more", "expected"), CSV.values(), ids=CSV.keys())
def test_csv_is_read_as_it_is_described(
    bench: Workbench, text: str | bytes, more: dict[str, Any], expected: Any
) -> None:
    assert from_csv(bench, text, **more) == expected


def test_a_bad_row_is_a_failure_or_a_warning(bench: Workbench) -> None:
    uri = bench.put("bad.csv", "a,b\n1\n")
    assert "Expected 2 fields, found 1" in bench.failure("serdes.csv.CsvToIon", from_=uri)
    warned = bench.run("serdes.csv.CsvToIon", from_=uri, onBadLines="WARN")
    assert "is left out" in warned.text
    assert "no text in UTF-8" in bench.failure("serdes.csv.CsvToIon", from_=bench.put("x.csv", b"a\n\xff\n"))


def test_items_become_csv_with_the_columns_of_the_first(bench: Workbench) -> None:
    text = lines_of({"a": 1, "b": 'x "y"', "c": True}, {"c": None, "a": 2.5}, {"a": {"n": [1]}, "b": "", "c": False})
    assert to_csv(bench, text) == 'a,b,c\n1,"x ""y""",true\n2.5,,\n"{""n"":[1]}",,false\n'


def test_csv_is_written_as_it_is_described(bench: Workbench) -> None:
    text = lines_of({"a": 1, "b": "x"})
    assert to_csv(bench, text, header=False, quoteMode="NON_NUMERIC") == '1,"x"\n'
    assert (
        to_csv(bench, text, alwaysDelimitText=True, lineDelimiter="\r\n", fieldSeparator=";")
        == '"a";"b"\r\n"1";"x"\r\n'
    )
    assert to_csv(bench, lines_of(["é"]), header=False, charset="ISO-8859-1") == "é\n"


def test_times_of_ion_files_are_written_in_their_format(bench: Workbench) -> None:
    text = "{at: 2026-01-02T03:04:05Z, n: 1.50}\n"
    more = {"dateTimeFormat": "yyyy/MM/dd HH:mm", "timeZoneId": "Europe/Paris"}
    assert to_csv(bench, text, **more) == "at,n\n2026/01/02 04:04,1.5\n"


def test_an_item_that_does_not_fit_the_columns_is_a_failure(bench: Workbench) -> None:
    uri = bench.put("odd.ion", lines_of({"a": 1}, {"z": 2}))
    assert bench.failure("serdes.csv.IonToCsv", from_=uri) == "Item 2 has the field 'z', which the first item has not"


def test_json_comes_and_goes_as_lines_or_as_one_list(bench: Workbench) -> None:
    values = [{"a": 1}, {"a": "é"}]
    listed = bench.put("in.json", json.dumps(values))
    uri = bench.outputs("serdes.json.JsonToIon", from_=listed, newLine=False)["uri"]
    assert items(bench, uri) == values
    whole = bench.outputs("serdes.json.IonToJson", from_=uri, newLine=False)["uri"]
    assert json.loads(bench.text(whole)) == values
    lines = bench.outputs("serdes.json.IonToJson", from_=uri)["uri"]
    assert items(bench, bench.outputs("serdes.json.JsonToIon", from_=lines)["uri"]) == values
    assert items(bench, bench.outputs("serdes.json.JsonToJsonl", from_=listed)["uri"]) == values


def test_json_that_is_none_is_a_failure_with_its_line(bench: Workbench) -> None:
    said = bench.failure("serdes.json.JsonToIon", from_=bench.put("x.json", '{"a": 1}\n{"a":\n'))
    assert said.startswith("Line 2 is no JSON")
    assert "newLine: false" in said


def test_excel_sheets_become_items_and_back(bench: Workbench) -> None:
    book = openpyxl.Workbook()
    book.active.title = "first"
    for row in (["id", "name"], [1, "a"], [None, None], [2.5, True]):
        book.active.append(row)
    book.create_sheet("second").append(["x"])
    data = io.BytesIO()
    book.save(data)
    outputs = bench.outputs("serdes.excel.ExcelToIon", from_=bench.put("in.xlsx", data.getvalue()), skipEmptyRows=True)
    assert outputs["size"] == 2
    assert items(bench, outputs["uris"]["first"]) == [{"id": 1, "name": "a"}, {"id": 2.5, "name": True}]
    written = bench.outputs("serdes.excel.IonToExcel", from_={"one": outputs["uris"]["first"]})
    sheet = openpyxl.load_workbook(io.BytesIO(bench.read(written["uri"])))["one"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [["id", "name"], [1, "a"], [2.5, True]]


def test_a_text_never_becomes_a_formula(bench: Workbench) -> None:
    uri = bench.put("in.ion", lines_of({"a": "=1+1"}))
    written = bench.outputs("serdes.excel.IonToExcel", from_=uri)
    cell = openpyxl.load_workbook(io.BytesIO(bench.read(written["uri"])))["Sheet"]["A2"]
    assert (cell.value, cell.data_type) in {("=1+1", "s"), ("=1+1", "inlineStr")}


def test_parquet_comes_and_goes_with_types_told_by_the_items(bench: Workbench) -> None:
    values = [
        {"a": 1, "b": "x", "c": [1, 2]},
        {"a": 2.5, "b": None, "c": []},
        {"a": None, "b": "y", "c": None, "d": True},
    ]
    uri = bench.outputs("serdes.parquet.IonToParquet", from_=bench.put("in.ion", lines_of(*values)))["uri"]
    table = pyarrow.parquet.read_table(io.BytesIO(bench.read(uri)))
    assert table.column_names == ["a", "b", "c", "d"]
    back = items(bench, bench.outputs("serdes.parquet.ParquetToIon", from_=uri)["uri"])
    assert back == [{"d": None} | value for value in values]


def test_files_of_another_format_are_failures(bench: Workbench) -> None:
    uri = bench.put("x", b"nothing of the kind")
    assert "no Excel file" in bench.failure("serdes.excel.ExcelToIon", from_=uri)
    assert "no Parquet file" in bench.failure("serdes.parquet.ParquetToIon", from_=uri)


def test_a_library_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(TaskFailed, match=r"pip install 'segue\[parquet\]'"):
        library("pyarrow", "parquet")
