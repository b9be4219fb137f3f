"""What runs when something fails, and what runs whatever happens."""

from segue.engine.create import new_execution
from segue.model.change import Logged
from segue.model.event import ExitWanted, LabelsWanted, RestartWanted, VariablesWanted
from segue.model.flow import Output
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.task import ForEach, Parallel, Sequential

from tests.support.engine import FAILS, START, Player, Says, flow, histories, task, tasks


def test_the_flows_errors_run_after_a_failure_and_it_stays_failed() -> None:
    player = Player(flow("a", "b", errors=tasks("e1", "e2")), {"a": FAILS}).run()

    assert player.order == ["a", "e1", "e2"]
    assert histories(player.execution) == ["CREATED", "RUNNING", "FAILED"]


def test_errors_do_not_run_without_a_failure() -> None:
    player = Player(flow("a", errors=tasks("e")), {"a": Says(State.WARNING)}).run()

    assert (player.order, player.state) == (["a"], State.WARNING)


def test_errors_of_the_inner_node_run_before_those_of_the_outer_one() -> None:
    inner = task("inner", Sequential(tasks=tasks("a"), errors=tasks("near")))
    player = Player(flow(inner, errors=tasks("far")), {"a": FAILS}).run()

    assert player.order == ["inner", "a", "near", "far"]


def test_errors_of_a_parallel_run_once_its_running_children_have_finished() -> None:
    player = Player(flow(task("p", Parallel(tasks=tasks("a", "b"), errors=tasks("e"))))).start()
    slow = player.begin("b")

    player.end(player.begin("a"), FAILS)
    assert player.order == ["p", "a", "b"]
    player.end(slow, Says())

    assert player.finish().order == ["p", "a", "b", "e"]
    assert player.states["p"] == "FAILED"


def test_errors_of_a_loop_run_once_and_carry_no_value() -> None:
    loop = task("each", ForEach(values=("x", "y"), tasks=tasks("a"), errors=tasks("e")))

    assert Player(flow(loop), {"a": FAILS}).run().order == ["each", "a[x]", "e"]


def test_a_failing_task_of_errors_stops_the_rest_of_them() -> None:
    player = Player(flow("a", errors=tasks("e1", "e2"), finally_=tasks("f")), {"a": FAILS, "e1": FAILS}).run()

    assert (player.order, player.state) == (["a", "e1", "f"], State.FAILED)


def test_finally_runs_after_success_and_after_errors() -> None:
    keys = {"errors": tasks("e"), "finally_": tasks("f")}

    assert Player(flow("a", **keys)).run().order == ["a", "f"]
    assert Player(flow("a", **keys), {"a": FAILS}).run().order == ["a", "e", "f"]


def test_the_execution_is_running_while_finally_runs() -> None:
    player = Player(flow("a", finally_=tasks("f")), {"a": FAILS}).start()
    player.step()

    assert player.order == ["a", "f"]
    assert player.state is State.RUNNING


def test_a_failing_finally_makes_a_good_end_a_failed_one_and_starts_no_errors() -> None:
    player = Player(flow("a", errors=tasks("e"), finally_=tasks("f")), {"f": FAILS}).run()

    assert (player.order, player.state) == (["a", "f"], State.FAILED)


def test_finally_of_a_flowable_belongs_to_it() -> None:
    node = task("s", Sequential(tasks=tasks("a"), finally_=tasks("f")))
    player = Player(flow(node, "b")).run()

    assert player.order == ["s", "a", "f", "b"]
    assert player.only("f").parent_id == player.only("s").id


def test_what_runs_after_the_execution_starts_at_its_end_and_changes_its_state_no_more() -> None:
    player = Player(flow("a", after_execution=tasks("x", "y")), {"x": FAILS}).start()
    player.step()
    assert (player.state, player.execution.is_over) == (State.SUCCESS, False)

    player.finish()

    assert player.order == ["a", "x"]
    assert (player.state, player.execution.is_over) == (State.SUCCESS, True)


def test_allow_failure_on_a_task_makes_a_warning_and_starts_no_errors() -> None:
    player = Player(flow(task("a", allow_failure=True), "b", errors=tasks("e")), {"a": FAILS}).run()

    assert player.states == {"a": "WARNING", "b": "SUCCESS"}
    assert player.only("a").attempts[0].state is State.FAILED
    assert player.state is State.WARNING


def test_allow_failure_with_allow_warning_makes_a_success() -> None:
    player = Player(flow(task("a", allow_failure=True, allow_warning=True), "b"), {"a": FAILS}).run()

    assert (player.states["a"], player.state) == ("SUCCESS", State.SUCCESS)


def test_allow_failure_on_a_flowable_lets_the_flow_go_on_after_it() -> None:
    node = task("s", Sequential(tasks=tasks("a", "never"), errors=tasks("e")), allow_failure=True)
    player = Player(flow(node, "b"), {"a": FAILS}).run()

    assert player.order == ["s", "a", "e", "b"]
    assert player.states["s"] == "WARNING"


def output(value: str, kind: str = "STRING") -> tuple[Output, ...]:
    return (Output(id="o", type=kind, value=value),)


def test_the_flows_outputs_are_rendered_at_its_end_as_their_types_say() -> None:
    script = {"a": Says(outputs={"value": "x", "n": 7})}

    assert Player(flow("a", outputs=output("{{ outputs.a }}")), script).run().execution.outputs == {
        "o": '{"value":"x","n":7}'
    }
    assert Player(flow("a", outputs=output("{{ outputs.a.n }}", "INT")), script).run().execution.outputs == {"o": 7}


def test_outputs_that_do_not_render_fail_the_flow_and_the_log_says_why() -> None:
    player = Player(flow("a", outputs=output("{{ invalid }}"))).run()

    assert (player.state, player.execution.outputs) == (State.FAILED, None)
    assert ["invalid" in change.message for change in player.changes if isinstance(change, Logged)] == [True]


def test_a_failed_flow_has_no_outputs() -> None:
    player = Player(flow("a", outputs=output("fixed")), {"a": FAILS}).run()

    assert player.execution.outputs is None


def test_a_task_may_label_its_execution_and_set_variables() -> None:
    wishes = (
        LabelsWanted(labels={"team": "b"}),
        VariablesWanted(set={"deep": {"new": 2}, "gone": 1}),
        VariablesWanted(removed=("gone",)),
    )
    made = flow("a", labels={"team": "a", "env": "test"}, variables={"deep": {"old": 1}})
    player = Player(made, {"a": Says(wishes=wishes)}).run()

    assert player.execution.labels == {"team": "b", "env": "test", "system.correlationId": "e"}
    assert player.execution.variables == {"deep": {"old": 1, "new": 2}}


def test_a_task_may_end_the_execution_and_only_finally_still_runs() -> None:
    node = task("s", Sequential(tasks=tasks("exit", "never")))
    made = flow(node, "never", errors=tasks("e"), finally_=tasks("f"))
    player = Player(made, {"exit": Says(wishes=(ExitWanted(state=State.FAILED),))}).run()

    assert player.order == ["s", "exit", "f"]
    assert player.states["s"] == "FAILED"
    assert player.state is State.FAILED


def test_a_task_that_wants_the_execution_killed_stops_what_runs_beside_it() -> None:
    node = task("p", Parallel(tasks=tasks("exit", "other")))
    player = Player(flow(node), {"exit": Says(wishes=(ExitWanted(state=State.KILLED),))}).start()
    other = player.begin("other")

    player.end(player.begin("exit"), Says(wishes=(ExitWanted(state=State.KILLED),)))

    assert (player.state, other.state) == (State.KILLING, State.KILLING)
    assert [order.id for order in player.kills] == [other.id]
    player.end(other, Says(State.KILLED))
    assert histories(player.execution) == ["CREATED", "RUNNING", "KILLING", "KILLED"]


def test_a_restart_forgets_that_the_execution_was_to_exit() -> None:
    player = Player(flow("exit", "b"), {"b": FAILS}).start()
    player.step()
    player.finish()
    player.send(RestartWanted(at=player.tick()))
    player.script = {"b": Says(wishes=(ExitWanted(state=State.WARNING),))}

    assert player.run().state is State.WARNING


def test_a_new_execution_has_the_flows_labels_first_and_its_own_id_to_correlate() -> None:
    made = flow("a", labels={"x": "1"}, variables={"v": 1})
    execution = new_execution(
        id=ExecutionId("e"), flow=made, revision=3, commit="c" * 40, at=START, labels={"y": "2"}, inputs={"i": 1}
    )

    assert list(execution.labels.items()) == [("x", "1"), ("y", "2"), ("system.correlationId", "e")]
    assert (execution.variables, execution.inputs, execution.original_id) == ({"v": 1}, {"i": 1}, "e")
    assert execution.state is State.CREATED
