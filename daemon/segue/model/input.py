"""Input: a value that is asked for - when an execution starts, or when a paused one goes on."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field


class DependsOn(Struct, frozen=True, kw_only=True):
    """An input is enabled when all `inputs` are, and `condition` renders to true."""

    inputs: tuple[str, ...] = ()
    condition: str | None = None


class Input(Struct, frozen=True, kw_only=True):
    """One input. `options` are the keys of its type (`values`, `min`, `validator`, `itemType` ...), checked."""

    id: str
    type: str
    required: bool = True
    defaults: Any = None
    prefill: Any = None
    depends_on: DependsOn | None = None
    display_name: str = ""
    description: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
