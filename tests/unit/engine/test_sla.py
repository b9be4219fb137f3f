"""Agreements that an execution has to keep: time limits, and what has to hold all the time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from segue.engine import checks
from segue.engine.sla import does_not_hold, takes_too_long
from segue.expression.outside import FrozenOutside
from segue.expression.template import Scope
from segue.model.event import AttemptEnded, RestartWanted, Started, TimerKind
from segue.model.flow import Check, CheckBehavior, Sla, SlaBehavior
from segue.model.state import State
from segue.model.task import Sleep

from tests.support.engine import FAILS, START, SUCCEEDS, Player, flow, task, tasks


def limit(behavior: SlaBehavior = SlaBehavior.FAIL, seconds: int = 5, **keys: Any) -> Sla:
    return Sla(id="time", behavior=behavior, duration=timedelta(seconds=seconds), **keys)


def always(assertion: str, behavior: SlaBehavior = SlaBehavior.CANCEL, **keys: Any) -> Sla:
    return Sla(id="holds", behavior=behavior, assertion=assertion, **keys)


@pytest.mark.parametrize(
    ("behavior", "end"),
    [(SlaBehavior.FAIL, State.FAILED), (SlaBehavior.CANCEL, State.CANCELLED), (SlaBehavior.NONE, State.SUCCESS)],
)
def test_an_execution_that_takes_too_long_ends_as_the_agreement_says(behavior: SlaBehavior, end: State) -> None:
    sleep = task("a", Sleep(duration="PT30S"))
    player = Player(flow(sleep, sla=(limit(behavior, labels={"sla": "broken"}),), after_execution=tasks("after"))).run()

    assert (player.state, player.execution.labels["sla"]) == (end, "broken")
    assert player.states["after"] == "SUCCESS"
    assert player.execution.is_over


def test_a_task_that_runs_when_the_time_is_over_is_killed() -> None:
    player = Player(flow("a", sla=(limit(),))).start()
    run = player.begin("a")
    player.fire()

    assert (run.state, player.state, len(player.kills)) == (State.KILLED, State.FAILED, 1)
    assert player.send(AttemptEnded(at=player.tick(), task_run_id=run.id, attempt=1, state=State.SUCCESS)) == ()


def test_no_timer_is_left_when_the_execution_ends_in_time() -> None:
    player = Player(flow("a", sla=(limit(seconds=60),))).start()
    player.end(player.begin("a"), SUCCEEDS)

    assert (player.state, player.timers) == (State.SUCCESS, {})


def test_the_time_runs_anew_after_a_restart() -> None:
    player = Player(flow("a", sla=(limit(seconds=60),)), {"a": FAILS}).start()
    player.end(player.begin("a"), FAILS)
    player.now += timedelta(hours=1)
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert player.timers[TimerKind.SLA, None] == player.now + timedelta(seconds=60)


def test_the_log_says_how_an_agreement_is_broken() -> None:
    assert takes_too_long(limit(seconds=5), timedelta(seconds=4.9)) is None
    said = "execution duration of PT1M1S exceed the maximum duration of PT5S."
    assert takes_too_long(limit(seconds=5), timedelta(seconds=61)) == said
    sla = always("{{ n < 3 }}")
    now = datetime(2024, 5, 1, tzinfo=UTC)
    assert does_not_hold(sla, {"n": 3}, at=now, seed="") == "assertion is false: {{ n < 3 }}."
    assert does_not_hold(sla, {"n": 1}, at=now, seed="") is None
    assert does_not_hold(sla, {}, at=now, seed="") is None


def test_several_limits_are_each_broken_in_their_time() -> None:
    slas = (limit(SlaBehavior.NONE, 5, labels={"a": "1"}), limit(SlaBehavior.NONE, 9, labels={"b": "2"}))
    player = Player(flow(task("s", Sleep(duration="PT30S")), sla=slas)).run()

    assert (player.execution.labels["a"], player.execution.labels["b"]) == ("1", "2")


def test_what_has_to_hold_is_looked_at_whenever_the_execution_changes() -> None:
    sla = always("{{ (outputs.a.n ?? 0) < 3 }}")
    player = Player(flow("a", "b", sla=(sla,))).start()
    run = player.begin("a")
    player.send(AttemptEnded(at=player.tick(), task_run_id=run.id, attempt=1, state=State.SUCCESS, outputs={"n": 7}))

    assert (player.state, player.states["b"]) == (State.CANCELLED, "KILLED")


def test_a_broken_assertion_is_acted_on_once() -> None:
    player = Player(flow("a", "b", sla=(always("{{ false }}", SlaBehavior.NONE, labels={"x": "y"}),))).run()

    assert (player.state, player.execution.labels["x"]) == (State.SUCCESS, "y")
    assert player.execution.progress.notes["sla_broken"] == [0]


def test_an_assertion_that_cannot_be_evaluated_yet_is_not_broken() -> None:
    assert Player(flow("a", sla=(always("{{ missing.thing }}"),))).run().state is State.SUCCESS


@pytest.mark.parametrize(
    ("when", "holds"),
    [("{{ inputs.n > 3 }}", True), ("{{ inputs.n > 9 }}", False), ("true", True), ("{{ missing.x }}", False)],
)
def test_a_check_must_be_true(when: str, holds: bool) -> None:
    scope = Scope(variables={"inputs": {"n": 5}}, outside=FrozenOutside(now=START))
    found = checks.unmet([Check(when=when, message="no", behavior=CheckBehavior.CREATE_EXECUTION)], scope)

    assert (not found) is holds


def test_the_strictest_check_comes_first() -> None:
    scope = Scope(variables={}, outside=FrozenOutside(now=START))
    given = [Check(when="false", message=behavior.value, behavior=behavior) for behavior in reversed(CheckBehavior)]

    assert [each.behavior for each in checks.unmet(given, scope)] == list(CheckBehavior)
