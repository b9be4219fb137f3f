"""Scripts that triggers run again and again."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tasks.plugins.conftest import Workbench

SAYS = """echo '::{"outputs": {"state": "ready", "n": 2}}::'"""

CONDITIONS: dict[str, tuple[str, str, bool]] = {
    "exit code": ("exit 3", "exit 3", True),
    "exit code as it may be written": ("exit 3", "  Exit  3 ", True),
    "another exit code": ("exit 3", "exit 0", False),
    "success": ("true", "exit 0", True),
    "pattern of outputs as Java prints them": (SAYS, "state=rea.y, n=2", True),
    "pattern of outputs as JSON": (SAYS, '"state": *"ready"', True),
    "pattern that is not there": (SAYS, "state=gone", False),
    "no pattern but a text": (SAYS, "{state=ready", True),
    "log of a script that failed": ("echo disk full >&2; exit 1", "disk .ull", True),
    "log of a script that did not": ("echo disk full", "disk full", False),
    "outputs of a script that failed": (f"{SAYS}\nexit 4", "state=ready", True),
}


@pytest.mark.parametrize(("commands", "condition", "fires"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_is_met_by_exit_code_outputs_or_log(
    bench: Workbench, commands: str, condition: str, fires: bool
) -> None:
    looked = bench.look("scripts.shell.CommandsTrigger", commands=[commands], exitCondition=condition)
    assert (looked.outputs is not None) is fires


def test_the_execution_is_given_how_the_script_ended(bench: Workbench) -> None:
    more = {"script": f"{SAYS}\necho lost >&2\nexit 2", "exitCondition": "exit 2", "env": {"A": "b"}}
    outputs = bench.look("scripts.shell.ScriptTrigger", **more).outputs
    assert outputs is not None
    assert outputs.pop("timestamp").endswith("Z")
    assert outputs == {
        "condition": "exit 2",
        "exitCode": 2,
        "vars": {"state": "ready", "n": 2},
        "logs": "lost",
        "outputFiles": {},
    }


@pytest.mark.parametrize(("edge", "expected"), [(True, [1, 0, 0, 1]), (False, [1, 1, 0, 1])])
def test_an_edge_fires_only_when_the_condition_begins_to_hold(
    bench: Workbench, tmp_path: Path, edge: bool, expected: list[int]
) -> None:
    flag, notes, fired = tmp_path / "flag", {}, []
    for is_there in (True, True, False, True):
        flag.touch() if is_there else flag.unlink()
        more: dict[str, Any] = {"commands": [f"test -e {flag}"], "exitCondition": "exit 0", "edge": edge}
        looked = bench.look("scripts.shell.CommandsTrigger", notes, **more)
        fired.append(int(looked.outputs is not None))
        notes = looked.notes
    assert fired == expected


LANGUAGES = {
    "python": 'import sys; print("::" + \'{"outputs": {"a": 1}}\' + "::"); sys.exit(7)',
    "node": 'console.log(\'::{"outputs": {"a": 1}}::\'); process.exit(7)',
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_languages_are_looked_at_too(bench: Workbench, language: str) -> None:
    if shutil.which(language) is None:
        pytest.skip(f"{language} is not installed")
    looked = bench.look(f"scripts.{language}.ScriptTrigger", script=LANGUAGES[language], exitCondition="exit 7")
    assert looked.outputs is not None
    assert looked.outputs["vars"] == {"a": 1}
    more = {"commands": [f"{language} -c 'exit(1)'"] if language == "python" else ["node -e 'process.exit(1)'"]}
    assert bench.look(f"scripts.{language}.CommandsTrigger", exitCondition="exit 1", **more).outputs is not None


def test_files_of_a_look_that_fires_nothing_are_not_kept(bench: Workbench) -> None:
    more = {"commands": ["echo x > kept.txt"], "outputFiles": ["kept.txt"]}
    looked = bench.look("scripts.shell.CommandsTrigger", exitCondition="exit 0", **more)
    assert looked.outputs is not None
    uri = looked.outputs["outputFiles"]["kept.txt"]
    assert bench.text(uri) == "x\n"
    before = len(list(bench.storage.list("kestra:///")))
    bench.look("scripts.shell.CommandsTrigger", exitCondition="exit 1", **more)
    assert len(list(bench.storage.list("kestra:///"))) == before


def test_what_a_script_says_is_in_the_log(bench: Workbench) -> None:
    looked = bench.look("scripts.shell.CommandsTrigger", commands=["echo looking"], exitCondition="exit 1")
    assert looked.log == "looking"
