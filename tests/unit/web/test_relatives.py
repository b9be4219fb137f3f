"""What an execution started, and what started it, on its page."""

from segue.engine.flowables import loop
from segue.model.execution import Execution, Item, Kind, LoopRun, Moved, Progress, TriggeredBy
from segue.model.state import State
from segue.web.pages.execution import caller_of
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon
from tests.unit.web.conftest import KEY


def called_by(execution_id: str) -> TriggeredBy:
    variables = {"executionId": execution_id, "namespace": "company.team", "flowId": "caller"}
    return TriggeredBy(id="call", type="io.kestra.plugin.core.flow.Subflow", variables=variables)


def test_a_caller_and_what_it_called_lead_to_each_other(client: TestClient, daemon: MemoryDaemon) -> None:
    caller = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    called = [daemon.add_execution(KEY, [(State.SUCCESS, 0)], trigger=called_by(caller.id)) for _ in range(2)]
    text = client.get(f"/executions/{caller.id}").text
    assert "Executions that it started" in text
    assert all(f'href="/executions/{each.id}"' in text for each in called)
    text = client.get(f"/executions/{called[0].id}").text
    assert f'Called by</dt><dd>company.team/caller <a href="/executions/{caller.id}">' in text
    assert "Executions that it started" not in text


def test_many_are_shown_in_part_and_all_in_the_list(client: TestClient, daemon: MemoryDaemon) -> None:
    caller = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for _ in range(30):
        daemon.add_execution(KEY, [(State.SUCCESS, 0)], trigger=called_by(caller.id))
    assert (
        f'href="/executions?triggerExecutionId={caller.id}">all 30</a>' in client.get(f"/executions/{caller.id}").text
    )
    text = client.get(f"/executions?triggerExecutionId={caller.id}").text
    assert "1–25 of 30 executions" in text
    assert "Clear" in text


def looping(daemon: MemoryDaemon) -> tuple[Execution, list[Execution]]:
    """An execution with a Loop, one of whose iterations failed."""
    around = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    notes = {loop.IS_MAP: True, loop.COUNT: 3, loop.ENDED: {"SUCCESS": 1, "FAILED": 1}}
    run = daemon.add_run(around, "each", [(State.RUNNING, 0)], progress=Progress(branch="tasks", notes=notes))
    made = [
        daemon.add_execution(
            KEY,
            [(state, 0)],
            kind=Kind.LOOP,
            trigger=called_by(around.id),
            loop_run=LoopRun(
                task_id="each",
                task_run_id=run.id,
                item=Item(index=index, key=f"k{index}", value=f"value <{index}>"),
                parents=(Item(index=7, value="outer"),),
            ),
        )
        for index, state in enumerate([State.SUCCESS, State.FAILED, State.RUNNING])
    ]
    return around, made


def test_iterations_stand_with_their_loop_and_not_among_what_was_called(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    around, made = looping(daemon)
    text = client.get(f"/executions/{around.id}").text
    assert "2/3</span>" in text
    assert all(f'href="/executions/{each.id}"' in text for each in made)
    assert "value &lt;1&gt;" in text
    assert f"kind=LOOP&amp;triggerExecutionId={around.id}&amp;triggerId=each" in text
    assert "Executions that it started" not in text


def test_a_loop_that_failed_says_in_how_many_iterations_and_leads_to_them(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    around, _ = looping(daemon)
    run = next(iter(around.task_runs.values()))
    for history in (around.history, run.history):
        history.append(Moved(State.FAILED, history[-1].at))
    told = client.get(f"/executions/{around.id}").text.partition('id="cause"')[2].partition("</section>")[0]
    assert "1 of 3 iterations failed" in told
    assert f"triggerExecutionId={around.id}&amp;triggerId=each&amp;state=FAILED" in told


def test_what_failed_in_an_execution_that_was_called_leads_there(client: TestClient, daemon: MemoryDaemon) -> None:
    caller = daemon.add_execution(KEY, [(State.FAILED, 0)])
    outputs = {"executionId": "called-1", "state": "FAILED"}
    daemon.add_run(caller, "call", [(State.FAILED, 0)], progress=Progress(branch="tasks"), outputs=outputs)
    told = client.get(f"/executions/{caller.id}").text.partition('id="cause"')[2].partition("</section>")[0]
    assert 'href="/executions/called-1"' in told


def test_an_iteration_says_what_it_is_for(client: TestClient, daemon: MemoryDaemon) -> None:
    around, made = looping(daemon)
    text = client.get(f"/executions/{made[1].id}").text
    assert f'Iteration of</dt><dd>company.team/caller <a href="/executions/{around.id}">' in text
    assert "<code>k1</code>" in text
    assert "outer" in text
    told = client.get(f"/api/v1/main/executions/{made[1].id}").json()
    assert told["kind"] == "LOOP"
    assert told["loopRun"] == {
        "taskId": "each",
        "taskRunId": f"{around.id}-0",
        "index": 1,
        "key": "k1",
        "value": "value <1>",
        "parents": [{"index": 7, "key": None, "value": "outer"}],
    }


def test_what_a_stranger_sent_as_a_caller_is_no_link(daemon: MemoryDaemon) -> None:
    for variables in ({}, {"executionId": 7}, {"executionId": ""}, {"body": {"executionId": "x"}}):
        trigger = TriggeredBy(id="hook", type="t", variables=variables)
        assert caller_of(daemon.add_execution(KEY, [(State.SUCCESS, 0)], trigger=trigger)) is None


def test_the_logs_are_downloaded_as_a_file(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    daemon.add_log(execution, "one", task_id="greet")
    assert f'href="/api/v1/main/logs/{execution.id}/download"' in client.get(f"/executions/{execution.id}").text
    answer = client.get(f"/api/v1/main/logs/{execution.id}/download")
    assert answer.text.endswith("INFO greet one\n")
    assert f'attachment; filename="{execution.id}.log"' in answer.headers["content-disposition"]
