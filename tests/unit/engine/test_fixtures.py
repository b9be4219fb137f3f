"""Fixtures of a test: what stands in for a task run is what it would have come to, and nothing is ordered for it."""

from copy import deepcopy
from typing import Any

import pytest
from segue.engine import fixtures
from segue.engine.create import rerun_of
from segue.engine.orders import evaluation_for
from segue.engine.rebuild import restore
from segue.model.change import ChildOrdered, Logged
from segue.model.flow_test import TaskFixture
from segue.model.state import State
from segue.model.task import Call, ForEach, Parallel, Retry, RetryKind, Sleep, Subflow

from tests.support.engine import FAILS, START, Player, execution_of, flow, task, tasks

FILES = {"a.csv": "kestra:///a.csv"}


def played(one: Any, *standing_in: TaskFixture, script: Any = None) -> Player:
    execution = execution_of(one, notes=fixtures.noted(standing_in, FILES))
    return Player(one, script or {}, execution=execution).run()


def states(player: Player) -> dict[str, State]:
    return {run.task_id: run.state for run in player.execution.task_runs.values()}


def test_a_run_with_a_fixture_ends_as_it_says_and_no_worker_hears_of_it() -> None:
    player = played(flow("a", "b"), TaskFixture(id="a", outputs={"n": 1}))
    first = next(iter(player.execution.task_runs.values()))
    assert (first.state, first.attempts, first.outputs) == (State.SUCCESS, [], {"n": 1})
    assert player.execution.state is State.SUCCESS


def test_its_outputs_see_the_execution_the_run_and_the_files_of_the_test() -> None:
    outputs = {"of": "{{ outputs.a.n }}{{ taskrun.value }}", "file": "{{ files['a.csv'] }}", "count": 3}
    loop = task("loop", ForEach(values=("x",), concurrency_limit=1, tasks=tasks("in")))
    player = played(
        flow("a", loop), TaskFixture(id="a", outputs={"n": 7}), TaskFixture(id="in", value="x", outputs=outputs)
    )
    assert player.execution.outputs_tree["in"] == {"x": {"of": "7x", "file": "kestra:///a.csv", "count": 3}}


def test_in_a_loop_a_fixture_stands_in_for_the_run_of_its_value_alone() -> None:
    loop = task("loop", ForEach(values=("x", "y"), concurrency_limit=1, tasks=tasks("in")))
    player = played(flow(loop), TaskFixture(id="in", value="y", outputs={"n": 1}), TaskFixture(id="in"))
    attempts = {run.value: len(run.attempts) for run in player.runs("in")}
    assert attempts == {"x": 1, "y": 0}


@pytest.mark.parametrize(
    ("common", "state"),
    [
        ({}, State.FAILED),
        ({"allow_failure": True}, State.WARNING),
        ({"retry": Retry(kind=RetryKind.CONSTANT, interval=START - START, attempts_max=3)}, State.FAILED),
    ],
    ids=["as it is", "allowFailure", "no retry"],
)
def test_a_fixture_that_fails_fails_its_run(common: dict[str, Any], state: State) -> None:
    one = flow(task("a", **common), errors=tasks("mend"))
    player = played(one, TaskFixture(id="a", state=State.FAILED))
    assert states(player) == ({"a": state, "mend": State.SUCCESS} if state is State.FAILED else {"a": state})
    assert player.execution.state is state


def test_a_fixture_counts_before_runif() -> None:
    assert states(played(flow(task("a", run_if="false")), TaskFixture(id="a"))) == {"a": State.SUCCESS}


@pytest.mark.parametrize(
    "body",
    [
        Parallel(tasks=tasks("in")),
        Sleep(duration="PT1H"),
        Subflow(call=Call(namespace="company.team", flow_id="other")),
    ],
    ids=["Parallel", "Sleep", "Subflow"],
)
def test_any_kind_of_task_can_be_stood_in_for(body: Any) -> None:
    player = played(flow(task("a", body)), TaskFixture(id="a", outputs={"n": 1}))
    assert states(player) == {"a": State.SUCCESS}
    assert not player.timers
    assert not [change for change in player.changes if isinstance(change, ChildOrdered)]


def test_outputs_that_only_a_worker_may_render_are_rendered_by_one() -> None:
    outputs = {"text": "{{ read(files['a.csv']) }} {{ inputs.n }}"}
    one = flow("a", "b")
    execution = execution_of(one, notes=fixtures.noted((TaskFixture(id="a", outputs=outputs),), FILES), inputs={"n": 1})
    player = Player(one, answers={"fixture": {"text": "read"}}, execution=execution).start()
    order = evaluation_for(player.plan, player.execution, player.evaluations[0])
    assert order is not None
    assert (order.template, order.variables["files"], order.variables["inputs"]) == (outputs, FILES, {"n": 1})
    player.finish()
    assert player.execution.outputs_tree["a"] == {"text": "read"}


def test_outputs_that_do_not_render_fail_the_run_and_say_so() -> None:
    player = played(flow("a"), TaskFixture(id="a", outputs={"n": "{{ outputs.nobody.n }}"}))
    assert states(player) == {"a": State.FAILED}
    said = next(change.message for change in player.changes if isinstance(change, Logged))
    assert said.startswith("The outputs of its fixture cannot be rendered: ")


def test_fixtures_outlast_a_restart_of_the_daemon_and_a_retry_of_the_flow() -> None:
    one = flow("a", "b")
    execution = execution_of(one, notes=fixtures.noted((TaskFixture(id="b"),), {}))
    player = Player(one, {"a": FAILS}, execution=execution).start()
    loaded = restore(player.plan, deepcopy(player.execution))
    again = rerun_of(loaded, one, id=execution.id, at=START, due=START)
    later = Player(one, execution=again).run()
    assert [len(run.attempts) for run in later.execution.task_runs.values()] == [1, 0]
