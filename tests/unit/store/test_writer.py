"""The writer: groups, their order, what durable means, and whom a wrong batch concerns."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from segue.model.names import task_run_id
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.database import OpenDatabase, connect_to_read
from segue.store.errors import AlreadyFired, BatchRefused, StoreError, StoreFull, WriterClosed
from segue.store.reads import daemon, executions
from segue.store.reads.readers import Readers
from segue.store.records import FiredSlot, FlowFiring, TriggerKey

from tests.support.waiting import wait_until
from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at

KEY = TriggerKey("company.team", "hello", "daily")


class Blocked:
    """Holds the database locked, so that batches gather into a group."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


class Outcomes:
    """What became of batches, by number, in the order in which it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, StoreError | None]] = []

    def of(self, number: int):
        return lambda error: self.told.append((number, error))

    def wait_for(self, number: int) -> list[tuple[int, StoreError | None]]:
        wait_until(lambda: len(self.told) >= number, what=f"{number} outcomes", seen=lambda: self.told)
        return self.told


def a_setting(name: str, value: object) -> Batch:
    batch = Batch()
    batch.put_setting(name, value)
    return batch


def a_slot(seconds: float, execution_number: int) -> Batch:
    batch = a_batch_with(an_execution(execution_number))
    batch.add_fired_slot(FiredSlot(key=KEY, fire_time=at(seconds), execution_id=an_id(execution_number)))
    return batch


def settings_in(path: Path) -> dict[str, object]:
    with closing(connect_to_read(path)) as connection:
        return daemon.settings(connection)


def test_a_batch_is_told_durable_only_once_another_connection_sees_it(
    writer: WriterUnderTest, database: OpenDatabase
) -> None:
    seen: list[object] = []
    is_told = threading.Event()
    for number in range(50):
        name = f"setting-{number}"

        def on_durable(_: StoreError | None, name: str = name) -> None:
            seen.append(settings_in(database.path).get(name))
            if len(seen) == 50:
                is_told.set()

        writer.submit(a_setting(name, number), on_durable)
    assert is_told.wait(20)
    assert seen == list(range(50))


def test_a_group_is_one_transaction_and_is_told_in_order(writer: WriterUnderTest, database: OpenDatabase) -> None:
    outcomes = Outcomes()
    with Blocked(database.path):
        for number in range(100):
            writer.submit(a_setting("last", number), outcomes.of(number))
        assert outcomes.told == []
    assert outcomes.wait_for(100) == [(number, None) for number in range(100)]
    assert settings_in(database.path) == {"last": 99}


def test_a_wrong_batch_is_refused_and_the_rest_of_its_group_is_written(
    writer: WriterUnderTest, database: OpenDatabase, readers: Readers
) -> None:
    writer.write(a_slot(60, 1))
    outcomes = Outcomes()
    with Blocked(database.path):
        writer.submit(a_setting("before", 1), outcomes.of(0))
        writer.submit(a_slot(60, 2), outcomes.of(1))
        writer.submit(a_slot(120, 3), outcomes.of(2))
    told = dict(outcomes.wait_for(3))
    assert told[0] is None
    assert isinstance(told[1], AlreadyFired)
    assert told[2] is None
    with readers.snapshot() as connection:
        found = [executions.get(connection, an_id(number)) is not None for number in (1, 2, 3)]
    assert found == [True, False, True]


def test_a_flow_trigger_fires_once_for_each_end(writer: WriterUnderTest) -> None:
    batch, again = Batch(), Batch()
    firing = FlowFiring(key=KEY, source_id=an_id(1), state=State.SUCCESS)
    batch.add_flow_firing(firing)
    again.add_flow_firing(firing)
    writer.write(batch)
    assert isinstance(writer.outcome_of(again), AlreadyFired)


def test_a_number_that_no_column_holds_is_refused_with_the_cause(writer: WriterUnderTest) -> None:
    outcome = writer.outcome_of(a_batch_with(an_execution(revision=2**70)))
    assert isinstance(outcome, BatchRefused)
    assert isinstance(outcome.__cause__, OverflowError)


def test_of_an_execution_written_several_times_in_a_group_the_last_version_stays(
    writer: WriterUnderTest, database: OpenDatabase, readers: Readers
) -> None:
    """And with it the documents that only earlier versions brought."""
    execution = an_execution(inputs={"name": "Ada"}, labels={"env": "dev"})
    outcomes = Outcomes()
    with Blocked(database.path):
        writer.submit(a_batch_with(execution), outcomes.of(0))
        run = execution.task_runs[task_run_id(execution.id, 0)]
        run.outputs = {"value": "x" * 1_000}
        with_outputs = Batch()
        with_outputs.put_task_run(execution, run, with_values=False, with_outputs=True)
        writer.submit(with_outputs, outcomes.of(1))
        execution.attempt_number = 2
        moved = Batch()
        moved.put_execution(execution)
        moved.put_task_run(execution, run, with_values=False, with_outputs=False)
        writer.submit(moved, outcomes.of(2))
    outcomes.wait_for(3)
    with readers.snapshot() as connection:
        assert executions.get(connection, execution.id) == execution


def test_a_task_run_that_was_removed_and_made_anew_in_a_group_is_the_new_one(
    writer: WriterUnderTest, database: OpenDatabase, readers: Readers
) -> None:
    execution = an_execution()
    run = execution.task_runs[task_run_id(execution.id, 0)]
    run.outputs = {"old": True}
    writer.write(a_batch_with(execution))
    outcomes = Outcomes()
    with Blocked(database.path):
        removal = Batch()
        removal.remove_task_run(execution, run.id)
        writer.submit(removal, outcomes.of(0))
        run.task_id, run.outputs, run.attempts = "another", None, []
        writer.submit(a_batch_with(execution), outcomes.of(1))
    outcomes.wait_for(2)
    with readers.snapshot() as connection:
        assert executions.get(connection, execution.id) == execution


def test_a_deletion_keeps_its_place_among_the_batches_of_a_group(
    writer: WriterUnderTest, database: OpenDatabase, readers: Readers
) -> None:
    outcomes = Outcomes()
    removal = Batch()
    removal.remove_execution(an_id(1))
    with Blocked(database.path):
        writer.submit(a_batch_with(an_execution(1), an_execution(2)), outcomes.of(0))
        writer.submit(removal, outcomes.of(1))
    outcomes.wait_for(2)
    with readers.snapshot() as connection:
        left = [executions.get(connection, an_id(number)) is not None for number in (1, 2)]
        assert left == [False, True]
        assert sum(executions.counts(connection)[executions.FlowKey("company.team", "hello")].values()) == 1


def test_what_is_put_of_an_execution_in_the_batch_that_deletes_it_does_not_bring_it_back(
    writer: WriterUnderTest, readers: Readers
) -> None:
    writer.write(a_batch_with(an_execution(1), an_execution(2)))
    removal = a_batch_with(an_execution(1, outputs={"long": "x" * 100_000}), an_execution(2))
    removal.remove_execution(an_id(1))
    writer.write(removal)
    with readers.snapshot() as connection:
        left = [executions.get(connection, an_id(number)) is not None for number in (1, 2)]
    assert left == [False, True]


def test_a_long_reader_holds_nobody_up_and_sees_one_state(
    writer: WriterUnderTest, readers: Readers, database: OpenDatabase
) -> None:
    writer.write(a_setting("state", "old"))
    with readers.snapshot() as connection:
        assert daemon.setting(connection, "state") == "old"
        writer.write(a_setting("state", "new"))
        assert daemon.setting(connection, "state") == "old"
    assert settings_in(database.path) == {"state": "new"}


def test_a_foreign_lock_is_waited_out_with_its_reason_in_the_health(database: OpenDatabase) -> None:
    writer = WriterUnderTest(database.path, busy_timeout=0.05)
    outcomes = Outcomes()
    with Blocked(database.path):
        writer.submit(a_setting("kept", 1), outcomes.of(0))
        wait_until(lambda: writer.health.is_degraded, what="the writer to notice", seen=lambda: writer.health)
        assert "another process holds the database locked" in str(writer.health.reason)
        refusable = a_setting("refused", 1)
        refusable.is_refusable = True
        writer.submit(refusable, outcomes.of(1))
        ((number, refusal),) = outcomes.wait_for(1)
        assert (number, type(refusal)) == (1, StoreFull)
    assert outcomes.wait_for(2)[1] == (0, None)
    wait_until(lambda: not writer.health.is_degraded, what="the writer to be well", seen=lambda: writer.health)
    assert settings_in(database.path) == {"kept": 1}
    writer.close()


def test_closing_writes_what_waits(database: OpenDatabase) -> None:
    writer = WriterUnderTest(database.path)
    outcomes = Outcomes()
    for number in range(200):
        writer.submit(a_setting(f"s{number}", number), outcomes.of(number))
    assert writer.close(20)
    assert outcomes.told == [(number, None) for number in range(200)]
    assert len(settings_in(database.path)) == 200


def test_a_closed_writer_takes_nothing(database: OpenDatabase) -> None:
    writer = WriterUnderTest(database.path)
    writer.close()
    with pytest.raises(WriterClosed):
        writer.submit(a_setting("late", 1), lambda _: None)


def test_many_rows_of_a_table_go_through_every_size_of_statement(writer: WriterUnderTest, readers: Readers) -> None:
    number = 128 + 32 + 8 + 3
    writer.write(a_batch_with(*(an_execution(index) for index in range(number))))
    with readers.snapshot() as connection:
        assert len(list(executions.live(connection))) == number


def test_a_database_file_that_was_deleted_is_noticed(writer: WriterUnderTest, database: OpenDatabase) -> None:
    database.path.unlink()
    wait_until(lambda: writer.health.is_degraded, what="the writer to notice", seen=lambda: writer.health)
    assert "the database file is gone" in str(writer.health.reason)
