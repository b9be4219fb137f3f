"""Types by name."""

import pytest
from pydantic import BaseModel
from segue.spec.catalogue import BUILT_IN
from segue.spec.nested import Role
from segue.spec.types.log import Log
from segue.tasks.kind import Result, TaskKind
from segue.tasks.registry import OURS

from tests.unit.spec.flows import codes, flow_of, problems_of, with_task

LOG = "io.kestra.plugin.core.log.Log"


@pytest.mark.parametrize("name", [LOG, "core.log.Log", "io.kestra.core.tasks.log.Log"])
def test_a_type_has_its_full_name_a_short_one_and_those_of_the_past(name: str) -> None:
    entry = BUILT_IN.resolve(name)
    assert entry is not None
    assert (entry.name, entry.model) == (LOG, Log)


@pytest.mark.parametrize("name", ["core.log.Logg", "log.Log", "io.kestra.plugin.core.Log"])
def test_a_wrong_name_is_met_with_the_right_one(name: str) -> None:
    assert BUILT_IN.suggest(name, [Role.TASK])[0] == LOG


@pytest.mark.parametrize("entry", list(BUILT_IN), ids=lambda entry: entry.name)
def test_every_model_says_what_it_is_and_what_each_key_means(entry: object) -> None:
    model = entry.model  # type: ignore[attr-defined]
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


WRITTEN = [kind for kind in OURS if not kind.name.startswith("segue.flow.")]
"""Without those that the engine makes and nobody writes."""


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.name)
def test_every_registered_task_is_of_the_language(kind: object) -> None:
    entry = BUILT_IN.resolve(kind.name)  # type: ignore[attr-defined]
    assert entry is not None
    assert entry.model is kind.properties  # type: ignore[attr-defined]


def test_every_task_that_can_stand_in_a_flow_is_registered() -> None:
    # A Sleep is a timer of the engine.
    wanted = {entry.name for entry in BUILT_IN if entry.role is Role.TASK and entry.available}
    assert wanted - {kind.name for kind in OURS} == {"io.kestra.plugin.core.flow.Sleep"}


def test_a_type_of_the_language_that_is_not_built_says_so() -> None:
    (problem,) = problems_of(with_task("id: a\ntype: core.flow.PurgeFlows\nnamespaces: [a]"), catalogue=BUILT_IN)
    assert (problem.code, problem.line, problem.column) == ("type-not-available", 5, 11)


class Greet(BaseModel):
    """A task from elsewhere: its model knows nothing of expressions."""

    name: str
    times: int = 1


def test_a_task_from_elsewhere_is_validated_by_its_own_model() -> None:
    kind = TaskKind(name="com.example.Greet", properties=Greet, run=lambda _properties, _context: Result())
    catalogue = BUILT_IN.with_kinds([kind])
    good = with_task("id: a\ntype: com.example.Greet\nname: Ada\ntimes: '{{ inputs.n }}'")
    assert flow_of(good, catalogue=catalogue).tasks[0].type == "com.example.Greet"
    bad = problems_of(with_task("id: a\ntype: com.example.Greet\nname: Ada\ntimes: many"), catalogue=catalogue)
    assert codes(bad) == ["invalid-value"]
