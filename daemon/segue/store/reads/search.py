"""Search: pages of executions by what a person filters for, quick with a million of them.

Theory. `execution_counts` knows every (namespace, flow, state) there is and how many executions each has. A filter
by namespace, flow, state or text is answered there first: what is left are *segments*, each a range of the index
`executions_flow_ix` that is sorted by start already. A page is the merge of their heads, and the total is the sum of
their numbers. Filters that name few executions (a parent, a rare label) *drive* instead: their executions are
fetched and the rest is checked. Everything else is a *condition*, checked row by row; then the total is counted
only up to COUNT_MAX. Filters of which any has to hold are conditions too, whatever they ask.

Iterations of loops are left out unless they are meant. They are apart from all others in every index that is gone along
here, and in the counts, so that they cost nothing where nobody wants to see them.

The SQL here is put together from constant fragments; what a person typed is always a parameter.
"""
# ruff: noqa: S608

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, StrEnum
from heapq import merge
from itertools import islice
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from segue.model.execution import Execution, Kind
from segue.model.state import State
from segue.store.columns import microseconds
from segue.store.named_queries import QUERIES
from segue.store.reads import executions
from segue.store.reads.matching import Match, Op, condition

COUNT_MAX: Final = 10_000
STATE_COUNT_MAX: Final = 1_000
PAGE_SIZE_MAX: Final = 1_000
# Labels, triggers ... with no more executions than this drive the search.
_FEW: Final = 2_000
# SQLite merges this many sorted ranges well; it refuses more than 500.
_COMPOUND_MAX: Final = 64
# What a look at a segment, and at a row of the table, costs: only their relation matters.
_SEGMENT_COST: Final = 10.0
_ROW_COST: Final = 1.5


class Sort(StrEnum):
    """By what a page is sorted. All but STARTED look at every execution that is found."""

    STARTED = "started_at"
    ENDED = "ended_at"
    NAMESPACE = "namespace"
    FLOW = "flow_id"
    STATE = "state"
    DURATION = "duration"
    ID = "id"


class Column(StrEnum):
    """What else a text is compared with, row by row."""

    ID = "id"
    TRIGGER_ID = "trigger_id"
    TRIGGER_EXECUTION_ID = "trigger_execution_id"
    PARENT_ID = "parent_id"
    KIND = "kind"
    REVISION = "CAST(revision AS TEXT)"


class Iterations(Enum):
    """What becomes of iterations of loops."""

    LEFT_OUT = (0,)
    TOO = (0, 1)
    ALONE = (1,)


class Filters(Struct, frozen=True, kw_only=True):
    """All of these have to hold. `labels` have to be there, `labels_absent` must not; of each entry of `labels_of` one
    has to match, and of each entry of `any_of` one has to hold. `is_child` asks whether another execution asked for it.
    Times are from the first (included) to the second (excluded)."""

    text: str | None = None
    namespaces: tuple[Match, ...] = ()
    flows: tuple[Match, ...] = ()
    states: tuple[Match, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    labels_absent: tuple[tuple[str, str], ...] = ()
    labels_of: tuple[tuple[tuple[str, Match], ...], ...] = ()
    columns: tuple[tuple[Column, Match], ...] = ()
    any_of: tuple[tuple["Filters", ...], ...] = ()
    ids: tuple[str, ...] | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    ended_from: datetime | None = None
    ended_before: datetime | None = None
    trigger_id: str | None = None
    trigger_execution_id: str | None = None
    parent_id: str | None = None
    is_child: bool | None = None
    kind: Kind | None = None
    revision: int | None = None
    iterations: Iterations = Iterations.LEFT_OUT


class Page(Struct, frozen=True, kw_only=True):
    """`number` counts from 1."""

    number: int = 1
    size: int = 25
    sort: Sort = Sort.STARTED
    descending: bool = True

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


class Found(Struct, frozen=True):
    """A page of executions (without task runs) and how many there are in all; at least that many when not exact."""

    executions: tuple[Execution, ...]
    total: int
    is_exact: bool


class _Segment(Struct, frozen=True):
    is_loop: int
    namespace: str
    flow_id: str
    state: str
    number: int


class _Where(Struct):
    """Conditions joined by AND, and their parameters."""

    parts: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def add(self, part: str, *parameters: Any) -> None:
        self.parts.append(part)
        self.parameters.extend(parameters)

    def add_any(self, alternatives: Iterable["_Where"]) -> None:
        """One of these, each whole."""
        each = list(alternatives)
        part = " OR ".join(f"({alternative.text()})" for alternative in each) or "FALSE"
        self.add(f"({part})", *(parameter for alternative in each for parameter in alternative.parameters))

    def text(self, *before: str) -> str:
        return " AND ".join([*before, *self.parts]) or "TRUE"


class _Plan(Struct, frozen=True):
    """`segments` is None when every execution is meant. `is_driven`: the conditions name few executions."""

    segments: tuple[_Segment, ...] | None
    states: tuple[tuple[int, str], ...] | None  # given when the filter is by state alone
    loops: tuple[int, ...]  # what `is_loop` may be
    where: _Where
    is_driven: bool
    stored: int


def search(connection: sqlite3.Connection, filters: Filters, page: Page | None = None) -> Found:
    page = page or Page()
    assert 1 <= page.size <= PAGE_SIZE_MAX
    assert page.number >= 1
    plan = _plan(connection, filters)
    if plan.segments == ():
        return Found((), 0, True)
    total, is_exact = _total(connection, plan)
    ids = _page_ids(connection, plan, page) if page.offset < total or not is_exact else []
    return Found(executions.many(connection, ids), total, is_exact)


def ids_of(connection: sqlite3.Connection, filters: Filters, *, limit: int) -> tuple[str, ...]:
    """Ids of at most `limit` executions that the filters find, latest first: for what is done to many at once."""
    plan = _plan(connection, filters)
    if plan.segments == ():
        return ()
    return tuple(_page_ids(connection, plan, Page(size=limit)))


def counts_by_state(connection: sqlite3.Connection, filters: Filters) -> dict[State, tuple[int, bool]]:
    """How many the filters find in each state, whatever states they name; each with whether that is all of them.
    Where only looking tells, counting stops at STATE_COUNT_MAX."""
    found: dict[State, tuple[int, bool]] = {}
    for (state,) in connection.execute(QUERIES["states_of_executions"]).fetchall():
        plan = _plan(connection, replace(filters, states=(Match(Op.EQUALS, (state,)),)))
        number, is_exact = (0, True) if plan.segments == () else _total(connection, plan, most=STATE_COUNT_MAX)
        if number:
            found[State(state)] = number, is_exact
    return found


def _plan(connection: sqlite3.Connection, filters: Filters) -> _Plan:
    loops = filters.iterations.value
    counted = (_Segment(*row) for row in connection.execute(QUERIES["execution_counts"]))
    every = [segment for segment in counted if segment.is_loop in loops]
    where = _conditions(filters, every)
    is_driven = _drive(connection, filters, where)
    by_name = bool(filters.namespaces or filters.flows or filters.text)
    segments = _meant(every, filters)
    states = None
    if segments is not None and not by_name:
        states = tuple(sorted({(segment.is_loop, segment.state) for segment in segments}))
    return _Plan(segments, states, loops, where, is_driven, sum(segment.number for segment in every))


def _meant(every: Sequence[_Segment], filters: Filters) -> tuple[_Segment, ...] | None:
    """The segments that the filters name; None where they name none, which means all."""
    if not (filters.namespaces or filters.flows or filters.text or filters.states):
        return None
    return tuple(segment for segment in every if _is_meant(segment, filters))


def _is_meant(segment: _Segment, filters: Filters) -> bool:
    text = (filters.text or "").lower()
    return (
        (text in segment.flow_id.lower() or text in segment.namespace.lower())
        and all(match.holds(segment.namespace) for match in filters.namespaces)
        and all(match.holds(segment.flow_id) for match in filters.flows)
        and all(match.holds(segment.state) for match in filters.states)
    )


def _conditions(filters: Filters, every: Sequence[_Segment]) -> _Where:
    where = _Where()
    for part, at in (
        ("started_at >= ?", filters.started_from),
        ("started_at < ?", filters.started_before),
        ("ended_at >= ?", filters.ended_from),
        ("ended_at < ?", filters.ended_before),
    ):
        if at is not None:
            where.add(part, microseconds(at))
    if filters.kind is not None:
        where.add("kind = ?", filters.kind.value)
    if filters.revision is not None:
        where.add("revision = ?", filters.revision)
    if filters.is_child is not None:
        where.add("trigger_execution_id IS NOT NULL" if filters.is_child else "trigger_execution_id IS NULL")
    for key, value in filters.labels_absent:
        where.add(f"NOT {_HAS_LABEL}", key, value)
    for column, match in filters.columns:
        part, parameters = condition(column.value, match)
        where.add(part, *parameters)
    for pairs in filters.labels_of:
        where.add_any(_label(key, match) for key, match in pairs)
    for alternatives in filters.any_of:
        where.add_any(_whole(alternative, every) for alternative in alternatives)
    return where


def _label(key: str, match: Match) -> _Where:
    part, parameters = condition("l.value", match)
    return _Where(
        [f'EXISTS (SELECT 1 FROM execution_labels l WHERE l."key" = ? AND {part} AND l.execution_id = executions.id)'],
        [key, *parameters],
    )


def _whole(filters: Filters, every: Sequence[_Segment]) -> _Where:
    """All that the filters ask as conditions."""
    where = _conditions(filters, every)
    if filters.ids is not None:
        where.add(_IN_IDS, json.dumps(filters.ids))
    for part, value in (
        ("parent_id = ?", filters.parent_id),
        ("trigger_execution_id = ?", filters.trigger_execution_id),
        ("trigger_id = ?", filters.trigger_id),
    ):
        if value is not None:
            where.add(part, value)
    for key, value in filters.labels:
        where.add(_HAS_LABEL, key, value)
    segments = _meant(every, filters)
    if segments is not None:
        where.add(_IN_SEGMENTS, _listed(segments))
    return where


_IN_IDS: Final = "id IN (SELECT value FROM json_each(?))"

_HAS_LABEL: Final = (
    'EXISTS (SELECT 1 FROM execution_labels l WHERE l."key" = ? AND l.value = ? AND l.execution_id = executions.id)'
)
_LABELLED: Final = 'id IN (SELECT execution_id FROM execution_labels WHERE "key" = ? AND value = ?)'
_LABEL_COUNT: Final = 'SELECT count(*) FROM (SELECT 1 FROM execution_labels WHERE "key" = ? AND value = ? LIMIT ?)'
_TRIGGER_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM executions WHERE trigger_id = ? LIMIT ?)"


def _drive(connection: sqlite3.Connection, filters: Filters, where: _Where) -> bool:
    """Add the conditions that may name few executions; say whether one does."""
    is_driven = False
    if filters.ids is not None:
        where.add(_IN_IDS, json.dumps(filters.ids))
        is_driven = True
    for part, value in (
        ("parent_id = ?", filters.parent_id),
        ("trigger_execution_id = ?", filters.trigger_execution_id),
    ):
        if value is not None:
            where.add(part, value)
            is_driven = True
    if filters.trigger_id is not None:
        is_few = _is_few(connection, _TRIGGER_COUNT, filters.trigger_id)
        # The plus keeps SQLite from taking the trigger's index where that would mean sorting very many.
        where.add("trigger_id = ?" if is_few else "+trigger_id = ?", filters.trigger_id)
        is_driven = is_driven or is_few
    for key, value in filters.labels:
        drives = not is_driven and _is_few(connection, _LABEL_COUNT, key, value)
        where.add(_LABELLED if drives else _HAS_LABEL, key, value)
        is_driven = is_driven or drives
    return is_driven


def _is_few(connection: sqlite3.Connection, count: str, *parameters: str) -> bool:
    (number,) = connection.execute(count, (*parameters, _FEW + 1)).fetchone()
    return bool(number <= _FEW)


def _total(connection: sqlite3.Connection, plan: _Plan, most: int | None = None) -> tuple[int, bool]:
    most = COUNT_MAX if most is None else most
    if not plan.where.parts:
        return plan.stored if plan.segments is None else sum(segment.number for segment in plan.segments), True
    source, parameters = _source(plan, "1")
    (number,) = connection.execute(f"SELECT count(*) FROM ({source} LIMIT ?)", (*parameters, most + 1)).fetchone()
    return min(number, most), number <= most


def _page_ids(connection: sqlite3.Connection, plan: _Plan, page: Page) -> list[str]:
    if page.sort is not Sort.STARTED:
        return _sorted_ids(connection, plan, page)
    if _is_merged_here(plan, page):
        return _merged_ids(connection, plan, page)
    source, parameters = _source(plan, "started_at, id")
    order = "DESC" if page.descending else "ASC"
    rows = connection.execute(
        f"{source} ORDER BY started_at {order}, id {order} LIMIT ? OFFSET ?", (*parameters, page.size, page.offset)
    )
    return [id_ for _, id_ in rows]


def _source(plan: _Plan, columns: str) -> tuple[str, list[Any]]:
    """A SELECT (or several, joined) of what the plan finds, ready for ORDER BY and LIMIT."""
    where = plan.where
    if plan.segments is None and plan.is_driven:
        return f"SELECT {columns} FROM executions WHERE {where.text(_IN_LOOPS)}", [
            json.dumps(plan.loops),
            *where.parameters,
        ]
    if plan.segments is None:
        part = f"SELECT {columns} FROM executions WHERE {where.text('is_loop = ?')}"
        return _joined(part, [(is_loop,) for is_loop in plan.loops], where)
    if not plan.is_driven:
        if plan.states is not None:
            part = f"SELECT {columns} FROM executions WHERE {where.text('is_loop = ?', 'state = ?')}"
            return _joined(part, plan.states, where)
        if len(plan.segments) <= _COMPOUND_MAX:
            part = f"SELECT {columns} FROM executions WHERE {where.text(_IN_SEGMENT)}"
            keys = [_key(segment) for segment in plan.segments]
            return _joined(part, keys, where)
    listed = _listed(plan.segments)
    return f"SELECT {columns} FROM executions WHERE {where.text(_IN_SEGMENTS)}", [listed, *where.parameters]


def _listed(segments: Iterable[_Segment]) -> str:
    return json.dumps([_key(segment) for segment in segments])


def _key(segment: _Segment) -> tuple[int, str, str, str]:
    return segment.is_loop, segment.namespace, segment.flow_id, segment.state


_IN_SEGMENT: Final = "is_loop = ? AND namespace = ? AND flow_id = ? AND state = ?"
# The pluses keep SQLite on the index by start: each segment's own range would have to be sorted with the others.
_IN_SEGMENTS: Final = (
    "(+is_loop, +namespace, +flow_id, +state) IN"
    " (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?))"
)
_IN_LOOPS: Final = "+is_loop IN (SELECT value FROM json_each(?))"


def _joined(part: str, keys: Iterable[tuple[Any, ...]], where: _Where) -> tuple[str, list[Any]]:
    keys = list(keys)
    parameters = [parameter for key in keys for parameter in (*key, *where.parameters)]
    return " UNION ALL ".join([part] * len(keys)), parameters


def _is_merged_here(plan: _Plan, page: Page) -> bool:
    """Whether many segments are better asked one by one than looked for along all executions."""
    if plan.segments is None or plan.states is not None or plan.is_driven or len(plan.segments) <= _COMPOUND_MAX:
        return False
    wanted = page.offset + page.size
    found = sum(segment.number for segment in plan.segments)
    rows_along = min(plan.stored, wanted * plan.stored / found)
    rows_here = sum(min(segment.number, wanted) for segment in plan.segments)
    return len(plan.segments) * _SEGMENT_COST + rows_here < rows_along * _ROW_COST


def _merged_ids(connection: sqlite3.Connection, plan: _Plan, page: Page) -> list[str]:
    assert plan.segments is not None
    order = "DESC" if page.descending else "ASC"
    query = (
        f"SELECT started_at, id FROM executions WHERE {plan.where.text(_IN_SEGMENT)}"
        f" ORDER BY started_at {order}, id {order} LIMIT ?"
    )
    wanted = page.offset + page.size
    heads = [
        connection.execute(query, (*_key(segment), *plan.where.parameters, wanted)).fetchall()
        for segment in plan.segments
    ]
    rows = merge(*heads, reverse=page.descending)
    return [id_ for _, id_ in islice(rows, page.offset, wanted)]


def _sorted_ids(connection: sqlite3.Connection, plan: _Plan, page: Page) -> list[str]:
    order = "DESC" if page.descending else "ASC"
    column = "ended_at - started_at" if page.sort is Sort.DURATION else page.sort.value
    source, parameters = _source(plan, f"id, {column} AS sorted_by")
    rows = connection.execute(
        f"{source} ORDER BY sorted_by {order}, id {order} LIMIT ? OFFSET ?", (*parameters, page.size, page.offset)
    )
    return [row[0] for row in rows]


def state_match(*states: State) -> Match:
    """Any of these states."""
    return Match(Op.IN, tuple(state.value for state in states))
