"""Flows, triggers, keys, namespace files, logs, Git and health over the API."""

import json
from datetime import timedelta

import pytest
from segue.git.webhook import sign
from segue.model.order import LogLevel
from segue.model.problem import Problem
from segue.model.state import State
from segue.web import actions
from segue.web.api.flow_texts import documents
from segue.web.api.health import prometheus_text
from segue.web.dates import duration_text, moment, span
from segue.web.ports.health import Sample
from segue.web.ports.metrics import MetricEntry
from segue.web.settings import Credentials, WebSettings
from starlette.testclient import TestClient

from tests.support.web import HEAD, NOW, MemoryDaemon, app_of
from tests.unit.web.conftest import KEY, SOURCE

API = "/api/v1/main"


# Flows.


def test_a_flow_reads_as_its_author_wrote_it(client: TestClient) -> None:
    flow = client.get(f"{API}/flows/company.team/hello?source=true").json()
    assert flow["labels"] == [{"key": "team", "value": "web"}]
    assert [each["id"] for each in flow["inputs"]] == ["name", "data"]
    assert flow["tasks"][0] == {
        "id": "greet",
        "type": "io.kestra.plugin.core.log.Log",
        "message": "Hello {{ inputs.name }}",
    }
    assert (flow["revision"], flow["commit"], flow["source"]) == (1, HEAD, SOURCE)
    assert (flow["disabled"], flow["deleted"]) == (False, False)


def test_a_webhooks_key_is_not_told_by_the_api(client: TestClient) -> None:
    assert "s3cret-key" not in client.get(f"{API}/flows/company.team/hello").text
    assert "s3cret-key" not in client.get(f"{API}/triggers/search").text


def test_flows_are_searched_and_listed_by_namespace(client: TestClient) -> None:
    assert client.get(f"{API}/flows/search?q=HELL&namespace=company").json()["total"] == 1
    assert client.get(f"{API}/flows/search?namespace=comp").json()["total"] == 0
    assert [each["id"] for each in client.get(f"{API}/flows/company.team").json()] == ["hello"]
    assert client.get(f"{API}/flows/distinct-namespaces").json() == ["company.team"]


def test_revisions_tell_who_and_what_changed(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_flow(daemon.live[KEY].flow, SOURCE + "description: more\n", number=2)
    assert [each["revision"] for each in client.get(f"{API}/flows/company.team/hello/revisions").json()] == [2, 1]
    difference = client.get(f"{API}/flows/company.team/hello/diff").json()
    assert (difference["from"], difference["to"]) == (1, 2)
    assert "+description: more" in difference["diff"].splitlines()
    old = client.get(f"{API}/flows/company.team/hello?revision=1&source=true").json()
    assert old["source"] == SOURCE


@pytest.mark.parametrize("path", ["a/b", "a/b/revisions", "company.team/hello?revision=9", "a/b/graph", "a/b/diff"])
def test_a_flow_that_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(f"{API}/flows/{path}").status_code == 404


def test_a_flows_text_is_checked_and_not_kept(client: TestClient, daemon: MemoryDaemon) -> None:
    good = client.post(f"{API}/flows/validate", content="id: x").json()
    assert good[0]["constraints"] is None
    bad = client.post(f"{API}/flows/validate", content="nope").json()
    assert bad[0]["constraints"] == "id: `id` is needed"
    assert len(daemon.live) == 1


def test_each_document_of_a_text_is_checked_at_its_own_lines(client: TestClient) -> None:
    checked = client.post(f"{API}/flows/validate", content="---\nid: x\n---\nnope\n---\nid: y\n").json()
    assert [(each["index"], each["constraints"] is None) for each in checked] == [(0, True), (1, False), (2, True)]
    assert documents("a: 1\n--- \nb: 2\n") == ["a: 1\n", "\n\nb: 2\n"]
    assert documents("") == [""]


def test_the_graph_names_every_task(client: TestClient) -> None:
    graph = client.get(f"{API}/flows/company.team/hello/graph").json()
    assert [each["uid"] for each in graph["nodes"]] == ["greet", "part"]
    assert {"source": "greet", "target": "part", "relation": {"relationType": "SEQUENTIAL"}} in graph["edges"]


# Triggers.


def test_triggers_tell_their_state_in_both_spellings(client: TestClient) -> None:
    found = client.get(f"{API}/triggers/search?q=night").json()["results"]
    assert found[0]["state"]["triggerId"] == "night"
    assert found[0]["triggerContext"] == found[0]["state"]
    assert found[0]["trigger"]["cron"] == "0 2 * * *"


def test_a_trigger_is_disabled_in_its_state(client: TestClient) -> None:
    body = {"namespace": "company.team", "flowId": "hello", "triggerId": "night", "disabled": True}
    assert client.put(f"{API}/triggers/set-disabled", json=body).json()["disabled"] is True
    states = [each["state"] for each in client.get(f"{API}/triggers/search").json()["results"]]
    assert {each["triggerId"]: each["disabled"] for each in states} == {"hook": False, "night": True}
    assert client.put(f"{API}/triggers/set-disabled", json=body | {"triggerId": "x"}).status_code == 404
    assert client.put(f"{API}/triggers/set-disabled", json=[]).status_code == 422


def test_a_backfill_is_asked_for(client: TestClient, daemon: MemoryDaemon) -> None:
    backfill = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "inputs": {"a": 1}}
    body = {"namespace": "company.team", "flowId": "hello", "triggerId": "night", "backfill": backfill}
    assert client.put(f"{API}/triggers/backfill/create", json=body).status_code == 200
    _, action = daemon.asked[-1]  # type: ignore[misc]
    assert isinstance(action, actions.CreateBackfill)
    assert action.end is not None
    assert action.end - action.start == timedelta(days=1)


# Keys and files.


@pytest.mark.parametrize(
    ("sent", "kind", "value"),
    [
        ('"text"', "STRING", "text"),
        ("plain words", "STRING", "plain words"),
        ("42", "NUMBER", 42),
        ("true", "BOOLEAN", True),
        ('{"a": [1]}', "JSON", {"a": [1]}),
        ("PT1H", "DURATION", "PT1H"),
        ("2026-01-31", "DATE", "2026-01-31"),
        ("2026-01-31T12:00:00Z", "DATETIME", "2026-01-31T12:00:00Z"),
    ],
)
def test_a_keys_kind_follows_from_what_is_sent(client: TestClient, sent: str, kind: str, value: object) -> None:
    assert client.put(f"{API}/namespaces/company.team/kv/k", content=sent).status_code == 204
    entry = client.get(f"{API}/namespaces/company.team/kv/k").json()
    assert (entry["type"], entry["value"]) == (kind, value)


def test_a_key_can_expire_and_be_deleted(client: TestClient) -> None:
    address = f"{API}/namespaces/company.team/kv/k"
    client.put(f"{address}?ttl=PT1H", content="1")
    assert client.get(f"{API}/namespaces/company.team/kv").json()[0]["expirationDate"] == "2026-11-22T15:30:00.000000Z"
    assert client.delete(address).json() is True
    assert client.delete(address).json() is False
    assert client.get(address).status_code == 404
    assert client.put(f"{API}/namespaces/company.team/kv/-bad", content="1").status_code == 422
    assert client.put(f"{address}?ttl=soon", content="1").status_code == 422


def test_namespace_files_are_read_at_the_live_commit(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.namespace_files = {("company.team", "/a.sql"): b"select 1", ("company.team", "/lib/b.py"): b"b = 1"}
    listing = client.get(f"{API}/namespaces/company.team/files/directory?path=/").json()
    assert [(each["type"], each["fileName"]) for each in listing] == [("File", "a.sql"), ("Directory", "lib")]
    assert client.get(f"{API}/namespaces/company.team/files?path=/lib/b.py").content == b"b = 1"
    assert client.get(f"{API}/namespaces/company.team/files?path=/nothing").status_code == 404
    assert client.get(f"{API}/namespaces/company.team/files", params={"path": "/../../x"}).status_code == 422


# Logs and metrics.


def test_logs_come_by_level_in_the_order_of_their_time(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for level in LogLevel:
        daemon.add_log(execution, f"a {level} line", level=level, task_id="greet", attempt=1)
    lines = client.get(f"{API}/logs/{execution.id}?minLevel=WARN").json()
    assert [each["level"] for each in lines] == ["WARN", "ERROR"]
    assert (lines[0]["taskId"], lines[0]["attemptNumber"]) == ("greet", 0)
    assert client.get(f"{API}/logs/{execution.id}?minLevel=LOUD").status_code == 422
    text = client.get(f"{API}/logs/{execution.id}/download")
    assert "ERROR greet a ERROR line\n" in text.text
    assert "attachment" in text.headers["content-disposition"]


def test_logs_outlive_their_execution(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    daemon.add_log(execution, "kept")
    client.delete(f"{API}/executions/{execution.id}?deleteLogs=false")
    assert [each["message"] for each in client.get(f"{API}/logs/{execution.id}").json()] == ["kept"]
    assert client.get(f"{API}/logs/nothing").status_code == 404


def test_all_logs_come_however_many(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for number in range(2500):
        daemon.add_log(execution, f"{number}")
    lines = client.get(f"{API}/logs/{execution.id}").json()
    assert [int(each["message"]) for each in lines] == list(range(2500))


def test_metrics_of_an_execution_are_listed(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    daemon.figures = [MetricEntry(at=NOW, name="rows", kind="counter", value=3, tags={"a": "b"})]
    found = client.get(f"{API}/metrics/{execution.id}").json()["results"]
    assert (found[0]["name"], found[0]["type"], found[0]["value"]) == ("rows", "counter", 3)


# Git.


def test_a_sync_answers_with_the_live_commit(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.problems = (Problem(path="flows/a.yaml", line=2, column=3, code="unknown-key", message="no"),)
    done = client.post(f"{API}/git/sync").json()
    assert done["commit"] == HEAD
    assert done["changed"] == [{"namespace": "company.team", "flowId": "hello"}]
    assert (done["problems"][0]["path"], done["problems"][0]["line"]) == ("flows/a.yaml", 2)
    assert client.get(f"{API}/git/status").json()["commit"] == HEAD


def test_a_signed_push_rings_the_bell_once(daemon: MemoryDaemon) -> None:
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    headers = {"X-Hub-Signature-256": sign(body, "hush"), "X-GitHub-Delivery": "1"}
    settings = WebSettings(webhook_secret="hush", credentials=Credentials(token="t"))
    with TestClient(app_of(daemon, settings), base_url="http://localhost") as client:
        assert client.post(f"{API}/git/webhook", content=body, headers=headers).status_code == 202
        assert daemon.asked == ["webhook"]
        assert client.post(f"{API}/git/webhook", content=body, headers=headers).status_code == 409
        forged = headers | {"X-Hub-Signature-256": "sha256=" + "0" * 64, "X-GitHub-Delivery": "2"}
        assert client.post(f"{API}/git/webhook", content=body, headers=forged).status_code == 401
        assert client.post(f"{API}/git/webhook", content=body).status_code == 401
    assert daemon.asked == ["webhook"]


def test_a_push_without_a_secret_needs_credentials_where_there_are_some(daemon: MemoryDaemon) -> None:
    with TestClient(app_of(daemon), base_url="http://localhost") as client:
        assert client.post(f"{API}/git/webhook").status_code == 202
    settings = WebSettings(credentials=Credentials(token="t"))
    with TestClient(app_of(daemon, settings), base_url="http://localhost") as client:
        assert client.post(f"{API}/git/webhook").status_code == 401


# Health.


def test_readiness_follows_the_daemon(client: TestClient, daemon: MemoryDaemon) -> None:
    assert client.get("/ready").status_code == 200
    daemon.is_ready = False
    assert client.get("/ready").status_code == 503
    assert client.get("/health").json()["parts"] == {"store": "ok", "git": "ok"}


def test_figures_are_told_in_prometheus_format() -> None:
    samples = [
        Sample("a_total", "counter", "All.", 1, (("x", 'q"\\\n'),)),
        Sample("b", "gauge", "Now.", 0.5),
        Sample("a_total", "counter", "All.", 2),
    ]
    assert prometheus_text(samples) == (
        "# HELP a_total All.\n# TYPE a_total counter\n"
        'a_total{x="q\\"\\\\\\n"} 1\na_total 2\n'
        "# HELP b Now.\n# TYPE b gauge\nb 0.5\n"
    )


# Dates.


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "PT0S"), (1.234, "PT1.234S"), (60, "PT1M"), (3661.5, "PT1H1M1.5S"), (90000, "PT25H"), (-2, "-PT2S")],
)
def test_durations_are_written_as_java_does(seconds: float, text: str) -> None:
    assert duration_text(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT1H", 3600), ("P1DT2H", 93600), ("P7D", 604800), ("PT0.5S", 0.5), ("P1M", None), ("1H", None), ("PT1", None)],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert span(text) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_plus_that_became_a_space_is_still_a_zone() -> None:
    assert moment("2026-01-01T10:00:00 02:00") == moment("2026-01-01T08:00:00Z")
    assert moment("2026-01-01 10:00:00") == moment("2026-01-01T10:00:00Z")
    assert moment("tomorrow") is None
