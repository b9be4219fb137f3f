"""CREATE_NEW_EXECUTION: a failed execution is followed by a new one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from segue.engine.create import rerun_of
from segue.model.change import RerunOrdered
from segue.model.event import KillWanted, RestartWanted
from segue.model.names import ExecutionId, execution_id, milliseconds_of
from segue.model.state import State
from segue.model.task import AllowFailure, Parallel, Retry, RetryBehavior, RetryKind, Sequential, Task

from tests.support.engine import FAILS, START, Player, Says, execution_of, flow, histories, task, tasks

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


def test_what_runs_for_errors_runs_after_the_last_attempt_only_and_what_always_runs_after_each() -> None:
    made = {"errors": (task("e"),), "finally_": (task("f"),), "after_execution": (task("x"),)}
    players = chain(anew(attempts_max=2), **made)

    assert [player.order for player in players] == [["a", "f", "x"], ["a", "e", "f", "x"]]


def test_the_branch_for_errors_of_a_flowable_waits_for_the_last_attempt_too() -> None:
    node = task("s", Sequential(tasks=(task("a"), task("b")), errors=(task("e"),)))
    player = Player(flow(node, "c", retry=anew(attempts_max=2)), {"a": FAILS}).run()

    assert (player.state, player.order) == (State.RETRIED, ["s", "a"])


@pytest.mark.parametrize("allows", [lambda a: a, lambda a: task("n", AllowFailure(tasks=(a,)))])
def test_a_failure_that_is_allowed_is_retried_first(allows: Callable[[Task], Task]) -> None:
    node = allows(task("a", retry=anew(attempts_max=2), allow_failure=True))
    first = Player(flow(node), {"a": FAILS}).run()
    last = Player(flow(node), {"a": FAILS})
    last.execution.attempt_number = 2

    assert (first.state, last.run().state) == (State.RETRIED, State.WARNING)


def test_siblings_end_what_they_do_before_it_is_made_anew() -> None:
    node = task("p", Parallel(tasks=(task("a"), task("s", Sequential(tasks=tasks("b", "c"))))))
    player = Player(flow(node, retry=anew(attempts_max=2)), {"a": FAILS}).start()
    player.end(player.begin("a"), FAILS)
    assert player.state is State.RUNNING

    assert player.finish().state is State.RETRIED
    assert player.order == ["p", "a", "s", "b"]


def test_a_retried_execution_can_be_restarted() -> None:
    player = Player(flow("a", "b", retry=anew(attempts_max=2)), {"a": [FAILS, Says()]}).run()
    player.send(RestartWanted(at=player.tick()))

    assert player.start().finish().state is State.SUCCESS


def test_a_killed_execution_is_not_made_anew() -> None:
    player = Player(flow(task("a", retry=anew(attempts_max=3)))).start()
    player.orders.clear()
    player.send(KillWanted(at=player.tick()))

    assert histories(player.execution)[-1] == "KILLED"


@pytest.mark.parametrize("milliseconds", [0, 1, 1_772_366_400_000, 2**48 - 1])
def test_an_id_tells_when_it_was_made(milliseconds: int) -> None:
    assert milliseconds_of(execution_id(milliseconds, 12345)) == milliseconds
