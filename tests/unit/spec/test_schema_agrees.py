"""The JSON Schema and the loader agree on real flows: those of this repository, of its examples, and of Kestra's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from segue.spec.document import Document, read_documents
from segue.spec.loader import Surroundings, load_document, resembles_flow
from segue.spec.schema import flow_schema

from tests.unit.spec.flows import EVERYTHING

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "flows", ROOT / "examples", ROOT.parent / "shared" / "conformance" / "flows")
# What takes more than one look at one object, and no schema of this draft can say.
BEYOND = {
    "cyclic-dependency",
    "cyclic-inputs",
    "cyclic-variables",
    "default-of-file",
    "duplicate-input-id",
    "duplicate-output-id",
    "duplicate-task-id",
    "duplicate-trigger-id",
    "flowable-in-working-directory",
    "invalid-item-type",
    "invalid-pattern",
    "recursive-call",
    "unknown-dependency",
}
# Types of third parties are in no schema of ours; drafts are ignored by their repository.
PASSED_OVER = {"third-party-task", "drafts"}


def flows() -> Iterator[Any]:
    for folder in FOLDERS:
        for file in sorted(folder.rglob("*.y*ml")):
            if PASSED_OVER.isdisjoint(file.parts):
                for document in read_documents(file.read_bytes()):
                    if not document.findings and resembles_flow(document):
                        yield pytest.param(document, id=f"{file.relative_to(folder)}-{document.index}")


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(flow_schema())


def without_nulls(value: Any) -> Any:
    """A key that is null counts as absent; editors strike it out instead."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("document", list(flows()))
def test_the_schema_and_the_loader_agree(document: Document, schema: jsonschema.Draft7Validator) -> None:
    around = Surroundings(path="flow.yaml", catalogue=EVERYTHING, default_namespace="a.b")
    errors = [each for each in load_document(document, around).errors if each.code not in BEYOND]
    in_defaults = [each for each in errors if each.where.startswith(("pluginDefaults", "taskDefaults"))]
    told = [error.message[:200] for error in schema.iter_errors(without_nulls(document.value))]
    assert bool(told) is (len(errors) > len(in_defaults)), (told, [str(each) for each in errors])


def _without_description(schema: Any, path: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _without_description(each, path)
    elif isinstance(schema, dict):
        for key, each in schema.get("properties", {}).items():
            is_told = "description" in each or "$ref" in each
            if not is_told and not (key == "type" and "enum" in each):
                yield f"{path}/{key}"
        for key, each in schema.items():
            yield from _without_description(each, f"{path}/{key}")


def test_every_property_is_described() -> None:
    assert list(_without_description(flow_schema())) == []
