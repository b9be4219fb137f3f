"""Output: a typed value that is rendered when something has come to its end - an execution, or an iteration of a Loop."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One typed output, unrendered."""

    id: str
    type: str
    value: Any
    required: bool = True
    display_name: str = ""
    description: str = ""
