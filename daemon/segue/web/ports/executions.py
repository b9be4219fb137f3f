"""Executions: how they are searched and counted, and what an expression says in the scope of one."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from segue.model.names import ExecutionId
from segue.model.state import State
from segue.web.ports.lists import Wanted


class Order(StrEnum):
    """Columns that executions are sorted by."""

    STARTED = "state.startDate"
    ENDED = "state.endDate"
    DURATION = "state.duration"
    STATE = "state.current"
    NAMESPACE = "namespace"
    FLOW = "flowId"
    ID = "id"


class Search(Struct, frozen=True, kw_only=True):
    filters: tuple[Wanted, ...] = ()
    order: Order = Order.STARTED
    descending: bool = True
    page: int = 1
    size: int = 25


class StateCount(Struct, frozen=True):
    """How many there are in one state; at least so many where counting more would cost too much."""

    number: int
    is_exact: bool = True


class RunMark(Struct, frozen=True):
    """An execution in a row of little bars."""

    id: ExecutionId
    state: State
    started_at: datetime
    ended_at: datetime | None


class Tally(Struct, frozen=True):
    """How many executions that started in this stretch of time are in which state; at least so many where counting
    more would cost too much."""

    starts_at: datetime
    counts: Mapping[State, int]
    is_exact: bool = True


class FlowTally(Struct, frozen=True):
    """The same of one flow; `took` is how long those that succeeded took lately, on average."""

    starts_at: datetime
    counts: Mapping[State, int]
    took: timedelta | None = None
    is_exact: bool = True


class Rendered(Struct, frozen=True):
    """An expression in the scope of an execution: its text, or why there is none."""

    result: str | None
    error: str | None = None
