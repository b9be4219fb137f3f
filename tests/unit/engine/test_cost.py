"""Rule 5: news of a task run costs what the task run costs, not what the execution weighs. Work is counted, in calls of
Python functions, not timed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from segue.engine.limits import SETTLE_STEPS_MAX
from segue.engine.orders import order_for
from segue.engine.rebuild import restore
from segue.model.event import TimerKind
from segue.model.state import State
from segue.model.task import Body, ForEach, Parallel, Runnable, Sequential, Task

from tests.support.engine import Player, Says, flow, task

SMALL, LARGE = 100, 3_000
GROWTH_MAX = 1.1


@contextmanager
def counted_calls() -> Iterator[list[int]]:
    calls = [0]

    def count(_frame: Any, event: str, _argument: Any) -> None:
        if event in {"call", "c_call"}:
            calls[0] += 1

    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def numbers(size: int) -> tuple[str, ...]:
    return tuple(map(str, range(size)))


def one_by_one(size: int) -> Body:
    return ForEach(values=numbers(size), tasks=(task("a"),))


def at_once(size: int) -> Body:
    return ForEach(values=numbers(size), tasks=(task("a"),), concurrency_limit=0)


def some_at_once(size: int) -> Body:
    second = task("b", Runnable(properties={"message": "{{ outputs.a[taskrun.value].n }}"}))
    return ForEach(values=numbers(size // 2), tasks=(task("a"), second), concurrency_limit=8)


def nested(size: int) -> Body:
    inner = task("s", Sequential(tasks=(task("a"),)), run_if="{{ taskrun.value != 'x' }}")
    return ForEach(values=numbers(size // 2), tasks=(inner,))


def many_tasks(size: int) -> Body:
    return Parallel(tasks=tuple(task(f"t{number}") for number in range(size)), concurrent=4)


@pytest.mark.parametrize("body", [one_by_one, at_once, some_at_once, nested, many_tasks])
def test_the_cost_of_a_task_run_is_the_same_in_a_small_execution_and_in_a_large_one(body: Any) -> None:
    def cost(size: int) -> float:
        player = Player(flow(task("node", body(size))), lambda _run, _number: Says(outputs={"n": 1}))
        with counted_calls() as calls:
            player.run()
        assert player.execution.is_over
        return calls[0] / len(player.execution.task_runs)

    assert cost(LARGE) <= cost(SMALL) * GROWTH_MAX


def test_an_order_is_as_large_in_a_large_execution_as_in_a_small_one() -> None:
    def size(count: int) -> tuple[int, int]:
        second = task("b", Runnable(properties={"message": "{{ outputs.a[taskrun.value].n }}"}))
        node: Task = task("each", ForEach(values=numbers(count), tasks=(task("a"), second)))
        player = Player(flow(node), lambda _run, _number: Says(outputs={"n": 1})).start()
        while len(player.execution.task_runs) < 2 * count:
            player.step()
        with counted_calls() as calls:
            order = order_for(player.plan, player.execution, player.orders[-1][0])
        assert order is not None
        return len(str(order.variables)) // 20, calls[0]

    assert size(LARGE)[0] - size(SMALL)[0] <= 1
    assert size(LARGE)[1] <= size(SMALL)[1] * GROWTH_MAX


def test_one_decision_does_a_bounded_amount_of_work_and_a_timer_goes_on_with_the_rest() -> None:
    skipped = task("a", run_if="{{ false }}")
    player = Player(flow(task("each", ForEach(values=numbers(3 * SETTLE_STEPS_MAX), tasks=(skipped,)))))

    changes = player.start().changes

    assert len(changes) < 4 * SETTLE_STEPS_MAX
    assert list(player.timers) == [(TimerKind.GO_ON, None)]
    assert player.finish().state is State.SUCCESS
    assert len(player.execution.task_runs) == 3 * SETTLE_STEPS_MAX + 1


def test_what_one_decision_had_no_room_for_is_taken_up_after_a_crash() -> None:
    skipped = task("a", run_if="{{ false }}")
    player = Player(flow(task("each", ForEach(values=numbers(SETTLE_STEPS_MAX), tasks=(skipped,))))).start()

    player.execution = restore(player.plan, deepcopy(player.execution))

    assert player.finish().state is State.SUCCESS
