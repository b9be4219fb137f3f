"""Counting executions by the time they began in: where stretches begin and end, and where counting stops."""

from datetime import UTC, datetime, timedelta

from segue.model.execution import Moved, TaskRun
from segue.model.names import task_run_id
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.store.reads import executions
from segue.store.reads.executions import Ran
from segue.store.reads.readers import Readers

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def tell(writer: WriterUnderTest, *minutes: int, state: State = State.SUCCESS) -> None:
    for number, minute in enumerate(minutes):
        at = NOON + timedelta(minutes=minute)
        history = [Moved(State.CREATED, at), Moved(state, at)]
        writer.write(
            a_batch_with(an_execution(minute * 10 + number + (500 if state is State.FAILED else 0), history=history))
        )


def test_executions_are_counted_by_full_hours_and_state(writer: WriterUnderTest, readers: Readers) -> None:
    tell(writer, 0, 59, 60)
    tell(writer, 61, state=State.FAILED)
    with readers.snapshot() as connection:
        counted = executions.tally(connection, NOON, NOON + 2 * HOUR, HOUR)
    assert counted == ((NOON, {State.SUCCESS: 2}), (NOON + HOUR, {State.SUCCESS: 1, State.FAILED: 1}))


def test_what_began_before_or_in_a_later_stretch_is_left_out(writer: WriterUnderTest, readers: Readers) -> None:
    tell(writer, 10, 40, 130)
    with readers.snapshot() as connection:
        counted = executions.tally(connection, NOON + timedelta(minutes=30), NOON + HOUR, HOUR)
    assert counted == ((NOON, {State.SUCCESS: 1}),)


def test_counting_stops_at_the_most(writer: WriterUnderTest, readers: Readers) -> None:
    tell(writer, 1, 2, 3, 4)
    with readers.snapshot() as connection:
        assert executions.tally(connection, NOON, NOON, HOUR, most=3) == ((NOON, {State.SUCCESS: 3}),)


def test_one_flow_is_counted_by_itself_with_how_long_its_runs_took(writer: WriterUnderTest, readers: Readers) -> None:
    tell(writer, 0, 59)
    for number, (flow_id, seconds) in enumerate((("hello", 4), ("hello", 8), ("other", 60)), 700):
        at = NOON + timedelta(minutes=number - 690)
        history = [Moved(State.CREATED, at), Moved(State.WARNING, at + timedelta(seconds=seconds))]
        writer.write(a_batch_with(an_execution(number, flow_id=flow_id, history=history)))
    flow = FlowKey("company.team", "hello")
    with readers.snapshot() as connection:
        counted = executions.flow_tally(connection, flow, NOON, NOON, HOUR)
        capped = executions.flow_tally(connection, flow, NOON, NOON, HOUR, most=1)
    assert counted == ((NOON, {State.SUCCESS: Ran(2, timedelta(0)), State.WARNING: Ran(2, timedelta(seconds=6))}),)
    assert capped[0][1][State.SUCCESS].number == 1


def test_task_runs_are_counted_by_task_and_state_and_the_first_of_a_state_are_found(
    writer: WriterUnderTest, readers: Readers
) -> None:
    execution = an_execution(1)
    for sequence, (task_id, state) in enumerate(
        (("a", State.SUCCESS), ("b", State.FAILED), ("b", State.FAILED), ("b", State.SUCCESS))
    ):
        run = TaskRun(
            id=task_run_id(execution.id, sequence),
            sequence=sequence,
            task_id=task_id,
            parent_id=None,
            history=[Moved(state, NOON)],
        )
        execution.task_runs[run.id] = run
    writer.write(a_batch_with(execution))
    with readers.snapshot() as connection:
        counted = executions.task_states(connection, execution.id)
        failed = executions.task_runs_in(connection, execution.id, State.FAILED, limit=1)
    assert counted == {"a": {State.SUCCESS: 1}, "b": {State.FAILED: 2, State.SUCCESS: 1}}
    assert [run.sequence for run in failed] == [1]
