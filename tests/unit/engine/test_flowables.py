"""Which task runs each flowable makes, in which order, and how it ends."""

from typing import Any

import pytest
from segue.engine.limits import AT_ONCE_MAX
from segue.model.change import Logged, ProgressMade
from segue.model.execution import Failure
from segue.model.state import State
from segue.model.task import AllowFailure, Dag, ForEach, If, Parallel, Sequential, Sleep, Switch, Task

from tests.support.engine import FAILS, Player, Says, flow, histories, task, tasks

KILLED = Says(State.KILLED)


def test_tasks_run_one_after_another_with_their_histories() -> None:
    player = Player(flow("a", "b")).run()

    assert player.order == ["a", "b"]
    assert player.state is State.SUCCESS
    assert histories(player.execution) == ["CREATED", "RUNNING", "SUCCESS"]
    assert histories(player.only("a")) == ["CREATED", "RUNNING", "SUCCESS"]
    assert [moved.state.value for moved in player.only("a").attempts[0].history] == ["CREATED", "RUNNING", "SUCCESS"]
    assert player.only("a").attempts[0].worker == "w"


def test_the_second_task_is_not_made_before_the_first_has_ended() -> None:
    player = Player(flow("a", "b")).start()

    player.begin("a")

    assert player.order == ["a"]


def test_a_failure_stops_the_list() -> None:
    player = Player(flow("a", "b"), {"a": FAILS}).run()

    assert player.order == ["a"]
    assert player.state is State.FAILED


def test_a_flow_whose_tasks_are_all_disabled_succeeds() -> None:
    player = Player(flow(task("a", disabled=True))).run()

    assert (player.state, player.order) == (State.SUCCESS, [])


def test_disabled_children_are_left_out() -> None:
    nested = task("s", Sequential(tasks=(task("a", disabled=True), task("b"))))

    assert Player(flow(nested)).run().order == ["s", "b"]


def test_a_flowable_has_a_history_and_no_attempts() -> None:
    player = Player(flow(task("s", Sequential(tasks=tasks("a"))))).run()

    assert histories(player.only("s")) == ["CREATED", "RUNNING", "SUCCESS"]
    assert player.only("s").attempts == []
    assert player.only("a").parent_id == player.only("s").id


@pytest.mark.parametrize(
    ("limit", "at_once"), [(0, ["p", "a", "b", "c"]), (1, ["p", "a"]), (2, ["p", "a", "b"])], ids=["none", "1", "2"]
)
def test_parallel_makes_as_many_children_as_its_limit_lets_it(limit: int, at_once: list[str]) -> None:
    player = Player(flow(task("p", Parallel(tasks=tasks("a", "b", "c"), concurrent=limit)))).start()

    assert player.order == at_once
    assert player.finish().order == ["p", "a", "b", "c"]


def test_parallel_starts_no_sibling_after_a_failure_and_lets_the_running_ones_finish() -> None:
    player = Player(flow(task("p", Parallel(tasks=tasks("a", "b", "c"), concurrent=2)))).start()
    running = player.begin("b")

    player.end(player.begin("a"), FAILS)
    assert player.only("p").state is State.RUNNING
    player.end(running, Says())

    assert player.order == ["p", "a", "b"]
    assert player.states == {"p": "FAILED", "a": "FAILED", "b": "SUCCESS"}


def test_dag_starts_a_task_once_all_that_it_depends_on_has_ended() -> None:
    depends_on = {"t2": ("t1",), "t3": ("t1",), "t4": ("t2",), "t5": ("t4", "t3"), "t6": ("t2", "t3")}
    dag = task("dag", Dag(tasks=tasks("t1", "t2", "t3", "t4", "t5", "t6"), depends_on=depends_on))

    player = Player(flow(dag)).run()

    assert player.order == ["dag", "t1", "t2", "t3", "t4", "t6", "t5"]
    assert player.state is State.SUCCESS


def test_dag_keeps_to_its_limit_and_waits_for_no_disabled_task() -> None:
    body = Dag(tasks=(task("a", disabled=True), *tasks("b", "c")), depends_on={"b": ("a",)}, concurrent=1)
    player = Player(flow(task("dag", body))).start()

    assert player.order == ["dag", "b"]
    assert player.finish().order == ["dag", "b", "c"]


@pytest.mark.parametrize(
    ("condition", "runs"),
    [
        (True, "yes"),
        ("true", "yes"),
        ("{{ inputs.number > 1 }}", "yes"),
        ("{{ inputs.number }}", "yes"),
        ("{{ inputs.number == 1 }}", "no"),
        ("", "no"),
        ("0", "no"),
        ("-0", "no"),
        ("{{ null }}", "no"),
        (False, "no"),
    ],
)
def test_if_takes_the_branch_that_its_condition_says(condition: str | bool, runs: str) -> None:
    branches = If(condition=condition, then=tasks("yes"), otherwise=tasks("no"))
    player = Player(flow(task("if", branches)))
    player.execution.inputs["number"] = 2

    player.run()

    assert player.order == ["if", runs]
    assert player.only("if").outputs == {"evaluationResult": runs == "yes"}


def test_if_without_else_succeeds_when_its_condition_is_false() -> None:
    player = Player(flow(task("if", If(condition="false", then=tasks("a"))))).run()

    assert (player.order, player.state) == (["if"], State.SUCCESS)


@pytest.mark.parametrize(
    ("value", "order", "outputs"),
    [
        ("FIRST", ["sw", "a"], {"value": "FIRST", "defaults": False}),
        ("SECOND", ["sw", "b", "c"], {"value": "SECOND", "defaults": False}),
        ("other", ["sw", "d"], {"value": "other", "defaults": True}),
        ("{{ 1 + 1 }}", ["sw", "e"], {"value": "2", "defaults": False}),
    ],
)
def test_switch_takes_the_case_named_like_the_value(value: str, order: list[str], outputs: dict[str, Any]) -> None:
    cases = {"FIRST": tasks("a"), "SECOND": tasks("b", "c"), "2": tasks("e")}
    player = Player(flow(task("sw", Switch(value=value, cases=cases, defaults=tasks("d"))))).run()

    assert player.order == order
    assert player.only("sw").outputs == outputs


def test_switch_without_a_match_and_without_defaults_fails_and_says_why() -> None:
    player = Player(flow(task("sw", Switch(value="x", cases={"y": tasks("a")})))).run()

    assert player.states == {"sw": "FAILED"}
    assert [change.message for change in player.changes if isinstance(change, Logged)] == [
        "No case is named `x`, and there are no defaults"
    ]


def test_switch_whose_defaults_are_all_disabled_succeeds() -> None:
    switch = Switch(value="x", cases={"y": tasks("a")}, defaults=(task("d", disabled=True),))

    assert Player(flow(task("sw", switch))).run().state is State.SUCCESS


def each(values: str | tuple[Any, ...], *ids: str, limit: int = 1, **keys: Any) -> Task:
    return task("each", ForEach(values=values, tasks=tasks(*(ids or ("a",))), concurrency_limit=limit, **keys))


def test_for_each_runs_the_tasks_of_one_value_after_another_and_the_values_one_by_one() -> None:
    assert Player(flow(each(("x", "y"), "a", "b"))).run().order == ["each", "a[x]", "b[x]", "a[y]", "b[y]"]


def test_for_each_runs_as_many_values_at_once_as_its_limit_lets_it() -> None:
    player = Player(flow(each(("x", "y", "z"), "a", "b", limit=2))).start()

    assert player.order == ["each", "a[x]", "a[y]"]
    assert player.finish().order == ["each", "a[x]", "a[y]", "b[x]", "b[y]", "a[z]", "b[z]"]


def test_for_each_without_a_limit_starts_all_values() -> None:
    player = Player(flow(each(("x", "y", "z"), limit=0))).start()

    assert player.order == ["each", "a[x]", "a[y]", "a[z]"]
    assert [run.iteration for run in player.runs("a")] == [0, 1, 2]


def test_for_each_without_a_limit_is_bounded_all_the_same() -> None:
    player = Player(flow(each(tuple(range(AT_ONCE_MAX + 5)), limit=0))).start()

    assert len(player.runs("a")) == AT_ONCE_MAX
    assert len(player.finish().runs("a")) == AT_ONCE_MAX + 5


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (("x", "x", "y"), ["x", "y"]),
        ((1, True, {"k": [1, "ä"]}), ["1", "true", '{"k":[1,"ä"]}']),
        (("{{ 1 + 1 }}", "b"), ["2", "b"]),
        ('["p", 2, {"k": 1}]', ["p", "2", '{"k":1}']),
        ("{{ ['p', 'q'] }}", ["p", "q"]),
        ("{{ inputs.list }}", ["i", "7"]),
        ("[]", []),
        ((), []),
    ],
    ids=["distinct", "texts", "rendered", "json", "expression", "input", "empty json", "empty"],
)
def test_for_each_takes_distinct_values_as_texts(values: Any, texts: list[str]) -> None:
    player = Player(flow(each(values)))
    player.execution.inputs["list"] = ["i", 7]

    player.run()

    assert [run.value for run in player.runs("a")] == texts
    assert player.state is State.SUCCESS


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("[1, null]", "Found '1' null values on Each, with values=[1, null]"),
        (("a", None), "Found '1' null values on Each, with values=[a, null]"),
        ("no list", "not a JSON array: no list"),
        ('{"a": 1}', "a list is expected, not a map"),
        ("{{ missing }}", "Unable to find `missing`"),
    ],
)
def test_for_each_fails_on_values_that_are_no_list_and_says_why(values: Any, message: str) -> None:
    player = Player(flow(each(values))).run()

    assert player.states == {"each": "FAILED"}
    assert any(message in change.message for change in player.changes if hasattr(change, "level"))


def test_a_failing_value_stops_the_following_ones() -> None:
    player = Player(flow(each(("x", "y"))), {"a": FAILS}).run()

    assert player.order == ["each", "a[x]"]
    assert player.state is State.FAILED


def test_after_a_failure_no_further_value_starts_but_those_begun_finish_their_task() -> None:
    player = Player(flow(each(("x", "y", "z"), "a", "b", limit=2))).start()
    other = player.runs("a")[1]

    player.end(player.begin("a"), FAILS)
    player.begin("a")
    player.end(other, Says())

    assert player.order == ["each", "a[x]", "a[y]"]
    assert player.state is State.FAILED


def test_a_nested_loop_keys_its_runs_by_their_own_value() -> None:
    inner = task("inner", ForEach(values=("1", "2"), tasks=tasks("a")))
    player = Player(flow(task("outer", ForEach(values=("x", "y"), tasks=(inner,))))).run()

    assert player.order == ["outer", "inner[x]", "a[1]", "a[2]", "inner[y]", "a[1]", "a[2]"]


def test_outputs_are_nested_by_the_values_above_the_outermost_first() -> None:
    inner = task("inner", ForEach(values=("1", "2"), tasks=tasks("a")))
    sequence = task("s", Sequential(tasks=(task("b"), inner)))
    outer = task("outer", ForEach(values=("x",), tasks=(sequence,)))

    player = Player(flow("c", outer), lambda run, _: Says(outputs={"of": run.task_id})).run()

    assert player.execution.outputs_tree == {
        "c": {"of": "c"},
        "b": {"x": {"of": "b"}},
        "a": {"x": {"1": {"of": "a"}, "2": {"of": "a"}}},
    }


def test_allow_failure_ends_in_warning_after_its_errors_and_the_flow_goes_on() -> None:
    inner = task("seq", Sequential(tasks=tasks("ok", "ko", "never")))
    allowing = task("allow", AllowFailure(tasks=(inner,), errors=tasks("local")))
    player = Player(
        flow(task("first", Sequential(tasks=(allowing, task("todo")))), "last", errors=tasks("global")), {"ko": FAILS}
    )

    player.run()

    assert player.order == ["first", "allow", "seq", "ok", "ko", "local", "todo", "last"]
    assert player.states["allow"] == player.states["first"] == "WARNING"
    assert player.states["seq"] == "FAILED"
    assert player.state is State.WARNING


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ((State.SUCCESS, State.WARNING), State.WARNING),
        ((State.FAILED, State.WARNING), State.FAILED),
        ((State.KILLED, State.FAILED), State.KILLED),
        ((State.SKIPPED, State.SUCCESS), State.SUCCESS),
    ],
    ids=lambda value: value.value if isinstance(value, State) else "-".join(value),
)
def test_the_worst_child_decides_the_end_of_a_node(ends: tuple[State, State], state: State) -> None:
    script = {"a": Says(ends[0]), "b": Says(ends[1])}
    player = Player(flow(task("p", Parallel(tasks=tasks("a", "b")))), script).start()
    runs = [player.begin("a"), player.begin("b")]
    for run in runs:
        player.end(run, script[run.task_id])

    assert player.only("p").state is state
    assert player.state is state


def test_a_sleep_is_running_while_its_timer_waits_and_needs_no_worker() -> None:
    player = Player(flow(task("s", Sleep(duration="PT{{ 2 + 3 }}S")))).start()

    assert histories(player.only("s")) == ["CREATED", "RUNNING"]
    assert (player.orders, len(player.timers)) == (player.orders.__class__(), 1)
    slept = next(iter(player.timers.values())) - player.now

    assert slept.total_seconds() == 5
    assert player.finish().state is State.SUCCESS
    assert [attempt.state for attempt in player.only("s").attempts] == [State.SUCCESS]


def test_a_sleep_that_is_longer_than_its_timeout_fails() -> None:
    player = Player(flow(task("s", Sleep(duration="PT100S"), timeout="PT0.0001S"))).run()

    assert player.states == {"s": "FAILED"}
    assert player.only("s").attempts[0].failure == Failure(message="Timeout after PT0.0001S", kind="timeout")


def test_a_sleep_whose_duration_cannot_be_read_fails() -> None:
    assert Player(flow(task("s", Sleep(duration="soon")))).run().states == {"s": "FAILED"}


RUN_IFS = [
    (None, "SUCCESS"),
    (True, "SUCCESS"),
    ("{{ outputs.o.n == 1 }}", "SUCCESS"),
    ("{{ outputs.o.n == 2 }}", "SKIPPED"),
    (False, "SKIPPED"),
    ("", "SKIPPED"),
    ("0", "SKIPPED"),
    ("{{ outputs.missing == 2 }}", "FAILED"),
]


@pytest.mark.parametrize(("run_if", "state"), RUN_IFS)
def test_run_if_decides_before_any_worker_is_asked(run_if: str | bool | None, state: str) -> None:
    player = Player(flow("o", task("a", run_if=run_if)), {"o": Says(outputs={"n": 1})}).run()

    assert player.states["a"] == state
    assert bool(player.only("a").attempts) == (state == "SUCCESS")


@pytest.mark.parametrize(("run_if", "state"), RUN_IFS)
def test_run_if_of_a_flowable_keeps_its_children_from_being_made(run_if: str | bool | None, state: str) -> None:
    nested = task("s", Sequential(tasks=tasks("a")), run_if=run_if)
    player = Player(flow("o", nested), {"o": Says(outputs={"n": 1})}).run()

    assert player.states["s"] == state
    assert bool(player.runs("a")) == (state == "SUCCESS")


def test_a_skipped_task_counts_as_success_and_the_next_one_runs() -> None:
    player = Player(flow(task("a", run_if="false"), "b")).run()

    assert player.states == {"a": "SKIPPED", "b": "SUCCESS"}
    assert player.state is State.SUCCESS


def test_a_condition_is_evaluated_once_and_what_it_chose_is_kept() -> None:
    player = Player(flow(task("if", If(condition="{{ true }}", then=tasks("a", "b"))))).run()

    opened = [
        change
        for change in player.changes
        if isinstance(change, ProgressMade) and change.fields.get("branch") == "then"
    ]
    assert len(opened) == 1
