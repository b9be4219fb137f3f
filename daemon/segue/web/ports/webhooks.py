"""Webhooks: a call of a trigger's address, and what it came to."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from segue.model.execution import Execution
from segue.model.revision import FlowKey
from segue.web.ports.starts import Upload


class WebhookPart(Struct, frozen=True, kw_only=True):
    """A file in a form."""

    name: str
    file: Upload
    content_type: str | None


class WebhookCall(Struct, frozen=True, kw_only=True):
    """A call of a webhook trigger's address. `body` is a map or list when it was JSON, else text, Base64 of what is no
    text, or None; `content` is the same as it was sent. Of a form there is no body but `parts`, its files, and `fields`.

    `path` is what follows the key.
    """

    flow: FlowKey
    key: str
    method: str
    uri: str
    path: str | None
    headers: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Sequence[str]]
    body: Any = None
    content: bytes = b""
    parts: Sequence[WebhookPart] | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)


class WebhookFired(Struct, frozen=True, kw_only=True):
    """The execution, at its end if the trigger says `wait`. `returns_outputs`: answer with its outputs alone."""

    execution: Execution
    returns_outputs: bool = False
    content_type: str | None = None
    status: int | None = None


class NotFired(Struct, frozen=True):
    """The trigger's conditions do not hold."""
