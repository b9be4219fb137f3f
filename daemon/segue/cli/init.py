"""`segue init`: a new flow repository, with two flows that work and a test of one."""

import shutil
from pathlib import Path
from typing import Annotated, Final

import git
import typer
from git.exc import GitCommandError, GitError

from segue.cli.errors import CommandFailed

_HELLO: Final = """\
id: hello
namespace: company.team
description: Says hello. Start it from the page, or with `segue run company.team/hello -i name=Ada`.

inputs:
  - id: name
    type: STRING
    defaults: World

tasks:
  - id: greet
    type: io.kestra.plugin.core.log.Log
    message: Hello {{ inputs.name }}!

  - id: answer
    type: io.kestra.plugin.core.output.OutputValues
    values:
      greeting: "Hello {{ inputs.name }}!"

outputs:
  - id: greeting
    type: STRING
    value: "{{ outputs.answer.values.greeting }}"
"""

_EVERY_MORNING: Final = """\
id: every-morning
namespace: company.team
description: Runs a script at seven on working days.

tasks:
  - id: report
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - echo "It is {{ trigger.date ?? execution.startDate }}"
      - df -h .

triggers:
  - id: morning
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 7 * * 1-5"
    timezone: Europe/Berlin
"""

_HELLO_TEST: Final = """\
# Run by `segue test`: each case is an execution of the flow, without a daemon.
id: hello-test
flowId: hello

testCases:
  - id: greets_by_name
    type: io.kestra.core.tests.flow.UnitTest
    fixtures:
      inputs:
        name: Ada
    assertions:
      - value: "{{ execution.outputs.greeting }}"
        equalTo: Hello Ada!

  - id: does_not_greet_for_real
    type: io.kestra.core.tests.flow.UnitTest
    description: A task with a fixture is not run; what depends on it sees the outputs that stand here.
    fixtures:
      tasks:
        - id: answer
          outputs:
            values:
              greeting: Nobody there
    assertions:
      - value: "{{ execution.outputs.greeting }}"
        startsWith: Nobody
"""

_README: Final = """\
# Flows

Each file below `flows/` is a flow; the folder is its namespace. A commit on the followed branch makes it live.

    segue validate          # check all flows
    segue test              # run the flow tests
    segue run company.team/hello -i name=Ada
    segue serve .           # follow this repository; the page is on http://127.0.0.1:8080

Files that tasks need lie in `flows/<namespace>/_files/`, tests of flows in `flows/<namespace>/_tests/`.
"""

_SETTINGS: Final = """\
# Settings for all flows of this repository. Every key is optional.

# The folder that holds the flows.
flows: flows

# Values for every task of a type, unless it says otherwise.
pluginDefaults:
  - type: io.kestra.plugin.scripts
    values:
      taskRunner:
        type: io.kestra.plugin.core.runner.Process
"""

_GITIGNORE: Final = """\
# What the daemon and Python leave behind.
/data/
/.segue/
__pycache__/
.venv/
.env
"""

FILES: Final = {
    "flows/company.team/hello.yaml": _HELLO,
    "flows/company.team/every-morning.yaml": _EVERY_MORNING,
    "flows/company.team/_tests/hello.yaml": _HELLO_TEST,
    "README.md": _README,
    "segue.yaml": _SETTINGS,
    ".gitignore": _GITIGNORE,
}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make. Example: my-flows")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also into a folder that is not empty; what is there stays. Example: --force"),
    ] = False,
) -> None:
    """Make a new flow repository: two flows, a test, settings, a README, and a first commit if git is installed.

    Example: segue init my-flows
    """
    _refuse_what_is_there(folder, force=force)
    written = _write(folder)
    committed = _commit(folder, written)
    print(f"Made {folder} with {len(written)} files{'' if committed else ', not committed'}.")
    print(f"Next: segue serve {folder}")


def _refuse_what_is_there(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise CommandFailed(f"{folder} is a file")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise CommandFailed(f"{folder} is not empty; --force adds the files that are missing and leaves the others")


def _write(folder: Path) -> list[str]:
    """Writes the files that are not there yet; which these were."""
    written = []
    try:
        for name, text in FILES.items():
            file = folder / name
            if file.exists():
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written.append(name)
    except OSError as error:
        raise CommandFailed(f"cannot write {error.filename}: {error.strerror}") from error
    return written


def _commit(folder: Path, written: list[str]) -> bool:
    """Commits what was written, in a new repository unless the folder is in one. False without git, or without a
    name and address to commit under."""
    if shutil.which("git") is None or not written:
        return False
    try:
        repository = _repository(folder)
        repository.git.add("--", *[str(folder.absolute() / name) for name in written])
        repository.git.commit(
            "--quiet", "-m", "Begin with two flows", "--", *[str(folder.absolute() / n) for n in written]
        )
    except GitCommandError as error:
        said = str(error.stderr).strip().splitlines()
        print(f"git: {said[-1] if said else error}")
        return False
    return True


def _repository(folder: Path) -> git.Repo:
    try:
        return git.Repo(folder, search_parent_directories=True)
    except GitError:
        return git.Repo.init(folder, initial_branch="main")
