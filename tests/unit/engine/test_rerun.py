"""CREATE_NEW_EXECUTION: a failed execution is followed by a new one."""

from datetime import timedelta
from typing import Any

import pytest
from segue.engine.create import rerun_of
from segue.model.change import RerunOrdered
from segue.model.event import KillWanted
from segue.model.names import ExecutionId, execution_id, milliseconds_of
from segue.model.state import State
from segue.model.task import Retry, RetryBehavior, RetryKind

from tests.support.engine import FAILS, START, Player, execution_of, flow, histories, task

SECOND = timedelta(seconds=1)


def anew(**keys: Any) -> Retry:
    return Retry(kind=RetryKind.CONSTANT, interval=2 * SECOND, behavior=RetryBehavior.CREATE_NEW_EXECUTION, **keys)


def chain(policy: Retry, **keys: Any) -> list[Player]:
    """The executions that follow each other until none is ordered any more."""
    made = flow(task("a", retry=policy), **keys)
    players = [Player(made, {"a": FAILS}).run()]
    while due := [change.due for change in players[-1].changes if isinstance(change, RerunOrdered)]:
        last = players[-1]
        again = rerun_of(last.execution, made, id=ExecutionId(f"e{len(players)}"), at=last.now, due=due[0])
        players.append(Player(made, {"a": FAILS}, execution=again, now=due[0]).run())
    return players


def test_new_executions_are_made_until_the_attempts_are_used_up() -> None:
    players = chain(anew(attempts_max=3))

    assert [player.state for player in players] == [State.RETRIED, State.RETRIED, State.FAILED]
    assert [len(player.only("a").attempts) for player in players] == [1, 1, 1]
    assert [player.execution.attempt_number for player in players] == [1, 2, 3]


def test_a_new_execution_is_like_the_old_one_and_knows_the_first_of_the_chain() -> None:
    made = flow(task("a", retry=anew(attempts_max=2)), labels={"x": "1"})
    player = Player(made, {"a": FAILS}, execution=execution_of(made, inputs={"i": 1})).run()

    again = rerun_of(player.execution, made, id=ExecutionId("r"), at=player.now, due=player.now + SECOND)

    assert (again.state, again.inputs, again.original_id) == (State.CREATED, {"i": 1}, "e")
    assert again.scheduled_at == player.now + SECOND
    assert again.labels == player.execution.labels


def test_no_execution_is_made_later_than_the_duration_after_the_first() -> None:
    made = flow(task("a", retry=anew(duration_max=6 * SECOND)))
    first = execution_id(int(START.timestamp() * 1000), 7)

    def state_after(seconds: int) -> State:
        execution = execution_of(made)
        execution.original_id = first
        return Player(made, {"a": FAILS}, execution=execution, now=START + seconds * SECOND).run().state

    assert [state_after(0), state_after(1), state_after(3)] == [State.RETRIED, State.RETRIED, State.FAILED]


def test_the_errors_branch_has_run_before() -> None:
    players = chain(anew(attempts_max=2), errors=(task("e"),))

    assert players[0].order == ["a", "e"]


def test_a_killed_execution_is_not_made_anew() -> None:
    player = Player(flow(task("a", retry=anew(attempts_max=3)))).start()
    player.orders.clear()
    player.send(KillWanted(at=player.tick()))

    assert histories(player.execution)[-1] == "KILLED"


@pytest.mark.parametrize("milliseconds", [0, 1, 1_772_366_400_000, 2**48 - 1])
def test_an_id_tells_when_it_was_made(milliseconds: int) -> None:
    assert milliseconds_of(execution_id(milliseconds, 12345)) == milliseconds
