"""What people do to an execution: kill, pause, resume, restart, another state, replay."""

from copy import deepcopy
from datetime import timedelta

import pytest
from segue.engine.create import replay_of
from segue.engine.plan import Plan
from segue.engine.rebuild import restore
from segue.model.change import KillOrdered, TimerCleared
from segue.model.event import (
    AttemptStarted,
    Held,
    KillWanted,
    LabelsSet,
    PauseWanted,
    Refused,
    RestartWanted,
    ResumeWanted,
    StateWanted,
    TimerFired,
    TimerKind,
    WorkerLost,
)
from segue.model.execution import Execution, TriggeredBy
from segue.model.flow import Flow
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import ForEach, If, Parallel, Retry, RetryKind, Sequential, Sleep

from tests.support.engine import FAILS, SUCCEEDS, Player, Says, execution_of, flow, histories, task, tasks

RETRY = Retry(kind=RetryKind.CONSTANT, interval=timedelta(seconds=2), attempts_max=3)
KILLED = Says(State.KILLED)


def kill(player: Player) -> None:
    player.send(KillWanted(at=player.tick()))


def test_a_kill_waits_for_what_a_worker_has_and_ends_the_rest_at_once() -> None:
    node = task("p", Parallel(tasks=tasks("a", "b")))
    player = Player(flow(node, "c")).start()
    running = player.begin("a")

    kill(player)

    assert player.states == {"p": "KILLING", "a": "KILLING", "b": "KILLED"}
    assert player.state is State.KILLING
    assert {order.id for order in player.kills} == {running.id, player.only("b").id}
    player.end(running, KILLED)
    assert player.states == {"p": "KILLED", "a": "KILLED", "b": "KILLED"}
    assert histories(player.execution) == ["CREATED", "RUNNING", "KILLING", "KILLED"]


def test_a_task_that_succeeds_while_it_is_killed_is_killed_but_its_attempt_tells_the_truth() -> None:
    player = Player(flow("a", "b")).start()
    run = player.begin("a")
    kill(player)

    player.end(run, Says(outputs={"n": 1}))

    assert (run.state, run.attempts[0].state, run.outputs) == (State.KILLED, State.SUCCESS, {"n": 1})
    assert player.order == ["a"]


def test_a_killed_sleep_ends_at_once_and_its_timer_is_cleared() -> None:
    player = Player(flow(task("s", Sleep(duration="PT999S")))).start()

    kill(player)

    assert histories(player.only("s")) == ["CREATED", "RUNNING", "KILLED"]
    assert (player.timers, player.state) == ({}, State.KILLED)


def test_a_kill_while_a_retry_waits_ends_at_once() -> None:
    player = Player(flow(task("a", retry=RETRY)), {"a": FAILS}).start()
    player.step()
    assert player.state is State.RETRYING

    kill(player)

    assert player.state is State.KILLED
    assert TimerCleared(kind=TimerKind.RETRY, id=player.only("a").id) in player.changes


def test_nothing_comes_back_after_a_kill() -> None:
    player = Player(flow(task("a", retry=RETRY))).start()
    run = player.begin("a")
    kill(player)
    player.send(WorkerLost(at=player.tick(), task_run_id=run.id, attempt=1, message="gone"))

    assert (player.state, len(run.attempts)) == (State.KILLED, 1)
    assert player.send(TimerFired(at=player.tick(), kind=TimerKind.RETRY, task_run_id=run.id)) == ()
    assert player.send(AttemptStarted(at=player.tick(), task_run_id=run.id, attempt=1, worker="w")) == ()


def test_a_kill_starts_neither_errors_nor_finally_but_what_runs_after_the_execution() -> None:
    player = Player(flow("a", errors=tasks("e"), finally_=tasks("f"), after_execution=tasks("x"))).start()
    player.orders.clear()

    kill(player)
    player.finish()

    assert player.order == ["a", "x"]
    assert (player.state, player.execution.is_over) == (State.KILLED, True)


@pytest.mark.parametrize("first", [None, "held"], ids=["created", "queued"])
def test_an_execution_that_has_not_begun_is_killed_at_once(first: str | None) -> None:
    player = Player(flow("a"))
    if first:
        player.send(Held(at=player.tick()))

    kill(player)

    assert histories(player.execution)[-2:] == ["KILLING", "KILLED"]


def test_a_kill_after_the_end_ends_what_runs_after_it_and_nothing_else() -> None:
    player = Player(flow("a", after_execution=tasks("told", "next"))).start()
    player.answer(*player.orders.popleft())
    told = player.begin("told")

    kill(player)

    assert (player.state, told.state, player.order) == (State.SUCCESS, State.KILLED, ["a", "told"])
    assert player.kills == [KillOrdered(id=told.id, attempt=1)]
    assert player.execution.is_over


def test_a_kill_that_is_told_twice_leaves_alone_what_runs_after_the_end() -> None:
    player = Player(flow("a", after_execution=tasks("told"))).start()
    event = KillWanted(at=player.tick())
    player.send(event)
    assert (player.state, player.only("told").state) == (State.KILLED, State.CREATED)

    assert player.send(event) == ()


def test_a_paused_execution_can_be_killed() -> None:
    player = Player(flow("a")).start()
    player.send(PauseWanted(at=player.tick()))

    kill(player)

    assert player.state is State.KILLED


# Pause and resume.


def test_no_task_run_is_made_while_it_is_paused_and_what_runs_finishes() -> None:
    player = Player(flow("a", "b")).start()
    run = player.begin("a")
    player.send(PauseWanted(at=player.tick()))

    player.end(run, SUCCEEDS)

    assert (player.order, player.state) == (["a"], State.PAUSED)
    player.send(ResumeWanted(at=player.tick()))
    assert (player.order, player.state) == (["a", "b"], State.RUNNING)
    assert player.finish().state is State.SUCCESS


def test_a_retry_that_falls_due_while_it_is_paused_waits_for_the_resume() -> None:
    player = Player(flow(task("a", retry=RETRY)), {"a": [FAILS, SUCCEEDS]}).start()
    player.step()
    player.send(PauseWanted(at=player.tick()))
    player.fire()

    assert len(player.only("a").attempts) == 1
    player.send(ResumeWanted(at=player.tick()))
    assert player.finish().state is State.SUCCESS


def test_a_paused_loop_goes_on_where_it_stood_after_the_daemon_was_away() -> None:
    loop = task("each", ForEach(values=("x", "y", "z"), tasks=tasks("a", "b"), concurrency_limit=2))
    player = Player(flow(loop)).start()
    runs = [player.begin("a"), player.begin("a")]
    player.send(PauseWanted(at=player.tick()))
    player.end(runs[0], SUCCEEDS)
    player.end(runs[1], SUCCEEDS)
    player.execution = restore(player.plan, deepcopy(player.execution))

    player.send(ResumeWanted(at=player.tick()))

    assert player.order == ["each", "a[x]", "a[y]", "b[x]", "b[y]"]
    assert player.finish().order == ["each", "a[x]", "a[y]", "b[x]", "b[y]", "a[z]", "b[z]"]


# Admission.


def test_an_execution_that_is_held_waits_in_the_queue() -> None:
    player = Player(flow("a"))
    player.send(Held(at=player.tick()))

    assert histories(player.run().execution) == ["CREATED", "QUEUED", "RUNNING", "SUCCESS"]


@pytest.mark.parametrize("state", [State.CANCELLED, State.FAILED])
def test_an_execution_that_is_refused_ends_without_task_runs(state: State) -> None:
    player = Player(flow("a"))
    player.send(Refused(at=player.tick(), state=state, message="limit of 1"))

    assert (player.state, player.order) == (state, [])


# Restart.


def restart(player: Player) -> None:
    player.send(RestartWanted(at=player.tick()))


def test_a_restart_waits_to_be_let_go_with_the_failed_runs_and_those_above_set_going() -> None:
    node = task("s", Sequential(tasks=tasks("close", "fails"), errors=tasks("e")))
    player = Player(flow("before", node, "after"), {"fails": FAILS}).run()
    assert player.order == ["before", "s", "close", "fails", "e"]

    restart(player)

    assert histories(player.execution) == ["CREATED", "RUNNING", "FAILED", "RESTARTED"]
    assert player.states == {"before": "SUCCESS", "s": "RUNNING", "close": "SUCCESS", "fails": "RESTARTED"}
    assert player.execution.attempt_number == 2


def test_a_restart_goes_on_in_the_same_task_run_with_another_attempt() -> None:
    player = Player(flow("a", "b"), {"a": [FAILS, SUCCEEDS]}).run()
    restart(player)

    player.run()

    assert [attempt.state.value for attempt in player.only("a").attempts] == ["FAILED", "SUCCESS"]
    assert histories(player.only("a")) == ["CREATED", "RUNNING", "FAILED", "RESTARTED", "RUNNING", "SUCCESS"]
    assert (player.order, player.state) == (["a", "b"], State.SUCCESS)


def test_errors_and_finally_run_again_after_a_restart_that_fails_again() -> None:
    player = Player(flow("a", errors=tasks("e"), finally_=tasks("f")), {"a": FAILS}).run()
    before = set(player.execution.task_runs)
    restart(player)
    assert player.order == ["a"]

    player.run()

    assert player.order == ["a", "e", "f"]
    assert len(player.only("a").attempts) == 2
    assert set(player.execution.task_runs) & before == {player.only("a").id}, "an id was given twice"


def test_a_restart_takes_up_a_loop_where_it_failed() -> None:
    loop = task("each", ForEach(values=("x", "y", "z"), tasks=tasks("a")))

    player = Player(flow(loop), lambda run, number: FAILS if (run.value, number) == ("y", 1) else SUCCEEDS).run()
    assert player.order == ["each", "a[x]", "a[y]"]
    restart(player)

    assert player.run().order == ["each", "a[x]", "a[y]", "a[z]"]
    assert player.state is State.SUCCESS


def test_a_restart_keeps_what_a_condition_chose() -> None:
    chosen = task("if", If(condition="{{ inputs.x }}", then=tasks("a"), otherwise=tasks("b")))
    player = Player(flow(chosen), {"a": [FAILS, SUCCEEDS]})
    player.execution.inputs["x"] = True
    player.run()
    player.execution.inputs["x"] = False
    restart(player)

    assert player.run().order == ["if", "a"]


def test_a_flowable_that_failed_to_open_opens_anew() -> None:
    player = Player(flow(task("if", If(condition="{{ inputs.x }}", then=tasks("a"))))).run()
    assert player.states == {"if": "FAILED"}
    player.execution.inputs["x"] = True
    restart(player)

    assert player.run().states == {"if": "SUCCESS", "a": "SUCCESS"}


def test_a_failing_finally_alone_is_run_again() -> None:
    player = Player(flow("a", finally_=tasks("f")), {"f": [FAILS, SUCCEEDS]}).run()
    player.script = {}
    restart(player)

    assert player.run().states == {"a": "SUCCESS", "f": "SUCCESS"}
    assert player.state is State.SUCCESS


def test_a_killed_execution_can_be_restarted() -> None:
    node = task("s", Sequential(tasks=tasks("a", "b")))
    player = Player(flow(node)).start()
    player.orders.clear()
    kill(player)
    restart(player)

    assert player.run().order == ["s", "a", "b"]
    assert player.state is State.SUCCESS


@pytest.mark.parametrize("script", [{}, {"a": Says(State.WARNING)}], ids=["success", "warning"])
def test_there_is_nothing_to_restart_where_nothing_failed(script: dict[str, Says]) -> None:
    player = Player(flow("a"), script).run()

    assert player.send(RestartWanted(at=player.tick())) == ()


def test_a_running_execution_is_not_restarted() -> None:
    player = Player(flow("a", "b"), {"a": FAILS}).start()

    assert player.send(RestartWanted(at=player.tick())) == ()


def test_failures_that_were_allowed_are_not_run_again() -> None:
    player = Player(flow(task("a", allow_failure=True), "b"), {"a": FAILS, "b": [FAILS, SUCCEEDS]}).run()
    restart(player)
    player.run()

    assert len(player.only("a").attempts) == 1


# Another state by hand.


def give(player: Player, task_id: str | None, state: State, value: str | None = None) -> None:
    runs = [run.id for run in player.runs(task_id) if run.value == value] if task_id else [None]
    player.send(StateWanted(at=player.tick(), state=state, task_run_id=runs[0]))


def nested_loop() -> Flow:
    inner = task("seq", Sequential(tasks=tasks("t1", "t2")))
    return flow(task("each", ForEach(values=("v1", "v2"), tasks=(inner,), concurrency_limit=0)), "end")


def test_a_state_given_to_a_flowable_sets_those_above_going() -> None:
    player = Player(nested_loop()).run()

    give(player, "seq", State.FAILED, "v1")

    run = player.runs("seq")[0]
    assert (histories(run), run.attempts) == (["CREATED", "RUNNING", "SUCCESS", "FAILED"], [])
    assert player.states["each"] == "RUNNING"
    assert histories(player.execution)[-1] == "RESTARTED"
    assert player.run().state is State.FAILED


def test_a_state_given_to_a_task_is_its_last_attempts_too() -> None:
    player = Player(nested_loop()).run()

    give(player, "t2", State.FAILED)

    run = player.runs("t2")[0]
    assert [attempt.state for attempt in run.attempts] == [State.FAILED]
    assert player.runs("seq")[0].state is State.RUNNING


def test_a_failed_task_given_success_lets_the_flow_go_on_after_it() -> None:
    player = Player(flow("a", "b", errors=tasks("e")), {"a": FAILS}).run()
    give(player, "a", State.SUCCESS)

    assert player.run().order == ["a", "b"]
    assert player.state is State.SUCCESS


def test_an_ended_execution_may_be_given_another_end() -> None:
    player = Player(flow("a"), {"a": FAILS}).run()
    give(player, None, State.SUCCESS)

    assert histories(player.execution) == ["CREATED", "RUNNING", "FAILED", "SUCCESS"]
    assert player.finish().order == ["a"]


def test_a_paused_execution_that_is_given_an_end_leaves_nothing_running() -> None:
    player = Player(flow(task("p", Parallel(tasks=tasks("a", "b"))))).start()
    run = player.begin("a")
    player.send(PauseWanted(at=player.tick()))
    give(player, None, State.CANCELLED)

    assert player.states == {"p": "KILLED", "a": "KILLED", "b": "KILLED"}
    assert KillOrdered(id=run.id, attempt=1) in player.changes
    assert player.execution.is_over


def test_a_running_execution_is_given_no_state() -> None:
    player = Player(flow("a")).start()

    assert player.send(StateWanted(at=player.tick(), state=State.FAILED)) == ()


def test_labels_are_added_and_replaced() -> None:
    player = Player(flow("a", labels={"x": "1", "y": "1"})).run()
    player.send(LabelsSet(at=player.tick(), labels={"y": "2", "z": "3"}))

    assert player.execution.labels == {"x": "1", "y": "2", "z": "3", "system.correlationId": "e"}


# Replay.


def replay(player: Player, task_id: str | None, value: str | None = None, plan: Plan | None = None) -> Execution | None:
    chosen = next(run.id for run in player.runs(task_id) if run.value == value) if task_id else None
    return replay_of(
        plan or player.plan,
        player.execution,
        id=ExecutionId("r"),
        at=player.tick(),
        revision=2,
        commit="d" * 40,
        task_run_id=chosen,
    )


def test_a_replay_of_all_is_a_new_execution_with_the_same_inputs_and_a_lineage() -> None:
    made = flow("a", "b")
    trigger = TriggeredBy(id="t", type="x.Webhook", variables={"body": 1})
    player = Player(made, execution=execution_of(made, inputs={"i": 1}, trigger=trigger)).run()

    copy = replay(player, None)

    assert copy is not None
    assert (copy.id, copy.parent_id, copy.original_id, copy.state) == ("r", "e", "e", State.CREATED)
    assert (copy.inputs, copy.trigger, copy.task_runs, copy.revision) == ({"i": 1}, trigger, {}, 2)
    assert copy.labels["system.correlationId"] == "e"


def test_a_replay_from_a_task_run_keeps_the_earlier_ones_and_runs_the_rest_anew() -> None:
    player = Player(flow("a", "b", "c"), {"a": Says(outputs={"n": 1})}).run()
    source = deepcopy(player.execution)

    copy = replay(player, "b")

    assert copy is not None
    assert player.execution == source, "the source was changed"
    again = Player(player.flow, execution=copy)
    assert again.states == {"a": "SUCCESS", "b": "RESTARTED"}
    assert [run.id for run in copy.task_runs.values()] == ["r-0", "r-1"]
    assert histories(copy) == ["CREATED", "RUNNING", "SUCCESS", "RESTARTED"]
    assert len(again.only("b").attempts) == 1
    again.run()
    assert (again.order, again.state) == (["a", "b", "c"], State.SUCCESS)
    assert copy.outputs_tree["a"] == {"n": 1}


def test_a_replay_from_within_a_loop_makes_the_later_values_anew() -> None:
    player = Player(nested_loop()).run()
    chosen = player.runs("t1")[0]
    copy = replay_of(
        player.plan,
        player.execution,
        id=ExecutionId("r"),
        at=player.tick(),
        revision=1,
        commit="c" * 40,
        task_run_id=chosen.id,
    )
    assert copy is not None

    again = Player(player.flow, execution=copy).run()

    assert again.state is State.SUCCESS
    assert sorted(again.order) == sorted(player.order)


def test_a_replay_from_a_branch_keeps_what_ran_beside_it() -> None:
    branches = (task("left", Sequential(tasks=tasks("l1", "l2"))), task("right", Sequential(tasks=tasks("r1", "r2"))))
    player = Player(flow(task("both", Parallel(tasks=branches)), "after")).run()
    copy = replay(player, "left")
    assert copy is not None
    assert sorted(run.task_id for run in copy.task_runs.values()) == ["both", "left", "r1", "r2", "right"]

    again = Player(player.flow, execution=copy).run()

    assert again.state is State.SUCCESS
    assert sorted(again.order) == sorted(player.order)


def test_a_replay_from_a_branch_runs_what_failed_beside_it_again() -> None:
    player = Player(flow(task("both", Parallel(tasks=tasks("a", "b", "c")))), {"b": FAILS}).run()
    copy = replay(player, "a")
    assert copy is not None
    assert [run.task_id for run in copy.task_runs.values()] == ["both", "a"]

    again = Player(player.flow, execution=copy).run()

    assert again.state is State.SUCCESS
    assert again.order == ["both", "a", "b", "c"]


@pytest.mark.parametrize(("limit", "kept"), [(0, ["x", "y", "y", "z", "z"]), (1, ["x"])])
def test_a_replay_from_a_value_keeps_other_values_that_ran_at_once(limit: int, kept: list[str]) -> None:
    each = task("each", ForEach(values=("x", "y", "z"), tasks=tasks("a", "b"), concurrency_limit=limit))
    player = Player(flow(each)).run()
    copy = replay(player, "a", "x")
    assert copy is not None
    assert sorted(run.value for run in copy.task_runs.values() if run.value) == kept

    again = Player(player.flow, execution=copy).run()

    assert again.state is State.SUCCESS
    assert sorted(again.order) == sorted(player.order)


def test_a_replay_from_a_flowable_opens_it_anew() -> None:
    player = Player(nested_loop()).run()
    copy = replay(player, "each")
    assert copy is not None

    again = Player(player.flow, execution=copy).run()

    assert again.order == player.order


def test_a_replay_from_the_errors_branch_goes_on_there() -> None:
    player = Player(flow("a", errors=tasks("e1", "e2")), {"a": FAILS}).run()
    copy = replay(player, "e1")
    assert copy is not None

    again = Player(player.flow, execution=copy).run()

    assert (again.order, again.state) == (["a", "e1", "e2"], State.FAILED)


def test_there_is_no_replay_from_a_task_that_the_revision_does_not_have() -> None:
    player = Player(flow("a", "b")).run()

    assert replay(player, "b", plan=Plan.of(flow("a"))) is None


def test_there_is_no_replay_from_an_unknown_task_run() -> None:
    player = Player(flow("a")).run()

    copy = replay_of(
        player.plan,
        player.execution,
        id=ExecutionId("r"),
        at=player.tick(),
        revision=1,
        commit="c" * 40,
        task_run_id=TaskRunId("nobody"),
    )

    assert copy is None
