"""Properties of the tasks on Parquet files."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec
from segue.spec.types.plugins.item_files import FromFile


class ParquetToIon(FromFile):
    """Reads a Parquet file."""


class IonToParquet(FromFile):
    """Writes items as a Parquet file. Types of columns are told by the items."""

    compression_codec: Dynamic[Literal["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI", "LZ4"]] = Field(
        default="GZIP", description="How columns are compressed."
    )
    row_group_size: Dynamic[PositiveInt] = Field(default=100_000, description="Rows in a group.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "serdes.parquet.ParquetToIon": ParquetToIon,
    "serdes.parquet.IonToParquet": IonToParquet,
}
