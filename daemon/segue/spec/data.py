"""`Data`: a property of tasks that take items, given as a file of them, as one, or as a list. For the models of task types."""

from typing import Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from segue.spec.fields import Dynamic, Spec, Text


class Data(Spec):
    """Items: of a file with one in a line, one map, or a list of maps."""

    from_uri: Dynamic[Text] | None = Field(
        default=None, alias="fromURI", description="Address of a file with one item in a line."
    )
    from_map: Dynamic[dict[str, Any]] | None = Field(default=None, description="One item.")
    from_list: Dynamic[list[dict[str, Any]]] | None = Field(default=None, description="Items.")

    @model_validator(mode="after")
    def _only_one(self) -> "Data":
        if sum(each is not None for each in (self.from_uri, self.from_map, self.from_list)) > 1:
            raise PydanticCustomError("invalid-value", "Only one of 'fromURI', 'fromMap' or 'fromList' can be set.")
        return self
