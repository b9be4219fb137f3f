"""The items of a ForEachItem: one task that calls a flow for each batch and waits for all of them."""

from copy import deepcopy
from typing import Any

import pytest
from segue.engine.batches import AT_ONCE_MAX, unmade
from segue.engine.orders import evaluation_for, open_evaluations
from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.model.change import ChildKillOrdered, ChildOrdered, EvaluationOrdered
from segue.model.event import ChildEnded, ChildRefused, ChildStarted, KillWanted, RestartWanted, Started
from segue.model.execution import Failure, TaskRun
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.task import Call, EachItem, ForEachItem, Task

from tests.support.engine import Player, Says, flow, task


def each_item(**call: Any) -> Task:
    wanted = Call(**{"namespace": "company.team", "flow_id": "other", "inputs": {"n": "{{ taskrun.items }}"}, **call})
    items = task("each_items", EachItem(call=wanted, split="each_split"))
    return task("each", ForEachItem(tasks=(task("each_split"), items, task("each_merge")), properties={}))


def begun(count: int, **call: Any) -> Player:
    uris = [f"kestra:///{number}" for number in range(count)]
    player = Player(flow(each_item(**call)), {"each_split": Says(outputs={"uris": uris})}).start()
    player.step()
    return player


def ordered(player: Player) -> list[ChildOrdered]:
    return [change for change in player.changes if isinstance(change, ChildOrdered)]


def start_all(player: Player, first: int = 0) -> None:
    for order in ordered(player)[first:]:
        child = ExecutionId(f"child{order.number}")
        event = ChildStarted(
            at=player.tick(), task_run_id=order.id, attempt=order.attempt, execution_id=child, number=order.number
        )
        player.send(event)


def end_child(player: Player, number: int, state: State = State.SUCCESS) -> None:
    run = items_of(player)
    child = ExecutionId(f"child{number}")
    player.send(ChildEnded(at=player.tick(), task_run_id=run.id, execution_id=child, state=state))


def items_of(player: Player) -> TaskRun:
    return player.only("each_items")


def test_each_batch_is_a_call_with_its_own_file() -> None:
    player = begun(2)

    assert [order.wanted.inputs for order in ordered(player)] == [{"n": "kestra:///0"}, {"n": "kestra:///1"}]


def test_it_ends_when_all_have_and_says_how() -> None:
    player = begun(2)
    start_all(player)
    end_child(player, 1)
    assert items_of(player).state is State.RUNNING
    end_child(player, 0)

    assert player.finish().state is State.SUCCESS
    assert player.order == ["each", "each_split", "each_items", "each_merge"]
    iterations = {"CREATED": 0, "RUNNING": 0, "SUCCESS": 2}
    assert items_of(player).outputs == {"iterations": iterations, "numberOfBatches": 2}


def test_without_batches_it_succeeds_and_has_no_outputs() -> None:
    player = begun(0)

    assert (items_of(player).state, items_of(player).outputs) == (State.SUCCESS, None)


@pytest.mark.parametrize(("transmits", "end"), [(True, State.FAILED), (False, State.SUCCESS)])
def test_a_batch_that_failed_fails_it_once_all_have_ended(transmits: bool, end: State) -> None:
    player = begun(2, transmit_failed=transmits)
    start_all(player)
    end_child(player, 0, State.FAILED)
    end_child(player, 1)

    assert player.finish().state is end


def test_a_batch_that_cannot_be_begun_counts_as_failed() -> None:
    player = begun(1)
    (order,) = ordered(player)
    player.send(ChildRefused(at=player.tick(), task_run_id=order.id, attempt=1, number=0, message="no such flow"))

    assert player.state is State.FAILED


def test_no_more_than_some_run_at_once_and_the_others_follow() -> None:
    player = begun(AT_ONCE_MAX + 1)
    assert len(ordered(player)) == AT_ONCE_MAX
    start_all(player)

    end_child(player, 3)

    assert ordered(player)[-1].number == AT_ONCE_MAX


def test_news_that_comes_twice_counts_once() -> None:
    player = begun(2)
    start_all(player)
    end_child(player, 0)
    end_child(player, 0)

    assert items_of(player).state is State.RUNNING


def test_a_kill_ends_all_that_run() -> None:
    player = begun(2)
    start_all(player)
    player.send(KillWanted(at=player.tick()))
    assert len([change for change in player.changes if isinstance(change, ChildKillOrdered)]) == 2
    end_child(player, 0, State.KILLED)
    end_child(player, 1, State.KILLED)

    assert player.state is State.KILLED


def test_a_restart_goes_on_with_those_that_failed() -> None:
    player = begun(3)
    start_all(player)
    for number, state in enumerate((State.SUCCESS, State.FAILED, State.SUCCESS)):
        end_child(player, number, state)
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert [(order.number, order.again) for order in ordered(player)[3:]] == [(1, "child1")]
    start_all(player, 3)
    end_child(player, 1)
    assert player.finish().state is State.SUCCESS


READ = "{{ read(taskrun.items) }}"


def asked(player: Player) -> list[str]:
    return [change.purpose for change in player.changes if isinstance(change, EvaluationOrdered)]


def read_by_a_worker(count: int, **answers: Any) -> Player:
    uris = [f"kestra:///{number}" for number in range(count)]
    made = flow(each_item(inputs={"text": READ}))
    player = Player(made, {"each_split": Says(outputs={"uris": uris})}, answers=answers).start()
    player.step()
    return player


def a_call(text: str) -> dict[str, Any]:
    return {"namespace": "company.team", "flowId": "other", "inputs": {"text": text}}


def test_what_a_batch_is_given_may_be_for_a_worker_to_say() -> None:
    player = read_by_a_worker(2, **{"batch.0": a_call("a"), "batch.1": a_call("b")})
    order = evaluation_for(player.plan, player.execution, player.evaluations[0])
    assert order is not None
    assert order.variables["taskrun"]["items"] == "kestra:///0"
    assert order.variables["taskrun"]["iteration"] == 0

    player.step()
    player.step()

    assert asked(player) == ["batch.0", "batch.1"]
    assert [each.wanted.inputs for each in ordered(player)] == [{"text": "a"}, {"text": "b"}]
    start_all(player)
    end_child(player, 0)
    end_child(player, 1)
    assert player.finish().state is State.SUCCESS


def test_a_batch_that_ends_while_a_worker_is_asked_for_the_next_does_not_ask_twice() -> None:
    player = read_by_a_worker(2, **{"batch.0": a_call("a"), "batch.1": a_call("b")})
    player.step()
    start_all(player)
    end_child(player, 0)

    assert asked(player) == ["batch.0", "batch.1"]
    player.step()
    start_all(player, first=1)
    end_child(player, 1)
    assert player.finish().state is State.SUCCESS


def test_what_a_worker_said_of_a_batch_is_there_after_a_crash_and_what_it_is_asked_for_is_asked_again() -> None:
    player = read_by_a_worker(2, **{"batch.0": a_call("a"), "batch.1": a_call("b")})
    player.step()

    execution = restore(player.plan, deepcopy(player.execution))

    scene = Scene.of(player.plan, execution, items_of(player).id, player.now)
    assert scene is not None
    assert [each.wanted.inputs for each in unmade(scene)] == [{"text": "a"}]
    assert [each.purpose for each in open_evaluations(player.plan, execution)] == ["batch.1"]


def test_a_batch_that_a_worker_cannot_tell_of_fails_the_task() -> None:
    player = read_by_a_worker(1, **{"batch.0": Failure(message="no such file", kind="expression")}).finish()

    assert (player.state, items_of(player).state) == (State.FAILED, State.FAILED)
