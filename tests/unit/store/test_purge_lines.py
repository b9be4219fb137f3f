"""Purging single log lines and metrics: which go, in slices, and what is counted before an execution goes."""

import pytest
from segue.store.batch import Batch
from segue.store.purge import Lines, Weight, next_lines, weigh
from segue.store.reads import executions, logs
from segue.store.reads.readers import Readers
from segue.store.records import StoredLogLine, StoredMetric

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at

PLACES = [("a", "f", "INFO"), ("a", "g", "WARN"), ("a.b", "f", "INFO"), ("ab", "f", "ERROR"), ("a", "f", "WARN")]


@pytest.fixture
def said(writer: WriterUnderTest) -> None:
    batch = Batch()
    for number, (namespace, flow_id, level) in enumerate(PLACES):
        batch.add_log(
            StoredLogLine(at=at(number), level=level, namespace=namespace, flow_id=flow_id, message=str(number))
        )
        batch.add_metric(
            StoredMetric(
                at=at(number),
                namespace=namespace,
                flow_id=flow_id,
                execution_id=an_id(number),
                name="n",
                kind="counter",
                value=1,
            )
        )
    writer.write(batch)


def purge(writer: WriterUnderTest, readers: Readers, lines: Lines, rows_max: int) -> int:
    count, after = 0, 0
    while True:
        with readers.snapshot() as connection:
            ids, following = next_lines(connection, lines, after, rows_max=rows_max)
        batch = Batch()
        batch.remove_lines(lines.table, ids)
        writer.write(batch)
        count += len(ids)
        if following is None:
            return count
        after = following


LATE = at(1_000)
CASES = [
    pytest.param(Lines(table="logs", until=LATE), [], id="all"),
    pytest.param(Lines(table="logs", until=at(2)), ["3", "4"], id="up to a time, with it"),
    pytest.param(Lines(table="logs", until=LATE, since=at(3)), ["0", "1", "2"], id="from a time"),
    pytest.param(Lines(table="logs", until=LATE, namespace="a"), ["3"], id="a namespace with those below"),
    pytest.param(Lines(table="logs", until=LATE, namespace="a", flow_id="f"), ["1", "2", "3"], id="one flow"),
    pytest.param(Lines(table="logs", until=LATE, levels=("WARN", "ERROR")), ["0", "2"], id="levels"),
    pytest.param(Lines(table="logs", until=LATE, execution_id="none"), ["0", "1", "2", "3", "4"], id="an execution"),
]


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("rows_max", [2, 1_000])
@pytest.mark.parametrize(("lines", "expected"), CASES)
def test_which_lines_stay(
    writer: WriterUnderTest, readers: Readers, lines: Lines, expected: list[str], rows_max: int
) -> None:
    count = purge(writer, readers, lines, rows_max)
    with readers.snapshot() as connection:
        left = [line.message for line in reversed(logs.latest(connection, logs.LogFilters()))]
    assert left == expected
    assert count == len(PLACES) - len(left)


@pytest.mark.usefixtures("said")
def test_metrics_go_the_same_way(writer: WriterUnderTest, readers: Readers) -> None:
    assert purge(writer, readers, Lines(table="metrics", until=LATE, namespace="a"), 2) == 4
    assert purge(writer, readers, Lines(table="metrics", until=LATE), 2) == 1


def test_what_hangs_on_executions_is_counted(writer: WriterUnderTest, readers: Readers) -> None:
    writer.write(a_batch_with(an_execution(1), an_execution(2)))
    with readers.snapshot() as connection:
        weight = weigh(connection, [an_id(1)])
        assert weigh(connection, []) == Weight(0, 0, 0)
    assert (weight.logs, weight.metrics) == (0, 0)


def test_executions_are_counted_by_flow_state_and_start(writer: WriterUnderTest, readers: Readers) -> None:
    story = [an_execution(number) for number in range(3)]
    writer.write(a_batch_with(*story))
    first = story[0]
    with readers.snapshot() as connection:
        assert executions.count(connection, first.namespace) == 3
        assert executions.count(connection, first.namespace, "no-such-flow") == 0
        assert executions.count(connection, first.namespace, first.flow_id, states=[first.state.value]) == 3
        assert executions.count(connection, first.namespace, first.flow_id, states=[]) == 0
        assert executions.count(connection, first.namespace, since=story[1].started_at) == 2
        assert executions.count(connection, first.namespace, until=story[1].started_at) == 2
        assert executions.missing(connection, [first.id, "nobody"]) == ["nobody"]
