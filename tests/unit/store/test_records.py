"""What only the store keeps comes back as it was: logs, metrics, triggers, keys, revisions, syncs, processes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.structs import replace
from segue.model.names import task_run_id
from segue.model.order import LogLevel
from segue.model.problem import Problem, Severity
from segue.model.revision import Author, FlowKey, Revision
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.reads import daemon, entries, executions, logs, metrics, revisions, triggers
from segue.store.reads.logs import LogFilters
from segue.store.reads.matching import equals, within
from segue.store.reads.metrics import Aggregation
from segue.store.reads.readers import Readers
from segue.store.records import (
    Entry,
    FiredSlot,
    Process,
    StoredLogLine,
    StoredMetric,
    Sync,
    TriggerKey,
    TriggerState,
)

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at

KEY = TriggerKey("company.team", "hello", "daily")


def a_line(number: int, **fields: object) -> StoredLogLine:
    given = {
        "at": at(number),
        "level": "INFO",
        "namespace": "company.team",
        "flow_id": "hello",
        "message": f"line {number}",
        "execution_id": an_id(0),
        "task_run_id": task_run_id(an_id(0), 0),
        "task_id": "hello",
        "attempt": 1,
        **fields,
    }
    return StoredLogLine(**given)  # type: ignore[arg-type]


LINES = [
    a_line(0),
    a_line(1, level="ERROR", message="Größe 日本\x00 failed"),
    a_line(2, level="WARN", attempt=2),
    a_line(3, task_id="other", task_run_id=task_run_id(an_id(0), 1)),
    a_line(4, execution_id=an_id(1), flow_id="etl", level="DEBUG"),
    a_line(5, execution_id=None, task_run_id=None, task_id=None, attempt=None, trigger_id="daily"),
]

LOG_CASES = {
    "everything": (LogFilters(), [5, 4, 3, 2, 1, 0]),
    "execution": (LogFilters(execution_id=an_id(1)), [4]),
    "errors": (LogFilters(level_min=LogLevel.ERROR), [1]),
    "warnings and worse": (LogFilters(level_min=LogLevel.WARN), [2, 1]),
    "all but trace": (LogFilters(level_min=LogLevel.DEBUG), [5, 4, 3, 2, 1, 0]),
    "task": (LogFilters(task_id="other"), [3]),
    "task run": (LogFilters(task_run_id=task_run_id(an_id(0), 1)), [3]),
    "attempt": (LogFilters(attempt=2), [2]),
    "trigger": (LogFilters(trigger_id="daily"), [5]),
    "flow": (LogFilters(flows=(equals("etl"),)), [4]),
    "namespace": (LogFilters(namespaces=(within("company"),), level_min=LogLevel.WARN), [2, 1]),
    "a flow that is not there": (LogFilters(flows=(equals("nothing"),)), []),
    "text": (LogFilters(text="FAILED"), [1]),
    "times": (LogFilters(since=at(2), before=at(4)), [3, 2]),
}


@pytest.fixture
def told(writer: WriterUnderTest) -> None:
    batch = a_batch_with(an_execution(0), an_execution(1, flow_id="etl"))
    for line in LINES:
        batch.add_log(line)
    writer.write(batch)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(("filters", "expected"), LOG_CASES.values(), ids=LOG_CASES)
def test_a_log_filter_finds(readers: Readers, filters: LogFilters, expected: list[int]) -> None:
    with readers.snapshot() as connection:
        found = logs.search(connection, filters)
    assert [replace(line, id=0) for line in found.lines] == [LINES[number] for number in expected]
    assert (found.total, found.is_exact) == (len(expected), True)


@pytest.mark.usefixtures("told")
def test_log_lines_are_read_on_from_the_last_one_seen(readers: Readers) -> None:
    with readers.snapshot() as connection:
        first = logs.of_execution(connection, an_id(0), limit=3)
        rest = logs.of_execution(connection, an_id(0), LogFilters(after_id=first[-1].id))
        everything = list(logs.all_of_execution(connection, an_id(0)))
    assert [line.message for line in (*first, *rest)] == [line.message for line in everything]
    assert len(rest) == 1


def test_a_line_that_utf8_cannot_say_is_stored_with_the_rest_of_it(writer: WriterUnderTest, readers: Readers) -> None:
    batch = Batch()
    batch.add_log(a_line(0, message="before \ud83d after"))
    writer.write(batch)
    with readers.snapshot() as connection:
        assert [line.message for line in logs.of_execution(connection, an_id(0))] == ["before ? after"]


def test_logs_of_a_trigger_are_removed_alone(writer: WriterUnderTest, readers: Readers, told: None) -> None:
    batch = Batch()
    batch.remove_trigger_logs(KEY)
    writer.write(batch)
    with readers.snapshot() as connection:
        assert logs.search(connection, LogFilters()).total == len(LINES) - 1


def a_metric(number: int, value: float, **fields: object) -> StoredMetric:
    given = {
        "at": at(number),
        "namespace": "company.team",
        "flow_id": "hello",
        "execution_id": an_id(0),
        "name": "rows",
        "kind": "counter",
        "value": value,
        "task_run_id": task_run_id(an_id(0), 0),
        "task_id": "load",
        "tags": {"täg": "x"},
        **fields,
    }
    return StoredMetric(**given)  # type: ignore[arg-type]


def test_metrics_are_read_by_execution_by_name_and_over_time(writer: WriterUnderTest, readers: Readers) -> None:
    stored = [a_metric(0, 1), a_metric(1, 2.5), a_metric(3_600, 4, task_id="save"), a_metric(2, 9, name="bytes")]
    batch = Batch()
    for metric in stored:
        batch.add_metric(metric)
    writer.write(batch)
    with readers.snapshot() as connection:
        assert list(metrics.of_execution(connection, an_id(0))) == stored
        assert metrics.of_execution(connection, an_id(0), task_id="save") == (stored[2],)
        assert metrics.names(connection, "company.team", "hello") == ("bytes", "rows")
        assert metrics.names(connection, "company.team", "hello", task_id="save") == ("rows",)
        points = {
            aggregation: [
                (point.at, point.value)
                for point in metrics.over_time(
                    connection, "company.team", "hello", "rows", since=at(0), before=at(7_200), aggregation=aggregation
                )
            ]
            for aggregation in Aggregation
        }
    assert points == {
        Aggregation.SUM: [(at(0), 3.5), (at(3_600), 4)],
        Aggregation.AVG: [(at(0), 1.75), (at(3_600), 4)],
        Aggregation.MIN: [(at(0), 1), (at(3_600), 4)],
        Aggregation.MAX: [(at(0), 2.5), (at(3_600), 4)],
    }


def test_trigger_states_come_back_and_the_next_fires_are_in_order(writer: WriterUnderTest, readers: Readers) -> None:
    full = TriggerState(
        key=KEY,
        updated_at=at(0),
        next_at=at(60),
        last_fired_at=at(-60),
        evaluated_at=at(0),
        execution_id=an_id(1),
        backfill={"start": "2026-01-01", "labels": {"a": "b"}},
        notes={"window": [1]},
    )
    sooner = TriggerState(key=replace(KEY, trigger_id="hourly"), updated_at=at(0), next_at=at(30))
    disabled = TriggerState(key=replace(KEY, trigger_id="off"), updated_at=at(0), next_at=at(1), is_disabled=True)
    gone = TriggerState(key=replace(KEY, trigger_id="gone"), updated_at=at(0))
    batch = Batch()
    for state in (full, sooner, disabled, gone):
        batch.put_trigger_state(state)
    writer.write(batch)
    removal = Batch()
    removal.remove_trigger_state(gone.key)
    writer.write(removal)
    with readers.snapshot() as connection:
        assert triggers.states(connection) == (full, sooner, disabled)
        assert triggers.state(connection, KEY) == full
        assert triggers.state(connection, gone.key) is None
        assert triggers.next_fires(connection, 10) == (sooner, full)


def test_used_fire_times_are_known_until_they_are_removed(writer: WriterUnderTest, readers: Readers) -> None:
    batch = Batch()
    for seconds in (0, 60):
        batch.add_fired_slot(FiredSlot(key=KEY, fire_time=at(seconds)))
    writer.write(batch)
    removal = Batch()
    removal.remove_slots_before(at(60))
    writer.write(removal)
    with readers.snapshot() as connection:
        known = [triggers.is_slot_fired(connection, KEY, at(seconds)) for seconds in (0, 60)]
    assert known == [False, True]


def test_a_key_is_read_until_it_expires(writer: WriterUnderTest, readers: Readers) -> None:
    lasting = Entry(
        namespace="company",
        key="a",
        type="JSON",
        value={"ü": [1.5, None]},
        created_at=at(0),
        updated_at=at(1),
        version=3,
    )
    passing = replace(lasting, key="b", value="x", expires_at=at(60), description="for a minute")
    batch = Batch()
    batch.put_entry(lasting)
    batch.put_entry(passing)
    writer.write(batch)
    with readers.snapshot() as connection:
        assert entries.of_namespace(connection, "company", now=at(59)) == (lasting, passing)
        assert entries.of_namespace(connection, None, now=at(60)) == (lasting,)
        assert entries.of_namespace(connection, "other", now=at(0)) == ()
        assert entries.get(connection, "company", "b", now=at(59)) == passing
        assert entries.get(connection, "company", "b", now=at(60)) is None
        assert entries.expired(connection, now=at(60)) == (("company", "b"),)
    removal = Batch()
    removal.remove_entry("company", "b")
    writer.write(removal)
    with readers.snapshot() as connection:
        assert entries.expired(connection, now=at(60)) == ()


def a_revision(number: int, flow_id: str = "hello", **fields: object) -> Revision:
    given = {
        "key": FlowKey("company.team", flow_id),
        "number": number,
        "commit_id": f"{number}" * 40,
        "author": Author("Zoë", "zoe@example.org"),
        "committed_at": datetime(2026, 1, number, 12, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        "path": "flows/company.team/größe.yaml",
        "blob": "b" * 40,
        "document": 0,
        "content": "b" * 40,
        **fields,
    }
    return Revision(**given)  # type: ignore[arg-type]


def test_the_ledger_comes_back_with_zones_and_with_what_is_live(writer: WriterUnderTest, readers: Readers) -> None:
    ledger = [a_revision(1, "a"), a_revision(2, "a", is_deleted=True), a_revision(1), a_revision(2)]
    batch = Batch()
    for revision in ledger:
        batch.put_revision(revision)
    batch.put_live_flow(ledger[2].key, 1)
    batch.put_live_flow(ledger[0].key, 1)
    writer.write(batch)
    retiring = Batch()
    retiring.retire_flow(ledger[0].key)
    writer.write(retiring)
    with readers.snapshot() as connection:
        assert list(revisions.ledger(connection)) == ledger
        assert revisions.ledger(connection)[0].committed_at.utcoffset() == timedelta(hours=5, minutes=45)
        assert list(revisions.of_flow(connection, ledger[2].key)) == ledger[2:]
        assert revisions.live(connection) == (ledger[2],)


def test_a_ledger_is_replaced_by_another(writer: WriterUnderTest, readers: Readers) -> None:
    batch, other = Batch(), Batch()
    batch.put_revision(a_revision(1))
    batch.put_live_flow(a_revision(1).key, 1)
    writer.write(batch)
    other.replace_revisions()
    other.put_revision(a_revision(1, "other"))
    writer.write(other)
    with readers.snapshot() as connection:
        assert revisions.ledger(connection) == (a_revision(1, "other"),)
        assert revisions.live(connection) == ()


def test_problems_at_the_head_are_replaced_together(writer: WriterUnderTest, readers: Readers) -> None:
    first = Problem(path="a.yaml", line=1, column=2, code="unknown-key", message="'x'", hint="'y'?", where="tasks[0]")
    second = Problem(path="a.yaml", line=0, column=0, code="c", message="m", severity=Severity.WARNING)
    for problems in ((first, second), (second,), ()):
        batch = Batch()
        batch.replace_problems(problems)
        writer.write(batch)
        with readers.snapshot() as connection:
            assert revisions.problems(connection) == problems


def test_syncs_are_read_latest_first(writer: WriterUnderTest, readers: Readers) -> None:
    good = Sync(started_at=at(0), ended_at=at(1), reason="poll", commit_id="c" * 40, changed=("a/b",), problem_count=2)
    bad = Sync(started_at=at(2), ended_at=at(3), reason="webhook", previous_commit_id="c" * 40, error="no such host")
    batch = Batch()
    batch.add_sync(good)
    batch.add_sync(bad)
    writer.write(batch)
    with readers.snapshot() as connection:
        assert revisions.syncs(connection) == (replace(bad, id=2), replace(good, id=1))
        assert revisions.syncs(connection, 1) == (replace(bad, id=2),)


def test_processes_are_known_until_they_are_removed(writer: WriterUnderTest, readers: Readers) -> None:
    one = Process(pid=10, started=500, group_id=10, worker="worker-1", recorded_at=at(0))
    two = replace(one, pid=11, group_id=11)
    batch = Batch()
    batch.put_process(one)
    batch.put_process(two)
    writer.write(batch)
    removal = Batch()
    removal.remove_process(10, 500)
    writer.write(removal)
    with readers.snapshot() as connection:
        assert daemon.processes(connection) == (two,)


def test_settings_are_read_by_name(writer: WriterUnderTest, readers: Readers) -> None:
    batch = Batch()
    batch.put_settings({"head": {"commit": "c"}, "nothing": None})
    writer.write(batch)
    with readers.snapshot() as connection:
        assert daemon.setting(connection, "head") == {"commit": "c"}
        assert daemon.setting(connection, "unknown") is None
        assert daemon.settings(connection) == {"head": {"commit": "c"}, "nothing": None}


def test_the_last_runs_of_flows_and_who_holds_a_slot(writer: WriterUnderTest, readers: Readers) -> None:
    states = [State.SUCCESS, State.FAILED, State.RUNNING, State.PAUSED, State.QUEUED]
    writer.write(a_batch_with(*(an_execution(number, state=state) for number, state in enumerate(states))))
    hello, other = FlowKey("company.team", "hello"), FlowKey("company.team", "other")
    with readers.snapshot() as connection:
        last = executions.last_runs(connection, [hello, other], 3)
        assert [run.state for run in last[hello]] == [State.QUEUED, State.PAUSED, State.RUNNING]
        assert last[hello][0].started_at == datetime(2026, 1, 1, 0, 0, 4, tzinfo=UTC)
        assert last[other] == ()
        assert executions.slots_held(connection) == {hello: 2}
        assert executions.counts(connection)[hello] == dict.fromkeys(states, 1)
