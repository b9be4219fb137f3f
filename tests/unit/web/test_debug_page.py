"""The debug box on an execution's page: an expression, where it is seen from, and what it comes to."""

from segue.model.state import State
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon
from tests.unit.web.conftest import KEY


def test_an_expression_is_answered_on_the_page(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    answer = client.post(f"/executions/{execution.id}/debug", data={"expression": "<b>{{ x }}"})
    assert answer.status_code == 200
    assert '<pre class="value copy">&lt;B&gt;{{ X }}</pre>' in answer.text
    assert "&lt;b&gt;{{ x }}</textarea>" in answer.text
    assert daemon.asked[-1] == (execution.id, None, "<b>{{ x }}")


def test_it_is_seen_from_the_task_run_that_was_chosen(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    run = daemon.add_run(execution, "greet", [(State.RUNNING, 0)], value="north")
    text = client.post(f"/executions/{execution.id}/debug", data={"expression": "a", "from": run.id}).text
    assert daemon.asked[-1] == (execution.id, run.id, "a")
    assert f'<option value="{run.id}" selected>greet · north</option>' in text


def test_an_error_is_told_with_its_place(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    text = client.post(f"/executions/{execution.id}/debug", data={"expression": "a\r\n{{ nope }}"}).text
    assert "Unable to find <code>nope</code>" in text
    assert "at line 2" in text
    assert daemon.asked[-1] == (execution.id, None, "a\n{{ nope }}")


def test_a_task_run_of_another_execution_is_refused(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    answer = client.post(f"/executions/{execution.id}/debug", data={"expression": "a", "from": "other-0"})
    assert answer.status_code == 404
    assert "has no task run other-0" in answer.text


def test_the_answer_opened_again_is_the_page_itself(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    answer = client.get(f"/executions/{execution.id}/debug?page=2", follow_redirects=False)
    assert answer.headers["location"] == f"/executions/{execution.id}?page=2"
