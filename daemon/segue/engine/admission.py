"""Admission: may a new execution start under its flow's concurrency limit, and who starts when a place is free.

How many hold a place is always counted from states (`State.holds_slot`), never kept as a number that could leak.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from msgspec import Struct

from segue.model.event import Held, Refused, Started
from segue.model.flow import Concurrency, ConcurrencyBehavior
from segue.model.names import ExecutionId
from segue.model.state import State


class Waiting(Struct, frozen=True, kw_only=True, order=True):
    """An execution in QUEUED. Ordered as they leave: who came first, then by id."""

    queued_at: datetime
    execution_id: ExecutionId


def admit(concurrency: Concurrency | None, *, holding: int, waiting: int = 0, at: datetime) -> Started | Held | Refused:
    """What becomes of one more execution when `holding` others hold a place and `waiting` ones are queued before it:
    nobody overtakes the queue."""
    if concurrency is None or holding + waiting < concurrency.limit:
        return Started(at=at)
    match concurrency.behavior:
        case ConcurrencyBehavior.QUEUE:
            return Held(at=at)
        case ConcurrencyBehavior.CANCEL:
            return Refused(at=at, state=State.CANCELLED, message=_full(concurrency, State.CANCELLED))
        case ConcurrencyBehavior.FAIL:
            return Refused(at=at, state=State.FAILED, message=_full(concurrency, State.FAILED))
        case _:
            assert_never(concurrency.behavior)


def _full(concurrency: Concurrency, state: State) -> str:
    return f"Execution is {state} as its flow's concurrency limit of {concurrency.limit} is reached"


def leaving(concurrency: Concurrency | None, *, holding: int, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Who of the queue may start now, first come first: as many as there are places free, all when the limit is gone."""
    in_order = sorted(waiting)
    if concurrency is None:
        return tuple(in_order)
    return tuple(in_order[: max(0, concurrency.limit - holding)])
