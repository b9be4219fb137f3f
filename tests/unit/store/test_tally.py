"""Counting executions by the time they began in: where stretches begin and end, and where counting stops."""

from datetime import UTC, datetime, timedelta

from segue.model.execution import Moved
from segue.model.state import State
from segue.store.reads import executions
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
