"""How fast the store is: `python -m tests.benchmarks.store [executions]` prints a table. Nothing here is a test.

The database is filled by SQL, far faster than the writer would, with the same triggers; then pages are read from it.
"""

import argparse
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from segue.model.execution import Attempt, Execution, Moved, TaskRun
from segue.model.names import ExecutionId, execution_id, task_run_id
from segue.model.order import LogLevel
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.database import connect_to_write, open_database
from segue.store.reads import executions, logs
from segue.store.reads.logs import LogFilters
from segue.store.reads.matching import Match, Op, equals, within
from segue.store.reads.readers import Readers
from segue.store.reads.search import Filters, Page, counts_by_state, search
from segue.store.records import StoredLogLine
from segue.store.writer import Writer

START = datetime(2026, 1, 1, tzinfo=UTC)
FLOWS = 400
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    value: str


def rows_made(number: int = 2_000) -> Figure:
    """An execution with two small task runs, as the main thread turns it into rows."""
    made = [_execution(index) for index in range(number)]
    begun = time.perf_counter()
    for execution in made:
        Batch().add_execution(execution)
    return Figure("rows of an execution with two task runs", f"{(time.perf_counter() - begun) / number * 1e6:.0f} us")


def executions_written(number: int = 5_000, *, is_main_busy: bool = False) -> Figure:
    """Executions a second through the writer: each a batch with two task runs and two log lines, fsync on."""
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "segue.db") as database:
        writer = Writer(database.path)
        batches = [_batch(index) for index in range(number)]
        left = threading.Semaphore(0)
        stop = threading.Event()
        if is_main_busy:
            threading.Thread(target=_spin, args=(stop,), daemon=True).start()
        begun = time.perf_counter()
        for batch in batches:
            writer.submit(batch, lambda _: left.release())
        for _ in batches:
            left.acquire()
        seconds = time.perf_counter() - begun
        stop.set()
        writer.close()
    beside = ", beside a busy thread" if is_main_busy else ""
    return Figure(f"executions written a second (7 rows each{beside})", f"{number / seconds:,.0f}")


def one_by_one(number: int = 200) -> Figure:
    """How long one batch alone takes until it is durable."""
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "segue.db") as database:
        writer = Writer(database.path)
        is_durable = threading.Semaphore(0)
        begun = time.perf_counter()
        for index in range(number):
            writer.submit(_batch(index), lambda _: is_durable.release())
            is_durable.acquire()
        seconds = time.perf_counter() - begun
        writer.close()
    return Figure("one batch until durable", f"{seconds / number * 1e3:.2f} ms")


def pages_read(path: Path, number: int) -> list[Figure]:
    """Lists and searches among `number` executions, the best of some rounds (the machine is shared)."""
    readers = Readers(path)
    figures = []
    for what, read in _questions(number).items():
        best, found = _best(readers, read)
        figures.append(Figure(what, f"{best * 1e3:.1f} ms  ({found})"))
    readers.close()
    return figures


def _best(readers: Readers, read: Callable[[sqlite3.Connection], object]) -> tuple[float, object]:
    best, found = float("inf"), None
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        with readers.snapshot() as connection:
            found = read(connection)
        best = min(best, time.perf_counter() - begun)
    return best, found


def _questions(number: int) -> dict[str, Callable[[sqlite3.Connection], object]]:
    def total_of(filters: Filters, page: Page | None = None) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: search(connection, filters, page).total

    day, end = timedelta(days=1), START + timedelta(seconds=number)
    middle = START + timedelta(seconds=number // 2)
    flows = [FlowKey(f"company.team{index % 20}", f"flow-{index}") for index in range(100)]
    return {
        "list, first page": total_of(Filters()),
        "list, page 1,000": total_of(Filters(), Page(number=1_000)),
        "list, last page": total_of(Filters(), Page(number=number // 25)),
        "one namespace (20 flows)": total_of(Filters(namespaces=(within("company.team7"),))),
        "all of the company, failed": total_of(Filters(namespaces=(within("company"),), states=(equals("FAILED"),))),
        "one flow": total_of(Filters(namespaces=(equals("company.team7"),), flows=(equals("flow-7"),))),
        "one flow, failed": total_of(Filters(flows=(equals("flow-7"),), states=(equals("FAILED"),))),
        "failed or warning": total_of(Filters(states=(Match(Op.IN, ("FAILED", "WARNING")),))),
        "running": total_of(Filters(states=(equals("RUNNING"),))),
        "all but failed": total_of(Filters(states=(Match(Op.NOT_EQUALS, ("FAILED",)),))),
        "text in the flow's name": total_of(Filters(text="ow-39")),
        "text in most flows' names": total_of(Filters(text="flow")),
        "a rare label": total_of(Filters(labels=(("correlation", str(number // 3)),))),
        "a frequent label": total_of(Filters(labels=(("env", "prod"),))),
        "a frequent label, failed": total_of(Filters(labels=(("env", "prod"),), states=(equals("FAILED"),))),
        "a day in the middle": total_of(Filters(started_from=middle, started_before=middle + timedelta(days=1))),
        "a day in the middle, failed": total_of(
            Filters(started_from=middle, started_before=middle + timedelta(days=1), states=(equals("FAILED"),))
        ),
        "a day counted by hours": lambda connection: len(
            executions.tally(connection, middle, middle + timedelta(days=1), timedelta(hours=1))
        ),
        "thirty days of one flow": lambda connection: len(
            executions.flow_tally(connection, flows[7], end - timedelta(days=30), end, timedelta(days=1))
        ),
        "how many in each state": lambda connection: len(counts_by_state(connection, Filters())),
        "how many in each state, a frequent label": lambda connection: len(
            counts_by_state(connection, Filters(labels=(("env", "prod"),)))
        ),
        "how many in each state, one flow, one day": lambda connection: len(
            counts_by_state(
                connection, Filters(flows=(equals("flow-7"),), started_from=middle, started_before=middle + day)
            )
        ),
        "last 8 runs of 100 flows": lambda connection: len(executions.last_runs(connection, flows, 8)),
        "one execution": lambda connection: executions.get(connection, _id(number // 2)) is not None,
        "live executions": lambda connection: len(list(executions.live(connection))),
        "counts of all flows": lambda connection: len(executions.counts(connection)),
        "log lines of one execution": lambda connection: len(logs.of_execution(connection, _id(number // 2))),
        "errors in the logs": lambda connection: logs.search(connection, LogFilters(level_min=LogLevel.ERROR)).total,
        "logs, newest page": lambda connection: len(logs.look_back(connection, LogFilters(), limit=100).lines),
        "logs, a text that nobody printed": lambda connection: len(
            logs.look_back(connection, LogFilters(text="no such thing"), limit=100).lines
        ),
        "logs of one flow": lambda connection: logs.search(connection, LogFilters(flows=(equals("flow-7"),))).total,
    }


def filled(path: Path, number: int) -> None:
    """`number` executions, one a second, each with a task run, a log line and two labels; one in 50 failed."""
    connection = connect_to_write(path, "normal")
    connection.create_function("id_of", 1, _id, deterministic=True)
    for first in range(0, number, 100_000):
        last = min(first + 100_000, number)
        connection.execute("BEGIN")
        for statement in (_FILL_EXECUTIONS, _FILL_TASK_RUNS, _FILL_LOGS):
            connection.execute(
                statement,
                {"first": first, "last": last, "flows": FLOWS, "start": int(START.timestamp()), "all": number},
            )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :last)"
_FILL_EXECUTIONS = f"""
{_NUMBERS}, facts AS (
    SELECT n, n * 7919 % :flows AS flow, (:start + n) * 1000000 AS at,
        CASE WHEN n >= :all - 20 THEN 'RUNNING' WHEN n * 31 % 50 = 0 THEN 'FAILED' ELSE 'SUCCESS' END AS state
    FROM numbers)
INSERT INTO executions (id, namespace, flow_id, revision, commit_id, state, kind, attempt_number, started_at, ended_at,
    original_id, is_live, history, progress, labels, inputs, variables, trigger_id, "trigger", outputs)
SELECT id_of(n), 'company.team' || (flow % 20), 'flow-' || flow, 1, '{"c" * 40}', state, 'NORMAL', 1, at,
    iif(state = 'RUNNING', NULL, at + 900000), id_of(n), state = 'RUNNING',
    '[["CREATED",' || at || '],["RUNNING",' || (at + 1000) || ']'
        || iif(state = 'RUNNING', ']', ',["' || state || '",' || (at + 900000) || ']]'),
    '["tasks",1,0,"SUCCESS",false,{{}}]',
    '{{"env":"' || iif(n % 3, 'prod', 'dev') || '","correlation":"' || n || '"}}',
    '{{"name":"Ada"}}', '{{}}', 'hook', '["hook","io.kestra.plugin.core.trigger.Webhook",{{}}]', '{{}}'
FROM facts
"""
_FILL_TASK_RUNS = """
INSERT INTO task_runs (execution_id, sequence, task_id, state, history, attempts, outputs)
SELECT id, 0, 'hello', state, history, '[[1,' || history || ',"worker-1",null]]', '{"value":"hello"}' FROM executions
WHERE started_at >= (:start + :first) * 1000000 AND started_at < (:start + :last) * 1000000
    AND :flows + :all > 0
"""
_FILL_LOGS = """
INSERT INTO logs (at, level, namespace, flow_id, execution_id, task_run_id, task_id, attempt, message)
SELECT started_at + 5000, iif(state = 'FAILED', 'ERROR', 'INFO'), namespace, flow_id, id, id || '-0', 'hello', 1,
    'Good morning, Ada'
FROM executions
WHERE started_at >= (:start + :first) * 1000000 AND started_at < (:start + :last) * 1000000
    AND :flows + :all > 0
"""


def _id(index: int) -> ExecutionId:
    return execution_id(int(START.timestamp() + index) * 1000, index)


def _execution(index: int) -> Execution:
    id_ = _id(index)
    at = START + timedelta(seconds=index)
    history = [Moved(State.CREATED, at), Moved(State.RUNNING, at), Moved(State.SUCCESS, at)]
    runs = [
        TaskRun(
            id=task_run_id(id_, sequence),
            sequence=sequence,
            task_id=f"task-{sequence}",
            parent_id=None,
            history=list(history),
            attempts=[Attempt(number=1, history=list(history), worker="worker-1")],
            outputs={"values": {"greeting": "hello"}},
        )
        for sequence in range(2)
    ]
    return Execution(
        id=id_,
        namespace="company.team",
        flow_id="hello",
        revision=1,
        commit="c" * 40,
        history=history,
        labels={"env": "dev", "correlation": id_},
        inputs={"name": "Ada"},
        task_runs={run.id: run for run in runs},
    )


def _batch(index: int) -> Batch:
    execution = _execution(index)
    batch = Batch()
    batch.add_execution(execution)
    for number, run in enumerate(execution.task_runs.values()):
        batch.add_log(
            StoredLogLine(
                at=START,
                level="INFO",
                namespace=execution.namespace,
                flow_id=execution.flow_id,
                execution_id=execution.id,
                task_run_id=run.id,
                task_id=run.task_id,
                attempt=1,
                message=f"line {number}",
            )
        )
    return batch


def _spin(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(range(1_000))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("executions", nargs="?", type=int, default=100_000)
    number = parser.parse_args().executions
    table = Table("what", "figure", title=f"The store, with {number:,} executions")
    for figure in (rows_made(), one_by_one(), executions_written(), executions_written(is_main_busy=True)):
        table.add_row(figure.what, figure.value)
    with tempfile.TemporaryDirectory() as folder, open_database(Path(folder) / "segue.db", "normal") as database:
        begun = time.perf_counter()
        filled(database.path, number)
        size = database.path.stat().st_size / 2**20
        table.add_row("filled by SQL", f"{time.perf_counter() - begun:.1f} s, {size:,.0f} MiB")
        for figure in pages_read(database.path, number):
            table.add_row(figure.what, figure.value)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
