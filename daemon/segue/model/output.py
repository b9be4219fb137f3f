"""Output: a typed value that is rendered when something has come to its end - an execution, or an iteration of a Loop."""

from typing import Any

from msgspec import Struct


class Output(Struct, frozen=True, kw_only=True):
    """One typed output, unrendered."""

    id: str
    type: str
    value: Any
    required: bool = True
    item_type: str | None = None
    display_name: str = ""
    description: str = ""
