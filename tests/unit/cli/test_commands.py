"""All commands: their help, and what it costs to ask for it."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from segue.cli.main import COMMANDS, LazyGroup


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be typed, those below others too."""
    group = LazyGroup(name="segue")
    for name in COMMANDS:
        command = group.get_command(None, name)
        below = getattr(command, "commands", {})
        yield from ((f"{name} {each}", made) for each, made in below.items()) if below else [(name, command)]


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_help_has_an_example(name: str) -> None:
    command = ALL[name]
    assert f"Example: segue {name}" in " ".join(command.help.split())


@pytest.mark.parametrize("name", ["flows", "executions", "triggers", "kv"])
def test_commands_that_ask_a_daemon_say_where_it_is_and_cut_no_sentence(name: str) -> None:
    command = LazyGroup(name="segue").get_command(None, name)
    text = command.get_help(command.context_class(command))
    assert "SEGUE_URL" in text
    assert "..." not in text.replace("[ARGS]...", "")


# `serve` writes its examples as "as ...".
@pytest.mark.parametrize("name", [name for name in ALL if name != "serve"])
def test_every_option_has_help_with_an_example(name: str) -> None:
    without = [each.name for each in ALL[name].params if "Example: " not in (getattr(each, "help", "") or "")]
    assert without == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_names_what_is_there(name: str) -> None:
    module, attribute, _ = COMMANDS[name]
    found = getattr(importlib.import_module(module), attribute)
    assert callable(found) or isinstance(found, typer.Typer)


def imported_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_pays_for_no_command() -> None:
    loaded = imported_by("import segue.cli.main")
    assert {each for each in loaded if each.startswith("segue.")} == {"segue.cli", "segue.cli.errors", "segue.cli.main"}
    assert not loaded & {"rich", "httpx2", "pydantic", "uvicorn", "asyncio"}


def test_a_command_against_a_daemon_pays_for_no_daemon() -> None:
    loaded = imported_by(
        "import segue.cli.flows, segue.cli.executions, segue.cli.logs, segue.cli.sync, segue.cli.kv, segue.cli.triggers"
    )
    assert not loaded & {"uvicorn", "starlette", "uvloop", "sqlite3", "segue.runtime", "segue.engine", "segue.spec"}
