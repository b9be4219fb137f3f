"""Iterations of a Loop: one task run that has an execution made for each value, and waits for all of them."""

from typing import Any

import pytest
from segue.engine.create import iteration_of
from segue.engine.iterations import FETCHED_MAX
from segue.engine.limits import ITERATIONS_AT_ONCE
from segue.engine.orders import open_evaluations
from segue.engine.plan import Plan
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.model.change import ChildKillOrdered, IterationOrdered, IterationsSought
from segue.model.event import (
    ChildEnded,
    ChildStarted,
    Evaluated,
    IterationsFound,
    KillWanted,
    PauseWanted,
    RestartWanted,
    ResumeWanted,
    Started,
)
from segue.model.execution import Failure, Item, Kind, TaskRun
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.output import Output
from segue.model.state import State
from segue.model.task import FetchType, Loop, Retry, RetryBehavior, RetryKind, Task

from tests.support.engine import START, Player, flow, task, tasks

SAID = (Output(id="said", type="STRING", value="{{ item.value }}"),)


def loop_of(values: Any, **keys: Any) -> Task:
    return task("loop", Loop(values=values, tasks=tasks("a"), **keys))


def begun(values: Any, **keys: Any) -> Player:
    return Player(flow(loop_of(values, **keys), "after")).start()


def orders(player: Player, first: int = 0) -> list[IterationOrdered]:
    return [change for change in player.changes if isinstance(change, IterationOrdered)][first:]


def values(player: Player) -> list[Any]:
    return [order.item.value for order in orders(player) if order.item is not None]


def start(player: Player, *numbers: int) -> None:
    """Those that were ordered and are not there."""
    for number in numbers:
        order = next(each for each in reversed(orders(player)) if each.number == number)
        child = order.again or ExecutionId(f"i{number}")
        player.send(
            ChildStarted(
                at=player.tick(), task_run_id=order.id, attempt=order.attempt, execution_id=child, number=number
            )
        )


def end(player: Player, number: int, state: State = State.SUCCESS, **outputs: Any) -> None:
    event = ChildEnded(
        at=player.tick(),
        task_run_id=loop_run(player).id,
        execution_id=ExecutionId(f"i{number}"),
        state=state,
        outputs=outputs,
        item=Item(index=number, value=f"v{number}"),
    )
    player.send(event)


def loop_run(player: Player) -> TaskRun:
    return player.only("loop")


def told(player: Player) -> dict[str, Any]:
    return loop_run(player).outputs or {}


def said(player: Player, value: Any) -> None:
    """What a worker answers to the last thing that it was asked."""
    asked = player.evaluations.pop()
    failure = value if isinstance(value, Failure) else None
    given = None if failure else value
    player.send(Evaluated(at=player.tick(), task_run_id=asked.id, purpose=asked.purpose, value=given, failure=failure))


GIVEN: dict[str, tuple[Any, list[Any]]] = {
    "a list with duplicates": (("a", 1, "a", True, None), ["a", 1, "a", True, None]),
    "what is no scalar, as text": ((["x"], {"k": 1.5}), ['["x"]', '{"k":1.5}']),
    "a map": ({"one": 1, "two": "{{ 1 + 1 }}"}, [1, "2"]),
    "an expression that gives a list": ("{{ [1, 2] }}", [1, 2]),
    "JSON": ('["a"]', ["a"]),
}


@pytest.mark.parametrize(("given", "seen"), GIVEN.values(), ids=GIVEN)
def test_there_is_an_iteration_for_each_value(given: Any, seen: list[Any]) -> None:
    assert values(begun(given)) == seen


@pytest.mark.parametrize("given", ["no list", "{{ 1 }}", "{{ null }}", "{{ missing.thing }}"])
def test_what_is_no_list_and_no_map_fails_it(given: str) -> None:
    player = begun(given)
    assert player.states == {"loop": "FAILED"}
    assert not orders(player)


def test_keys_of_a_map_are_those_of_the_items() -> None:
    assert [order.item for order in orders(begun({"k": 1}))] == [Item(index=0, key="k", value=1)]


def test_the_next_one_begins_when_there_is_room() -> None:
    player = begun(tuple("abc"), concurrency_limit=2)
    assert values(player) == ["a", "b"]
    start(player, 0, 1)
    end(player, 1)
    assert values(player) == ["a", "b", "c"]
    assert told(player) == {"iterationCount": 3, "runningIterations": 2, "terminatedIterations": {"SUCCESS": 1}}


def test_without_a_limit_there_is_still_one() -> None:
    assert len(orders(begun("{{ range(1, 1000) }}"))) == ITERATIONS_AT_ONCE


def test_it_ends_as_the_worst_of_them_and_begins_all_before() -> None:
    player = begun(tuple("ab"), concurrency_limit=1)
    start(player, 0)
    end(player, 0, State.FAILED)
    start(player, 1)
    end(player, 1)
    assert player.states == {"loop": "FAILED"}
    assert told(player)["terminatedIterations"] == {"FAILED": 1, "SUCCESS": 1}
    assert [attempt.state for attempt in loop_run(player).attempts] == [State.FAILED]


def test_failures_that_are_not_to_be_transmitted_are_none() -> None:
    player = begun(("a",), transmit_failed=False)
    start(player, 0)
    end(player, 0, State.FAILED)
    player.finish()
    assert player.states == {"loop": "SUCCESS", "after": "SUCCESS"}


def test_errors_and_finally_run_once_when_all_have_ended() -> None:
    player = begun(tuple("ab"), errors=tasks("e"), finally_=tasks("f"))
    start(player, 0, 1)
    end(player, 0, State.FAILED)
    assert player.order == ["loop"]
    end(player, 1)
    player.finish()
    assert player.order == ["loop", "e", "f"]
    assert player.states["loop"] == "FAILED"


def test_news_that_comes_twice_is_taken_once() -> None:
    player = begun(tuple("ab"), concurrency_limit=1)
    start(player, 0)
    end(player, 0)
    end(player, 0)
    assert told(player)["terminatedIterations"] == {"SUCCESS": 1}


def test_the_notes_do_not_grow_with_what_has_ended() -> None:
    player = begun("{{ range(1, 60) }}", concurrency_limit=1)
    sizes = []
    for number in range(50):
        start(player, number)
        end(player, number, State.FAILED)
        progress = loop_run(player).progress
        assert progress is not None
        sizes.append(sum(len(note) for note in progress.notes.values() if isinstance(note, dict | list)))
    assert max(sizes[1:]) == min(sizes[1:])


# breakWhen.


def test_no_further_one_begins_after_a_break() -> None:
    player = begun(tuple("abcd"), concurrency_limit=2, break_when="{{ iteration.outputs.n == 1 and item.index == 1 }}")
    start(player, 0, 1)
    end(player, 1, n=1)
    end(player, 0, n=1)
    player.finish()
    assert values(player) == ["a", "b"]
    assert player.states == {"loop": "SUCCESS", "after": "SUCCESS"}


def test_what_only_a_worker_can_tell_holds_up_the_next_one() -> None:
    player = begun(tuple("ab"), concurrency_limit=1, break_when="{{ kv('stop') == iteration.state }}")
    start(player, 0)
    end(player, 0)
    assert values(player) == ["a"]
    said(player, False)
    assert values(player) == ["a", "b"]


def test_a_break_that_cannot_be_told_fails_it_once_the_others_have_ended() -> None:
    player = begun(tuple("abc"), concurrency_limit=2, break_when="{{ missing.thing }}")
    start(player, 0, 1)
    end(player, 0)
    assert loop_run(player).state is State.RUNNING
    end(player, 1)
    assert player.states == {"loop": "FAILED"}
    assert values(player) == ["a", "b"]


# Files.


def test_a_file_is_read_on_when_its_lines_have_begun() -> None:
    player = begun("kestra:///a/b.jsonl", concurrency_limit=2)
    assert [order.purpose for order in player.evaluations] == ["lines"]
    said(player, {"values": ["x", "y"], "next": 10, "count": 3})
    assert told(player)["iterationCount"] == 3
    start(player, 0, 1)
    end(player, 0)
    assert player.evaluations[-1].template == {"uri": "kestra:///a/b.jsonl", "offset": 10, "number": 2}
    said(player, {"values": ["z"], "next": None, "count": None})
    assert values(player) == ["x", "y", "z"]


def test_lines_are_kept_until_each_has_its_execution() -> None:
    player = begun("kestra:///a/b.jsonl", concurrency_limit=3)
    said(player, {"values": ["x", "y"], "next": 10, "count": 4})
    start(player, 0)
    assert not player.evaluations
    start(player, 1)
    assert len(player.evaluations) == 1


def test_a_file_that_cannot_be_read_fails_it() -> None:
    player = begun("kestra:///a/b.jsonl")
    said(player, Failure(message="gone"))
    assert player.states == {"loop": "FAILED"}


# Outputs.


@pytest.mark.parametrize(
    ("fetch_type", "count", "is_fetched"),
    [
        (FetchType.AUTO, FETCHED_MAX, True),
        (FetchType.AUTO, FETCHED_MAX + 1, False),
        (FetchType.FETCH, FETCHED_MAX + 1, True),
        (FetchType.STORE, 1, False),
    ],
)
def test_outputs_are_brought_together_at_the_end(fetch_type: FetchType, count: int, is_fetched: bool) -> None:
    player = begun(f"{{{{ range(1, {count}) }}}}", outputs=SAID, fetch_type=fetch_type)
    for number in range(count):
        start(player, number)
        end(player, number)
    assert player.evaluations[-1].template == {"taskRunId": loop_run(player).id, "fetched": is_fetched}
    said(player, {"uri": "kestra:///o"})
    assert told(player)["uri"] == "kestra:///o"
    assert loop_run(player).state is State.SUCCESS


def test_outputs_that_cannot_be_kept_fail_it() -> None:
    player = begun(("a",), outputs=SAID)
    start(player, 0)
    end(player, 0)
    said(player, Failure(message="too large"))
    assert player.states == {"loop": "FAILED"}


# Acts of persons.


def test_a_kill_reaches_every_iteration_also_one_that_does_not_cascade() -> None:
    player = begun(tuple("ab"))
    start(player, 0, 1)
    player.send(KillWanted(at=player.tick(), cascades=False))
    kills = [change for change in player.changes if isinstance(change, ChildKillOrdered)]
    assert [(kill.execution_id, kill.cascades) for kill in kills] == [("i0", False), ("i1", False)]
    end(player, 0, State.KILLED)
    assert player.state is State.KILLING
    end(player, 1, State.KILLED)
    assert player.state is State.KILLED


def test_nothing_new_begins_while_the_execution_is_held() -> None:
    player = begun(tuple("ab"), concurrency_limit=1)
    start(player, 0)
    player.send(PauseWanted(at=player.tick()))
    end(player, 0)
    assert values(player) == ["a"]
    player.send(ResumeWanted(at=player.tick()))
    assert values(player) == ["a", "b"]


def restarted(player: Player, *found: tuple[int, str], is_last: bool = True) -> None:
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))
    tell(player, *found, is_last=is_last)


def tell(player: Player, *found: tuple[int, str], is_last: bool = True) -> None:
    (*_, asked) = [change for change in player.changes if isinstance(change, IterationsSought)]
    player.send(
        IterationsFound(
            at=player.tick(),
            task_run_id=asked.id,
            attempt=asked.attempt,
            after=asked.after,
            found=tuple((number, ExecutionId(child)) for number, child in found),
            is_last=is_last,
        )
    )


def test_a_restart_does_again_what_did_not_end_well() -> None:
    player = begun(tuple("abc"))
    start(player, 0, 1, 2)
    end(player, 0)
    end(player, 1, State.FAILED)
    end(player, 2)
    restarted(player, (1, "i1"))
    assert [(order.number, order.again, order.attempt) for order in orders(player, 3)] == [(1, "i1", 2)]
    start(player, 1)
    end(player, 1)
    player.finish()
    assert told(player)["terminatedIterations"] == {"SUCCESS": 3}
    assert player.states == {"loop": "SUCCESS", "after": "SUCCESS"}


def test_a_restart_looks_on_behind_what_it_has_found() -> None:
    player = begun(tuple("ab"))
    start(player, 0, 1)
    end(player, 0, State.FAILED)
    end(player, 1, State.FAILED)
    restarted(player, (0, "i0"), is_last=False)
    (*_, asked) = [change for change in player.changes if isinstance(change, IterationsSought)]
    assert asked.after == 0
    tell(player, (1, "i1"))
    assert [order.again for order in orders(player, 2)] == ["i0", "i1"]


def test_a_restart_makes_what_a_kill_left_unmade() -> None:
    player = begun(tuple("ab"), concurrency_limit=1)
    player.send(KillWanted(at=player.tick()))
    assert player.state is State.KILLED
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))
    assert [(order.number, order.item) for order in orders(player, 1)] == [(0, Item(index=0, value="a"))]


# What an iteration is.


def iteration(outer: Flow, item: Item) -> tuple[Plan, Scene]:
    player = Player(outer).start()
    made = iteration_of(player.plan, player.execution, loop_run(player).id, item, id=ExecutionId("i"), at=player.tick())
    part = player.plan.loops["loop"]
    return part, Scene(part, made, part.root, None, START)


def test_an_iteration_is_a_part_of_the_flow_and_knows_its_place() -> None:
    plan, scene = iteration(flow(loop_of(("a",), outputs=SAID, errors=tasks("e")), "after"), Item(index=0, value="a"))
    assert set(plan.nodes) == {"a"}
    assert plan.flow.outputs == SAID
    assert scene.execution.kind is Kind.LOOP
    assert scene.execution.loop_run is not None
    assert scene.execution.loop_run.task_id == "loop"
    assert scope_of(scene)["item"] == {"value": "a", "index": 0}


def test_an_iteration_sees_what_the_execution_around_it_has_come_to() -> None:
    player = Player(flow("before", loop_of(("a",))))
    player.start().step()
    player.execution.outputs_tree["before"] = {"value": 1}
    made = iteration_of(
        player.plan, player.execution, loop_run(player).id, Item(index=0, value="a"), id=ExecutionId("i"), at=START
    )
    part = player.plan.loops["loop"]
    seen = scope_of(Scene(part, made, part.root, None, START))
    assert seen["outputs"]["before"] == {"value": 1}
    assert "before" not in made.outputs_tree


@pytest.mark.parametrize(
    ("behavior", "is_handed_on"),
    [(RetryBehavior.RETRY_FAILED_TASK, True), (RetryBehavior.CREATE_NEW_EXECUTION, False)],
)
def test_its_tasks_are_retried_as_the_flow_says_but_an_execution_made_anew_is_the_whole_one(
    behavior: RetryBehavior, is_handed_on: bool
) -> None:
    policy = Retry(kind=RetryKind.CONSTANT, behavior=behavior)
    plan = Plan.of(flow(loop_of(("a",)), retry=policy))
    assert plan.loops["loop"].nodes["a"].retry == (policy if is_handed_on else None)


def test_loops_in_loops_are_found_from_the_outermost_plan() -> None:
    inner = task("inner", Loop(values="{{ item.value }}", tasks=tasks("deep")))
    plan = Plan.of(flow(task("loop", Loop(values=("a",), tasks=(inner,)))))
    assert set(plan.loops) == {"loop", "inner"}
    assert set(plan.loops["inner"].nodes) == {"deep"}


def test_evaluations_that_were_open_are_asked_again() -> None:
    player = begun("kestra:///a/b.jsonl")
    assert list(open_evaluations(player.plan, player.execution)) == list(player.evaluations)
