"""The JSON Schema says what the models say."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from segue.cli.schema import schema_text
from segue.spec.catalogue import BUILT_IN
from segue.spec.document import read_documents
from segue.spec.schema import flow_schema

from tests.unit.spec.flows import LOG, load, with_head, with_task

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return flow_schema()


def is_valid(text: str, schema: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft7Validator(schema).is_valid(read_documents(text)[0].value))


def test_the_schema_in_the_repository_is_current(schema: dict[str, Any]) -> None:
    written = (ROOT / "schemas" / "flow.schema.json").read_text(encoding="utf-8")
    assert written == schema_text(schema), "run: segue schema -o schemas/flow.schema.json"


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    for reference in set(json.dumps(schema).split('"$ref": "#/')[1:]):
        found: Any = schema
        for step in reference.partition('"')[0].split("/"):
            found = found[step]


def test_every_type_can_be_chosen(schema: dict[str, Any]) -> None:
    listed = {name for role in schema["definitions"].values() for name in _types_of(role)}
    assert {entry.name for entry in BUILT_IN} <= listed


def _types_of(definition: dict[str, Any]) -> list[str]:
    found: list[str] = definition.get("properties", {}).get("type", {}).get("enum", [])
    return found


GOOD = {
    "a task": with_task("id: a\ntype: core.log.Log\nmessage: x\nlevel: '{{ x }}'\ntimeout: PT1S"),
    "both spellings of a retry": with_task(
        "id: a\ntype: core.log.Log\nmessage: [x, 1]\nretry: {type: constant, interval: PT1S, maxAttempt: 1}"
    ),
    "no namespace, which the folder may say": "id: x\ntasks:\n" + LOG,
    "the old name of an input": with_head(f"inputs: [{{name: a, type: BOOLEAN}}]\ntasks:\n{LOG}"),
    "a Dag": with_task(
        "id: d\ntype: core.flow.Dag\ntasks: [{task: {id: a, type: core.log.Log, message: x}, dependsOn: []}]"
    ),
    "a trigger with a condition": with_head(
        f"tasks:\n{LOG}\ntriggers: [{{id: t, type: core.trigger.Flow, conditions: [{{type: core.condition.Weekend}}]}}]"
    ),
}
BAD = {
    "an unknown key": with_task("id: a\ntype: core.log.Log\nmessage: x\nfoo: 1"),
    "a missing key": with_task("id: a\ntype: core.log.Log"),
    "an unknown type": with_task("id: a\ntype: core.log.Logg\nmessage: x"),
    "a wrong word": with_task("id: a\ntype: core.log.Log\nmessage: x\nlevel: LOUD"),
    "something deep inside": with_task("id: a\ntype: core.flow.Sequential\ntasks: [{id: b, type: core.log.Log}]"),
    "a wrong runner": with_task("id: a\ntype: scripts.shell.Script\nscript: x\ntaskRunner: {type: core.log.Log}"),
    "an input without a name": with_head(f"inputs: [{{type: STRING}}]\ntasks:\n{LOG}"),
    "an unknown key at the top": with_head(f"foo: 1\ntasks:\n{LOG}"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_the_models_take_the_schema_takes(text: str, schema: dict[str, Any]) -> None:
    assert load(text, default_namespace="a.b").errors == ()
    assert is_valid(text, schema)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_the_models_refuse_the_schema_refuses(text: str, schema: dict[str, Any]) -> None:
    assert load(text).errors != ()
    assert not is_valid(text, schema)


@pytest.mark.parametrize("file", sorted((ROOT / "flows").glob("*/*.yaml")), ids=lambda file: file.stem)
def test_the_flows_of_this_repository_fit_the_schema(file: Path, schema: dict[str, Any]) -> None:
    assert is_valid(file.read_text(), schema)
