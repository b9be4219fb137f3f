"""An execution that waits for decisions: the forms on its page, and what comes of them."""

import base64
from datetime import timedelta

import pytest
from segue.model.execution import Execution
from segue.model.input import Input
from segue.model.names import TaskRunId
from segue.model.state import State
from segue.model.task import CommentRequired, Decision
from segue.web.actions import Review
from segue.web.ports.reviews import OpenReview
from segue.web.settings import Credentials, WebSettings
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon, app_of
from tests.unit.web.conftest import KEY

API = "/api/v1/main/executions"
RUN = TaskRunId("run-1")


@pytest.fixture
def waiting(daemon: MemoryDaemon) -> Execution:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.PAUSED, 1)])
    asked = OpenReview(
        task_run_id=RUN,
        task_id="ask",
        description="Is it **good**?",
        approve="Ship it",
        deny="Hold <b>",
        comment_required=CommentRequired.ON_DENY,
        inputs=(Input(id="count", type="INT"), Input(id="proof", type="FILE", required=False)),
        due=daemon.clock + timedelta(hours=3),
    )
    daemon.reviews[execution.id] = (asked,)
    return execution


def test_the_page_asks_for_the_decision(client: TestClient, waiting: Execution) -> None:
    text = client.get(f"/executions/{waiting.id}").text
    for told in (
        "It waits for a decision",
        "Ship it",
        "Hold &lt;b&gt;",
        "<strong>good</strong>",
        'name="count" required',
    ):
        assert told in text
    assert f'action="/executions/{waiting.id}/review/{RUN}"' in text
    assert "required to hold" in text


def test_a_button_decides(client: TestClient, daemon: MemoryDaemon, waiting: Execution) -> None:
    form = {
        "count": (None, "3"),
        "kestra_review_comment": (None, " fine "),
        "kestra_review_decision": (None, "APPROVE"),
    }
    answer = client.post(f"/executions/{waiting.id}/review/{RUN}", files=form, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/executions/{waiting.id}")
    assert daemon.asked[-1] == (waiting.id, Review(Decision.APPROVED, {"count": "3"}, "fine", "", RUN))


def test_a_refused_decision_comes_back_with_what_was_given_and_what_is_wrong(
    client: TestClient, waiting: Execution
) -> None:
    form = {"kestra_review_comment": (None, "fine & dandy"), "kestra_review_decision": (None, "APPROVE")}
    answer = client.post(f"/executions/{waiting.id}/review/{RUN}", files=form)

    assert answer.status_code == 422
    assert "A value is needed." in answer.text
    assert "fine &amp; dandy</textarea>" in answer.text


@pytest.mark.parametrize("base", ["{}/actions/review", "{}/review"])
def test_the_api_takes_a_decision_in_each_spelling(
    client: TestClient, daemon: MemoryDaemon, waiting: Execution, base: str
) -> None:
    path = f"{API}/{base.format(waiting.id)}"
    checked = client.post(f"{path}/validate", params={"decision": "APPROVE"}, files={"proof": (None, "")}).json()
    assert [len(each["errors"]) for each in checked["inputs"]] == [1, 0]
    assert daemon.asked == []

    form = {"count": (None, "3"), "comment": (None, "an input"), "kestra_review_comment": (None, "fine")}
    answer = client.post(path, params={"decision": "approve", "taskRunId": RUN}, files=form)

    assert answer.json()["id"] == waiting.id
    given = {"count": "3", "comment": "an input"}
    assert daemon.asked[-1] == (waiting.id, Review(Decision.APPROVED, given, "fine", "", RUN))


def test_the_api_takes_a_decision_as_json(client: TestClient, daemon: MemoryDaemon, waiting: Execution) -> None:
    body = {"decision": "DENY", "comment": "no", "inputs": {"count": 3}}
    assert client.post(f"{API}/{waiting.id}/actions/review", json=body).status_code == 200
    assert daemon.asked[-1] == (waiting.id, Review(Decision.DENIED, {"count": 3}, "no", "", None))


@pytest.mark.parametrize("body", [[], {"decision": "MAYBE"}, {"decision": "DENY", "inputs": [1]}, {}])
def test_the_api_refuses_what_is_no_decision(client: TestClient, waiting: Execution, body: object) -> None:
    assert client.post(f"{API}/{waiting.id}/actions/review", json=body).status_code == 422


@pytest.mark.parametrize(("given", "name"), [("ann:secret", "ann"), ("bob:token", "bob")])
def test_who_decides_is_who_asks(daemon: MemoryDaemon, waiting: Execution, given: str, name: str) -> None:
    settings = WebSettings(credentials=Credentials(username="ann", password="secret", token="token"))
    header = {"Authorization": "Basic " + base64.b64encode(given.encode()).decode()}
    with TestClient(app_of(daemon, settings), base_url="http://localhost:8080", headers=header) as client:
        body = {"decision": "DENY", "comment": "no", "inputs": {"count": 3}}
        client.post(f"{API}/{waiting.id}/actions/review", json=body)

    assert daemon.asked[-1][1].by == name  # type: ignore[index, union-attr]
