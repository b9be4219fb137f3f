"""Subflow: what a task orders of another flow, and what the news of its child means to it."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from segue.engine import calls
from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.model.change import ChildKillOrdered, ChildOrdered, Logged
from segue.model.event import ChildEnded, ChildRefused, ChildStarted, KillWanted, RestartWanted, Started
from segue.model.execution import Failure
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.task import Call, RestartBehavior, Retry, RetryKind, Subflow, Task

from tests.support.engine import Player, flow, task

CHILD = ExecutionId("child")


def subflow(**call: Any) -> Task:
    common = {key: call.pop(key) for key in ("retry", "allow_failure", "timeout") if key in call}
    wanted = Call(**{"namespace": "company.team", "flow_id": "other", **call})
    return task("call", Subflow(call=wanted), **common)


def ordered(player: Player) -> list[ChildOrdered]:
    return [change for change in player.changes if isinstance(change, ChildOrdered)]


def begun(listed: Task, *more: str) -> Player:
    """The child is there."""
    player = Player(flow(listed, *more)).start()
    send_started(player)
    return player


def send_started(player: Player, child: ExecutionId = CHILD) -> None:
    order = ordered(player)[-1]
    event = ChildStarted(at=player.tick(), task_run_id=order.id, attempt=order.attempt, execution_id=child)
    player.send(event)


def send_ended(player: Player, state: State, child: ExecutionId = CHILD, **more: Any) -> None:
    run = player.runs("call")[-1]
    player.send(ChildEnded(at=player.tick(), task_run_id=run.id, execution_id=child, state=state, **more))


def test_expressions_of_the_call_are_evaluated_in_the_scope_of_the_task() -> None:
    player = Player(
        flow(subflow(flow_id="{{ task.id }}-er", inputs={"n": "{{ 1 + 1 }}"}, labels={"a": "{{ flow.id }}"}))
    )

    player.start()

    (order,) = ordered(player)
    assert (order.wanted.flow_id, order.wanted.inputs, order.wanted.labels) == ("call-er", {"n": 2}, {"a": "flow"})


def test_the_task_runs_as_long_as_its_child_does_and_has_its_outputs() -> None:
    player = begun(subflow(), "b")

    assert (player.order, player.only("call").state) == (["call"], State.RUNNING)
    send_ended(player, State.SUCCESS, outputs={"o": 1})
    assert player.only("call").outputs == {"executionId": CHILD, "state": "SUCCESS", "outputs": {"o": 1}}
    assert player.finish().state is State.SUCCESS
    assert [attempt.state for attempt in player.only("call").attempts] == [State.SUCCESS]


@pytest.mark.parametrize("state", [State.FAILED, State.WARNING, State.KILLED, State.CANCELLED])
def test_the_end_of_the_child_is_the_end_of_the_task(state: State) -> None:
    player = begun(subflow())

    send_ended(player, state)

    assert (player.only("call").state, player.state) == (state, state)


def test_a_failure_that_is_not_to_be_transmitted_is_a_success() -> None:
    player = begun(subflow(transmit_failed=False))

    send_ended(player, State.FAILED)

    assert player.only("call").state is State.SUCCESS
    assert player.only("call").outputs == {"executionId": CHILD, "state": "FAILED"}


def test_without_wait_the_task_ends_once_the_child_is_there() -> None:
    player = begun(subflow(wait=False), "b")

    assert player.order == ["call", "b"]
    assert player.only("call").outputs == {"executionId": CHILD}


def test_news_of_another_child_says_nothing() -> None:
    player = begun(subflow())

    send_ended(player, State.FAILED, child=ExecutionId("somebody"))

    assert player.only("call").state is State.RUNNING


def test_a_child_that_cannot_be_made_fails_the_attempt_and_is_retried() -> None:
    retry = Retry(kind=RetryKind.CONSTANT, interval=timedelta(seconds=1), attempts_max=2)
    player = Player(flow(subflow(retry=retry))).start()

    for _ in range(2):
        order = ordered(player)[-1]
        refusal = ChildRefused(at=player.tick(), task_run_id=order.id, attempt=order.attempt, message="no such flow")
        player.send(refusal)
        player.finish()

    assert (player.state, len(player.only("call").attempts)) == (State.FAILED, 2)
    assert [change.message for change in player.changes if isinstance(change, Logged)] == ["no such flow"] * 2


def test_outputs_that_cannot_be_extracted_fail_the_task() -> None:
    player = begun(subflow())

    send_ended(player, State.SUCCESS, seen=Failure(message="no such output"))

    assert player.only("call").state is State.FAILED
    assert player.only("call").outputs == {"executionId": CHILD}


def test_a_kill_waits_for_the_child_to_end() -> None:
    player = begun(subflow())

    player.send(KillWanted(at=player.tick()))

    assert ChildKillOrdered(id=player.only("call").id, execution_id=CHILD) in player.changes
    assert player.state is State.KILLING
    send_ended(player, State.KILLED)
    assert player.state is State.KILLED


def test_a_kill_that_does_not_cascade_leaves_the_child_alone() -> None:
    player = begun(subflow())

    player.send(KillWanted(at=player.tick(), cascades=False))

    assert player.state is State.KILLED
    assert not [change for change in player.changes if isinstance(change, ChildKillOrdered)]


@pytest.mark.parametrize(
    ("restart", "again"), [(RestartBehavior.RETRY_FAILED, CHILD), (RestartBehavior.NEW_EXECUTION, None)]
)
def test_a_restart_sets_the_failed_child_going_again_or_wants_a_new_one(
    restart: RestartBehavior, again: ExecutionId | None
) -> None:
    player = begun(subflow(restart=restart))
    send_ended(player, State.FAILED)

    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert ordered(player)[-1].again == again
    send_started(player, CHILD)
    send_ended(player, State.SUCCESS)
    assert player.finish().state is State.SUCCESS


def test_a_call_without_a_child_is_found_after_the_daemon_was_away() -> None:
    player = Player(flow(subflow())).start()
    execution = restore(player.plan, deepcopy(player.execution))
    scene = Scene.of(player.plan, execution, player.only("call").id, player.now)
    assert scene is not None

    assert [child for _, child in calls.lost_children(iter([scene]))] == [None]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"inputs": "no map"}, "The inputs are no map"),
        ({"labels": "{{ 1 }}"}, "The labels are no map"),
        ({"schedule_date": "soon"}, "scheduleDate"),
        ({"flow_id": "{{ missing.thing }}"}, "missing"),
    ],
    ids=["inputs", "labels", "date", "expression"],
)
def test_a_call_that_cannot_be_understood_fails_the_task(keys: dict[str, Any], message: str) -> None:
    player = Player(flow(subflow(**keys))).start()

    assert player.state is State.FAILED
    assert message in next(change.message for change in player.changes if isinstance(change, Logged))


def kills(player: Player) -> list[ExecutionId]:
    return [change.execution_id for change in player.changes if isinstance(change, ChildKillOrdered)]


def test_a_call_that_takes_too_long_fails_and_its_child_is_killed() -> None:
    player = begun(subflow(timeout="PT1M"), "b")
    player.fire()

    assert (player.state, player.order, kills(player)) == (State.FAILED, ["call"], [CHILD])
    assert [change.message for change in player.changes if isinstance(change, Logged)] == ["Timeout after PT1M"]
    send_ended(player, State.KILLED)
    assert player.only("call").state is State.FAILED


def test_each_attempt_of_a_call_has_its_own_time() -> None:
    retry = Retry(kind=RetryKind.CONSTANT, interval=timedelta(seconds=1), attempts_max=2)
    player = begun(subflow(timeout="PT1M", retry=retry))
    player.fire()
    player.fire()
    send_started(player, ExecutionId("second"))
    send_ended(player, State.SUCCESS, ExecutionId("second"))

    assert (player.state, kills(player), player.timers) == (State.SUCCESS, [CHILD], {})


def test_a_call_that_ends_in_time_is_timed_no_more() -> None:
    player = begun(subflow(timeout="{{ 'PT1M' }}"))
    assert len(player.timers) == 1
    send_ended(player, State.SUCCESS)

    assert (player.state, player.timers) == (State.SUCCESS, {})


def test_a_killed_call_is_timed_no_more() -> None:
    player = begun(subflow(timeout="PT1M"))
    player.send(KillWanted(at=player.tick()))
    send_ended(player, State.KILLED)

    assert (player.state, player.timers) == (State.KILLED, {})


def test_a_child_that_is_only_about_to_be_there_when_the_time_is_over_is_waited_for_and_killed() -> None:
    player = Player(flow(subflow(timeout="PT0S"))).start()
    player.fire()
    assert player.state is State.RUNNING
    send_started(player)
    player.fire()

    assert (player.state, kills(player)) == (State.FAILED, [CHILD])


def test_a_timeout_that_is_no_span_of_time_fails_the_call() -> None:
    assert Player(flow(subflow(timeout="{{ 'soon' }}"))).run().state is State.FAILED
