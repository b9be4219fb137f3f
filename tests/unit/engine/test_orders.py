"""What expressions see, what a worker is sent, and who evaluates what."""

from copy import deepcopy
from typing import Any

import pytest
from segue.engine.orders import evaluation_for, open_evaluations, order_for
from segue.engine.rebuild import restore
from segue.model.change import EvaluationOrdered, Logged
from segue.model.event import Evaluated, KillWanted, RestartWanted
from segue.model.execution import Failure, TriggeredBy
from segue.model.flow import Output
from segue.model.state import State
from segue.model.task import ForEach, If, Parallel, Runnable, Sequential, Sleep, Switch, Task

from tests.support.engine import FAILS, Player, Says, execution_of, flow, task, tasks

SECRET = "{{ secret('KEY') }}"


def reading(task_id: str, template: Any, **common: Any) -> Task:
    return task(task_id, Runnable(properties={"message": template}), **common)


def variables(player: Player, task_id: str, number: int = 0) -> Any:
    order = order_for(player.plan, player.execution, player.runs(task_id)[number].id)
    assert order is not None
    return order.variables


def test_an_order_says_all_that_a_worker_needs() -> None:
    made = flow(reading("a", "{{ inputs.x }}", timeout="PT1M", log_level="WARN"))
    player = Player(made, execution=execution_of(made, inputs={"x": 1, "y": 2})).start()

    order = order_for(player.plan, player.execution, player.only("a").id)

    assert order is not None
    assert (order.id, order.attempt, order.task_type) == ("e-0#1", 1, "test.Runnable")
    assert (order.execution_id, order.namespace, order.flow_id, order.commit) == ("e", "company.team", "flow", "c" * 40)
    assert (order.properties, order.timeout, order.log_level) == ({"message": "{{ inputs.x }}"}, "PT1M", "WARN")
    assert order.variables["inputs"] == {"x": 1}


def test_there_is_no_order_for_an_attempt_that_is_over() -> None:
    player = Player(flow("a")).run()

    assert order_for(player.plan, player.execution, player.only("a").id) is None


@pytest.mark.parametrize(
    ("template", "outputs"),
    [
        ("{{ outputs.a.n }}", {"a": {"n": 1}}),
        ("{{ outputs.a }}", {"a": {"n": 1, "m": {"k": [1, 2]}}}),
        ("{{ outputs.a.m.k[0] }}", {"a": {"m": {"k": [1, 2]}}}),
        ("{{ outputs.a.n ~ outputs.b.n }}", {"a": {"n": 1}, "b": {"n": 2}}),
        ("{{ outputs.a.n ~ outputs.a }}", {"a": {"n": 1, "m": {"k": [1, 2]}}}),
        ("{{ outputs.a.missing ?? 1 }}", {"a": {}}),
        ("{{ outputs.missing.deep ?? 1 }}", {}),
        ("{{ outputs.a.size }}", {"a": {"n": 1, "m": {"k": [1, 2]}}}),
        ("{{ outputs.a[inputs.x] }}", {"a": {"n": 1, "m": {"k": [1, 2]}}}),
        ("no expression", None),
    ],
)
def test_an_order_carries_the_outputs_that_are_named(template: str, outputs: Any) -> None:
    script = {"a": Says(outputs={"n": 1, "m": {"k": [1, 2]}}), "b": Says(outputs={"n": 2})}
    player = Player(flow("a", "b", reading("c", template)), script).start()
    player.step()
    player.step()

    assert variables(player, "c").get("outputs") == outputs


def test_an_order_of_a_loop_carries_the_outputs_of_its_own_value_only() -> None:
    body = (
        task("a"),
        reading("b", "{{ outputs.a[taskrun.value].n }}"),
        reading("c", "{{ currentEachOutput(outputs.a).n }}"),
    )
    loop = task("each", ForEach(values=("x", "y"), tasks=body))
    player = Player(flow(loop), lambda run, _: Says(outputs={"n": run.value}))

    player.start()
    for _ in range(4):
        player.step()

    assert variables(player, "b", 1)["outputs"] == {"a": {"y": {"n": "y"}}}
    player.step()
    assert variables(player, "c", 1)["outputs"] == {"a": {"y": {"n": "y"}}}


def test_an_order_inside_a_flowable_of_a_loop_follows_the_parents_value() -> None:
    inner = task("s", Sequential(tasks=(reading("b", "{{ outputs.a[parent.taskrun.value].n }}"),)))
    loop = task("each", ForEach(values=("x", "y"), tasks=(task("a"), inner)))
    player = Player(flow(loop), {"a": Says(outputs={"n": 1})}).start()
    for _ in range(3):
        player.step()

    assert variables(player, "b", 1)["outputs"] == {"a": {"y": {"n": 1}}}
    assert variables(player, "b", 1)["parent"] == {"taskrun": {"value": "y"}}


def test_a_text_that_only_running_tells_gets_everything() -> None:
    made = flow("a", reading("b", "{{ render(vars.x) }}"), variables={"x": "{{ outputs.a.n }}"})
    player = Player(made, {"a": Says(outputs={"n": 1})}).start()
    player.step()

    found = variables(player, "b")
    assert (found["outputs"], found["vars"], found["envs"]) == ({"a": {"n": 1}}, made.variables, {"home": "x"})


def test_the_variables_have_kestras_names() -> None:
    named = "{{ labels }}{{ trigger }}{{ tasks }}{{ vars }}{{ globals }}{{ schedule }}"
    made = flow("a", reading("b", named), labels={"team": "x"}, variables={"v": 1})
    trigger = TriggeredBy(
        id="t", type="io.kestra.plugin.core.trigger.Schedule", variables={"date": "2026-03-01T00:00:00Z"}
    )
    player = Player(made, execution=execution_of(made, trigger=trigger)).start()
    player.step()

    found = variables(player, "b")

    assert found["flow"] == {"id": "flow", "namespace": "company.team", "revision": 1, "tenantId": "main"}
    assert found["execution"]["id"] == "e"
    assert found["execution"]["startDate"] == "2026-03-01T12:00:00Z"
    assert found["task"] == {"id": "b", "type": "test.Runnable"}
    assert found["taskrun"]["id"] == "e-1"
    assert found["taskrun"]["attemptsCount"] == 0
    assert found["labels"] == {"team": "x", "system": {"correlationId": "e"}}
    assert found["trigger"] == found["schedule"] == trigger.variables
    assert found["tasks"] == {"a": {"state": "SUCCESS"}, "b": {"state": "CREATED"}}
    assert (found["vars"], found["globals"]) == ({"v": 1}, {"g": 1})
    assert "envs" not in found


def test_the_states_of_tasks_in_a_loop_are_keyed_by_value() -> None:
    loop = task("each", ForEach(values=("x", "y"), tasks=(task("a"), reading("b", "{{ tasks.a['x'].state }}"))))
    player = Player(flow(loop)).start()
    player.step()

    assert variables(player, "b")["tasks"] == {"a": {"x": {"state": "SUCCESS"}}}


# Who evaluates.


def test_what_reads_the_outside_is_evaluated_by_a_worker_and_nothing_else_is() -> None:
    chosen = task("if", If(condition=SECRET, then=tasks("a")))
    player = Player(flow(chosen), answers={"condition": "yes"}).start()

    (order,) = player.evaluations
    assert (order.purpose, order.template, order.id) == ("condition", SECRET, player.only("if").id)
    assert player.order == ["if"]

    assert player.finish().order == ["if", "a"]


@pytest.mark.parametrize(
    ("made", "answers", "order"),
    [
        (task("x", If(condition=SECRET, then=tasks("a"), otherwise=tasks("b"))), {"condition": "false"}, ["x", "b"]),
        (task("x", Switch(value=SECRET, cases={"k": tasks("a")})), {"value": "k"}, ["x", "a"]),
        (task("x", ForEach(values=SECRET, tasks=tasks("a"))), {"values": ["p", "q"]}, ["x", "a[p]", "a[q]"]),
        (task("x", Sleep(duration=SECRET)), {"duration": "PT1S"}, ["x"]),
        (
            task(
                "x",
                Sleep(
                    duration=SECRET,
                ),
                timeout=SECRET,
            ),
            {"duration": "PT1S", "timeout": "PT2S"},
            ["x"],
        ),
        (task("x", Sequential(tasks=tasks("a")), run_if=SECRET), {"run_if": "true"}, ["x", "a"]),
        (
            task("x", If(condition=SECRET, then=tasks("a")), run_if=SECRET),
            {"run_if": True, "condition": True},
            ["x", "a"],
        ),
    ],
    ids=["if", "switch", "loop", "sleep", "sleep with timeout", "run if", "run if and condition"],
)
def test_an_answer_is_taken_for_what_it_was_asked_for(made: Task, answers: dict[str, Any], order: list[str]) -> None:
    player = Player(flow(made), answers=answers).run()

    assert (player.order, player.state) == (order, State.SUCCESS)


def test_a_template_that_a_worker_cannot_evaluate_fails_the_task_and_is_logged() -> None:
    chosen = task("if", If(condition=SECRET, then=tasks("a")))
    player = Player(flow(chosen), answers={"condition": Failure(message="no such secret")}).run()

    assert player.states == {"if": "FAILED"}
    assert [change.message for change in player.changes if isinstance(change, Logged)] == ["no such secret"]


def test_an_answer_to_something_else_changes_nothing() -> None:
    player = Player(flow(task("if", If(condition=SECRET, then=tasks("a"))))).start()
    run_id = player.only("if").id

    assert player.send(Evaluated(at=player.tick(), task_run_id=run_id, purpose="values", value=True)) == ()
    assert player.send(Evaluated(at=player.tick(), task_run_id=None, purpose="outputs", value=True)) == ()


def test_a_runnable_tasks_run_if_that_reads_the_outside_goes_with_its_order() -> None:
    player = Player(flow(task("a", run_if=SECRET), "b"), {"a": Says(State.SKIPPED)}).start()

    order = order_for(player.plan, player.execution, player.only("a").id)
    assert order is not None
    assert order.run_if == SECRET
    assert player.finish().states == {"a": "SKIPPED", "b": "SUCCESS"}


def test_flow_outputs_that_read_the_outside_come_from_a_worker() -> None:
    made = flow("a", outputs=(Output(id="o", type="STRING", value=SECRET),))
    player = Player(made, answers={"outputs": {"o": "x"}}).run()

    assert (player.state, player.execution.outputs) == (State.SUCCESS, {"o": "x"})


def test_evaluations_that_are_still_open_are_found_after_a_crash() -> None:
    node = task(
        "p", Parallel(tasks=(task("if", If(condition=SECRET, then=tasks("a"))), task("s", Sleep(duration=SECRET))))
    )
    player = Player(flow(node)).start()
    asked = list(player.evaluations)

    execution = restore(player.plan, deepcopy(player.execution))

    assert list(open_evaluations(player.plan, execution)) == asked
    orders = [evaluation_for(player.plan, execution, ordered) for ordered in asked]
    assert [order and (order.id, order.purpose, order.template) for order in orders] == [
        (f"{player.only('if').id}?condition", "condition", SECRET),
        (f"{player.only('s').id}?duration", "duration", SECRET),
    ]


def test_an_evaluation_that_nobody_waits_for_is_not_ordered() -> None:
    player = Player(flow("a", errors=tasks("e")), {"a": FAILS}).run()
    ordered = EvaluationOrdered(id=player.only("a").id, purpose="condition", template=SECRET)

    assert evaluation_for(player.plan, player.execution, ordered) is None


def test_what_the_engine_evaluates_itself_sees_the_surroundings_too() -> None:
    chosen = task("if", If(condition="{{ globals.g == 1 and envs.home == 'x' }}", then=tasks("a")))

    assert Player(flow(chosen)).run().order == ["if", "a"]


def test_the_clock_of_an_expression_is_the_events() -> None:
    chosen = task("sw", Switch(value="{{ now() | date('yyyy') }}", cases={"2026": tasks("a")}))

    assert Player(flow(chosen)).run().order == ["sw", "a"]


def test_an_expression_that_does_not_end_fails_its_task_only() -> None:
    endless = "{% for a in range(1, 99999) %}{% for b in range(1, 99999) %}x{% endfor %}{% endfor %}"
    player = Player(flow(task("if", If(condition=endless, then=tasks("a"))))).run()

    assert player.states == {"if": "FAILED"}


def test_an_answer_that_comes_after_a_kill_changes_nothing_and_a_restart_asks_anew() -> None:
    node = task(
        "p", Parallel(tasks=(task("if", If(condition=SECRET, then=tasks("a"))), task("s", Sleep(duration=SECRET))))
    )
    player = Player(flow(node), answers={"condition": True, "duration": "PT1S"}).start()
    player.send(KillWanted(at=player.tick()))
    late = Evaluated(at=player.tick(), task_run_id=player.only("if").id, purpose="condition", value=False)
    assert player.send(late) == ()
    player.evaluations.clear()

    player.send(RestartWanted(at=player.tick()))
    player.run()

    assert player.state is State.SUCCESS
    assert player.order == ["p", "if", "s", "a"]
