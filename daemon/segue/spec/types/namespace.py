"""Properties of the tasks `core.namespace.*` and of `core.flow.PurgeFlows`."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from segue.spec.fields import Dynamic, Listed, Spec, Text, TextOrTexts, Texts


def _check_files(value: object) -> object:
    if not isinstance(value, list | dict | str):
        raise PydanticCustomError("invalid-value", "must be a list of globs or URIs, or a map from path to URI")
    return value


UploadedFiles = Annotated[
    Any,
    AfterValidator(_check_files),
    WithJsonSchema({"anyOf": [{"type": "array"}, {"type": "object"}, {"type": "string"}]}),
]


class UploadFiles(Spec):
    """Puts files into the namespace files."""

    namespace: Dynamic[Text] = Field(description="The namespace.")
    files: UploadedFiles = Field(
        default=None, description="What to upload: a list of globs or URIs, or a map from target path to URI."
    )
    files_map: Dynamic[dict[str, Any]] | None = Field(default=None, description="A map from target path to URI.")
    destination: Dynamic[Text] = Field(default="/", description="Folder to put them in.")
    conflict: Dynamic[Literal["OVERWRITE", "SKIP", "ERROR"]] = Field(
        default="OVERWRITE", description="What to do with a file that exists."
    )


class DownloadFiles(Spec):
    """Copies namespace files into internal storage."""

    namespace: Dynamic[Text] = Field(description="The namespace.")
    files: Dynamic[Listed] = Field(description="Globs of the files.")
    destination: Dynamic[Text] = Field(default="/", description="Folder to put them in.")


class DeleteFiles(Spec):
    """Deletes namespace files."""

    namespace: Dynamic[Text] = Field(description="The namespace.")
    files: Dynamic[TextOrTexts] = Field(description="Globs of the files.")
    delete_parent_folder: Dynamic[bool] = Field(default=False, description="Delete folders left empty.")


class VersionBehavior(Spec):
    """Which versions go."""

    type: Literal["version"] = Field(default="version", description="Always `version`.")
    keep_amount: Dynamic[int] | None = Field(default=None, description="Keep so many of the newest.")
    before: Dynamic[Text] | None = Field(default=None, description="Those older than this date.")


class PurgeFiles(Spec):
    """Deletes old versions of namespace files."""

    file_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of files.")
    namespaces: Dynamic[Texts] | None = Field(default=None, description="Namespaces to look at.")
    namespace_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of namespaces to look at.")
    include_child_namespaces: Dynamic[bool] = Field(default=True, description="Look below the namespaces too.")
    behavior: VersionBehavior | None = Field(default=None, description="Which versions go.")


class PurgeFlows(Spec):
    """Deletes old revisions of flows. Git keeps them, so there is nothing to do here."""

    flow_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of flow ids.")
    namespaces: Dynamic[Texts] | None = Field(default=None, description="Namespaces to look at.")
    namespace_pattern: Dynamic[Text] | None = Field(default=None, description="Glob of namespaces to look at.")
    include_child_namespaces: Dynamic[bool] = Field(default=True, description="Look below the namespaces too.")
    behavior: VersionBehavior | None = Field(default=None, description="Which revisions go.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.namespace.UploadFiles": UploadFiles,
    "core.namespace.DownloadFiles": DownloadFiles,
    "core.namespace.DeleteFiles": DeleteFiles,
    "core.namespace.PurgeFiles": PurgeFiles,
    "core.flow.PurgeFlows": PurgeFlows,
}
