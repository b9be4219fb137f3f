"""Properties of the tasks `core.debug.*`."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Spec, Text
from segue.spec.types.levels import LogLevel


class Return(Spec):
    """Gives a rendered text back as the output `value`."""

    format: Dynamic[Text] | None = Field(default=None, description="The text to render.")


class Echo(Spec):
    """Writes a message to the log. Deprecated: use `core.log.Log`."""

    format: Dynamic[Text] = Field(description="The text to log.")
    level: Dynamic[LogLevel] = Field(default="INFO", description="The level of the log line.")


TYPES: Final[Mapping[str, type[Spec]]] = {"core.debug.Return": Return, "core.debug.Echo": Echo}
