"""Executions as values: one with its task runs, those that recovery needs, and facts about many. Searching is in
`search`."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from segue.model.execution import Execution, TaskRun
from segue.model.names import ExecutionId
from segue.model.revision import FlowKey
from segue.model.state import HOLDS_SLOT, State
from segue.store.columns import microseconds, microseconds_or_none, time, time_or_none
from segue.store.named_queries import QUERIES
from segue.store.rows import EXECUTION_COLUMNS, TASK_RUN_COLUMNS, Fetch, read_execution, read_task_run

# The columns of an execution and of a task run are a list of their own, shared with rows.py.
_EXECUTION: Final = QUERIES["execution"].replace("COLUMNS", EXECUTION_COLUMNS)
_TASK_RUNS: Final = QUERIES["task_runs_of_execution"].replace("COLUMNS", TASK_RUN_COLUMNS)
_FIRST_TASK_RUNS: Final = QUERIES["first_task_runs_of_execution"].replace("COLUMNS", TASK_RUN_COLUMNS)
_SOME_TASK_RUNS: Final = QUERIES["some_task_runs_of_execution"].replace("COLUMNS", TASK_RUN_COLUMNS)
_TASK_RUNS_IN_STATE: Final = QUERIES["task_runs_in_state"].replace("COLUMNS", TASK_RUN_COLUMNS)
_LIVE_EXECUTIONS: Final = QUERIES["live_executions"].replace("COLUMNS", EXECUTION_COLUMNS)

TALLY_MAX: Final = 10_000
FLOW_TALLY_MAX: Final = 2_000  # in each stretch and state: thirty days of a busy flow are counted in a few milliseconds
DURATIONS_LOOKED_AT: Final = 20


class LastRun(Struct, frozen=True):
    """An execution of a flow in brief."""

    id: ExecutionId
    state: State
    started_at: datetime
    ended_at: datetime | None


class Ran(Struct, frozen=True):
    """How many executions there were, and how long the last of them took on average."""

    number: int
    took: timedelta | None


def get(connection: sqlite3.Connection, execution_id: str, *, with_task_runs: bool = True) -> Execution | None:
    row = connection.execute(_EXECUTION, (execution_id,)).fetchone()
    if row is None:
        return None
    fetch = _fetch_from(connection)
    execution = read_execution(row, fetch)
    if with_task_runs:
        _read_task_runs(connection, execution, fetch)
    return execution


def with_first_task_runs(connection: sqlite3.Connection, execution_id: str) -> Execution | None:
    """An execution with those of its task runs that no other one is around."""
    execution = get(connection, execution_id, with_task_runs=False)
    if execution is not None:
        _read_task_runs(connection, execution, _fetch_from(connection), _FIRST_TASK_RUNS)
    return execution


def many(connection: sqlite3.Connection, ids: Iterable[str], *, with_task_runs: bool = False) -> tuple[Execution, ...]:
    """Those of the executions that there are, in the order asked for."""
    found = (get(connection, id_, with_task_runs=with_task_runs) for id_ in ids)
    return tuple(execution for execution in found if execution is not None)


def live(connection: sqlite3.Connection) -> Iterator[Execution]:
    """Every execution that has not ended, or that has and still runs something, oldest first, with its task runs."""
    fetch = _fetch_from(connection)
    for row in connection.execute(_LIVE_EXECUTIONS).fetchall():
        execution = read_execution(row, fetch)
        _read_task_runs(connection, execution, fetch)
        yield execution


def task_runs(
    connection: sqlite3.Connection, execution_id: str, *, offset: int, limit: int
) -> tuple[tuple[TaskRun, ...], int]:
    """Some task runs in the order of making, and how many there are in all."""
    fetch = _fetch_from(connection)
    rows = connection.execute(_SOME_TASK_RUNS, (execution_id, limit, offset)).fetchall()
    (total,) = connection.execute(QUERIES["count_task_runs_of_execution"], (execution_id,)).fetchone()
    return tuple(read_task_run(row, fetch) for row in rows), total


def task_runs_in(connection: sqlite3.Connection, execution_id: str, state: State, *, limit: int) -> tuple[TaskRun, ...]:
    """The first task runs in a state, in the order of making."""
    fetch = _fetch_from(connection)
    rows = connection.execute(_TASK_RUNS_IN_STATE, (execution_id, state, limit)).fetchall()
    return tuple(read_task_run(row, fetch) for row in rows)


def task_states(connection: sqlite3.Connection, execution_id: str) -> dict[str, dict[State, int]]:
    """How many task runs each task has in each state."""
    found: dict[str, dict[State, int]] = {}
    for task_id, state, number in connection.execute(QUERIES["count_task_runs_by_state"], (execution_id,)):
        found.setdefault(task_id, {})[State(state)] = number
    return found


def count(
    connection: sqlite3.Connection,
    namespace: str,
    flow_id: str | None = None,
    *,
    states: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """How many executions of a flow (of all of the namespace: without one) are in these states and started then."""
    parameters = {
        "namespace": namespace,
        "flow": flow_id,
        "states": None if states is None else json.dumps(list(states)),
        "since": microseconds_or_none(since),
        "until": microseconds_or_none(until),
    }
    (number,) = connection.execute(QUERIES["count_executions"], parameters).fetchone()
    return int(number)


def missing(connection: sqlite3.Connection, ids: Sequence[str]) -> list[str]:
    """Those of the ids that no execution has."""
    return [id_ for (id_,) in connection.execute(QUERIES["missing_executions"], (json.dumps(list(ids)),))]


def tally(
    connection: sqlite3.Connection, since: datetime, until: datetime, stretch: timedelta, *, most: int = TALLY_MAX
) -> tuple[tuple[datetime, dict[State, int]], ...]:
    """How many executions began in each stretch of time from `since` to the one that `until` lies in, by state;
    stretches with none left out. A count of `most` means that there are at least as many.

    Stretches are counted from the epoch, so that those of an hour begin at full hours (UTC)."""
    length = stretch // timedelta(microseconds=1)
    parameters = {"since": microseconds(since), "until": microseconds(until), "stretch": length, "most": most}
    counted: dict[int, dict[State, int]] = {}
    for position, state, number in connection.execute(QUERIES["tally"], parameters):
        counted.setdefault(position, {})[State(state)] = number
    return tuple((time(position * length), counted[position]) for position in sorted(counted))


def flow_tally(
    connection: sqlite3.Connection,
    flow: FlowKey,
    since: datetime,
    until: datetime,
    stretch: timedelta,
    *,
    most: int = FLOW_TALLY_MAX,
) -> tuple[tuple[datetime, dict[State, Ran]], ...]:
    """The same for one flow, with how long they took."""
    length = stretch // timedelta(microseconds=1)
    parameters = {
        "namespace": flow.namespace,
        "flow": flow.flow_id,
        "since": microseconds(since),
        "until": microseconds(until),
        "stretch": length,
        "most": most,
        "looked": DURATIONS_LOOKED_AT,
    }
    counted: dict[int, dict[State, Ran]] = {}
    for position, state, number, took in connection.execute(QUERIES["flow_tally"], parameters):
        lasted = None if took is None else timedelta(microseconds=took)
        counted.setdefault(position, {})[State(state)] = Ran(number, lasted)
    return tuple((time(position * length), counted[position]) for position in sorted(counted))


def last_runs(
    connection: sqlite3.Connection, flows: Iterable[FlowKey], number: int
) -> dict[FlowKey, tuple[LastRun, ...]]:
    """The latest executions of each flow, latest first. Costs the same however many there are."""
    query = QUERIES["last_runs"]
    return {
        flow: tuple(
            LastRun(id=ExecutionId(id_), state=State(state), started_at=time(started), ended_at=time_or_none(ended))
            for id_, state, started, ended in connection.execute(query, (flow.namespace, flow.flow_id, number))
        )
        for flow in flows
    }


def counts(connection: sqlite3.Connection) -> dict[FlowKey, dict[State, int]]:
    """How many executions there are of each flow in each state, iterations of loops left out."""
    found: dict[FlowKey, dict[State, int]] = {}
    for is_loop, namespace, flow_id, state, number in connection.execute(QUERIES["execution_counts"]):
        if not is_loop:
            found.setdefault(FlowKey(namespace, flow_id), {})[State(state)] = number
    return found


def slots_held(connection: sqlite3.Connection) -> dict[FlowKey, int]:
    """How many executions of each flow count against its concurrency limit."""
    held = {
        flow: sum(number for state, number in states.items() if state in HOLDS_SLOT)
        for flow, states in counts(connection).items()
    }
    return {flow: number for flow, number in held.items() if number}


def iterations(connection: sqlite3.Connection, loop_run_id: str, *, after: int, limit: int) -> tuple[Execution, ...]:
    """The iterations of a Loop behind a number, without their task runs; of those made anew the latest."""
    rows = connection.execute(QUERIES["iterations"], (loop_run_id, after, limit))
    return many(connection, [id_ for _, id_ in rows])


def last_iterations(connection: sqlite3.Connection, loop_run_id: str, *, limit: int) -> tuple[Execution, ...]:
    """Those of the last values that have begun, the last one first. Costs the same however many there are."""
    return many(connection, [id_ for (id_,) in connection.execute(QUERIES["last_iterations"], (loop_run_id, limit))])


def unfinished_iterations(
    connection: sqlite3.Connection, loop_run_id: str, *, after: int, limit: int
) -> tuple[tuple[int, ExecutionId], ...]:
    """The same, of those that did not end well number and id."""
    rows = connection.execute(QUERIES["unfinished_iterations"], (loop_run_id, after, limit))
    return tuple((index, ExecutionId(id_)) for index, id_ in rows)


def called_by(connection: sqlite3.Connection, execution_id: str) -> tuple[ExecutionId, ...]:
    """Executions that this one asked for, or whose trigger fired at its end."""
    return tuple(ExecutionId(id_) for (id_,) in connection.execute(QUERIES["called_by"], (execution_id,)))


def _read_task_runs(
    connection: sqlite3.Connection, execution: Execution, fetch: Fetch, query: str = _TASK_RUNS
) -> None:
    for row in connection.execute(query, (execution.id,)).fetchall():
        run = read_task_run(row, fetch)
        execution.task_runs[run.id] = run


def _fetch_from(connection: sqlite3.Connection) -> Fetch:
    query = QUERIES["document"]

    def fetch(execution_id: str, sequence: int, name: str) -> str:
        (content,) = connection.execute(query, (execution_id, sequence, name)).fetchone()
        return str(content)

    return fetch
