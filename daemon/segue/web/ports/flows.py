"""Flows: as they are live, and as their text was looked at."""

from datetime import datetime

from msgspec import Struct

from segue.model.flow import Flow
from segue.model.problem import Problem
from segue.model.revision import FlowKey, Revision


class LiveFlow(Struct, frozen=True, kw_only=True):
    """A flow at its live revision. `problems`: what is wrong with a newer text that therefore is not live; `warnings`:
    what its text at the source's head could do better."""

    flow: Flow
    revision: Revision
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    next_fire_at: datetime | None = None

    @property
    def key(self) -> FlowKey:
        return self.revision.key


class Checked(Struct, frozen=True):
    """Flow text that was looked at; `flow` is None if an error is among the problems."""

    flow: Flow | None
    problems: tuple[Problem, ...]


class Slots(Struct, frozen=True):
    """The concurrency limit of a flow, and how much of it is taken."""

    flow: FlowKey
    limit: int
    behavior: str
    running: int
    queued: int
