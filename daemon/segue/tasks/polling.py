"""Polls: what polling triggers look at, in a worker. One look gives the variables of an execution to start, or nothing,
and the notes that the next look is given.

`runtime.polling` sends the orders, keeps the notes and starts the executions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind

OUTPUTS: Final = "outputs"
NOTES: Final = "notes"

P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """`outputs` None: there is nothing to start an execution for."""

    outputs: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollKind(Generic[P]):
    """A polling trigger: its type, its properties, and the look. `typed`, `unrendered` as in `TaskKind`."""

    name: str
    properties: type[P]
    look: Callable[[P, TaskContext, Mapping[str, Any]], Polled]
    typed: frozenset[str] = field(default_factory=frozenset)
    unrendered: frozenset[str] = field(default_factory=frozenset)

    def as_errand(self) -> TaskKind[P]:
        """As a worker runs it: the notes come as the order's template, what it saw goes back as outputs."""
        return TaskKind(
            name=self.name,
            properties=self.properties,
            run=partial(_run, self.look),
            typed=self.typed,
            unrendered=self.unrendered,
        )


def _run(look: Callable[[P, TaskContext, Mapping[str, Any]], Polled], properties: P, context: TaskContext) -> Result:
    polled = look(properties, context, context.order.template or {})
    return Result(outputs={OUTPUTS: polled.outputs, NOTES: dict(polled.notes)})
