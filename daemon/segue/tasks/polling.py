"""Polls: what polling triggers look at, in a worker. One look gives the variables of an execution to start, or nothing,
and the notes that the next look is given.

A look must leave the world as it is. What has to be done to it before the execution starts - a file moved - is
claimed: the claim is written down first, and `finish` does it, again after a crash, until it is done.

`runtime.polling` sends the orders, keeps claims and notes and starts the executions.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct, field
from pydantic import BaseModel

from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind

OUTPUTS: Final = "outputs"
NOTES: Final = "notes"
CLAIM: Final = "claim"

P = TypeVar("P", bound=BaseModel)


class Polled(Struct, frozen=True, kw_only=True):
    """`outputs` None: there is nothing to start an execution for. `claim` None: nothing is to be done before."""

    outputs: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    claim: Mapping[str, Any] | None = None


class PollKind(Struct, Generic[P], frozen=True, kw_only=True):
    """A polling trigger: its type, its properties, and the look. `finish` is given the claim and the notes, and says
    what has become of them. `typed`, `unrendered`, `variables` as in `TaskKind`."""

    name: str
    properties: type[P]
    look: Callable[[P, TaskContext, Mapping[str, Any]], Polled]
    finish: Callable[[P, TaskContext, Mapping[str, Any], Mapping[str, Any]], Polled] | None = None
    typed: frozenset[str] = field(default_factory=frozenset)
    unrendered: frozenset[str] = field(default_factory=frozenset)
    variables: Callable[[TaskContext], Mapping[str, Any]] | None = None

    def as_errand(self) -> TaskKind[P]:
        """As a worker runs it: notes (and claim) come as the order's template, what it saw goes back as outputs."""
        return TaskKind(
            name=self.name,
            properties=self.properties,
            run=partial(_run, self),
            typed=self.typed,
            unrendered=self.unrendered,
            variables=self.variables,
        )


def _run(kind: PollKind[P], properties: P, context: TaskContext) -> Result:
    given = context.order.template or {}
    notes, claim = given.get(NOTES) or {}, given.get(CLAIM)
    if claim is None:
        polled = kind.look(properties, context, notes)
    else:
        assert kind.finish is not None
        polled = kind.finish(properties, context, claim, notes)
    return Result(outputs={OUTPUTS: polled.outputs, NOTES: dict(polled.notes), CLAIM: polled.claim})
