"""The client that Kestra's users have, kestrapy, walks through a daemon of ours: reads, acts, follows, and is told where
flows are written."""

import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.support.daemon import Daemon, running

with warnings.catch_warnings():
    # A model of kestrapy has a field named as a method of pydantic's; pydantic warns when it is made.
    warnings.simplefilter("ignore", UserWarning)
    from kestrapy import Configuration, KestraClient, QueryFilter
    from kestrapy.exceptions import ApiException, UnauthorizedException
    from kestrapy.models.execution_repository_interface_flow_filter import ExecutionRepositoryInterfaceFlowFilter
    from kestrapy.models.label import Label
    from kestrapy.models.query_filter_field import QueryFilterField as Field
    from kestrapy.models.query_filter_op import QueryFilterOp as Op
    from kestrapy.query import and_, contains, eq, or_, where

T: Final = "main"
TEAM: Final = "company.team"
NIGHT: Final = {"namespace": TEAM, "flowId": "hello", "triggerId": "night"}
FILES: Final = {
    f"flows/{TEAM}/hello.yaml": """id: hello
namespace: company.team
labels: {team: web}
inputs:
  - {id: name, type: STRING, defaults: World}
concurrency: {limit: 3}
tasks:
  - {id: greet, type: io.kestra.plugin.core.log.Log, message: "Hello {{ inputs.name }}"}
  - {id: rows, type: io.kestra.plugin.core.storage.Write, content: "{a:1}\\n{a:2}\\n", extension: .ion}
  - {id: figures, type: io.kestra.plugin.core.metric.Publish, metrics: [{name: rows, type: counter, value: 3}]}
outputs:
  - {id: greeting, type: STRING, value: "Hello {{ inputs.name }}"}
triggers:
  - {id: night, type: io.kestra.plugin.core.trigger.Schedule, cron: "0 2 1 1 *"}
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: s3cret}
""",
    f"flows/{TEAM}/caller.yaml": """id: caller
namespace: company.team
tasks:
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: company.team, flowId: hello, wait: true}
""",
    "flows/company.other/after.yaml": """id: after
namespace: company.other
tasks:
  - {id: rest, type: io.kestra.plugin.core.flow.Pause}
triggers:
  - id: ends
    type: io.kestra.plugin.core.trigger.Flow
    preconditions: {id: called, flows: [{namespace: company.team, flowId: caller}]}
""",
    f"flows/{TEAM}/_files/query.sql": "select 1\n",
    f"flows/{TEAM}/_files/lib/x.py": "x = 1\n",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    who = {"SEGUE_USERNAME": "ada@example.com", "SEGUE_PASSWORD": "Pa55word", "SEGUE_TOKEN": "t0ken"}
    with running(tmp_path_factory.mktemp("kestrapy"), FILES, environment=who) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def kestra(daemon: Daemon) -> Iterator[KestraClient]:
    with KestraClient(host=daemon.url, username="ada@example.com", password="Pa55word") as client:
        yield client


@pytest.fixture(scope="module")
def ended(kestra: KestraClient) -> Any:
    """An execution that went well."""
    made = kestra.executions.create_execution(T, TEAM, "hello", wait=True, labels=["run:1"], inputs={"name": "Ada"})
    assert made.state.current == "SUCCESS"
    return made


def of(field: Field, value: Any, op: Op = Op.EQUALS) -> QueryFilter:
    return QueryFilter(field=field, operation=op, value=value)


def follow_to(kestra: KestraClient, execution_id: str, state: str) -> None:
    """Until the execution is in this state."""
    pictures = kestra.executions.follow_execution(execution_id, T)
    assert any(picture.state.current == state for picture in pictures), f"{execution_id} did not come to {state}"
    pictures.close()


def names_in(archive: bytes) -> list[str]:
    return sorted(zipfile.ZipFile(io.BytesIO(archive)).namelist())


# Coming in.


def test_a_token_opens_as_a_password_does(daemon: Daemon) -> None:
    for client in (
        KestraClient(host=daemon.url, token="t0ken"),
        KestraClient(Configuration(host=daemon.url, username="ada@example.com", password="Pa55word")),
    ):
        with client:
            assert client.flows.list_distinct_namespaces(T) == ["company.other", TEAM]


def test_who_is_not_known_reads_nothing(daemon: Daemon) -> None:
    for who in ({}, {"username": "ada@example.com", "password": "wrong"}, {"token": "wrong"}):
        with KestraClient(host=daemon.url, **who) as client, pytest.raises(UnauthorizedException):
            client.flows.search_flows(T)


def test_a_daemon_without_credentials_asks_for_none(tmp_path: Any) -> None:
    with running(tmp_path, FILES) as daemon, KestraClient(host=daemon.url) as client:
        assert client.flows.search_flows(T).total == 3


# Executions.


def test_an_execution_reads_whole(kestra: KestraClient, ended: Any) -> None:
    execution = kestra.executions.execution(ended.id, T)
    assert [run.task_id for run in execution.task_run_list] == ["greet", "rows", "figures"]
    assert (execution.flow_revision, execution.inputs) == (1, {"name": "Ada"})
    assert [picture.id for picture in kestra.executions.follow_execution(ended.id, T)] == [ended.id]
    assert len(kestra.executions.execution_flow_graph(ended.id, T).nodes) == 3
    assert kestra.executions.flow_from_execution_by_id(ended.id, T).id == "hello"


def test_what_an_execution_led_to_is_followed(kestra: KestraClient) -> None:
    caller = kestra.executions.create_execution(T, TEAM, "caller")
    last: dict[str, Any] = {}
    for event in kestra.executions.follow_dependencies_execution(caller.id, T, expand_all=True):
        last[event.flow_id] = event
        if event.flow_id == "after" and event.state.current == "PAUSED":
            kestra.executions.resume_execution(event.execution_id, T)
    assert {flow: event.state.current for flow, event in last.items()} == {
        "caller": "SUCCESS",
        "hello": "SUCCESS",
        "after": "SUCCESS",
    }
    hello = last["hello"].execution_id
    below = kestra.executions.follow_dependencies_execution(hello, T, destination_only=True)
    assert [event.flow_id for event in below] == ["hello"]
    above = kestra.executions.follow_dependencies_execution(hello, T)
    assert [event.flow_id for event in above] == ["hello", "caller"]


def test_its_outputs_and_files_are_at_hand(kestra: KestraClient, ended: Any) -> None:
    assert kestra.outputs.execution_outputs(ended.id, T) == {"greeting": "Hello Ada"}
    (rows,) = kestra.outputs.task_outputs_information(ended.id, T)
    uri = kestra.outputs.task_run_outputs(ended.id, rows.task_run_id, T)["uri"]
    assert kestra.executions.download_file_from_execution(ended.id, uri, T) == b"{a:1}\n{a:2}\n"
    assert kestra.executions.file_metadatas_from_execution(ended.id, uri, T).size == 12
    shown = kestra.executions.preview_file_from_execution(ended.id, uri, T, max_rows=1)
    assert (shown["type"], shown["content"], shown["truncated"]) == ("LIST", [{"a": 1}], True)


@pytest.mark.parametrize(
    "filters",
    [
        [of(Field.NAMESPACE, "company", Op.PREFIX), of(Field.FLOW_ID, "hello")],
        [of(Field.LABELS, {"run": "1"}), of(Field.STATE, ["SUCCESS", "FAILED"], Op.IN)],
        [of(Field.QUERY, "hell"), of(Field.SCOPE, "USER"), of(Field.TIME_RANGE, "PT1H"), of(Field.KIND, "NORMAL")],
        where(or_(eq(Field.FLOW_ID, "nothing"), and_(contains(Field.FLOW_ID, "ELL"), eq(Field.STATE, "SUCCESS")))),
    ],
    ids=["names", "labels and states", "text and time", "this or that"],
)
def test_executions_are_searched(kestra: KestraClient, ended: Any, filters: list[QueryFilter]) -> None:
    found = kestra.executions.search_executions(T, page=1, size=10, sort=["state.startDate:asc"], filters=filters)
    assert ended.id in [each["id"] for each in found["results"]]
    assert found["total"] == len(found["results"])


def test_what_can_be_executed_is_listed(kestra: KestraClient, ended: Any) -> None:
    executions = kestra.executions
    assert executions.list_executable_namespaces(T) == ["company.other", TEAM]
    assert [each.id for each in executions.list_executable_flows_by_namespace(TEAM, T)] == ["caller", "hello"]
    # The flow that follows may have run by now.
    assert TEAM in executions.find_distinct_execution_field_values(T, field="NAMESPACE", size=10)
    assert len(executions.find_distinct_execution_field_values(T, field="NAMESPACE", size=1)) == 1
    assert executions.execution_average_duration(TEAM, "hello", T)["count"] >= 1
    wanted = ExecutionRepositoryInterfaceFlowFilter(namespace=TEAM, id="hello")
    assert executions.latest_executions(T, [wanted])[0].flow_id == "hello"
    lines = executions.export_executions_by_query_to_csv(T, filters=[of(Field.NAMESPACE, TEAM)]).splitlines()
    assert lines[0].startswith("id,namespace,flowId")
    assert any(line.startswith(f"{ended.id},{TEAM},hello") for line in lines)


def test_acts_change_executions(kestra: KestraClient, ended: Any) -> None:
    again = kestra.executions.replay_execution(ended.id, T)
    assert (again.parent_id, again.original_id) == (ended.id, ended.id)
    follow_to(kestra, again.id, "SUCCESS")
    labelled = kestra.executions.set_labels_on_terminated_execution(again.id, T, [Label(key="a", value="b")])
    assert "a" in [label.key for label in labelled.labels]
    assert kestra.executions.update_execution_status(again.id, "WARNING", T).state.current == "WARNING"
    assert kestra.executions.delete_executions_by_ids(T, [again.id]).count == 1
    assert refused(404, kestra.executions.execution, again.id, T)
    resting = kestra.executions.create_execution(T, "company.other", "after")
    follow_to(kestra, resting.id, "PAUSED")
    kestra.executions.resume_execution(resting.id, T)
    follow_to(kestra, resting.id, "SUCCESS")
    stopped = kestra.executions.create_execution(T, TEAM, "hello", breakpoints="rows")
    follow_to(kestra, stopped.id, "BREAKPOINT")
    assert [each.id for each in kestra.executions.execution(stopped.id, T).breakpoints] == ["rows"]
    kestra.executions.resume_execution_from_breakpoint(stopped.id, T)
    follow_to(kestra, stopped.id, "SUCCESS")
    gone = kestra.executions.kill_executions_by_query(T, filters=[of(Field.FLOW_ID, "nothing")])
    assert gone == {"count": 0}


def test_a_webhook_is_called(kestra: KestraClient) -> None:
    assert kestra.executions.trigger_execution_by_get_webhook(T, TEAM, "hello", "s3cret") is not None
    assert refused(404, kestra.executions.trigger_execution_by_get_webhook, T, TEAM, "hello", "wrong")


# Flows.


def test_flows_are_read_and_searched(kestra: KestraClient) -> None:
    flow = kestra.flows.flow(TEAM, "hello", T, source=True)
    assert (flow.revision, "id: hello" in flow.source) == (1, True)
    found = kestra.flows.search_flows(T, filters=[of(Field.LABELS, {"team": "web"}), of(Field.QUERY, "HELLO")])
    assert [each.id for each in found.results] == ["hello"]
    (hit,) = kestra.flows.search_flows_by_source_code(T, q="flowId: HELLO").results
    assert (hit.id, hit.matches[0].line) == ("caller", 4)
    assert [each.id for each in kestra.flows.list_flows_by_namespace(TEAM, T)] == ["caller", "hello"]
    assert [each.revision for each in kestra.flows.list_flow_revisions(TEAM, "hello", T)] == [1]
    assert kestra.flows.task_from_flow(TEAM, "hello", "greet", T).type.endswith("log.Log")
    assert kestra.flows.search_concurrency_limits(T).results[0].flow_id == "hello"


def test_flows_tell_what_they_lead_to(kestra: KestraClient) -> None:
    around = kestra.flows.flow_dependencies(TEAM, "hello", T, expand_all=True)
    assert [(each.source, each.target) for each in around.edges] == [
        ("main_company.team_caller", "main_company.team_hello"),
        ("main_company.team_caller", "main_company.other_after"),
    ]
    into = kestra.flows.flow_dependencies(TEAM, "caller", T, destination_only=True)
    assert ([each.uid for each in into.nodes], into.edges) == (["main_company.team_caller"], [])
    assert len(kestra.flows.flow_dependencies_from_namespace(TEAM, T).nodes) == 3


def test_flow_texts_are_checked(kestra: KestraClient) -> None:
    text = kestra.flows.flow(TEAM, "hello", T, source=True).source
    assert kestra.flows.validate_flows(T, text)[0].constraints is None
    assert kestra.flows.validate_flows(T, "id: x")[0].constraints
    log = {"id": "a", "type": "io.kestra.plugin.core.log.Log", "message": "{{ outputs.before.x }}"}
    assert not kestra.flows.validate_task("TASKS", T, log).constraints
    assert "level" in kestra.flows.validate_task("TASKS", T, log | {"level": "LOUD"}).constraints
    schedule = {"id": "a", "type": "io.kestra.plugin.core.trigger.Schedule", "cron": "never"}
    assert "cron" in kestra.flows.validate_trigger(T, schedule).constraints
    assert len(kestra.flows.generate_flow_graph_from_source(T, text).nodes) == 3
    assert "inputs.name" in kestra.flows.expressions(T, text)["categories"]["inputs"]


def test_flows_are_taken_along(kestra: KestraClient) -> None:
    one = kestra.flows.export_flows_by_ids(T, [{"namespace": TEAM, "id": "hello"}])
    assert names_in(one) == ["company.team.hello.yml"]
    assert zipfile.ZipFile(io.BytesIO(one)).read("company.team.hello.yml").decode() == FILES[f"flows/{TEAM}/hello.yaml"]
    assert len(names_in(kestra.flows.export_flows_by_query(T, filters=[of(Field.NAMESPACE, TEAM)]))) == 2
    assert len(kestra.flows.export_flows_by_query_csv(T).splitlines()) == 4


def test_whoever_would_write_is_told_to_commit(kestra: KestraClient) -> None:
    ids: list[Any] = [{"namespace": TEAM, "id": "hello"}]
    flows, files = kestra.flows, kestra.files
    for call, arguments in (
        (flows.create_flow, (T, "id: x")),
        (flows.update_flow, (TEAM, "hello", T, "id: x")),
        (flows.delete_flow, (TEAM, "hello", T)),
        (flows.bulk_update_flows, (T,)),
        (flows.import_flows, (T, True, b"id: x")),
        (flows.update_flows_in_namespace, (TEAM, T, "id: x")),
        (flows.disable_flows_by_ids, (T, ids)),
        (flows.enable_flows_by_query, (T,)),
        (flows.delete_flows_by_ids, (T, ids)),
        (flows.delete_flows_by_query, (T,)),
        (flows.delete_revisions, (TEAM, "hello", T, [1])),
        (flows.apply_replace_by_source_code, (T, {})),
        (files.create_namespace_file, (TEAM, "/a", T, b"x")),
        (files.create_namespace_directory, (TEAM, T, "/a")),
        (files.move_file_directory, (TEAM, "/a", "/b", T)),
        (files.delete_file_directory, (TEAM, "/query.sql", T)),
        (kestra.namespaces.create_namespace, (T, {"id": "x"})),
        (kestra.namespaces.delete_namespace, (TEAM, T)),
    ):
        assert "managed by Git" in refused(405, call, *arguments), call
    assert kestra.flows.search_flows(T).total == 3


# Triggers, logs, metrics.


def test_triggers_are_switched_one_and_many(kestra: KestraClient) -> None:
    triggers = kestra.triggers
    assert triggers.search_triggers_for_flow(T, TEAM, "hello")["total"] == 2
    assert triggers.disable_trigger_by_id(T, NIGHT | {"disabled": True})["disabled"] is True
    off = [of(Field("triggerState"), "DISABLED")]
    assert triggers.search_triggers(T, filters=off)["results"][0]["state"]["triggerId"] == "night"
    assert triggers.disabled_triggers_by_ids(T, {"triggers": [NIGHT], "disabled": False})["count"] == 1
    assert triggers.disabled_triggers_by_query(T, disabled=False, filters=[of(Field.NAMESPACE, TEAM)])["count"] == 2
    assert triggers.unlock_triggers_by_query(T, filters=[of(Field.TRIGGER_ID, "night")])["count"] == 1
    assert len(triggers.export_triggers(T, filters=[of(Field.NAMESPACE, TEAM)]).splitlines()) == 3


def test_a_backfill_is_made_paused_and_dropped(kestra: KestraClient) -> None:
    span = {"start": "2020-06-01T00:00:00Z", "end": "2020-07-01T00:00:00Z"}  # no fire time lies in it
    kestra.triggers.create_backfill(T, NIGHT | {"backfill": span})
    assert kestra.triggers.pause_backfill_by_query(T, filters=[of(Field.NAMESPACE, "nowhere")])["count"] == 0
    assert kestra.triggers.delete_backfill_by_ids(T, [NIGHT])["count"] in {0, 1}


def test_a_trigger_that_is_deleted_begins_anew(kestra: KestraClient) -> None:
    kestra.triggers.disable_trigger_by_id(T, NIGHT | {"disabled": True})
    kestra.triggers.delete_trigger(T, TEAM, "hello", "night")
    found = kestra.triggers.search_triggers(T, filters=[of(Field.TRIGGER_ID, "night")])["results"][0]["state"]
    assert (found["disabled"], found["nextExecutionDate"] is not None) == (False, True)
    body = {"filters": [{"field": "triggerId", "operation": "EQUALS", "value": "night"}]}
    assert kestra.triggers.delete_triggers_by_query(T, body)["count"] == 1


def test_logs_are_read_searched_and_deleted(kestra: KestraClient) -> None:
    made = kestra.executions.create_execution(T, TEAM, "hello", wait=True)
    logs = kestra.logs
    assert "Hello World" in [each.message for each in logs.list_logs_from_execution(made.id, T)]
    assert logs.list_logs_from_execution(made.id, T, min_level="ERROR") == []
    assert "greet Hello World" in logs.download_logs_from_execution(made.id, T)
    assert "Hello World" in [each.message for each in logs.follow_logs_from_execution(made.id, T)]
    wanted = [of(Field.LEVEL, "INFO"), of(Field.EXECUTION_ID, made.id), of(Field.QUERY, "hello WORLD")]
    assert logs.search_logs(T, page=1, size=10, filters=wanted).total == 1
    logs.delete_logs_from_execution(made.id, T)
    assert logs.list_logs_from_execution(made.id, T) == []


def test_metrics_are_named_and_summed(kestra: KestraClient, ended: Any) -> None:
    metrics = kestra.metrics
    assert metrics.execution_metrics(ended.id, T, page=1, size=10)["results"][0]["name"] == "rows"
    assert metrics.flow_metric_names(TEAM, "hello", T) == ["rows"]
    assert metrics.task_metric_names(TEAM, "hello", "greet", T) == []
    assert metrics.tasks_with_metrics(TEAM, "hello", T) == ["figures"]
    (point,) = metrics.aggregate_task_metric(TEAM, "hello", "figures", "rows", T, aggregation="max")["aggregations"]
    assert point["value"] == 3


# Namespaces, keys, files, plugins.


def test_keys_are_written_listed_and_inherited(kestra: KestraClient) -> None:
    kestra.kv.set_key_value(TEAM, "k", T, '"v"')
    kestra.kv.set_key_value("company", "above", T, '{"a": 1}')
    assert (kestra.kv.key_value(TEAM, "k", T).value, kestra.kv.key_value("company", "above", T).value) == (
        "v",
        {"a": 1},
    )
    assert [each.key for each in kestra.kv.list_all_keys(T, filters=[of(Field.NAMESPACE, TEAM)]).results] == ["k"]
    assert [each.key for each in kestra.kv.list_keys_with_inheritance(TEAM, T)] == ["above"]
    assert kestra.kv.delete_key_value(TEAM, "k", T) is True
    assert kestra.kv.delete_key_values("company", T, {"keys": ["above"]}).keys == ["above"]
    assert refused(404, kestra.kv.key_value, TEAM, "k", T)


def test_namespace_files_are_read(kestra: KestraClient) -> None:
    files = kestra.files
    listed = [(each.file_name, each.size) for each in files.list_namespace_directory_files(TEAM, T)]
    assert listed == [("lib", 0), ("query.sql", 9)]
    assert files.file_content(TEAM, "/query.sql", T) == b"select 1\n"
    assert files.file_metadatas(TEAM, T, "/lib/x.py").size == 6
    assert files.search_namespace_files(TEAM, "X", T) == ["/lib/x.py"]
    assert names_in(files.export_namespace_files(TEAM, T)) == ["lib/x.py", "query.sql"]


def test_namespaces_are_listed_with_those_above(kestra: KestraClient) -> None:
    namespaces = kestra.namespaces
    assert [each.id for each in namespaces.search_namespaces(T).results] == ["company.other", TEAM]
    every = namespaces.search_namespaces(T, existing=False)
    assert [each.id for each in every.results] == ["company", "company.other", TEAM]
    assert namespaces.namespace(TEAM, T).id == TEAM
    assert namespaces.autocomplete_namespaces(T, {"q": "OTH"}) == ["company.other"]
    assert refused(404, namespaces.namespace, "nowhere", T)


def test_types_describe_themselves(kestra: KestraClient) -> None:
    plugins = kestra.plugins
    groups = {each["name"]: each for each in plugins.list_plugins()["results"]}
    assert "io.kestra.plugin.core.log.Log" in [each["cls"] for each in groups["io.kestra.plugin.core.log"]["tasks"]]
    documented = plugins.plugin_documentation("core.log.Log")
    assert {"id", "message"} <= documented["schema"]["properties"]["properties"].keys()
    assert plugins.plugin_schema("task", array_of=True)["items"] == {"$ref": "#/definitions/task"}
    assert "values" in plugins.plugin_input_schema("SELECT")["properties"]
    assert "upper" in kestra.misc.pebble_filters()


def refused(status: int, call: Callable[..., Any], *arguments: Any) -> str:
    """The body of a refusal with this status."""
    with pytest.raises(ApiException) as caught:
        call(*arguments)
    assert caught.value.status == status, caught.value
    return str(caught.value.body)
