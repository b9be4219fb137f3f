"""Whatever a user writes, there is an answer: a flow or problems, never an exception."""

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from segue.spec.catalogue import BUILT_IN
from segue.spec.conditions import CONDITION_KEYS
from segue.spec.fields import keys_of
from segue.spec.flow import FLOW_KEYS
from segue.spec.inputs import INPUT_KEYS
from segue.spec.inputs import TYPES as INPUT_TYPES
from segue.spec.loader import load_flow
from segue.spec.nested import Role
from segue.spec.settings import load_settings
from segue.spec.tasks import TASK_KEYS
from segue.spec.triggers import TRIGGER_KEYS

from tests.unit.spec.flows import EVERYTHING

WORDS = st.sampled_from(
    ["", "x", "{{ x }}", "PT1S", "* * * * *", "true", "INFO", "constant", "io.kestra.plugin.core", "P", "["]
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=5))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(WORDS, st.sampled_from(["id", "type", "key", "value", "tasks", "inputs", "task", "dependsOn"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
SHARED = {Role.TASK: TASK_KEYS, Role.FLOWABLE: TASK_KEYS, Role.TRIGGER: TRIGGER_KEYS, Role.CONDITION: CONDITION_KEYS}


@st.composite
def objects(draw: st.DrawFn) -> tuple[Role, dict[str, Any]]:
    """A typed object with some of its keys, any values in them."""
    entry = draw(st.sampled_from([each for each in BUILT_IN if each.role in SHARED]))
    keys = sorted(keys_of(entry.model) | SHARED[entry.role])
    given_keys = draw(st.lists(st.sampled_from(keys), max_size=6, unique=True))
    return entry.role, {key: draw(VALUES) for key in given_keys} | {"type": entry.name, "id": "a"}


def load(raw: dict[str, Any]) -> None:
    loaded = load_flow(json.dumps(raw), path="x.yaml", catalogue=EVERYTHING)
    assert (loaded.flow is None) == bool(loaded.errors)
    for problem in loaded.problems:
        assert problem.code
        assert problem.message


FLOW = {"id": "x", "namespace": "a.b", "tasks": [{"id": "log", "type": "core.log.Log", "message": "x"}]}
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW
@example({"sla": 1})
@given(st.dictionaries(st.sampled_from(sorted(FLOW_KEYS)), VALUES, max_size=6))
def test_any_value_at_any_key_of_a_flow(keys: dict[str, Any]) -> None:
    load({**FLOW, **keys})


@FEW
@given(objects())
def test_any_value_at_any_key_of_an_object(made: tuple[Role, dict[str, Any]]) -> None:
    role, raw = made
    match role:
        case Role.TRIGGER:
            load({**FLOW, "triggers": [raw]})
        case Role.CONDITION:
            load({**FLOW, "triggers": [{"id": "t", "type": "core.trigger.Flow", "conditions": [raw]}]})
        case _:
            load({**FLOW, "tasks": [raw]})


@FEW
@given(st.sampled_from(sorted(INPUT_TYPES)), st.data())
def test_any_value_at_any_key_of_an_input(type_: str, data: st.DataObject) -> None:
    keys = sorted(keys_of(INPUT_TYPES[type_]) | INPUT_KEYS)
    raw = data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=5))
    load({**FLOW, "inputs": [{"id": "i", **raw, "type": type_}]})


@FEW
@given(VALUES)
def test_any_document(value: Any) -> None:
    load_flow(yaml.safe_dump(value), path="x.yaml")
    load_settings(yaml.safe_dump(value))


@FEW
@given(st.text(alphabet=st.sampled_from(list("ab:-{}[]&*!|>'\"%@`#,? \t\n~\\0")), max_size=60))
def test_any_text(text: str) -> None:
    load_flow(text, path="x.yaml")
