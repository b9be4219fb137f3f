"""Properties of the tasks on files of the machine that the daemon runs on."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text


class List(Spec):
    """Lists the files of a folder."""

    from_: Dynamic[Text] = Field(alias="from", description="The folder.")
    reg_exp: Dynamic[Text] | None = Field(default=None, description="Pattern of the full path.")
    recursive: Dynamic[bool] = Field(default=False, description="Look into folders below too.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many files.")


class Download(Spec):
    """Stores a file of the machine in internal storage."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file.")


class Upload(Spec):
    """Writes a stored file to the machine."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")
    to: Dynamic[Text] = Field(description="Path to write to; in a folder that ends with `/` it keeps its name.")
    overwrite: Dynamic[bool] = Field(default=True, description="Replace a file that is there.")


class Transfer(Spec):
    """From one path to another."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file or folder.")
    to: Dynamic[Text] = Field(description="Path to go to; in a folder that ends with `/` it keeps its name.")
    overwrite: Dynamic[bool] = Field(default=False, description="Replace what is there.")


class Copy(Transfer):
    """Copies a file or folder of the machine."""


class Move(Transfer):
    """Moves a file or folder of the machine."""


class Delete(Spec):
    """Deletes a file or folder of the machine."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file or folder.")
    recursive: Dynamic[bool] = Field(default=True, description="A folder with all that is in it.")
    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing file is an error.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "fs.local.List": List,
    "fs.local.Download": Download,
    "fs.local.Upload": Upload,
    "fs.local.Copy": Copy,
    "fs.local.Move": Move,
    "fs.local.Delete": Delete,
}
