"""Core tasks that need the daemon - keys, states, counting, purging, toggles, log files - on a real one."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.http_server import http_server

CORE: Final = "io.kestra.plugin.core."
NAMESPACE: Final = "company.team"

pytestmark = pytest.mark.xdist_group("core-tasks")


def task(task_id: str, kind: str, **properties: Any) -> dict[str, Any]:
    return {"id": task_id, "type": CORE + kind, **properties}


def flow(flow_id: str, *tasks: Mapping[str, Any], namespace: str = NAMESPACE, **more: Any) -> dict[str, Any]:
    return {"id": flow_id, "namespace": namespace, **more, "tasks": list(tasks)}


def inputs(*names: str, **types: str) -> list[dict[str, str]]:
    return [*({"id": name, "type": "STRING"} for name in names), *({"id": n, "type": t} for n, t in types.items())]


KEY: Final = "{{ inputs.key }}"
WHERE: Final = "{{ inputs.namespace }}"

FLOWS: Final = (
    flow("hello", task("a", "log.Log", message=["one", "two"]), task("b", "log.Log", message="bad", level="ERROR")),
    flow("other", task("a", "debug.Return", format="x"), namespace="company.other"),
    flow(
        "set-key",
        task("set", "kv.Set", key=KEY, value="{{ inputs.value }}", kvType="{{ inputs.kind }}", namespace=WHERE),
        inputs=inputs("key", "value", "kind", "namespace"),
    ),
    flow("keep-key", task("set", "kv.Set", key=KEY, value="new", overwrite=False), inputs=inputs("key")),
    flow("short-key", task("set", "kv.Set", key=KEY, value="v", ttl="PT0.001S"), inputs=inputs("key")),
    flow("typed-key", task("set", "kv.Set", key=KEY, value="{{ inputs.value }}"), inputs=inputs("key", value="JSON")),
    flow(
        "read-keys",
        task("get", "kv.Get", key=KEY),
        task("keys", "kv.GetKeys", prefix="{{ inputs.prefix }}"),
        task("delete", "kv.Delete", key=KEY),
        task("again", "kv.Delete", key=KEY),
        inputs=inputs("key", "prefix"),
    ),
    flow("need-key", task("get", "kv.Get", key="nothing-here", errorOnMissing=True)),
    flow("purge-keys", task("purge", "kv.PurgeKV", namespaces=[NAMESPACE], keyPattern="short-*")),
    flow(
        "remember",
        task("before", "state.Get"),
        task("set", "state.Set", data={"{{ inputs.name }}": "{{ inputs.value }}"}),
        task("after", "state.Get"),
        task("keys", "kv.GetKeys"),
        inputs=inputs("name", "value"),
    ),
    flow(
        "loop",
        task(
            "each",
            "flow.ForEach",
            values=["a", "b"],
            tasks=[
                task("set", "state.Set", name="loop", data={"v": "{{ taskrun.value }}"}),
                task("get", "state.Get", name="loop"),
            ],
        ),
        task("own", "state.Get", name="loop"),
    ),
    flow("forget", task("delete", "state.Delete", name="never-set", errorOnMissing=True)),
    flow(
        "fetch-logs",
        task("say", "log.Log", message="loud", level="ERROR"),
        task("other", "log.Log", message="quiet"),
        task("all", "log.Fetch"),
        task("some", "log.Fetch", tasksId=["say"], level="WARN"),
    ),
    flow("to-file", task("say", "log.Log", message="Hello file", logToFile=True)),
    flow(
        "count",
        task(
            "count",
            "execution.Count",
            flows=[{"namespace": NAMESPACE, "flowId": "counted"}, {"namespace": NAMESPACE, "flowId": "never"}],
            states=["SUCCESS"],
            expression="{{ count >= 1 }}",
        ),
        task("none", "execution.Count", namespaces=["company.nowhere"], expression="{{ count == 0 }}"),
    ),
    flow("counted", task("a", "debug.Return", format="x")),
    flow(
        "sleeper",
        task("wait", "flow.Sleep", duration="PT60S"),
    ),
    flow("killer", task("kill", "execution.Kill", executionId="{{ inputs.id }}"), inputs=inputs("id")),
    flow("suicide", task("kill", "execution.Kill"), task("after", "log.Log", message="not reached")),
    flow("resume", task("resume", "execution.Resume", executionId="{{ inputs.id }}"), inputs=inputs("id")),
    flow("purged", task("write", "storage.Write", content="x"), task("say", "log.Log", message="x")),
    flow(
        "purge",
        task(
            "purge",
            "execution.PurgeExecutions",
            namespace=NAMESPACE,
            flowId="purged",
            endDate="{{ now() | dateAdd(1, 'MINUTES') }}",
        ),
    ),
    flow("chatty", task("say", "log.Log", message=["a", "b", "c"]), task("warn", "log.Log", message="d", level="WARN")),
    flow(
        "purge-logs",
        task(
            "purge",
            "log.PurgeLogs",
            namespace=NAMESPACE,
            flowId="chatty",
            logLevels=["INFO"],
            endDate="{{ now() | dateAdd(1, 'MINUTES') }}",
        ),
        task(
            "metrics",
            "metric.PurgeMetrics",
            namespace=NAMESPACE,
            flowId="counted",
            endDate="{{ now() | dateAdd(1, 'MINUTES') }}",
        ),
    ),
    flow("leaver", task("write", "storage.Write", content="left behind")),
    flow(
        "purge-storage",
        task(
            "look",
            "storage.PurgeStorage",
            namespace=NAMESPACE,
            flowId="leaver",
            endDate="{{ now() | dateAdd(1, 'MINUTES') }}",
        ),
        task(
            "purge",
            "storage.PurgeStorage",
            namespace=NAMESPACE,
            flowId="leaver",
            dryRun=False,
            endDate="{{ now() | dateAdd(1, 'MINUTES') }}",
        ),
    ),
    flow(
        "scheduled",
        task("toggle", "trigger.Toggle", trigger="nightly", enabled="{{ inputs.enabled }}"),
        inputs=inputs("enabled"),
        triggers=[
            {"id": "nightly", "type": CORE + "trigger.Schedule", "cron": "0 3 * * *", "inputs": {"enabled": "true"}}
        ],
    ),
    flow("toggle-nothing", task("toggle", "trigger.Toggle", trigger="no", enabled=True)),
    flow(
        "download",
        task("files", "namespace.DownloadFiles", namespace=NAMESPACE, files=["*.csv"], destination="in"),
    ),
    flow(
        "events",
        task(
            "sse",
            "http.SseRequest",
            uri="{{ inputs.uri }}",
            concatJqExpression=".word",
            failedOnMissingJq="{{ inputs.strict }}",
        ),
        inputs=inputs("uri", "strict"),
    ),
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files: dict[str, str | bytes | None] = {
        f"flows/{each['namespace']}/{each['id']}.yaml": yaml.safe_dump(each, sort_keys=False) for each in FLOWS
    }
    files |= {f"flows/{NAMESPACE}/_files/{name}": name for name in ("a.csv", "deep/b.csv", "c.txt")}
    with running(tmp_path_factory.mktemp("core-tasks"), files) as daemon:
        yield daemon


def done(execution: ShownExecution) -> ShownExecution:
    assert execution.state == "SUCCESS", execution.json
    return execution


def key_of(daemon: Daemon, key: str, namespace: str = NAMESPACE) -> tuple[str, Any]:
    found = daemon.get(f"/namespaces/{namespace}/kv/{key}")
    return found["type"], found["value"]


def test_every_flow_is_live(daemon: Daemon) -> None:
    assert not [each for each in daemon.problems() if each["severity"] == "error"]


# Keys.

KINDS: Final = {
    "string": ("STRING", "5", "5"),
    "integer": ("NUMBER", "5", 5),
    "decimal": ("NUMBER", "123.45", 123.45),
    "boolean": ("BOOLEAN", "true", True),
    "datetime": ("DATETIME", "2023-05-02T01:02:03Z", "2023-05-02T01:02:03Z"),
    "date": ("DATE", "2023-05-02", "2023-05-02"),
    "duration": ("DURATION", "P1DT5S", "PT24H5S"),
    "json": ("JSON", '[{"some": "value"}]', [{"some": "value"}]),
}


@pytest.mark.parametrize(("kind", "text", "stored"), KINDS.values(), ids=KINDS.keys())
def test_a_key_is_of_the_type_asked_for(daemon: Daemon, kind: str, text: str, stored: Any) -> None:
    key = f"kind-{kind}-{len(text)}"
    done(daemon.run("set-key", {"key": key, "value": text, "kind": kind, "namespace": NAMESPACE}))
    assert key_of(daemon, key) == (kind, stored)


def test_a_text_that_is_not_of_the_type_fails(daemon: Daemon) -> None:
    execution = daemon.run("set-key", {"key": "k", "value": "many", "kind": "NUMBER", "namespace": NAMESPACE})
    assert "Invalid value for the type NUMBER" in execution.run_of("set").failures[0]


def test_a_value_keeps_its_type(daemon: Daemon) -> None:
    done(daemon.run("typed-key", {"key": "typed", "value": '{"a": [1, true]}'}))
    assert key_of(daemon, "typed") == ("JSON", {"a": [1, True]})


def test_a_key_that_is_none_fails_in_kestras_words(daemon: Daemon) -> None:
    execution = daemon.run("keep-key", {"key": "a/b"})
    assert "Key must start with an alphanumeric character" in execution.run_of("set").failures[0]


def test_a_key_is_not_overwritten_unless_allowed(daemon: Daemon) -> None:
    done(daemon.run("keep-key", {"key": "kept"}))
    execution = daemon.run("keep-key", {"key": "kept"})
    (said,) = execution.run_of("set").failures
    assert said == "Cannot set value for key 'kept'. Key already exists and `overwrite` is set to `false`."


def test_namespaces_above_and_those_that_there_are_can_be_reached_and_no_others(daemon: Daemon) -> None:
    given = {"key": "far", "value": "v", "kind": "STRING"}
    for namespace in ("company", "company.other"):
        done(daemon.run("set-key", {**given, "namespace": namespace}))
        assert key_of(daemon, "far", namespace) == ("STRING", "v")
    (said,) = daemon.run("set-key", {**given, "namespace": "nowhere"}).run_of("set").failures
    assert said == "Cannot access the KV store. The namespace 'nowhere' does not exist."


def test_keys_are_read_listed_and_deleted(daemon: Daemon) -> None:
    for key in ("list-a", "list-b"):
        done(daemon.run("typed-key", {"key": key, "value": "1"}))
    execution = done(daemon.run("read-keys", {"key": "list-a", "prefix": "list-"}))
    assert execution.run_of("get").outputs == {"value": 1}
    assert execution.run_of("keys").outputs == {"keys": ["list-a", "list-b"]}
    assert execution.run_of("delete").outputs == {"deleted": True}
    assert execution.run_of("again").outputs == {"deleted": False}


def test_a_missing_key_can_be_an_error(daemon: Daemon) -> None:
    (said,) = daemon.run("need-key").run_of("get").failures
    expected = "No value found for key 'nothing-here' in namespace 'company.team' and `errorOnMissing` is set to true"
    assert said == expected


def test_expired_keys_are_purged(daemon: Daemon) -> None:
    done(daemon.run("short-key", {"key": "short-1"}))
    done(daemon.run("keep-key", {"key": "short-2"}))
    assert done(daemon.run("purge-keys")).run_of("purge").outputs == {"size": 1}
    assert key_of(daemon, "short-2") == ("STRING", "new")


def test_of_many_who_want_a_new_key_one_gets_it(daemon: Daemon) -> None:
    executions = [daemon.start("keep-key", {"key": "raced"}) for _ in range(8)]
    states = [daemon.ended(each).state for each in executions]
    assert sorted(states) == ["FAILED"] * 7 + ["SUCCESS"]


# States.


def test_a_state_is_remembered_and_no_listing_shows_it(daemon: Daemon) -> None:
    first = done(daemon.run("remember", {"name": "a", "value": "1"}))
    assert first.run_of("before").outputs == {"count": 0, "data": {}}
    assert first.run_of("set").outputs["count"] == 1
    second = done(daemon.run("remember", {"name": "b", "value": "2"}))
    assert second.run_of("after").outputs == {"count": 2, "data": {"a": "1", "b": "2"}}
    assert not [key for key in second.run_of("keys").outputs["keys"] if "state" in key]


def test_changes_of_a_state_made_at_once_are_all_kept(daemon: Daemon) -> None:
    executions = [daemon.start("remember", {"name": f"n{number}", "value": "x"}) for number in range(8)]
    for each in executions:
        done(daemon.ended(each))
    data = done(daemon.run("remember", {"name": "last", "value": "x"})).run_of("after").outputs["data"]
    assert {f"n{number}" for number in range(8)} <= data.keys()


def test_each_value_of_a_loop_has_a_state_of_its_own(daemon: Daemon) -> None:
    execution = done(daemon.run("loop"))
    found = {run.value: run.outputs["data"] for run in execution.runs_of("get")}
    assert found == {"a": {"v": "a"}, "b": {"v": "b"}}
    assert execution.run_of("own").outputs == {"count": 0, "data": {}}


def test_deleting_a_state_that_is_missing_can_be_an_error(daemon: Daemon) -> None:
    assert daemon.run("forget").state == "FAILED"


# Logs.


def test_lines_of_the_execution_are_fetched_into_a_file(daemon: Daemon) -> None:
    execution = done(daemon.run("fetch-logs"))
    everything, some = execution.run_of("all").outputs, execution.run_of("some").outputs
    lines = [json.loads(line) for line in daemon.file(execution, everything["uri"]).splitlines()]
    assert [(line["taskId"], line["message"]) for line in lines] == [("say", "loud"), ("other", "quiet")]
    assert (everything["size"], some["size"]) == (2, 1)


def test_a_log_that_goes_to_a_file_is_found_at_the_attempt(daemon: Daemon) -> None:
    execution = done(daemon.run("to-file"))
    (attempt,) = execution.run_of("say").json["attempts"]
    assert daemon.file(execution, attempt["logFile"]).endswith(b" INFO Hello file\n")
    assert daemon.logs(execution) == []


def test_lines_of_some_levels_and_metrics_are_purged(daemon: Daemon) -> None:
    chatty, counted = done(daemon.run("chatty")), done(daemon.run("counted"))
    assert len(daemon.get(f"/metrics/{counted.id}")["results"]) == 2
    purged = done(daemon.run("purge-logs"))
    assert purged.run_of("purge").outputs == {"count": 3}
    assert purged.run_of("metrics").outputs["count"] >= 2
    assert daemon.logs(chatty) == ["d"]
    assert daemon.get(f"/metrics/{counted.id}")["results"] == []


# Executions.


def test_executions_are_counted_for_each_flow(daemon: Daemon) -> None:
    done(daemon.run("counted"))
    execution = done(daemon.run("count"))
    counted = execution.run_of("count").outputs
    (row,) = counted["results"]
    assert (row["namespace"], row["flowId"], row["count"] >= 1) == (NAMESPACE, "counted", True)
    assert counted["total"] == row["count"]
    none = {"namespace": "company.nowhere", "flowId": None, "count": 0}
    assert execution.run_of("none").outputs == {"results": [none], "total": 0}


def test_a_task_kills_another_execution(daemon: Daemon) -> None:
    sleeper = daemon.start("sleeper")
    daemon.until(sleeper, "RUNNING")
    done(daemon.run("killer", {"id": sleeper.id}))
    assert daemon.ended(sleeper).state == "KILLED"


def test_a_task_kills_its_own_execution(daemon: Daemon) -> None:
    execution = daemon.run("suicide")
    assert (execution.state, execution.task_ids) == ("KILLED", ["kill"])


@pytest.mark.parametrize(("name", "said"), [("killer", "not found"), ("resume", "not found")])
def test_an_execution_that_is_not_there_is_told(daemon: Daemon, name: str, said: str) -> None:
    (failure,) = daemon.run(name, {"id": "nobody"}).runs[0].failures
    assert said in failure


def test_a_task_resumes_a_paused_execution(daemon: Daemon) -> None:
    sleeper = daemon.start("sleeper")
    daemon.until(sleeper, "RUNNING")
    daemon.act(sleeper, "pause")
    daemon.until(sleeper, "PAUSED")
    done(daemon.run("resume", {"id": sleeper.id}))
    assert daemon.until(sleeper, "RUNNING").state == "RUNNING"
    daemon.act(sleeper, "kill")
    daemon.ended(sleeper)


def test_executions_are_purged_with_what_hangs_on_them(daemon: Daemon) -> None:
    gone = [done(daemon.run("purged")) for _ in range(2)]
    outputs = done(daemon.run("purge")).run_of("purge").outputs
    assert outputs == {
        "executionsCount": 2,
        "taskOutputsCount": 2,
        "logsCount": 2,
        "metricsCount": 0,
        "storagesCount": 2,
    }
    for each in gone:
        daemon.call("GET", f"/executions/{each.id}", status=404)


def test_files_of_executions_that_are_no_more_are_purged(daemon: Daemon) -> None:
    stays, goes = done(daemon.run("leaver")), done(daemon.run("leaver"))
    daemon.call("DELETE", f"/executions/{goes.id}", params={"deleteStorage": "false"}, status=204)
    execution = done(daemon.run("purge-storage"))
    expected = {"scannedCount": 2, "purgedCount": 1, "deletedFilesCount": 1}
    assert [execution.run_of(name).outputs for name in ("look", "purge")] == [expected, expected]
    assert daemon.file(stays, stays.run_of("write").outputs["uri"]) == b"left behind"
    again = done(daemon.run("purge-storage"))
    assert again.run_of("look").outputs["purgedCount"] == 0


# Triggers, files, events.


def test_a_trigger_is_switched_off_and_on(daemon: Daemon) -> None:
    for enabled in ("false", "true"):
        done(daemon.run("scheduled", {"enabled": enabled}))
        (found,) = [each for each in daemon.get("/triggers/search")["results"] if "nightly" in json.dumps(each)]
        assert f'"disabled": {"true" if enabled == "false" else "false"}' in json.dumps(found["state"])


def test_a_trigger_that_is_not_there_is_told(daemon: Daemon) -> None:
    assert "Trigger no not found" in daemon.run("toggle-nothing").run_of("toggle").failures[0]


def test_namespace_files_are_downloaded(daemon: Daemon) -> None:
    execution = done(daemon.run("download"))
    files = execution.run_of("files").outputs["files"]
    assert {path: daemon.file(execution, uri) for path, uri in files.items()} == {
        "/a.csv": b"a.csv",
        "/deep/b.csv": b"deep/b.csv",
    }
    assert files["/a.csv"].endswith("/in/a.csv")


STREAM: Final = 'id: 1\nevent: say\ndata: {"word": "Hel"}\n\n: ping\ndata: {"word": "lo"}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(("strict", "state"), [("false", "SUCCESS"), ("true", "FAILED")])
def test_server_sent_events_are_read_and_joined(daemon: Daemon, strict: str, state: str) -> None:
    with http_server() as server:
        uri = server.serve("/events", STREAM, "text/event-stream")
        execution = daemon.run("events", {"uri": uri, "strict": strict})
    assert execution.state == state, execution.json
    if state == "SUCCESS":
        outputs = execution.run_of("sse").outputs
        assert (outputs["size"], outputs["result"]) == (3, "Hello")
        assert outputs["events"][1]["comment"] == "ping"
        assert outputs["events"][2]["data"] == "[DONE]"
