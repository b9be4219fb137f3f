"""What the tasks share that turn files of one format into another, by way of item files: one value in a line."""

from typing import Annotated

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text

Count = Annotated[int, Field(ge=0)]


class FromFile(Spec):
    """A task that turns one file into another."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")


class FromText(FromFile):
    """A task on a file of text."""

    charset: Dynamic[Text] = Field(default="UTF-8", description="Charset of the text.")
