"""Starts: an execution that is asked for, and its inputs as sent and as read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO

from msgspec import Struct, field

from segue.model.execution import Breakpoint
from segue.model.flow import Input
from segue.model.revision import FlowKey


class Upload(Struct, frozen=True):
    """A file that was sent, open at its start; it is gone once the call has been answered."""

    file_name: str
    content: BinaryIO
    size: int


class Start(Struct, frozen=True, kw_only=True):
    """A request for an execution. A value of `inputs` is a text, a list of texts, or an `Upload`.

    `wait`: the answer is the execution at its end rather than as made.
    """

    flow: FlowKey
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int | None = None
    scheduled_at: datetime | None = None
    wait: bool = False
    kind: str = "NORMAL"
    breakpoints: tuple[Breakpoint, ...] = ()


class CheckedInput(Struct, frozen=True, kw_only=True):
    """What became of one declared input. `errors` are sentences for people."""

    input: Input
    value: Any
    is_enabled: bool
    is_default: bool
    errors: tuple[str, ...] = ()
