"""Types by name."""

import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import BaseModel
from segue.spec import types
from segue.spec.catalogue import BUILT_IN, PREFIX, TypeEntry
from segue.spec.nested import Role
from segue.spec.type_table import NAMES
from segue.spec.types.log import Log
from segue.tasks.kind import Result, TaskKind
from segue.tasks.polls import errand_of
from segue.tasks.registry import CORE, kind_of

from tests.unit.spec.flows import codes, flow_of, problems_of, with_task

LOG = "io.kestra.plugin.core.log.Log"
SLEEP = "io.kestra.plugin.core.flow.Sleep"  # a timer of the engine


@pytest.mark.parametrize("name", [LOG, "core.log.Log", "io.kestra.core.tasks.log.Log"])
def test_a_type_has_its_full_name_a_short_one_and_those_of_the_past(name: str) -> None:
    entry = BUILT_IN.resolve(name)
    assert entry is not None
    assert (entry.name, entry.model) == (LOG, Log)


@pytest.mark.parametrize("name", ["core.log.Logg", "log.Log", "io.kestra.plugin.core.Log"])
def test_a_wrong_name_is_met_with_the_right_one(name: str) -> None:
    assert BUILT_IN.suggest(name, [Role.TASK])[0] == LOG


def test_a_type_of_another_plugin_is_told_so_and_not_taken_for_one_of_ours() -> None:
    name = "io.kestra.plugin.gcp.bigquery.Query"
    assert BUILT_IN.suggest(name, [Role.TASK]) == ()
    (problem,) = problems_of(with_task(f"{{id: q, type: {name}, sql: select 1}}"))
    assert problem.hint == "nothing of gcp.bigquery is here; further task types go in as Python packages"


def test_a_misspelt_key_is_named_where_one_is_missing() -> None:
    (problem,) = problems_of(with_task("{id: q, typ: core.log.Log, message: x}"))
    assert (problem.code, problem.hint) == ("missing-key", "'typ' is there: did you mean 'type'?")


@pytest.mark.parametrize("entry", list(BUILT_IN), ids=lambda entry: entry.name)
def test_every_model_says_what_it_is_and_what_each_key_means(entry: TypeEntry) -> None:
    model = entry.model
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def names_of(module: str) -> set[str]:
    return {name for modules in NAMES.values() for name in modules.get(module, ())}


@pytest.mark.parametrize("module", sorted({module for modules in NAMES.values() for module in modules}))
def test_the_table_names_all_that_a_module_describes(module: str) -> None:
    described = import_module(f"segue.spec.{module}").TYPES
    assert set(described) == names_of(module)


def test_a_name_stands_in_the_table_once() -> None:
    names = [name for modules in NAMES.values() for each in modules.values() for name in each]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_module_that_describes_types_stands_in_the_table() -> None:
    folder = Path(types.__file__).parent
    files = {path for path in folder.rglob("*.py") if "\nTYPES: " in path.read_text()}
    modules = {"types." + ".".join(path.relative_to(folder).with_suffix("").parts) for path in files}
    assert modules <= {module for each in NAMES.values() for module in each}


RUNNABLE = [entry for entry in BUILT_IN if entry.role is Role.TASK and entry.available and entry.name != SLEEP]


@pytest.mark.parametrize("entry", RUNNABLE, ids=lambda entry: entry.name)
def test_every_task_that_can_stand_in_a_flow_has_its_work(entry: TypeEntry) -> None:
    kind = kind_of(entry.name)
    assert kind is not None
    assert kind.properties is entry.model


@pytest.mark.parametrize("module", [module for module in NAMES[Role.TASK] if module.startswith("types.plugins.")])
def test_all_that_a_plugin_does_is_of_the_language(module: str) -> None:
    plugin = import_module(f"segue.tasks.plugins.{module.rpartition('.')[2]}")
    done = [*plugin.KINDS, *getattr(plugin, "POLLS", ())]
    assert {kind.name for kind in done} == {PREFIX + name for name in names_of(module)}


def test_all_that_the_core_does_is_of_the_language() -> None:
    # But for what the engine makes and nobody writes.
    unknown = {kind.name for kind in CORE if BUILT_IN.resolve(kind.name) is None}
    assert all(name.startswith("segue.flow.") for name in unknown)


POLLING = [entry for entry in BUILT_IN if entry.role is Role.TRIGGER and "interval" in entry.model.model_fields]


@pytest.mark.parametrize("entry", POLLING, ids=lambda entry: entry.name)
def test_every_trigger_that_looks_again_and_again_has_its_look(entry: TypeEntry) -> None:
    errand = errand_of(entry.name)
    assert errand is not None
    assert errand.properties is entry.model


@pytest.mark.parametrize("module", ["segue.cli.serve", "segue.workers.forkserver"])
def test_a_process_loads_no_plugin_before_a_flow_names_one(module: str) -> None:
    look = f"import sys, {module}; print(*(name for name in sys.modules if '.plugins.' in name))"
    printed = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert set(printed) <= {"segue.tasks.plugins.table"}


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
