"""Breakpoints: task runs that stand still before they start."""

from copy import deepcopy
from datetime import timedelta

import pytest
from segue.engine import breakpoints
from segue.engine.rebuild import restore
from segue.model.event import BreakpointPassed, KillWanted, RestartWanted, Started
from segue.model.execution import Breakpoint
from segue.model.state import State
from segue.model.task import ForEach, Parallel, Retry, RetryKind

from tests.support.engine import FAILS, SUCCEEDS, Player, execution_of, flow, task, tasks


def stopping(*listed: object, before: tuple[Breakpoint, ...] = (Breakpoint("b"),), **keys: object) -> Player:
    made = flow(*(listed or ("a", "b", "c")))
    return Player(made, execution=execution_of(made, notes=breakpoints.noted(before)), **keys).run()


def go_on(player: Player, *found: Breakpoint | None) -> None:
    given = None if found == (None,) else tuple(each for each in found if each is not None)
    player.send(BreakpointPassed(at=player.tick(), breakpoints=given))
    player.finish()


def test_what_comes_before_has_ended_and_the_task_has_not_begun() -> None:
    player = stopping()
    assert (player.state, player.order) == (State.BREAKPOINT, ["a", "b"])
    assert [player.only(each).state for each in "ab"] == [State.SUCCESS, State.BREAKPOINT]
    assert not player.only("b").attempts


def test_let_go_it_runs_and_does_not_stop_there_again() -> None:
    player = stopping()
    go_on(player, None)
    assert (player.state, player.order) == (State.SUCCESS, ["a", "b", "c"])
    assert [each.state for each in player.only("b").history] == [
        State.CREATED,
        State.BREAKPOINT,
        State.CREATED,
        State.RUNNING,
        State.SUCCESS,
    ]


def test_others_than_before_can_be_given_with_it() -> None:
    player = stopping()
    go_on(player, Breakpoint("c"))
    assert (player.state, player.only("c").state) == (State.BREAKPOINT, State.BREAKPOINT)
    go_on(player)
    assert player.state is State.SUCCESS


def test_others_go_on_beside_it() -> None:
    player = stopping(task("all", Parallel(tasks=tasks("a", "b", "c"))))
    assert [player.only(each).state for each in "abc"] == [State.SUCCESS, State.BREAKPOINT, State.SUCCESS]
    assert player.state is State.BREAKPOINT


def test_in_a_loop_one_value_can_be_meant() -> None:
    player = stopping(task("each", ForEach(values=["x", "y"], tasks=tasks("b"))), before=(Breakpoint("b", "y"),))
    assert [(run.value, run.state) for run in player.runs("b")] == [
        ("x", State.SUCCESS),
        ("y", State.BREAKPOINT),
    ]


def test_a_flowable_stands_still_as_a_whole() -> None:
    player = stopping("a", task("b", Parallel(tasks=tasks("x"))))
    assert (player.state, player.runs("x")) == (State.BREAKPOINT, [])
    go_on(player, None)
    assert (player.state, len(player.runs("x"))) == (State.SUCCESS, 1)


def test_a_retry_does_not_stop_there_again() -> None:
    retry = Retry(kind=RetryKind.CONSTANT, interval=timedelta(seconds=1), attempts_max=2)
    player = stopping(task("b", retry=retry), script={"b": [FAILS, SUCCEEDS]})
    go_on(player, None)
    assert (player.state, len(player.only("b").attempts)) == (State.SUCCESS, 2)


def test_a_restart_stops_there_again() -> None:
    player = stopping(script={"b": FAILS})
    go_on(player, None)
    assert (player.state, player.only("b").state) == (State.FAILED, State.FAILED)
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))
    assert (player.state, player.only("b").state) == (State.BREAKPOINT, State.BREAKPOINT)


def test_what_runs_after_the_end_is_not_stopped() -> None:
    made = flow("a", after_execution=tasks("b"))
    player = Player(made, execution=execution_of(made, notes=breakpoints.noted((Breakpoint("b"),)))).run()
    assert (player.state, player.only("b").state) == (State.SUCCESS, State.SUCCESS)


def test_a_kill_ends_what_stands_there() -> None:
    player = stopping()
    player.send(KillWanted(at=player.tick()))
    assert (player.state, player.only("b").state) == (State.KILLED, State.KILLED)


@pytest.mark.parametrize("found", [None, (), (Breakpoint("c"),)])
def test_only_what_stands_there_can_be_let_go(found: tuple[Breakpoint, ...] | None) -> None:
    player = Player(flow("a")).run()
    assert player.send(BreakpointPassed(at=player.tick(), breakpoints=found)) == ()


def test_it_stands_there_after_the_daemon_was_away() -> None:
    player = stopping()
    player.execution = restore(player.plan, deepcopy(player.execution))
    assert player.state is State.BREAKPOINT
    go_on(player, None)
    assert player.state is State.SUCCESS
