"""Properties of the tasks on JSON files."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text
from segue.spec.types.plugins.item_files import FromText


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


TYPES: Final[Mapping[str, type[Spec]]] = {
    "serdes.json.JsonToIon": JsonToIon,
    "serdes.json.IonToJson": IonToJson,
    "serdes.json.JsonToJsonl": JsonToJsonl,
}
