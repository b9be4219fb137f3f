"""Who starts under a concurrency limit."""

from datetime import UTC, datetime, timedelta

import pytest
from segue.engine.admission import Waiting, admit, leaving
from segue.model.event import Held, Refused, Started
from segue.model.flow import Concurrency, ConcurrencyBehavior
from segue.model.names import ExecutionId
from segue.model.state import State

NOW = datetime(2024, 5, 15, tzinfo=UTC)


def waiting(name: str, seconds: int) -> Waiting:
    return Waiting(queued_at=NOW + timedelta(seconds=seconds), execution_id=ExecutionId(name))


def test_without_a_limit_everybody_starts() -> None:
    assert admit(None, holding=1_000, at=NOW) == Started(at=NOW)


def test_below_the_limit_an_execution_starts() -> None:
    assert admit(Concurrency(limit=2), holding=1, at=NOW) == Started(at=NOW)


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [(ConcurrencyBehavior.QUEUE, Held), (ConcurrencyBehavior.CANCEL, Refused), (ConcurrencyBehavior.FAIL, Refused)],
)
def test_at_the_limit_the_flow_says_what_becomes_of_one_more(behavior: ConcurrencyBehavior, expected: type) -> None:
    decision = admit(Concurrency(limit=1, behavior=behavior), holding=1, at=NOW)
    assert isinstance(decision, expected)
    if isinstance(decision, Refused):
        assert decision.state is (State.CANCELLED if behavior is ConcurrencyBehavior.CANCEL else State.FAILED)
        assert "limit of 1" in decision.message


def test_nobody_overtakes_the_queue() -> None:
    assert admit(Concurrency(limit=2), holding=1, waiting=1, at=NOW) == Held(at=NOW)


def test_who_came_first_leaves_first_and_only_as_many_as_fit() -> None:
    queue = [waiting("c", 3), waiting("a", 1), waiting("b", 2)]
    assert leaving(Concurrency(limit=3), holding=1, waiting=queue) == (queue[1], queue[2])
    assert leaving(Concurrency(limit=1), holding=5, waiting=queue) == ()


def test_a_limit_that_is_taken_away_lets_everybody_go() -> None:
    queue = [waiting("b", 2), waiting("a", 1)]
    assert leaving(None, holding=9, waiting=queue) == (queue[1], queue[0])
