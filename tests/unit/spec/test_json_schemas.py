"""JSON Schema of an input's value: what breaks it, and that it reaches nothing and takes no time."""

from typing import Any

import pytest
from segue.expression.errors import ExpressionError
from segue.spec.json_schemas import broken, fault_of

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer", "minimum": 1}, "name": {"type": "string", "pattern": "^[A-Z]"}},
    "patternProperties": {"^x-": {"type": "boolean"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"id": 1, "name": "Ada", "x-new": True}, []),
        ({"name": "Ada"}, ["'id' is a required property (at `$`)"]),
        ({"id": 0}, ["0 is less than the minimum of 1 (at `$.id`)"]),
        ({"id": 1, "name": "ada"}, ["'ada' does not match '^[A-Z]' (at `$.name`)"]),
        ({"id": 1, "x-new": 2}, ["2 is not of type 'boolean' (at `$['x-new']`)"]),
        ({"id": 1, "more": 2}, ["Additional properties are not allowed: 'more' (at `$`)"]),
        ([], ["[] is not of type 'object' (at `$`)"]),
    ],
)
def test_a_value_breaks_rules_of_its_schema(value: Any, faults: list[str]) -> None:
    assert broken(ORDER, value) == faults


def test_further_properties_may_have_a_schema_of_their_own() -> None:
    schema = {"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}

    assert broken(schema, {"a": "x", "b": 1}) == []
    assert broken(schema, {"b": "x"}) == ["'x' is not of type 'integer' (at `$.b`)"]


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "objekt"}, "the JSON schema is none"),
        ([], "the JSON schema has to be a map"),
    ],
)
def test_what_is_no_schema_is_told(schema: Any, fault: str) -> None:
    assert str(fault_of(schema)).startswith(fault)
    assert broken(schema, {})[0].startswith(fault)


def test_references_lead_nowhere_outside() -> None:
    within = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}

    assert broken(within, {"a": "x"}) == ["'x' is not of type 'integer' (at `$.a`)"]
    assert broken({"$ref": "http://127.0.0.1:9/schema"}, {}) == [
        "the JSON schema refers to `http://127.0.0.1:9/schema`, which is not in it"
    ]


def test_a_pattern_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ExpressionError, match="takes longer than"):
        broken({"pattern": "^(a|a)*$"}, "a" * 40 + "!")
