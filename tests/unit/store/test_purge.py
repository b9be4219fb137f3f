"""Purging: what goes, what hangs on it, and what stays."""

import pytest
from segue.model.event import TimerKind
from segue.model.execution import Execution, Moved
from segue.model.names import task_run_id
from segue.model.state import State
from segue.store.purge import Purged, next_slice
from segue.store.reads import executions, logs, metrics
from segue.store.reads.logs import LogFilters
from segue.store.reads.matching import equals
from segue.store.reads.readers import Readers
from segue.store.reads.search import Filters, search
from segue.store.records import FlowFiring, StoredLogLine, StoredMetric, Timer, TriggerKey

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at


def ended(number: int, state: State = State.SUCCESS, **fields: object) -> Execution:
    execution = an_execution(
        number,
        history=[Moved(State.CREATED, at(number)), Moved(state, at(number + 1))],
        labels={"env": "dev"},
        inputs={"text": "x" * 1_000},
        **fields,
    )
    execution.task_runs[task_run_id(execution.id, 0)].outputs = {"text": "y" * 1_000}
    return execution


@pytest.fixture
def told(writer: WriterUnderTest) -> None:
    story = [ended(0), ended(1, State.FAILED), ended(2, flow_id="etl"), an_execution(3), ended(1_000)]
    batch = a_batch_with(*story)
    for execution in story:
        batch.add_log(
            StoredLogLine(
                at=at(0),
                level="INFO",
                namespace=execution.namespace,
                flow_id=execution.flow_id,
                message="x",
                execution_id=execution.id,
            )
        )
        batch.add_metric(
            StoredMetric(
                at=at(0),
                namespace=execution.namespace,
                flow_id=execution.flow_id,
                execution_id=execution.id,
                name="n",
                kind="counter",
                value=1,
            )
        )
        batch.set_timer(Timer(execution_id=execution.id, task_run_id=None, kind=TimerKind.SLEEP, due=at(0)))
        key = TriggerKey(execution.namespace, execution.flow_id, "t")
        batch.add_flow_firing(FlowFiring(key=key, source_id=execution.id, state=State.SUCCESS))
    writer.write(batch)


def purge_all(writer: WriterUnderTest, readers: Readers, purged: Purged, slice_max: int = 200) -> int:
    number, after = 0, None
    while True:
        with readers.snapshot() as connection:
            found = next_slice(connection, purged, after, slice_max=slice_max)
        writer.write(found.batch(purged))
        number += len(found.ids)
        after = found.after
        if after is None:
            return number


def left(readers: Readers) -> list[int]:
    order = {an_id(number): number for number in (0, 1, 2, 3, 1_000)}
    with readers.snapshot() as connection:
        return sorted(order[execution.id] for execution in search(connection, Filters()).executions)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("purged", "expected"),
    [
        pytest.param(Purged(ended_before=at(500)), [3, 1_000], id="by end"),
        pytest.param(Purged(ended_before=at(2_000)), [3], id="never what runs"),
        pytest.param(Purged(ended_before=at(500), flows=(equals("etl"),)), [0, 1, 3, 1_000], id="flow"),
        pytest.param(Purged(ended_before=at(500), states=frozenset({State.FAILED})), [0, 2, 3, 1_000], id="state"),
        pytest.param(Purged(ended_before=at(500), namespaces=(equals("x"),)), [0, 1, 2, 3, 1_000], id="nothing"),
    ],
)
@pytest.mark.parametrize("slice_max", [1, 2, 200])
def test_a_purge_leaves(
    writer: WriterUnderTest, readers: Readers, purged: Purged, expected: list[int], slice_max: int
) -> None:
    assert purge_all(writer, readers, purged, slice_max) == 5 - len(expected)
    assert left(readers) == expected


@pytest.mark.usefixtures("told")
def test_nothing_of_a_purged_execution_is_left(writer: WriterUnderTest, readers: Readers) -> None:
    purge_all(writer, readers, Purged(ended_before=at(2_000)))
    rest = an_id(3)
    tables = {
        "task_runs": "execution_id",
        "documents": "execution_id",
        "execution_labels": "execution_id",
        "logs": "execution_id",
        "metrics": "execution_id",
        "timers": "execution_id",
        "flow_firings": "source_execution_id",
    }
    with readers.snapshot() as connection:
        strangers = {
            table: connection.execute(f"SELECT count(*) FROM {table} WHERE {column} <> ?", (rest,)).fetchone()[0]
            for table, column in tables.items()
        }
        assert strangers == dict.fromkeys(tables, 0)
        assert sum(sum(states.values()) for states in executions.counts(connection).values()) == 1


@pytest.mark.usefixtures("told")
def test_logs_and_metrics_stay_where_they_are_to_stay(writer: WriterUnderTest, readers: Readers) -> None:
    purge_all(writer, readers, Purged(ended_before=at(2_000), logs=False, metrics=False))
    with readers.snapshot() as connection:
        assert logs.search(connection, LogFilters()).total == 5
        assert len(metrics.of_execution(connection, an_id(0))) == 1
