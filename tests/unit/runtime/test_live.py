"""Live executions: who holds a slot of a flow and who waits follows from their states, whatever order they came in."""

from segue.engine.plan import Plan
from segue.model.execution import Execution, Moved
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.revision import Author, FlowKey, Revision
from segue.model.state import State
from segue.model.task import Runnable, Task
from segue.runtime.deployed import Deployed, Deployment, Revisions
from segue.runtime.live import Live, LiveExecutions

from tests.unit.runtime.test_timers import NOON

KEY = FlowKey("company.team", "hello")
TASK = Task(id="log", type="io.kestra.plugin.core.log.Log", body=Runnable(properties={"message": "Hello"}))


def deployed(number: int = 1) -> Deployed:
    flow = Flow(namespace=KEY.namespace, id=KEY.flow_id, tasks=(TASK,))
    revision = Revision(
        key=KEY,
        number=number,
        commit_id="c" * 40,
        author=Author("Ada", "ada@example.org"),
        committed_at=NOON,
        path="flows/company.team/hello.yaml",
        blob="b" * 40,
        document=0,
        content="b" * 40,
    )
    return Deployed(flow=flow, plan=Plan.of(flow), revision=revision)


def live(name: str, state: State) -> Live:
    execution = Execution(
        id=ExecutionId(name),
        namespace=KEY.namespace,
        flow_id=KEY.flow_id,
        revision=1,
        commit="c" * 40,
        history=[Moved(state, NOON)],
    )
    return Live(execution, deployed())


def move(executions: LiveExecutions, one: Live, state: State) -> None:
    one.execution.history.append(Moved(state, NOON))
    executions.reindex(one)


def test_a_running_and_a_paused_execution_hold_a_slot_an_ended_one_does_not() -> None:
    executions = LiveExecutions()
    one = live("one", State.RUNNING)
    executions.add(one)
    assert executions.holding(KEY) == 1
    move(executions, one, State.PAUSED)
    assert executions.holding(KEY) == 1
    move(executions, one, State.FAILED)
    assert executions.holding(KEY) == 0


def test_who_waits_comes_out_in_the_order_of_waiting() -> None:
    executions = LiveExecutions()
    for name in ("first", "second", "third"):
        executions.add(live(name, State.QUEUED))
    assert [each.execution.id for each in executions.waiting(KEY)] == ["first", "second", "third"]


def test_an_execution_that_is_removed_leaks_no_slot() -> None:
    executions = LiveExecutions()
    executions.add(live("one", State.RUNNING))
    executions.add(live("two", State.QUEUED))
    executions.remove(ExecutionId("one"))
    executions.remove(ExecutionId("two"))
    assert executions.holding(KEY) == 0
    assert list(executions.waiting(KEY)) == []
    assert len(executions) == 0


def test_a_revision_that_was_live_stays_at_hand_when_another_takes_its_place() -> None:
    read: list[int] = []
    revisions = Revisions(lambda _, number: read.append(number))
    old, new = deployed(1), deployed(2)
    revisions.switch(Deployment(commit="a" * 40, flows={KEY: old}))
    revisions.switch(Deployment(commit="b" * 40, flows={KEY: new}))
    assert revisions.find(KEY, 1) is old
    assert revisions.find(KEY, 2) is new
    assert read == []


def test_a_revision_that_nobody_holds_is_read_from_git_once() -> None:
    read: list[int] = []

    def from_git(_: FlowKey, number: int) -> Deployed:
        read.append(number)
        return deployed(number)

    revisions = Revisions(from_git)
    assert revisions.find(KEY, 7) is revisions.find(KEY, 7)
    assert read == [7]
