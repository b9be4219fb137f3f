"""Properties of the tasks and the trigger on files of the machine that the daemon runs on."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Spec, Text, Texts
from segue.spec.types.plugins.found_files import Finding, Taking, Watching


class List(Finding):
    """Lists the files of a folder."""


class Download(Spec):
    """Stores a file of the machine in internal storage."""

    from_: Dynamic[Text] = Field(alias="from", description="Path of the file.")


class Downloads(Taking):
    """Stores the files of a folder in internal storage."""


class Upload(Spec):
    """Writes a stored file to the machine."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")
    to: Dynamic[Text] = Field(description="Path to write to; in a folder that ends with `/` it keeps its name.")
    overwrite: Dynamic[bool] = Field(default=True, description="Replace a file that is there.")


class Uploads(Spec):
    """Writes stored files into a folder of the machine."""

    from_: Dynamic[Texts | dict[str, Any] | Text] = Field(
        alias="from", description="URIs of the files: a list, a map from name to URI, or the URI of a file with URIs."
    )
    to: Dynamic[Text] = Field(description="The folder.")
    reg_exp: Dynamic[Text] | None = Field(default=None, description="Only URIs that match this pattern as a whole.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many files.")
    overwrite: Dynamic[bool] = Field(default=True, description="Replace files that are there.")


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


class Trigger(Watching):
    """Looks for files in a folder of the machine again and again; fires for those that are new or changed."""


TYPES: Final[Mapping[str, type[Spec]]] = {
    "fs.local.List": List,
    "fs.local.Download": Download,
    "fs.local.Downloads": Downloads,
    "fs.local.Upload": Upload,
    "fs.local.Uploads": Uploads,
    "fs.local.Copy": Copy,
    "fs.local.Move": Move,
    "fs.local.Delete": Delete,
    "fs.local.Trigger": Trigger,
}
