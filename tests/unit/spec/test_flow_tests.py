"""Files with flow tests: what they say, and what is wrong with them, with the place."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from segue.cli.flow_files import FlowFiles
from segue.cli.schema import schema_text
from segue.model.flow_test import Operator, SuiteKey, TaskFixture
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.spec.document import read_documents
from segue.spec.flow_tests import load_suites
from segue.spec.schema import suite_schema
from segue.tasks import packages

ROOT = Path(__file__).parents[3]
FLOW = """\
id: hello
namespace: a.b
inputs:
  - {id: name, type: STRING, required: false}
variables: {who: me}
tasks:
  - {id: fetch, type: core.http.Request, uri: "https://nowhere.invalid"}
  - id: loop
    type: core.flow.ForEach
    values: [x]
    tasks:
      - {id: each, type: core.debug.Return, format: "{{ taskrun.value }}"}
triggers:
  - {id: hook, type: core.trigger.Webhook, key: secret}
"""
# Kestra's documentation has suites like this one.
SUITE = """\
id: hello-test
namespace: a.b
flowId: hello
description: What hello does
testCases:
  - id: greets
    type: io.kestra.core.tests.flow.UnitTest
    description: The usual
    fixtures:
      inputs: {name: Ada}
      files:
        a.csv: |
          1,2
      trigger: {id: hook, type: io.kestra.plugin.core.trigger.Webhook, variables: {body: hi}}
      tasks:
        - {id: fetch, description: not from here}
        - {id: each, value: 1, state: WARNING, outputs: {value: "{{ files['a.csv'] }}"}}
    assertions:
      - value: "{{ outputs.fetch.code }}"
        taskId: fetch
        equalTo: 200
        notIn: [404]
      - {value: "{{ inputs.name }}", equalsTo: Ada, errorMessage: nobody}
"""
CASE = """\
id: s
namespace: a.b
flowId: hello
testCases:
  - id: c
    fixtures:
      inputs: {name: Ada}
"""


def test_a_suite_is_read_whole() -> None:
    (loaded,) = load_suites(SUITE, path="x.yaml")
    assert loaded.problems == ()
    suite = loaded.suite
    assert suite is not None
    assert (suite.key, suite.flow, suite.line) == (SuiteKey("a.b", "hello-test"), FlowKey("a.b", "hello"), 1)
    (case,) = suite.cases
    assert case.fixtures.files == {"a.csv": "1,2\n"}
    assert case.fixtures.tasks == (
        TaskFixture(id="fetch"),
        TaskFixture(id="each", value="1", state=State.WARNING, outputs={"value": "{{ files['a.csv'] }}"}),
    )
    assert case.fixtures.trigger is not None
    assert case.fixtures.trigger.variables == {"body": "hi"}
    first, second = case.assertions
    assert (first.expected, first.task_id, first.line) == (
        {Operator.EQUAL_TO: 200, Operator.NOT_IN: [404]},
        "fetch",
        19,
    )
    assert (second.expected, second.error_message) == ({Operator.EQUAL_TO: "Ada"}, "nobody")


def test_a_file_holds_many_suites_and_other_yaml_is_passed_over() -> None:
    other = SUITE.replace("hello-test", "another").replace("namespace: a.b\n", "")
    loaded = load_suites(f"{SUITE}---\n{other}---\nrows: [1, 2]\n", path="x.yaml", default_namespace="c.d")
    assert [str(each.suite.key) for each in loaded if each.suite] == ["a.b/hello-test", "c.d/another"]


BROKEN: dict[str, tuple[str, list[str]]] = {
    "a misspelt key": (
        SUITE.replace("fixtures:", "fixtures:\n      input: {}"),
        ["10:7 unknown-key unknown key 'input' (did you mean 'inputs'?)"],
    ),
    "no flow, no cases": (
        "id: s\nnamespace: a.b\ntestCases: []\n",
        ["1:1 missing-key must not be null", "3:12 invalid-value must not be empty"],
    ),
    "an assertion that expects nothing": (
        CASE + "    assertions:\n      - value: x\n",
        [
            (
                "9:9 missing-key the assertion expects nothing (give one of isNull, isNotNull, equalTo, notEqualTo, "
                "startsWith, endsWith, contains, greaterThan, greaterThanOrEqualTo, lessThan, lessThanOrEqualTo, in, notIn)"
            )
        ],
    ),
    "no number": (
        CASE + "    assertions:\n      - {value: x, greaterThan: many}\n",
        ["9:33 invalid-value must be a number"],
    ),
    "a state that is no end": (
        CASE + "      tasks: [{id: fetch, state: RUNNING}]\n    assertions: []\n",
        [
            "8:34 invalid-value must be one of SUCCESS, WARNING, FAILED, KILLED, CANCELLED, SKIPPED (did you mean 'WARNING'?)"
        ],
    ),
    "twice the same": (
        CASE + "      tasks: [{id: fetch}, {id: fetch}]\n    assertions: []\n  - {id: c, assertions: []}\n",
        [
            "8:33 duplicate-id there are two fixtures for the task 'fetch'",
            "10:10 duplicate-id the case 'c' is there twice",
        ],
    ),
    "no YAML": (
        "id: [",
        ["2:1 yaml-syntax did not find expected node content while parsing a flow node (close the bracket)"],
    ),
}


@pytest.mark.parametrize(("text", "told"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_told_with_its_place(text: str, told: list[str]) -> None:
    problems = [problem for loaded in load_suites(text, path="x.yaml") for problem in loaded.problems]
    assert [str(problem).removeprefix("x.yaml:") for problem in problems] == told
    assert all(loaded.suite is None for loaded in load_suites(text, path="x.yaml"))


BESIDE_THE_FLOW: dict[str, tuple[str, list[str]]] = {
    "a good one": (SUITE.replace("value: 1", "value: x"), []),
    "an unknown flow": (
        SUITE.replace("flowId: hello", "flowId: helo"),
        ["3:9 unknown-flow the flow a.b/helo is not in this repository (did you mean 'a.b/hello'?)"],
    ),
    "unknown things of the flow": (
        CASE.replace("name: Ada", "nam: Ada")
        + "      trigger: {id: hok, type: x}\n      tasks: [{id: fech}, {id: each}]\n"
        + "    assertions: [{value: 1, equalTo: 1, taskId: lop}]\n",
        [
            "7:16 unknown-input the flow has no input 'nam' (did you mean 'name'?)",
            "8:21 unknown-trigger the flow has no trigger 'hok' (did you mean 'hook'?)",
            "9:20 unknown-task the flow has no task 'fech' (did you mean 'fetch'?)",
            (
                "9:32 fixture-unused the task 'each' is run once for each value: a fixture without `value` stands in for "
                "none of them (a fixture for each value: `value: ...`)"
            ),
            "10:49 unknown-task the flow has no task 'lop' (did you mean 'loop'?)",
        ],
    ),
    "expressions in the scope of the flow": (
        CASE
        + '      tasks: [{id: fetch, outputs: {code: "{{ files.a }}{{ taskrun.id }}"}}]\n    assertions:\n'
        + '      - {value: "{{ outputs.fetch.code }}{{ files.a }}{{ vars.who }}", isNotNull: true}\n'
        + '      - {value: "{{ outputs.fetch.cod }}", isNull: true}\n'
        + '      - {value: "{{ inputs.nam | uper }}", isNull: true}\n'
        + '      - {value: "{{ execution.state }}", equalTo: "{{ vars.whom }}"}\n',
        [
            (
                "11:21 unknown-output the task 'fetch' has no output 'cod': Request gives uri, code, headers, body, "
                "encryptedBody (did you mean 'code'?)"
            ),
            "12:21 unknown-input there is no input 'nam' (did you mean 'name'?)",
            "12:32 unknown-filter There is no filter 'uper' (did you mean 'upper'?)",
            "13:55 unknown-variable there is no variable 'vars.whom' (did you mean 'who'?)",
        ],
    ),
}


@pytest.mark.parametrize(("text", "told"), BESIDE_THE_FLOW.values(), ids=BESIDE_THE_FLOW)
def test_a_suite_is_looked_at_beside_its_flow(
    text: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flows/a.b/_tests").mkdir(parents=True)
    (tmp_path / "segue.yaml").touch()
    (tmp_path / "flows/a.b/hello.yaml").write_text(FLOW)
    (tmp_path / "flows/a.b/_tests/x.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    files = FlowFiles(packages.catalogue())
    files.look_at(Path("flows"))
    files.look_around()
    assert [str(each).removeprefix("flows/a.b/_tests/x.yaml:") for each in files.problems] == told
    assert (files.flows, files.suites) == (1, 1)


def test_two_suites_of_one_name_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flows/a.b/_tests").mkdir(parents=True)
    (tmp_path / "segue.yaml").touch()
    (tmp_path / "flows/a.b/hello.yaml").write_text(FLOW)
    for name in "xy":
        (tmp_path / f"flows/a.b/_tests/{name}.yaml").write_text(CASE + "    assertions: []\n")
    monkeypatch.chdir(tmp_path)
    files = FlowFiles(packages.catalogue())
    files.look_at(Path())
    files.look_around()
    assert [(each.path, each.code) for each in files.problems] == [("flows/a.b/_tests/y.yaml", "duplicate-id")]


def test_a_flow_that_is_no_yaml_is_told_of_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("id: x\nnamespace: a.b\ntasks:\n\t- id: y\n")
    (tmp_path / "other.yaml").write_text("services:\n\tx: {{ y }}\n")
    files = FlowFiles(packages.catalogue())
    files.look_at(tmp_path)
    assert [(Path(each.path).name, each.code) for each in files.problems] == [("broken.yaml", "yaml-syntax")]


# The schema.


def is_valid(text: str, schema: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft7Validator(schema).is_valid(read_documents(text)[0].value))


def test_the_schema_in_the_repository_is_current() -> None:
    written = (ROOT / "schemas" / "flow-test.schema.json").read_text(encoding="utf-8")
    assert written == schema_text(suite_schema()), "run: segue schema --for test -o schemas/flow-test.schema.json"


def test_the_schema_takes_what_the_loader_takes() -> None:
    schema = suite_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    assert is_valid(SUITE, schema)
    assert is_valid(SUITE.replace("namespace: a.b\n", ""), schema)
    refused = ("a misspelt key", "no flow, no cases", "a state that is no end")
    assert [name for name in refused if is_valid(BROKEN[name][0], schema)] == []


def test_the_schema_describes_every_key() -> None:
    definitions = suite_schema()["definitions"].values()
    keys = [(name, each) for one in (suite_schema(), *definitions) for name, each in one["properties"].items()]
    undescribed = [name for name, each in keys if "description" not in each and "$ref" not in json.dumps(each)]
    assert undescribed == []
