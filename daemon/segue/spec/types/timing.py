"""Properties of `core.flow.Sleep`, the runnable task that is a timer."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from segue.spec.fields import Dynamic, Span, Spec


class Sleep(Spec):
    """Waits. No worker is held meanwhile."""

    duration: Dynamic[Span] = Field(description="How long: an ISO 8601 duration, or an expression that gives one.")


TYPES: Final[Mapping[str, type[Spec]]] = {"core.flow.Sleep": Sleep}
