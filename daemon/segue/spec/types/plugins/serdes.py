"""Properties of the tasks that turn files of one format into another, by way of item files: one value in a line."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text, Texts

Character = Annotated[Text, Field(min_length=1, max_length=1)]
Count = Annotated[int, Field(ge=0)]


class FromFile(Spec):
    """A task that turns one file into another."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")


class FromText(FromFile):
    """A task on a file of text."""

    charset: Dynamic[Text] = Field(default="UTF-8", description="Charset of the text.")


class DateFormats(Spec):
    """How dates and times of Ion files are written; those of JSON are texts already."""

    date_format: Dynamic[Text] = Field(default="yyyy-MM-dd", description="Pattern of dates.")
    time_format: Dynamic[Text] = Field(
        default="HH:mm:ss[XXX]", description="Accepted: Ion has no times without a date."
    )
    date_time_format: Dynamic[Text] = Field(default="yyyy-MM-dd'T'HH:mm:ss.SSSXXX", description="Pattern of instants.")
    time_zone_id: Dynamic[Text] = Field(default="UTC", description="Time zone that instants are written in.")


class CsvToIon(FromText):
    """Reads a CSV file."""

    header: Dynamic[bool] = Field(default=True, description="The first line names the columns.")
    field_separator: Dynamic[Character] = Field(default=",", description="What separates fields.")
    text_delimiter: Dynamic[Character] = Field(default='"', description="What text stands between.")
    skip_empty_rows: Dynamic[bool] = Field(default=False, description="Leave empty lines out.")
    skip_rows: Dynamic[Count] = Field(default=0, description="Leave so many rows out, those after the header.")
    on_bad_lines: Dynamic[Literal["ERROR", "WARN", "SKIP"]] = Field(
        default="ERROR", description="What to do with a row of another number of fields than the header."
    )
    max_field_size: Dynamic[PositiveInt] | None = Field(default=None, description="Longest field, in characters.")
    max_buffer_size: Dynamic[PositiveInt] | None = Field(default=None, description="Accepted; there is no such limit.")
    allow_extra_chars_after_closing_quote: Dynamic[bool] = Field(
        default=False, description="Text between a closing quote and the next separator belongs to the field."
    )


class IonToCsv(FromText, DateFormats):
    """Writes items as a CSV file."""

    header: Dynamic[bool] = Field(default=True, description="Name the columns in the first line.")
    field_separator: Dynamic[Character] = Field(default=",", description="What separates fields.")
    text_delimiter: Dynamic[Character] = Field(default='"', description="What text stands between.")
    line_delimiter: Dynamic[Literal["\n", "\r\n", "\r"]] = Field(default="\n", description="What ends a line.")
    always_delimit_text: Dynamic[bool] = Field(default=False, description="Older spelling of `quoteMode: ALWAYS`.")
    quote_mode: Dynamic[Literal["ALWAYS", "REQUIRED", "NON_NUMERIC"]] | None = Field(
        default=None, description="Which fields stand between text delimiters."
    )


class JsonToIon(FromText):
    """Reads a JSON file."""

    new_line: Dynamic[bool] = Field(default=True, description="One value in a line; else one value, or a list of them.")


class IonToJson(FromText):
    """Writes items as a JSON file."""

    new_line: Dynamic[bool] = Field(default=True, description="One value in a line; else one list of them.")
    should_keep_annotations: Dynamic[bool] = Field(default=False, description="Accepted: annotations are not kept.")
    time_zone_id: Dynamic[Text] | None = Field(default=None, description="Accepted: instants keep their own.")


class JsonToJsonl(FromText):
    """Writes the values of a JSON file one in a line."""

    new_line: Dynamic[bool] = Field(default=False, description="The file has one value in a line already.")


class ExcelToIon(FromFile):
    """Reads the sheets of an Excel file."""

    charset: Dynamic[Text] | None = Field(default=None, description="Accepted: Excel files name their own.")
    sheets_title: Dynamic[Texts] | None = Field(default=None, description="Which sheets; default: all.")
    header: Dynamic[bool] = Field(default=True, description="The first row names the columns.")
    skip_empty_rows: Dynamic[bool] = Field(default=False, description="Leave empty rows out.")
    skip_rows: Dynamic[Count] = Field(default=0, description="Leave so many rows out, those after the header.")
    skip_last_rows: Dynamic[Count] = Field(default=0, description="Leave so many rows out at the end.")
    value_render: Dynamic[Literal["FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA"]] = Field(
        default="UNFORMATTED_VALUE", description="FORMULA: what a formula says, not what it gives."
    )
    date_time_render: Dynamic[Literal["SERIAL_NUMBER", "UNFORMATTED_VALUE", "FORMATTED_STRING"]] = Field(
        default="UNFORMATTED_VALUE", description="SERIAL_NUMBER: dates as the number that Excel keeps."
    )


class IonToExcel(Spec):
    """Writes items as an Excel file."""

    from_: Dynamic[Text] | dict[str, Dynamic[Text]] = Field(
        alias="from", description="URI of the file, or a map from the name of a sheet to the URI of its file."
    )
    charset: Dynamic[Text] | None = Field(default=None, description="Accepted: Excel files name their own.")
    sheets_title: Dynamic[Text] = Field(default="Sheet", description="Name of the sheet, if there is one alone.")
    header: Dynamic[bool] = Field(default=True, description="Name the columns in the first row.")
    styles: Dynamic[bool] = Field(default=True, description="Format cells that hold dates.")
    date_format: Dynamic[Text] = Field(default="yyyy-mm-dd", description="Excel's format of dates.")
    date_time_format: Dynamic[Text] = Field(default="yyyy-mm-dd hh:mm:ss", description="Excel's format of instants.")
    time_zone_id: Dynamic[Text] = Field(default="UTC", description="Time zone that instants are written in.")


class ParquetToIon(FromFile):
    """Reads a Parquet file."""


class IonToParquet(FromFile):
    """Writes items as a Parquet file. Types of columns are told by the items."""

    compression_codec: Dynamic[Literal["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4"]] = Field(
        default="GZIP", description="How columns are compressed."
    )
    row_group_size: Dynamic[PositiveInt] = Field(default=100_000, description="Rows in a group.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "serdes.csv.CsvToIon": CsvToIon,
    "serdes.csv.IonToCsv": IonToCsv,
    "serdes.json.JsonToIon": JsonToIon,
    "serdes.json.IonToJson": IonToJson,
    "serdes.json.JsonToJsonl": JsonToJsonl,
    "serdes.excel.ExcelToIon": ExcelToIon,
    "serdes.excel.IonToExcel": IonToExcel,
    "serdes.parquet.ParquetToIon": ParquetToIon,
    "serdes.parquet.IonToParquet": IonToParquet,
}
