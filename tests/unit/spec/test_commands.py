"""`segue validate`, `segue schema` and `segue init`, on real folders."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from segue.cli.errors import CommandFailed
from segue.cli.init import FILES, init
from segue.cli.schema import schema
from segue.cli.test import run_tests
from segue.cli.validate import validate
from typer.testing import CliRunner, Result

from tests.unit.spec.flows import LOG, with_head, with_task

GOOD = with_head("tasks:\n" + LOG)
BAD = with_task("id: a\ntype: core.log.Log")


def run(command: Callable[..., Any], *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository's root, and the current folder."""
    (tmp_path / "segue.yaml").write_text("flows: flows\n")
    (tmp_path / "flows" / "a.b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(here: Path, name: str, text: str) -> Path:
    file = here / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_good_flows_end_with_0_and_say_how_many(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", GOOD)
    result = run(validate)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 flow, 0 problems, 0 warnings\n"


def test_a_problem_ends_with_1_and_is_a_line_with_its_place(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", BAD)
    result = run(validate, "flows")
    assert result.exit_code == 1
    assert result.stdout == "flows/a.b/x.yaml:4:5 missing-key tasks[0].message: must not be null\n"


def test_a_path_that_is_not_there_is_wrong_usage(here: Path) -> None:
    failed = run(validate, "nope").exception
    assert isinstance(failed, CommandFailed)
    assert (failed.code, str(failed)) == (2, "there is no file or folder nope")


def test_a_warning_counts_only_when_strict(here: Path) -> None:
    write(here, "flows/other/x.yml", GOOD)
    assert run(validate).exit_code == 0
    assert run(validate, "--strict").exit_code == 1


def test_yaml_that_is_no_flow_is_passed_over_in_a_folder(here: Path) -> None:
    write(here, "compose.yaml", "services: {}\n")
    write(here, "chart/template.yaml", "{{ broken }}: [\n")
    write(here, "flows/a.b/_files/data.yaml", BAD)
    write(here, ".github/x.yaml", BAD)
    write(here, ".segueignore", "/old/\n")
    write(here, "old/x.yaml", BAD)
    assert run(validate).exit_code == 0


def test_broken_yaml_where_a_flow_belongs_is_a_problem(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", "id: [\n")
    assert "yaml-syntax" in run(validate).stdout


def test_a_file_that_is_named_is_looked_at_as_a_flow(here: Path) -> None:
    write(here, "compose.yaml", "services: {}\n")
    assert run(validate, "compose.yaml").exit_code == 1


def test_the_folder_says_the_namespace_where_the_flow_does_not(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", "id: x\ntasks:\n" + LOG)
    assert run(validate).exit_code == 0


def test_the_same_flow_in_two_files_is_a_problem(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", GOOD)
    write(here, "flows/a.b/y.yaml", GOOD)
    assert "flows/a.b/y.yaml:1:1 duplicate-flow the flow a.b.x is in flows/a.b/x.yaml too" in run(validate).stdout


def test_settings_of_the_repository_are_used_and_checked(here: Path) -> None:
    write(here, "segue.yaml", "pluginDefaults: [{type: core.log.Log, values: {message: hi}}]\n")
    write(here, "flows/a.b/x.yaml", BAD)
    assert run(validate).exit_code == 0
    write(here, "segue.yaml", "plugins: 1\n")
    assert "segue.yaml:1:1 unknown-key" in run(validate).stdout


def test_json_is_for_programs(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", BAD)
    (problem,) = json.loads(run(validate, "--format", "json").stdout)["problems"]
    assert (problem["line"], problem["code"], problem["where"]) == (4, "missing-key", "tasks[0].message")


def test_github_gets_annotations(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", BAD)
    assert run(validate, "--format", "github").stdout == (
        "::error file=flows/a.b/x.yaml,line=4,col=5,title=missing-key::tasks[0].message: must not be null\n"
    )


def test_sarif_is_what_code_scanning_takes(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", BAD)
    sarif = json.loads(run(validate, "-f", "sarif").stdout)
    (result,) = sarif["runs"][0]["results"]
    assert (sarif["version"], result["ruleId"], result["level"]) == ("2.1.0", "missing-key", "error")
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 5}


def test_a_file_of_two_mebibytes_is_refused(here: Path) -> None:
    write(here, "flows/a.b/x.yaml", GOOD + "#" * 2 * 1024 * 1024)
    assert "file-too-large" in run(validate).stdout


def test_the_schema_is_printed_or_written(here: Path) -> None:
    assert json.loads(run(schema).stdout)["title"] == "Segue flow"
    assert run(schema, "-o", "out/flow.schema.json").exit_code == 0
    assert json.loads((here / "out" / "flow.schema.json").read_text())["title"] == "Segue flow"


@pytest.fixture
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name to commit under, and none of the machine's own settings."""
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "Ada")
        monkeypatch.setenv(f"{variable}_EMAIL", "ada@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")


@pytest.mark.usefixtures("author")
def test_a_new_repository_is_good_and_committed(here: Path) -> None:
    assert run(init, "new").exit_code == 0
    assert run(validate, "new").exit_code == 0
    listed = subprocess.run(["git", "ls-files"], cwd=here / "new", capture_output=True, text=True, check=True)
    assert sorted(listed.stdout.split()) == sorted(FILES)


@pytest.mark.usefixtures("author")
def test_a_folder_that_is_not_empty_is_left_alone_unless_forced(here: Path) -> None:
    write(here, "new/README.md", "mine")
    failed = run(init, "new").exception
    assert isinstance(failed, CommandFailed)
    assert run(init, "new", "--force").exit_code == 0
    assert (here / "new" / "README.md").read_text() == "mine"
    assert (here / "new" / "flows" / "company.team" / "hello.yaml").is_file()


@pytest.mark.parametrize("command", [validate, schema, init, run_tests], ids=lambda command: command.__name__)
def test_help_has_an_example_for_every_option(command: Callable[..., Any]) -> None:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    made = typer.main.get_command(app)
    assert "Example:" in (made.help or "")
    assert [each.name for each in made.params if "Example:" not in (getattr(each, "help", "") or "")] == []
