"""`segue validate` over a repository: what flows name of each other, of files and of secrets."""

import json
from pathlib import Path

import pytest
from segue.cli.validate import validate
from typer import Typer
from typer.testing import CliRunner

TARGET = """\
id: target
namespace: a.b
inputs:
  - {id: name, type: STRING}
  - {id: greeting, type: STRING, defaults: hi}
tasks:
  - {id: log, type: core.log.Log, message: hi}
outputs:
  - {id: total, type: STRING, value: x}
"""


def caller(task: str, more: str = "") -> str:
    return f"id: caller\nnamespace: a.b\ntasks:\n  - {task}\n{more}"


def call(rest: str) -> str:
    return caller(f"{{id: call, type: core.flow.Subflow, namespace: a.b, {rest}}}")


def log(message: str) -> str:
    return caller(f'{{id: log, type: core.log.Log, message: "{message}"}}')


def waiting(trigger: str) -> str:
    return caller(
        "{id: log, type: core.log.Log, message: hi}", f"triggers:\n  - {{id: t, type: core.trigger.Flow, {trigger}}}\n"
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "flows" / "a.b"
    (folder / "_files" / "sql").mkdir(parents=True)
    (folder / "_files" / "sql" / "orders.sql").write_text("select 1")
    (folder / "target.yaml").write_text(TARGET)
    (tmp_path / "segue.yaml").write_text("flows: flows\nsecrets: [token]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_SECRET_PASSWORD", "x")
    monkeypatch.setenv("SECRET_OLD", "eA==")
    return tmp_path


def found(*arguments: str) -> list[tuple[str, str, str, str | None]]:
    app = Typer()
    app.command()(validate)
    told = json.loads(CliRunner().invoke(app, ["--format", "json", *arguments]).stdout)["problems"]
    return [(each["severity"], each["code"], each["where"], each["hint"]) for each in told]


FAULTS = {
    "a Subflow that is not there": (
        call("flowId: targt, inputs: {name: x}"),
        ("error", "unknown-flow", "tasks[0].flowId", "did you mean 'a.b/target'?"),
    ),
    "one in another namespace": (
        call("flowId: target, inputs: {name: x}").replace("a.b, flowId", "a.c, flowId"),
        ("error", "unknown-flow", "tasks[0].flowId", "did you mean a.b/target?"),
    ),
    "a ForEachItem of what is not there": (
        caller("{id: each, type: core.flow.ForEachItem, items: x, namespace: '{{ flow.namespace }}', flowId: nope}"),
        ("error", "unknown-flow", "tasks[0].flowId", None),
    ),
    "a required input that is not given": (
        call("flowId: target"),
        ("error", "missing-inputs", "tasks[0].flowId", "of the flow a.b/target"),
    ),
    "an input that is not declared": (
        call("flowId: target, inputs: {name: x, greting: y}"),
        ("warning", "unknown-input", "tasks[0].inputs.greting", "did you mean 'greeting'?"),
    ),
    "an output that is not declared": (
        call("flowId: target, inputs: {name: x}")
        + '  - {id: log, type: core.log.Log, message: "{{ outputs.call.outputs.totl }}"}\n',
        ("error", "unknown-output", "tasks[1].message", "did you mean 'total'?"),
    ),
    "a flow that a precondition waits for": (
        waiting("preconditions: {id: p, flows: [{namespace: a.b, flowId: targt}]}"),
        ("warning", "unknown-flow", "triggers[0].preconditions.flows[0].flowId", "did you mean 'a.b/target'?"),
    ),
    "a flow that dependsOn names": (
        waiting("dependsOn: [{flowId: targt}]"),
        ("warning", "unknown-flow", "triggers[0].dependsOn[0].flowId", "did you mean 'target'?"),
    ),
    "a namespace that has no flows": (
        waiting("dependsOn: [{namespace: c}]"),
        ("warning", "unknown-flow", "triggers[0].dependsOn[0].namespace", None),
    ),
    "a flow in a condition": (
        waiting("conditions: [{type: core.condition.ExecutionFlow, namespace: a.b, flowId: targt}]"),
        ("warning", "unknown-flow", "triggers[0].conditions[0].flowId", "did you mean 'a.b/target'?"),
    ),
    "a file that is not there": (
        log("{{ read('sql/order.sql') }}"),
        ("error", "unknown-file", "tasks[0].message", "did you mean 'sql/orders.sql'?"),
    ),
    "the address of a file that is not there": (
        caller("{id: s, type: scripts.shell.Script, script: ls, inputFiles: {a: 'nsfile:///nope'}}"),
        ("error", "unknown-file", "tasks[0].inputFiles.a", "namespace files lie in its folder `_files`"),
    ),
    "a secret that nobody has": (
        log("{{ secret('PASWORD') }}"),
        ("warning", "unknown-secret", "tasks[0].message", "did you mean 'PASSWORD'?"),
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_is_not_in_the_repository_is_told(here: Path, text: str, fault: tuple[str, str, str, str | None]) -> None:
    (here / "flows" / "a.b" / "caller.yaml").write_text(text)
    assert found() == [fault]


GOOD = {
    "a call": call("flowId: target, inputs: {name: x}")
    + '  - {id: log, type: core.log.Log, message: "{{ outputs.call.outputs.total }}"}\n',
    "a call that only running tells": call("flowId: '{{ labels.flow }}'"),
    "inputs that only running tells": call("flowId: target, inputs: '{{ labels }}'"),
    "an upstream flow": waiting("dependsOn: [{namespace: a.b, flowId: target}, {namespace: a}]"),
    "files": log("{{ read('sql/orders.sql') }}{{ read('/sql/orders.sql') }}{{ read('kestra:///x') }}"),
    "secrets": log("{{ secret('PASSWORD') }}{{ secret('OLD') }}{{ secret('TOKEN') }}{{ secret(labels.x) }}"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_is_there_is_not_complained_of(here: Path, text: str) -> None:
    (here / "flows" / "a.b" / "caller.yaml").write_text(text)
    assert found() == []


def test_one_file_alone_is_judged_by_the_whole_repository(here: Path) -> None:
    (here / "flows" / "a.b" / "caller.yaml").write_text(call("flowId: target, inputs: {name: x}"))
    (here / "flows" / "a.b" / "other.yaml").write_text("id: other\nnamespace: a.b\ntasks: []\n")
    assert found("flows/a.b/caller.yaml") == []


def test_a_flow_with_errors_exists_all_the_same(here: Path) -> None:
    (here / "flows" / "a.b" / "caller.yaml").write_text(call("flowId: other"))
    (here / "flows" / "a.b" / "other.yaml").write_text("id: other\nnamespace: a.b\ntasks: []\n")
    assert [code for _, code, *_ in found()] == ["invalid-value"]


def test_flows_that_run_each_other_in_a_circle_are_told(here: Path) -> None:
    for name, other in (("x", "y"), ("y", "z"), ("z", "x")):
        text = call(f"flowId: {other}").replace("id: caller", f"id: {name}")
        (here / "flows" / "a.b" / f"{name}.yaml").write_text(text)
    assert found() == [("warning", "cyclic-calls", "tasks[0].flowId", "it ends only if a condition ends it")]


def test_a_file_outside_any_repository_is_judged_by_itself(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("loose") / "caller.yaml"
    file.write_text(call("flowId: nope"))
    assert found(str(file)) == []
