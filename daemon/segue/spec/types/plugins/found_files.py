"""What tasks and triggers say of the files that they find in a folder, wherever that folder is."""

from typing import Literal

from pydantic import Field

from segue.spec.fields import Dynamic, PositiveInt, Span, Spec, Text

Action = Literal["NONE", "MOVE", "DELETE"]


class Finding(Spec):
    """Which files of a folder."""

    from_: Dynamic[Text] = Field(alias="from", description="The folder.")
    reg_exp: Dynamic[Text] | None = Field(default=None, description="Pattern of the full path.")
    recursive: Dynamic[bool] = Field(default=False, description="Look into folders below too.")
    max_files: Dynamic[PositiveInt] = Field(default=25, description="At most so many files.")


class Taking(Finding):
    """Which files, and what becomes of them."""

    action: Dynamic[Action] = Field(default="NONE", description="What becomes of a file that was taken.")
    move_directory: Dynamic[Text] | None = Field(
        default=None, description="Where MOVE puts it: at the same path below as it has below `from`."
    )


class Watching(Taking):
    """Looks into a folder again and again."""

    interval: Span = Field(default="PT60S", validate_default=True, description="Time between two looks.")
    on: Dynamic[Literal["CREATE", "UPDATE", "CREATE_OR_UPDATE"]] = Field(
        default="CREATE_OR_UPDATE", description="Fire for files that are new, for those that changed, or for both."
    )
    state_key: Text | None = Field(
        default=None,
        description="Name in the namespace under which given files are remembered; triggers of one name share them.",
    )
    state_ttl: Dynamic[Span] | None = Field(
        default=None, description="How long a given file is remembered; then it is new again."
    )
