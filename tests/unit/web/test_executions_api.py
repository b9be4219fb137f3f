"""Executions over the API: started, called by webhook, found, acted upon. Field names are Kestra's."""

from datetime import timedelta
from typing import Any

import pytest
from segue.model.execution import Attempt, Failure, Moved
from segue.model.names import TaskRunId
from segue.model.state import State
from segue.web import actions
from segue.web.ports.starts import Start
from segue.web.ports.webhooks import WebhookCall
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon
from tests.unit.web.conftest import KEY

API = "/api/v1/main/executions"
ENDED = [(State.CREATED, 0.0), (State.RUNNING, 0.5), (State.SUCCESS, 1.25)]


def start(client: TestClient, name: str = "Ada", query: str = "") -> dict[str, Any]:
    answer = client.post(f"{API}/company.team/hello{query}", files={"name": (None, name)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_start_answers_with_the_execution_as_made(client: TestClient) -> None:
    made = start(client, query="?labels=a:1&labels=b:x:y")
    assert made["state"] == {
        "current": "CREATED",
        "startDate": "2026-11-22T14:30:00.000000Z",
        "duration": "PT0S",
        "histories": [{"state": "CREATED", "date": "2026-11-22T14:30:00.000000Z"}],
    }
    assert made["labels"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "x:y"}]
    assert made["inputs"] == {"name": "Ada"}
    assert (made["namespace"], made["flowId"], made["flowRevision"]) == ("company.team", "hello", 1)
    assert made["originalId"] == made["id"]
    assert made["url"].endswith(f"/executions/{made['id']}")


def test_inputs_that_are_no_form_are_refused_and_not_passed_over(client: TestClient, daemon: MemoryDaemon) -> None:
    for path in ("company.team/hello", "company.team/hello/validate"):
        answer = client.post(f"{API}/{path}", json={"name": "Ada"})
        assert (answer.status_code, daemon.asked) == (415, [])
        assert "curl -F name=value" in answer.json()["message"]
    assert client.post(f"{API}/company.team/hello", data={"name": "Ada"}).json()["inputs"] == {"name": "Ada"}


def test_a_file_comes_under_its_inputs_id(client: TestClient, daemon: MemoryDaemon) -> None:
    client.post(f"{API}/company.team/hello", files={"name": (None, "Ada"), "data": ("a.csv", b"1,2\n")})
    assert daemon.uploads == {"data": b"1,2\n"}


def test_older_clients_name_the_input_by_the_file(client: TestClient, daemon: MemoryDaemon) -> None:
    client.post(f"{API}/company.team/hello", files=[("name", (None, "Ada")), ("files", ("data", b"1,2\n"))])
    assert daemon.uploads == {"data": b"1,2\n"}


def test_a_start_can_be_dated_and_pinned_to_a_revision(client: TestClient, daemon: MemoryDaemon) -> None:
    start(client, query="?scheduleDate=2027-01-01T00:00:00%2B01:00&revision=1&wait=true")
    request = daemon.asked[-1]
    assert isinstance(request, Start)
    assert request.scheduled_at is not None
    assert request.scheduled_at.isoformat() == "2026-12-31T23:00:00+00:00"
    assert (request.revision, request.wait) == (1, True)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        pytest.param("company.team/nothing", 404, "Flow not found", id="no such flow"),
        pytest.param("company.team/hello", 422, "Invalid input for `name`", id="missing input"),
        pytest.param("company.team/hello?labels=nocolon", 422, "Invalid label", id="bad label"),
        pytest.param("company.team/hello?scheduleDate=soon", 422, "ISO 8601", id="bad date"),
        pytest.param("company.team/hello?revision=x", 422, "whole number", id="bad revision"),
    ],
)
def test_a_refused_start_says_why(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.post(f"{API}/{path}")
    assert answer.status_code == status
    assert words in answer.json()["message"]
    assert answer.json()["path"].startswith("/api/v1/")


def test_validation_tells_of_each_input(client: TestClient) -> None:
    answer = client.post(f"{API}/company.team/hello/validate").json()
    assert (answer["id"], answer["namespace"]) == ("hello", "company.team")
    assert [each["input"]["id"] for each in answer["inputs"]] == ["name", "data"]
    assert answer["inputs"][0]["errors"] == [{"message": "A value is needed."}]
    assert answer["inputs"][0]["enabled"] is True


def test_an_execution_reads_whole(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, ENDED, outputs={"sum": float("nan")})
    failed = Attempt(
        number=1, history=[Moved(State.RUNNING, NOW), Moved(State.FAILED, NOW)], failure=Failure(message="no")
    )
    parent = daemon.add_run(execution, "each", ENDED)
    daemon.add_run(execution, "greet", ENDED, parent_id=parent.id, value="v", attempts=[failed], outputs={"a": [1]})
    shown = client.get(f"{API}/{execution.id}").json()
    assert shown["state"]["duration"] == "PT1.25S"
    assert shown["state"]["endDate"] == "2026-11-22T14:30:01.250000Z"
    assert shown["outputs"] == {"sum": None}
    first, second = shown["taskRunList"]
    assert (first["taskId"], second["parentTaskRunId"], second["value"]) == ("each", first["id"], "v")
    assert second["outputs"] == {"a": [1]}
    assert second["attempts"][0]["state"]["current"] == "FAILED"
    assert "outputs" not in first


def test_what_is_not_there_is_a_404_in_json(client: TestClient) -> None:
    answer = client.get(f"{API}/unknown")
    assert answer.status_code == 404
    assert "execution unknown" in answer.json()["message"]


@pytest.mark.parametrize("base", ["/api/v1/main", "/api/v1"])
@pytest.mark.parametrize("spelling", ["actions/", ""])
def test_acts_are_there_in_every_spelling(client: TestClient, daemon: MemoryDaemon, base: str, spelling: str) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    answer = client.delete(f"{base}/executions/{execution.id}/{spelling}kill")
    assert answer.json()["state"]["current"] == "KILLED"


ID_AND_ACTS: list[tuple[str, Any, Any]] = [
    ("pause", None, actions.Pause()),
    ("resume", None, actions.Resume({})),
    ("restart", None, actions.Restart()),
    ("restart?revision=3", None, actions.Restart(3)),
    ("replay?taskRunId=x-1", None, actions.Replay(TaskRunId("x-1"))),
    ("change-status?status=SUCCESS", None, actions.ChangeStatus(State.SUCCESS)),
    ("state", {"taskRunId": "x-1", "state": "FAILED"}, actions.SetTaskRunState(TaskRunId("x-1"), State.FAILED)),
    ("labels", [{"key": "a", "value": "b"}], actions.SetLabels({"a": "b"})),
    ("force-run", None, actions.ForceRun()),
    ("unqueue", None, actions.Unqueue()),
    ("kill?isOnKillCascade=false", None, actions.Kill(cascade=False)),
]


@pytest.mark.parametrize(("act", "body", "expected"), ID_AND_ACTS, ids=[act for act, _, _ in ID_AND_ACTS])
def test_each_act_asks_the_daemon_for_just_that(
    client: TestClient, daemon: MemoryDaemon, act: str, body: Any, expected: Any
) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    answer = client.post(f"{API}/{execution.id}/actions/{act}", json=body)
    assert answer.status_code == 200, answer.text
    assert daemon.asked[-1] == (execution.id, expected)


def test_an_act_that_cannot_be_is_refused_with_the_daemons_words(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, ENDED)
    answer = client.delete(f"{API}/{execution.id}/actions/kill")
    assert answer.status_code == 409
    assert "nothing to kill" in answer.json()["message"]


def test_a_deleted_execution_is_gone(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, ENDED)
    assert client.delete(f"{API}/{execution.id}?deleteLogs=false").status_code == 204
    assert daemon.asked[-1] == (execution.id, actions.Delete(logs=False))
    assert client.get(f"{API}/{execution.id}").status_code == 404


def test_many_are_acted_upon_by_their_ids_or_by_a_search(client: TestClient, daemon: MemoryDaemon) -> None:
    ids = [daemon.add_execution(KEY, [(State.PAUSED, 0)]).id for _ in range(3)]
    assert client.post(f"{API}/resume/by-ids", json=ids[:2]).json() == {"count": 2}
    query = {"filters[namespace][EQUALS]": "company.team", "status": "SUCCESS", "newStatus": "SUCCESS"}
    assert client.post(f"{API}/change-status/by-query", params=query).json() == {"count": 3}
    assert client.post(f"{API}/resume/by-ids", json=["unknown"]).status_code == 404


SEARCHES = [
    ({"namespace": "company"}, 3),
    ({"namespace": "comp"}, 0),
    ({"filters[namespace][EQUALS]": "company"}, 0),
    ({"state": "FAILED"}, 1),
    ({"state": ["FAILED", "SUCCESS"]}, 3),
    ({"filters[state][IN]": "FAILED,SUCCESS"}, 3),
    ({"filters[labels][EQUALS][team]": "data"}, 1),
    ({"labels": "team:data"}, 1),
    ({"timeRange": "PT1H"}, 2),
    ({"q": "hello"}, 3),
    ({"flowId": "other"}, 0),
]


@pytest.mark.parametrize(("query", "count"), SEARCHES, ids=[str(query) for query, _ in SEARCHES])
def test_searches_filter(client: TestClient, daemon: MemoryDaemon, query: dict[str, Any], count: int) -> None:
    daemon.add_execution(KEY, ENDED)
    daemon.add_execution(KEY, [(State.FAILED, 0)], labels={"team": "data"})
    daemon.add_execution(KEY, ENDED, started=NOW - timedelta(hours=2))
    assert client.get(f"{API}/search", params=query).json()["total"] == count


def test_a_search_is_paged_and_sorted(client: TestClient, daemon: MemoryDaemon) -> None:
    made = [daemon.add_execution(KEY, ENDED, started=NOW + timedelta(seconds=n)).id for n in range(5)]
    page = client.get(f"{API}/search?page=2&size=2&sort=state.startDate:desc").json()
    assert page["total"] == 5
    assert [each["id"] for each in page["results"]] == [made[2], made[1]]
    first = client.get(f"{API}/search?size=1&sort=state.startDate:asc").json()["results"][0]
    assert first["id"] == made[0]


@pytest.mark.parametrize(
    "query", ["filters[nonsense][EQUALS]=1", "state=NOPE", "page=0", "size=1000000", "timeRange=soon", "labels=x"]
)
def test_a_search_that_makes_no_sense_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"{API}/search?{query}").status_code == 422


# Webhooks.

HOOK = f"{API}/webhook/company.team/hello/s3cret-key"


def test_a_webhook_hands_over_body_and_parameters(client: TestClient, daemon: MemoryDaemon) -> None:
    made = client.post(f"{HOOK}/sub/path?age=12&age=13", json={"a": 1}).json()
    assert made["trigger"]["variables"] == {"body": {"a": 1}, "parameters": {"age": ["12", "13"]}}
    call = daemon.asked[-1]
    assert isinstance(call, WebhookCall)
    assert (call.method, call.path) == ("POST", "sub/path")
    assert call.uri == f"http://localhost:8080{HOOK}/sub/path?age=12&age=13"


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"", None),
        (b"hello", "hello"),
        (b"[1]", [1]),
        (b'{"a":', '{"a":'),
        (b"\xff", "/w=="),
        (b"[" * 9000, "[" * 9000),
    ],
    ids=["none", "text", "list", "broken JSON", "no text", "too deep"],
)
def test_a_webhook_body_is_json_if_it_can_be(
    client: TestClient, daemon: MemoryDaemon, content: bytes, body: object
) -> None:
    assert client.put(HOOK, content=content).status_code == 200
    call = daemon.asked[-1]
    assert isinstance(call, WebhookCall)
    assert call.body == body


def test_a_webhook_whose_conditions_do_not_hold_answers_204(client: TestClient) -> None:
    assert client.post(HOOK, json={"skip": True}).status_code == 204


def test_an_unknown_flow_and_a_wrong_key_are_answered_alike(client: TestClient) -> None:
    wrong = client.post(f"{API}/webhook/company.team/hello/wrong")
    unknown = client.post(f"{API}/webhook/nobody/nothing/wrong")
    assert (wrong.status_code, unknown.status_code) == (404, 404)
    assert wrong.json()["message"] == unknown.json()["message"]


# Files, and expressions.


def test_a_file_is_given_only_if_the_execution_holds_its_address(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, ENDED, outputs={"deep": [{"uri": "kestra:///else/where.csv"}]})
    own = f"kestra:///company/team/hello/executions/{execution.id}/tasks/a/b/log.txt"
    for uri in ("kestra:///else/where.csv", "kestra:///else/secret.csv", own):
        daemon.stored[uri] = b"1,2"
    answer = client.get(f"{API}/{execution.id}/file", params={"path": "kestra:///else/where.csv"})
    assert (answer.content, answer.headers["content-type"]) == (b"1,2", "application/octet-stream")
    assert "attachment" in answer.headers["content-disposition"]
    assert client.get(f"{API}/{execution.id}/file", params={"path": own}).status_code == 200
    for stranger in ("kestra:///else/secret.csv", "/etc/passwd", own.replace("/tasks", "/../x"), "file:///etc/passwd"):
        assert client.get(f"{API}/{execution.id}/file", params={"path": stranger}).status_code == 404


def test_an_expression_is_rendered_for_an_execution(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, ENDED)
    run = daemon.add_run(execution, "greet", ENDED)
    answer = client.post(f"{API}/{execution.id}/actions/eval/{run.id}", content="{{ x }}")
    assert answer.json() == {"result": "{{ X }}", "error": None, "stackTrace": None}


def test_a_broken_port_is_a_500_in_json_and_no_crash(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.executions = None  # type: ignore[assignment]
    answer = client.get(f"{API}/search")
    assert answer.status_code == 500
    assert "Internal error" in answer.json()["message"]
