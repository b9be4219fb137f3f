"""Properties of the tasks on CSV files."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text
from segue.spec.types.plugins.item_files import Count, FromText

Character = Annotated[Text, Field(min_length=1, max_length=1)]


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


TYPES: Final[Mapping[str, type[Spec]]] = {
    "serdes.csv.CsvToIon": CsvToIon,
    "serdes.csv.IonToCsv": IonToCsv,
}
