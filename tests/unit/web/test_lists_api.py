"""Lists and what is taken from them over the API: pages and order, flows searched by their texts, parts of flows checked,
previews of files, acts on many triggers, metrics over time, what types are there."""

import base64
import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import force_setattr
from segue.model.flow import Flow
from segue.model.problem import Problem
from segue.model.state import State
from segue.web.api import flow_texts
from segue.web.ports.flows import Checked
from segue.web.ports.keys import KeyValue
from segue.web.ports.metrics import MetricEntry, MetricSpan
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon, log_task
from tests.unit.web.conftest import KEY

API = "/api/v1/main"
TEXT = "id: second\n# Hello (World)\nnamespace: company\ntasks: []\n"


@pytest.fixture
def more(daemon: MemoryDaemon) -> None:
    """A second flow, above the first."""
    daemon.add_flow(Flow(namespace="company", id="second", tasks=(log_task("greet"),), disabled=True), TEXT)


def ids(client: TestClient, path: str) -> list[str]:
    answer = client.get(f"{API}{path}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["results"]]


# Flows.


@pytest.mark.usefixtures("more")
def test_flows_come_a_page_at_a_time_in_the_order_asked_for(client: TestClient) -> None:
    assert ids(client, "/flows/search") == ["second", "hello"]
    assert ids(client, "/flows/search?sort=id:asc") == ["hello", "second"]
    assert ids(client, "/flows/search?sort=namespace:desc&sort=id:desc&size=1&page=2") == ["second"]
    assert ids(client, "/flows/search?sort=colour:asc&filters[enabled][EQUALS]=true") == ["hello"]
    assert client.get(f"{API}/flows/search?filters[colour][EQUALS]=red").status_code == 422


@pytest.mark.usefixtures("more")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=hello", ["second", "hello"]),
        ("q=HELLO (", ["second"]),
        ("q=HELLO (&caseSensitive=true", []),
        ("q=Hel&wholeWord=true", []),
        ("q=^id: h.l%2Bo$&regex=true", ["hello"]),
        ("q=id&namespace=company.team", ["hello"]),
        ("q=", []),
    ],
)
def test_flows_are_found_by_their_texts(client: TestClient, query: str, found: list[str]) -> None:
    assert ids(client, f"/flows/source?{query}") == found


@pytest.mark.usefixtures("more")
def test_a_text_that_is_found_says_where(client: TestClient) -> None:
    (hit,) = client.get(f"{API}/flows/source?q=world").json()["results"]
    assert hit["matches"] == [{"line": 2, "column": 10, "snippet": "# Hello ([mark]World[/mark])"}]
    assert (hit["fragments"], hit["editable"]) == (["# Hello ([mark]World[/mark])"], False)


@pytest.mark.parametrize(
    ("query", "words"), [("q=(&regex=true", "Invalid regular expression"), ("size=x", "whole number")]
)
def test_a_search_that_cannot_be_is_refused(client: TestClient, query: str, words: str) -> None:
    answer = client.get(f"{API}/flows/source?{query}")
    assert (answer.status_code, words in answer.json()["message"]) == (422, True)


def test_a_pattern_that_never_ends_is_refused(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.texts[KEY, 1] = "a" * 5000 + "!"
    answer = client.get(f"{API}/flows/source", params={"q": "(a|a)*$", "regex": "true"})
    assert (answer.status_code, "takes longer than" in answer.json()["message"]) == (422, True)


def test_a_pattern_for_names_is_bounded_as_well(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_flow(Flow(namespace="a" * 150 + ".b", id="c", tasks=()), "")
    answer = client.get(f"{API}/flows/search", params={"filters[namespace][REGEX]": "^(a|a)*$"})
    assert (answer.status_code, "takes longer than" in answer.json()["message"]) == (422, True)


def test_a_part_of_a_flow_is_checked_at_its_own_places(
    client: TestClient, daemon: MemoryDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def check(text: str, path: str) -> Checked:
        seen.append(text)
        line = text.splitlines().index("    mesage: x") + 1
        at = {"path": path, "line": line, "column": 5, "code": "unknown-key", "message": "no"}
        return Checked(None, (Problem(where="tasks[0].mesage", **at), Problem(where="tasks[1]", **at)))

    monkeypatch.setattr(daemon, "check", check)
    answer = client.post(f"{API}/flows/validate/task?section=TASKS", content="id: a\nmesage: x").json()
    (problem,) = answer["problems"]
    assert (answer["constraints"], problem["line"], problem["column"]) == ("mesage: no", 2, 1)
    assert seen[0].endswith("tasks:\n  -\n    id: a\n    mesage: x\n")


def test_a_text_that_is_no_flow_has_no_graph(client: TestClient) -> None:
    answer = client.post(f"{API}/flows/graph", content="nope")
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (422, "missing-key")


def test_texts_are_zipped_and_the_same_bytes_each_time(client: TestClient, daemon: MemoryDaemon) -> None:
    answers = [client.get(f"{API}/flows/export/by-query").content for _ in range(2)]
    assert answers[0] == answers[1]
    assert zipfile.ZipFile(io.BytesIO(answers[0])).read("company.team.hello.yml").decode() == daemon.texts[KEY, 1]
    assert client.post(f"{API}/flows/export/by-ids", json=[{"namespace": "a", "id": "b"}]).status_code == 404
    assert client.post(f"{API}/flows/export/by-ids", json={}).status_code == 422


def test_a_cell_of_a_csv_file_is_no_formula(client: TestClient, daemon: MemoryDaemon) -> None:
    live = daemon.add_flow(Flow(namespace="a", id="b", tasks=()), "")
    force_setattr(live.revision, "path", "=cmd|' /C calc'!A1")
    assert ",'=cmd|' /C calc'!A1," in client.get(f"{API}/flows/export/by-query/csv").text


# Triggers.


def test_many_triggers_are_acted_on_or_none(client: TestClient, daemon: MemoryDaemon) -> None:
    named = [{"namespace": "company.team", "flowId": "hello", "triggerId": name} for name in ("hook", "night", "gone")]
    assert client.post(f"{API}/triggers/unlock/by-triggers", json=named).status_code == 404
    assert daemon.asked == []
    assert client.post(
        f"{API}/triggers/set-disabled/by-triggers", json={"triggers": named[:2], "disabled": "true"}
    ).json() == {"count": 2}
    assert all(live.is_disabled for live in daemon.triggers())
    assert client.post(f"{API}/triggers/backfill/pause/by-query?filters[triggerId][EQUALS]=night").json() == {
        "count": 0
    }
    assert (
        client.request(
            "DELETE", f"{API}/triggers/delete/by-query", json={"filters": [{"field": "triggerId"}]}
        ).status_code
        == 422
    )
    deleted = {"filters": [{"field": "triggerId", "operation": "IN", "value": ["hook", "x"]}]}
    assert client.request("DELETE", f"{API}/triggers/delete/by-query", json=deleted).json() == {"count": 1}
    assert {live.key.trigger_id: live.is_disabled for live in daemon.triggers()} == {"hook": False, "night": True}


# What executions left.


@pytest.fixture
def stored(daemon: MemoryDaemon) -> Any:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])

    def put(name: str, content: bytes) -> str:
        uri = f"kestra:///company/team/hello/executions/{execution.id}/{name}"
        daemon.stored[uri] = content
        return f"{API}/executions/{execution.id}/file/preview?path={uri}"

    return put


@pytest.mark.parametrize(
    ("name", "content", "query", "expected"),
    [
        ("a.txt", b"1\n2\n3\n", "&maxRows=2", ("TEXT", "1\n2\n", True)),
        ("a.txt", b"1\n2\n", "&maxRows=2", ("TEXT", "1\n2\n", False)),
        ("a.csv", "é\n".encode("latin-1"), "&encoding=latin-1", ("TEXT", "é\n", False)),
        ("a.csv", b"\xff\n", "", ("TEXT", "�\n", False)),
        ("a.md", b"# Hi", "", ("MARKDOWN", "# Hi", False)),
        ("a.ion", b"{a:1}\n{a:2}\n{a:3}\n", "&maxRows=2", ("LIST", [{"a": 1}, {"a": 2}], True)),
        ("a.ion", b"no ion ((", "", ("TEXT", "no ion ((", False)),
        ("a.png", b"\x89PNG", "", ("IMAGE", base64.b64encode(b"\x89PNG").decode(), False)),
        ("big.txt", b"x" * (3 << 20), "", ("TEXT", "x" * (1 << 20), True)),
    ],
)
def test_a_preview_shows_the_beginning(
    client: TestClient, stored: Any, name: str, content: bytes, query: str, expected: tuple[str, Any, bool]
) -> None:
    shown = client.get(stored(name, content) + query).json()
    assert (shown["type"], shown["content"], shown["truncated"]) == expected
    assert shown["extension"] == name.rpartition(".")[2]


@pytest.mark.parametrize("query", ["&maxRows=0", "&maxRows=100000", "&encoding=klingon"])
def test_a_preview_that_cannot_be_is_refused(client: TestClient, stored: Any, query: str) -> None:
    assert client.get(stored("a.txt", b"x") + query).status_code == 422


def test_only_what_has_outputs_is_listed(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)], outputs={"sum": 3})
    run = daemon.add_run(execution, "greet", [(State.SUCCESS, 0)], outputs={"a": [1]}, value="v", iteration=2)
    daemon.add_run(execution, "part", [(State.SUCCESS, 0)])
    listed = [{"taskId": "greet", "taskRunId": run.id, "value": "v", "iteration": 2, "inline": True}]
    assert client.get(f"{API}/outputs/tasks/{execution.id}").json() == listed
    assert client.get(f"{API}/outputs/{execution.id}").json() == listed
    assert client.get(f"{API}/outputs/{execution.id}/{run.id}").json() == {"a": [1]}
    assert client.get(f"{API}/outputs/executions/{execution.id}").json() == {"sum": 3}
    assert client.get(f"{API}/outputs/tasks/{execution.id}/nobody").status_code == 404


def test_the_graph_of_an_execution_tells_how_far_each_task_has_come(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for state in (State.FAILED, State.SUCCESS):
        daemon.add_run(execution, "greet", [(state, 0)], outputs={"large": "x" * 1000})
    first, second = client.get(f"{API}/executions/{execution.id}/graph").json()["nodes"]
    assert (first["uid"], first["taskRun"]["state"]["current"], first["taskRun"]["outputs"]) == (
        "greet",
        "SUCCESS",
        None,
    )
    assert (second["uid"], "taskRun" in second) == ("part", False)


def test_what_executions_took_is_averaged(client: TestClient, daemon: MemoryDaemon) -> None:
    path = f"{API}/executions/namespaces/company.team/flows/hello/average-duration"
    assert client.get(path).json() == {"count": 0, "averageDuration": None}
    for seconds in (1.0, 3.0):
        daemon.add_execution(KEY, [(State.RUNNING, 0), (State.SUCCESS, seconds)])
    daemon.add_execution(KEY, [(State.RUNNING, 0), (State.FAILED, 60)])
    assert client.get(path).json() == {"count": 2, "averageDuration": "PT2S"}


def test_values_that_executions_have_are_told_once(client: TestClient, daemon: MemoryDaemon) -> None:
    for state in (State.SUCCESS, State.SUCCESS, State.FAILED):
        daemon.add_execution(KEY, [(state, 0)])
    path = f"{API}/executions/distinct-field-values"
    assert client.get(f"{path}?field=STATE").json() == ["FAILED", "SUCCESS"]
    assert client.get(f"{path}?field=flowId&filters[state][EQUALS]=KILLED").json() == []
    assert client.get(f"{path}?field=labels").status_code == 422


# Logs, metrics, keys, files, types.


def test_lines_are_deleted_by_what_they_are(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    for number in range(2500):
        daemon.add_log(execution, f"{number}", task_id="greet" if number % 2 else "part")
    assert client.delete(f"{API}/logs/{execution.id}?taskId=part").status_code == 204
    assert {entry.task_id for entry in daemon.log} == {"greet"}
    assert client.delete(f"{API}/logs/company.team/hello").status_code == 422
    assert client.delete(f"{API}/logs/{'0' * 22}").status_code == 404


def test_a_metric_is_told_over_time(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.figures = [MetricEntry(at=NOW, name="rows", kind="counter", value=3, tags={}, task_id="greet")]
    path = f"{API}/metrics/aggregates/company.team/hello"
    day = client.get(f"{path}/rows?aggregation=MAX&startDate=2026-11-22T00:00:00Z").json()
    assert (day["groupBy"], [each["value"] for each in day["aggregations"]]) == ("hour", [3])
    client.get(f"{path}/greet/rows")
    asked = daemon.asked[-1]
    assert isinstance(asked, MetricSpan)
    assert (asked.task_id, asked.aggregation, asked.until - asked.since) == ("greet", "sum", timedelta(days=30))
    assert client.get(f"{path}/rows?aggregation=median").status_code == 422


def test_inherited_keys_are_the_nearest_and_hidden_by_own_ones(client: TestClient, daemon: MemoryDaemon) -> None:
    for namespace, key in (
        ("a", "far"),
        ("a", "both"),
        ("a.b", "both"),
        ("a.b", "own"),
        ("a.b.c", "own"),
        ("ab", "no"),
    ):
        daemon.entries[namespace, key] = KeyValue(
            namespace=namespace, key=key, kind="STRING", value=f"{namespace}/{key}"
        )
    shown = client.get(f"{API}/namespaces/a.b.c/kv/inheritance").json()
    assert [(each["namespace"], each["key"], "value" in each) for each in shown] == [
        ("a.b", "both", False),
        ("a", "far", False),
    ]
    paged = client.get(f"{API}/kv?filters[namespace][PREFIX]=a&size=2&page=2&sort=key:asc").json()
    assert ([each["key"] for each in paged["results"]], paged["total"]) == (["far", "own"], 5)


def test_a_folder_has_attributes_too(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.namespace_files = {("company.team", "/lib/b.py"): b"b = 1"}
    path = f"{API}/namespaces/company.team/files/stats?path="
    assert [client.get(f"{path}{each}").json()["type"] for each in ("/", "/lib", "/lib/b.py")] == [
        "Directory",
        "Directory",
        "File",
    ]
    assert client.get(f"{path}/nothing").status_code == 404


def test_types_that_are_not_there_are_not(client: TestClient) -> None:
    for path in ("plugins/io.kestra.Nothing", "plugins/inputs/COLOUR", "plugins/schemas/colour"):
        assert client.get(f"{API}/{path}").status_code == 404
    assert "definitions" in client.get(f"{API}/schemas/flow.json").json()
    assert {"now", "secret"} <= set(client.get(f"{API}/pebble/functions").json())


def test_matches_of_one_flow_are_bounded(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.texts[KEY, 1] = "x\n" * 1000
    (hit,) = client.get(f"{API}/flows/source?q=x").json()["results"]
    assert len(hit["matches"]) == flow_texts.MATCHES_MAX
