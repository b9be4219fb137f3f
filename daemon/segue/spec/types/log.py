"""Properties of the tasks `core.log.*`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text, TextOrTexts, Texts
from segue.spec.types.levels import LogLevel


class Log(Spec):
    """Writes one or more messages to the log of the task run."""

    message: Dynamic[TextOrTexts] = Field(
        description="What to log: a text, or a list of texts that become a line each."
    )
    level: Dynamic[LogLevel] = Field(default="INFO", description="The level of the log lines.")


class Fetch(Spec):
    """Writes the log lines of an execution to a file in internal storage."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace of the execution; default: this one.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="Flow of the execution; default: this one.")
    execution_id: Dynamic[Text] | None = Field(default=None, description="The execution; default: the current one.")
    tasks_id: Dynamic[Texts] | None = Field(default=None, description="Only the lines of these tasks.")
    level: Dynamic[LogLevel] = Field(default="INFO", description="Only lines of this level and above.")


class PurgeLogs(Spec):
    """Deletes stored log lines."""

    namespace: Dynamic[Text] | None = Field(
        default=None, description="Lines of this namespace; without `flowId` those below it too."
    )
    flow_id: Dynamic[Text] | None = Field(default=None, description="Lines of this flow.")
    execution_id: Dynamic[Text] | None = Field(default=None, description="Lines of this execution.")
    log_levels: Dynamic[list[LogLevel]] | None = Field(default=None, description="Lines of these levels.")
    start_date: Dynamic[Text] | None = Field(default=None, description="Lines from this date on.")
    end_date: Dynamic[Text] = Field(description="Lines up to this date.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.log.Log": Log,
    "core.log.Fetch": Fetch,
    "core.log.PurgeLogs": PurgeLogs,
}
