"""Properties of the tasks on Excel files."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text, Texts
from segue.spec.types.plugins.item_files import Count, FromFile


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


TYPES: Final[Mapping[str, type[Spec]]] = {
    "serdes.excel.ExcelToIon": ExcelToIon,
    "serdes.excel.IonToExcel": IonToExcel,
}
