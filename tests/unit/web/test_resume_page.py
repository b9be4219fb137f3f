"""A paused execution that asks for something: the form on its page, and what comes of it."""

import pytest
from segue.model.execution import Execution
from segue.model.input import Input
from segue.model.state import State
from segue.web.actions import Resume
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon
from tests.unit.web.conftest import KEY

API = "/api/v1/main/executions"


@pytest.fixture
def paused(daemon: MemoryDaemon) -> Execution:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.PAUSED, 1)])
    inner = (Input(id="zone", type="STRING", required=False),)
    daemon.pauses[execution.id] = (
        Input(id="approved", type="BOOL", description="Is it **good**?"),
        Input(id="reason", type="STRING", required=False),
        Input(id="proof", type="FILE", required=False),
        Input(id="place", type="FORM", required=False, options={"inputs": inner}),
    )
    return execution


def test_the_page_asks_for_what_the_pause_waits_for(client: TestClient, paused: Execution) -> None:
    text = client.get(f"/executions/{paused.id}").text
    for told in ("It waits for an answer", 'name="approved" required', 'name="reason"', 'name="place.zone"'):
        assert told in text
    assert "<strong>good</strong>" in text
    assert f"/executions/{paused.id}/acts/resume" not in text


def test_a_pause_that_asks_for_nothing_has_a_button(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.PAUSED, 0)])
    text = client.get(f"/executions/{execution.id}").text
    assert f"/executions/{execution.id}/acts/resume" in text
    assert "It waits for an answer" not in text


def test_an_answer_lets_it_go_on(client: TestClient, daemon: MemoryDaemon, paused: Execution) -> None:
    form = {"approved": (None, "true"), "reason": (None, ""), "proof": ("a.txt", b"seen")}
    answer = client.post(f"/executions/{paused.id}/resume", files=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/executions/{paused.id}")
    execution_id, action = daemon.asked[-1]  # type: ignore[misc]
    assert execution_id == paused.id
    assert isinstance(action, Resume)
    assert action.inputs["approved"] == "true"
    assert "reason" not in action.inputs
    assert daemon.uploads == {"proof": b"seen"}


def test_a_refused_answer_comes_back_with_what_was_given_and_what_is_wrong(
    client: TestClient, paused: Execution
) -> None:
    answer = client.post(f"/executions/{paused.id}/resume", files={"reason": (None, "looks fine")})
    assert answer.status_code == 422
    assert "A value is needed." in answer.text
    assert 'value="looks fine"' in answer.text
    assert "Invalid input for <code>approved</code>" in answer.text


def test_the_api_checks_an_answer_without_giving_it(
    client: TestClient, daemon: MemoryDaemon, paused: Execution
) -> None:
    for base in (f"{API}/{paused.id}/actions", f"{API}/{paused.id}"):
        answer = client.post(f"{base}/resume/validate", files={"reason": (None, "x")}).json()
        assert [(each["input"]["id"], len(each["errors"])) for each in answer["inputs"]][:2] == [
            ("approved", 1),
            ("reason", 0),
        ]
    assert daemon.asked == []
