"""Input: a value that is asked for - when an execution starts, or when a paused one goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DependsOn:
    """An input is enabled when all `inputs` are, and `condition` renders to true."""

    inputs: tuple[str, ...] = ()
    condition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
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
