"""Properties of the tasks `core.storage.*`."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, Listed, PositiveInt, Spec, Text


class Write(Spec):
    """Writes a text to a file in internal storage."""

    content: Dynamic[Text] = Field(description="The text.")
    extension: Dynamic[Text] | None = Field(default=None, description="Extension of the file, like `.txt`.")


class Concat(Spec):
    """Joins files to one."""

    files: Dynamic[Listed] = Field(description="URIs of the files, or an expression that gives a list of them.")
    separator: Dynamic[Text] | None = Field(default=None, description="Put between two files.")
    extension: Dynamic[Text] = Field(default=".tmp", description="Extension of the result.")


class Split(Spec):
    """Splits a file by size, number of lines, number of parts or a pattern."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")
    bytes: Dynamic[Text] | None = Field(default=None, description="Size of a part, like `10MB`.")
    partitions: Dynamic[PositiveInt] | None = Field(default=None, description="Number of parts, filled in turn.")
    rows: Dynamic[PositiveInt] | None = Field(default=None, description="Lines in a part.")
    regex_pattern: Dynamic[Text] | None = Field(default=None, description="Lines go to the part of their first group.")
    separator: Dynamic[Text] = Field(default="\n", description="What ends a line.")


class Reverse(Spec):
    """Turns the lines of a file round."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of the file.")
    separator: Dynamic[Text] = Field(default="\n", description="What ends a line.")
    charset: Dynamic[Text] = Field(default="UTF-8", description="Charset of the file.")


class Size(Spec):
    """Tells the size of a file."""

    uri: Dynamic[Text] = Field(description="URI of the file.")


class Delete(Spec):
    """Deletes a file."""

    uri: Dynamic[Text] = Field(description="URI of the file.")
    error_on_missing: Dynamic[bool] = Field(default=False, description="A missing file is an error.")


class DeduplicateItems(Spec):
    """Keeps the last item of each key."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of a file with one item in a line.")
    expr: Dynamic[Text] = Field(description="Renders to the key; the item's fields are variables.")


class FilterItems(Spec):
    """Keeps the items for which a condition holds."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of a file with one item in a line.")
    filter_condition: Dynamic[Text] = Field(description="An expression; the item's fields are variables.")
    filter_type: Dynamic[Literal["INCLUDE", "EXCLUDE"]] = Field(
        default="INCLUDE", description="Keep the items for which it holds, or the others."
    )
    error_or_null_behavior: Dynamic[Literal["FAIL", "INCLUDE", "EXCLUDE"]] = Field(
        default="FAIL", description="What becomes of an item for which it cannot be told."
    )


class LocalFiles(Spec):
    """Puts files into the working directory, and stores files from there. Deprecated: `inputFiles`, `outputFiles`."""

    inputs: Any = Field(default=None, description="Files to write: a map from name to text or URI.")
    outputs: Dynamic[Listed] | None = Field(default=None, description="Globs of the files to store.")


class PurgeCurrentExecutionFiles(Spec):
    """Deletes the files of the current execution."""


class PurgeStorage(Spec):
    """Deletes files of executions that no longer exist."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Files of this namespace.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="Files of this flow.")
    start_date: Dynamic[Text] | None = Field(default=None, description="Files from this date on.")
    end_date: Dynamic[Text] = Field(description="Files up to this date.")
    dry_run: Dynamic[bool] = Field(default=True, description="Only count.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.storage.Write": Write,
    "core.storage.Concat": Concat,
    "core.storage.Split": Split,
    "core.storage.Reverse": Reverse,
    "core.storage.Size": Size,
    "core.storage.Delete": Delete,
    "core.storage.DeduplicateItems": DeduplicateItems,
    "core.storage.FilterItems": FilterItems,
    "core.storage.LocalFiles": LocalFiles,
    "core.storage.PurgeCurrentExecutionFiles": PurgeCurrentExecutionFiles,
    "core.storage.PurgeStorage": PurgeStorage,
}
