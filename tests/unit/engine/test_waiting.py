"""Pause and LoopUntil: flowables that wait for a person, for a time, or for a condition."""

from copy import deepcopy
from typing import Any

import pytest
from segue.engine.flowables import waiting
from segue.engine.rebuild import restore
from segue.model.event import KillWanted, RestartWanted, ResumeWanted, Started, TimerKind
from segue.model.flow import Input
from segue.model.state import State
from segue.model.task import ForEach, LoopUntil, Parallel, Pause, PauseBehavior, Task

from tests.support.engine import FAILS, SUCCEEDS, Player, Says, flow, histories, task, tasks


def pausing(timeout: str | None = None, **keys: Any) -> Task:
    return task("pause", Pause(**keys), timeout=timeout)


def resume(player: Player, **inputs: Any) -> None:
    first = waiting.scenes(player.plan, player.execution)[0]
    player.send(ResumeWanted(at=player.tick(), task_run_id=first.id, inputs=inputs, by="ann"))
    player.send(Started(at=player.tick()))


def test_an_execution_in_which_nothing_else_runs_is_paused_until_it_is_resumed() -> None:
    player = Player(flow(pausing(), "b")).start()

    assert (player.state, player.order) == (State.PAUSED, ["pause"])
    resume(player)
    assert player.finish().state is State.SUCCESS
    assert histories(player.execution) == ["CREATED", "RUNNING", "PAUSED", "RESTARTED", "RUNNING", "SUCCESS"]
    assert histories(player.only("pause")) == ["CREATED", "RUNNING", "PAUSED", "RUNNING", "SUCCESS"]
    assert player.execution.attempt_number == 1


def test_an_execution_with_other_work_goes_on_running() -> None:
    player = Player(flow(task("p", Parallel(tasks=(pausing(), task("b")))))).start()

    assert player.state is State.RUNNING
    player.end(player.begin("b"), SUCCEEDS)
    assert player.state is State.PAUSED


def test_what_was_given_is_an_output() -> None:
    asked = (Input(id="asked", type="STRING"),)
    player = Player(flow(pausing(on_resume=asked))).start()

    resume(player, asked="yes")

    outputs = player.only("pause").outputs
    assert outputs is not None
    assert outputs["onResume"] == {"asked": "yes"}
    assert (outputs["resumed"]["by"], outputs["resumed"]["to"]) == ("ann", "RUNNING")


def test_its_own_tasks_run_after_the_pause_and_the_first_one_before() -> None:
    player = Player(flow(pausing(on_pause=tasks("tell"), tasks=tasks("a", "b")))).start()

    player.finish()
    assert (player.order, player.state) == (["pause", "tell"], State.PAUSED)
    resume(player)
    assert player.finish().order == ["pause", "tell", "a", "b"]


@pytest.mark.parametrize(
    ("behavior", "end", "order"),
    [
        (PauseBehavior.RESUME, State.SUCCESS, ["pause", "a", "next"]),
        (PauseBehavior.WARN, State.WARNING, ["pause", "a", "next"]),
        (PauseBehavior.FAIL, State.FAILED, ["pause"]),
        (PauseBehavior.CANCEL, State.CANCELLED, ["pause"]),
    ],
)
def test_when_its_time_is_over_it_goes_on_as_its_behavior_says(
    behavior: PauseBehavior, end: State, order: list[str]
) -> None:
    player = Player(flow(pausing(duration="PT5S", behavior=behavior, tasks=tasks("a")), "next")).run()

    assert (player.state, player.order) == (end, order)


def test_a_resume_by_time_uses_the_defaults_of_its_inputs() -> None:
    asked = (Input(id="a", type="STRING", defaults="x"), Input(id="b", type="STRING"))
    player = Player(flow(pausing(duration="PT5S", on_resume=asked))).run()

    outputs = player.only("pause").outputs
    assert outputs is not None
    assert outputs["onResume"] == {"a": "x"}


def test_a_timeout_fails_it_and_its_errors_and_finally_run() -> None:
    paused = pausing(timeout="PT1S", errors=tasks("e"), finally_=tasks("f"), tasks=tasks("a"))
    player = Player(flow(paused)).run()

    assert (player.state, player.order) == (State.FAILED, ["pause", "e", "f"])


def test_a_timeout_without_more_to_do_ends_it_at_once() -> None:
    player = Player(flow(pausing(timeout="PT1S"), "next")).run()

    assert histories(player.only("pause")) == ["CREATED", "RUNNING", "PAUSED", "FAILED"]


def test_a_pause_that_timed_out_waits_again_after_a_restart() -> None:
    player = Player(flow(pausing(timeout="PT1S", finally_=tasks("f")))).run()
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert player.state is State.PAUSED
    resume(player)
    assert player.finish().state is State.SUCCESS


def test_a_restart_begins_a_pause_anew() -> None:
    player = Player(flow(pausing(duration="PT5S", on_pause=tasks("tell")))).start()
    player.end(player.begin("tell"), SUCCEEDS)
    assert list(player.timers) == [(TimerKind.PAUSE, player.only("pause").id)]

    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert (player.state, player.order, player.timers) == (State.RUNNING, ["pause", "tell"], {})
    player.end(player.begin("tell"), SUCCEEDS)
    assert (player.state, histories(player.only("pause"))[-3:]) == (State.PAUSED, ["RESTARTED", "RUNNING", "PAUSED"])


def test_a_resume_leaves_no_timer_behind() -> None:
    player = Player(flow(pausing(duration="PT5S", timeout="PT9S"))).start()

    resume(player)

    assert player.timers == {}


def test_a_kill_ends_a_pause_and_its_timers() -> None:
    player = Player(flow(pausing(duration="PT5S"))).start()

    player.send(KillWanted(at=player.tick()))

    assert (player.state, player.only("pause").state, player.timers) == (State.KILLED, State.KILLED, {})


def test_each_of_several_pauses_is_resumed_for_itself() -> None:
    each = task("each", ForEach(values=("x", "y"), tasks=(pausing(),), concurrency_limit=0))
    player = Player(flow(each)).start()

    resume(player)
    assert [run.state for run in player.runs("pause")] == [State.SUCCESS, State.PAUSED]
    assert player.state is State.PAUSED
    resume(player)
    assert player.state is State.SUCCESS


def test_a_paused_execution_is_paused_still_after_the_daemon_was_away() -> None:
    player = Player(flow(pausing(), "b")).start()
    player.execution = restore(player.plan, deepcopy(player.execution))

    resume(player)

    assert player.finish().order == ["pause", "b"]


# LoopUntil.


def looping(condition: str, **keys: Any) -> Task:
    return task("loop", LoopUntil(condition=condition, tasks=tasks("a"), **keys))


def counting(run: Any, _number: int) -> Says:
    return Says(outputs={"n": run.sequence})


def test_it_goes_on_until_the_condition_holds_and_keeps_the_last_pass() -> None:
    player = Player(flow(looping("{{ outputs.loop.iterationCount == 3 }}", interval="PT5S")), counting).run()

    assert player.state is State.SUCCESS
    assert player.only("loop").outputs == {"iterationCount": 3}
    assert len(player.runs("a")) == 1
    assert player.execution.outputs_tree["a"] == {"n": 3}


def test_between_two_passes_it_waits() -> None:
    player = Player(flow(looping("{{ false }}", interval="PT5S", iterations_max=2))).start()
    player.end(player.begin("a"), SUCCEEDS)

    assert [kind for kind, _ in player.timers] == [TimerKind.AGAIN]
    assert (player.state, player.only("loop").state) == (State.RUNNING, State.RUNNING)


@pytest.mark.parametrize(("fails", "end"), [(True, State.FAILED), (False, State.SUCCESS)])
@pytest.mark.parametrize("limit", [{"iterations_max": 2}, {"duration_max": "PT20S"}], ids=["passes", "time"])
def test_a_limit_ends_it(fails: bool, end: State, limit: dict[str, Any]) -> None:
    loop = looping("{{ false }}", interval="PT10S", fail_on_max_reached=fails, **limit)
    player = Player(flow(loop)).run()

    assert player.state is end
    assert player.only("loop").outputs == {"iterationCount": 2}


def test_a_task_that_fails_ends_it() -> None:
    player = Player(flow(looping("{{ false }}", errors=tasks("e"))), {"a": FAILS}).run()

    assert (player.state, player.order) == (State.FAILED, ["loop", "a", "e"])


def test_a_condition_that_cannot_be_evaluated_fails_it() -> None:
    assert Player(flow(looping("{{ missing.thing }}"))).run().only("loop").state is State.FAILED


def test_a_worker_evaluates_the_condition_of_each_pass_if_the_engine_may_not() -> None:
    player = Player(flow(looping("{{ secret('X') }}", interval="PT0S")), answers={"condition": "false"}).start()
    player.end(player.begin("a"), SUCCEEDS)
    player.evaluate()
    player.fire()
    player.end(player.begin("a"), SUCCEEDS)
    player.answers = {"condition": "true"}

    assert player.finish().state is State.SUCCESS
    assert player.only("loop").outputs == {"iterationCount": 2}


def test_passes_are_counted_anew_after_a_restart() -> None:
    player = Player(flow(looping("{{ false }}", iterations_max=2, fail_on_max_reached=True))).run()
    player.send(RestartWanted(at=player.tick()))
    player.send(Started(at=player.tick()))

    assert player.finish().state is State.FAILED
    assert player.only("loop").outputs == {"iterationCount": 2}


def test_a_kill_between_two_passes_ends_it() -> None:
    player = Player(flow(looping("{{ false }}"))).start()
    player.end(player.begin("a"), SUCCEEDS)

    player.send(KillWanted(at=player.tick()))

    assert (player.state, player.timers) == (State.KILLED, {})


def test_ids_of_removed_task_runs_are_not_given_again() -> None:
    loop = looping("{{ outputs.loop.iterationCount == 2 }}", interval="PT0S")
    player = Player(flow(loop)).run()

    assert player.only("a").sequence == 2
