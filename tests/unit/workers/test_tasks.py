"""The core tasks in real workers: what they say, give back, and wish for."""

from pathlib import Path
from typing import Any

import pytest
from segue.model.event import ExitWanted, LabelsWanted, VariablesWanted
from segue.model.state import State
from segue.storage.local import LocalStorage

from tests.support.pools import Outcome, SharedPool, order_of
from tests.support.repositories import Repository


def run(pool: SharedPool, task: str, properties: dict[str, Any], **given: Any) -> Outcome:
    return pool.run(order_of(f"core.{task}", properties, **given))


def test_log_says_each_message_at_its_level(pool: SharedPool) -> None:
    outcome = run(pool, "log.Log", {"message": ["a", "b {{ x }}"], "level": "WARN"}, variables={"x": 1})
    assert [(line.level, line.message) for line in outcome.lines] == [("WARN", "a"), ("WARN", "b 1")]


def test_lines_below_the_level_of_the_task_are_not_told(pool: SharedPool) -> None:
    assert run(pool, "log.Log", {"message": "quiet", "level": "TRACE"}, log_level="INFO").lines == []


def test_a_log_that_goes_to_a_file_is_stored(pool: SharedPool) -> None:
    outcome = run(pool, "log.Log", {"message": "Hello World!"}, log_to_file=True)
    assert outcome.lines == []
    assert outcome.ended.log_file is not None
    with LocalStorage(pool.folder / "storage").open(outcome.ended.log_file) as file:
        (line,) = file.read().decode().splitlines()
    assert line.endswith(" INFO Hello World!")


def test_return_gives_its_text_back(pool: SharedPool) -> None:
    assert run(pool, "debug.Return", {"format": "{{ a }}!"}, variables={"a": [1]}).ended.outputs == {"value": "[1]!"}
    assert run(pool, "debug.Return", {}).ended.outputs == {"value": None}


FAILS = {
    "always": ({}, State.FAILED, ["Task failure"]),
    "with words": ({"errorMessage": "no {{ x }}"}, State.FAILED, ["no luck"]),
    "condition holds": ({"condition": "{{ x == 'luck' }}"}, State.FAILED, ["Task failure"]),
    "condition does not": ({"condition": "{{ x == 'other' }}"}, State.SUCCESS, []),
}


@pytest.mark.parametrize(("properties", "state", "said"), FAILS.values(), ids=FAILS.keys())
def test_fail(pool: SharedPool, properties: dict[str, Any], state: State, said: list[str]) -> None:
    outcome = run(pool, "execution.Fail", properties, variables={"x": "luck"})
    assert (outcome.ended.state, outcome.messages) == (state, said)


def test_assert_fails_with_every_condition_that_does_not_hold(pool: SharedPool) -> None:
    outcome = run(pool, "execution.Assert", {"conditions": ["{{ x == 1 }}", "{{ x == 2 }}"]}, variables={"x": 1})
    assert outcome.ended.state is State.FAILED
    assert outcome.messages == ["Assertion `{{ x == 2 }}` failed", "1 assertion failed out of 2"]
    assert {metric.name: metric.value for metric in outcome.metrics} == {"failed": 1.0, "success": 1.0}


def test_assert_passes_when_all_hold(pool: SharedPool) -> None:
    outcome = run(pool, "execution.Assert", {"conditions": ["{{ x == 1 }}"]}, variables={"x": 1})
    assert (outcome.ended.state, outcome.lines) == (State.SUCCESS, [])


WISHES = {
    "exit": ("Exit", {"state": "CANCELED"}, ExitWanted(state=State.CANCELLED)),
    "labels as a map": ("Labels", {"labels": {"a": "{{ x }}", "n": 4}}, LabelsWanted(labels={"a": "1", "n": "4"})),
    "labels as a list": ("Labels", {"labels": [{"key": "a", "value": "b"}]}, LabelsWanted(labels={"a": "b"})),
    "labels as text": ("Labels", {"labels": '{"a": "{{ x }}"}'}, LabelsWanted(labels={"a": "1"})),
    "set": ("SetVariables", {"variables": {"a": "{{ x }}"}}, VariablesWanted(set={"a": 1})),
    "unset": ("UnsetVariables", {"variables": ["there"]}, VariablesWanted(removed=("there",))),
    "unset what is missing": (
        "UnsetVariables",
        {"variables": ["no"], "ignoreMissing": True},
        VariablesWanted(removed=("no",)),
    ),
}


@pytest.mark.parametrize(("task", "properties", "wish"), WISHES.values(), ids=WISHES.keys())
def test_what_a_task_wants_of_its_execution_is_a_wish(
    pool: SharedPool, task: str, properties: dict[str, Any], wish: object
) -> None:
    outcome = run(pool, f"execution.{task}", properties, variables={"x": 1, "vars": {"there": 1}})
    assert (outcome.ended.wishes, outcome.ended.state) == ((wish,), State.SUCCESS), outcome.text


REFUSED = {
    "a system label": ("Labels", {"labels": {"system.x": "1"}}),
    "an empty label": ("Labels", {"labels": {"x": ""}}),
    "a variable that is there": ("SetVariables", {"variables": {"there": 2}, "overwrite": False}),
    "a variable that is missing": ("UnsetVariables", {"variables": ["no"]}),
    "a state that is none": ("Exit", {"state": "FINE"}),
    "an unknown key": ("Exit", {"stat": "SUCCESS"}),
}


@pytest.mark.parametrize(("task", "properties"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_wished_for_fails(pool: SharedPool, task: str, properties: dict[str, Any]) -> None:
    outcome = run(pool, f"execution.{task}", properties, variables={"vars": {"there": 1}})
    assert (outcome.ended.state, outcome.ended.wishes) == (State.FAILED, ())


def test_an_expression_that_cannot_be_rendered_fails_with_kestras_words(pool: SharedPool) -> None:
    outcome = run(pool, "log.Log", {"message": "{{inputs.invalid}}"})
    assert "Unable to find `inputs` used in the expression `{{inputs.invalid}}`" in outcome.text
    assert outcome.ended.failure is not None
    assert outcome.ended.failure.kind == "expression"


def test_a_secret_that_is_not_there_fails(pool: SharedPool) -> None:
    assert "Cannot find secret for key 'NO'." in run(pool, "log.Log", {"message": "{{ secret('NO') }}"}).text


def test_own_files_are_read_and_foreign_ones_only_if_given(pool: SharedPool) -> None:
    storage = LocalStorage(pool.folder / "storage")
    own = "kestra:///company/team/flow/executions/execution/inputs/f/x.txt"
    foreign = "kestra:///company/other/flow/executions/other/inputs/f/x.txt"
    for address in (own, foreign):
        storage.put(address, [b"text"])
    read = {"format": "{{ read(uri) }} {{ fileSize(uri) }}"}
    assert run(pool, "debug.Return", read, variables={"uri": own}).ended.outputs == {"value": "text 4"}
    assert run(pool, "debug.Return", read, variables={"uri": foreign}).ended.outputs == {"value": "text 4"}
    guessed = {"format": "{{ read('" + foreign[:-4] + "' ~ '.txt') }}"}
    assert "didn't belong to the current execution" in run(pool, "debug.Return", guessed).text


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A repository with namespace files, and the commit before they changed."""
    repository = Repository(tmp_path_factory.mktemp("source"))
    for name, text in {"lib.py": "x = 1\n", "data/a.csv": "a\n", "data/b.csv": "b\n"}.items():
        repository.write(f"flows/company.team/_files/{name}", text)
    commit = repository.commit({"flows/company.team/_files/run.sh": "echo run\n"})
    repository.commit({"flows/company.team/_files/lib.py": "x = 2\n"})
    return repository.path / ".git", commit


def test_namespace_files_are_those_of_the_commit(tmp_path: Path, team: tuple[Path, str]) -> None:
    mirror, commit = team
    with_files = SharedPool(tmp_path, mirror=mirror)
    try:
        read = run(with_files, "debug.Return", {"format": "{{ read('lib.py') }}"}, commit=commit)
        properties = {"script": "import lib; print(lib.x)", "namespaceFiles": {"enabled": True}}
        imported = with_files.run(order_of("scripts.python.Script", properties, commit=commit))
        properties = {
            "commands": ["find . -type f | sort"],
            "namespaceFiles": {"include": ["data/*"], "exclude": ["*b.csv"]},
        }
        listed = with_files.run(order_of("scripts.shell.Commands", properties, commit=commit))
        missing = run(with_files, "debug.Return", {"format": "{{ read('no.txt') }}"}, commit=commit)
    finally:
        with_files.close()
    assert read.ended.outputs == {"value": "x = 1\n"}
    assert imported.messages == ["1"]
    assert listed.messages == ["./data/a.csv"]
    assert "no.txt" in missing.text
