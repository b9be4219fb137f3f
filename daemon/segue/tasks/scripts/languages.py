"""The languages other than shell and Python, each `Commands` and `Script`, by one table: program, extension of a script's
file, arguments before it, and what to install where the program is missing.
"""

import os
import shlex
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from segue.spec.types.scripts import TYPES, ScriptTask, ShellCommands, ShellScript
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.scripts import files, script
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.runners import DOCKER, Job
from segue.tasks.scripts.script import Workplace

_PREFIX: Final = "io.kestra.plugin."


class Language(Struct, frozen=True, kw_only=True):
    """`package` is what to install; `fails_fast` the line that makes the shell stop at a failure."""

    name: str
    extension: str
    program: str
    package: str
    arguments: tuple[str, ...] = ()
    fails_fast: str = script.SHELL_FAILS_FAST

    @property
    def missing(self) -> str:
        return (
            f"{self.program!r} is not on the PATH of this machine: install {self.package}, or run the task in a "
            f"container with `taskRunner: {{type: {_PREFIX}{DOCKER}}}`"
        )

    def call(self, path: Path) -> tuple[str, ...]:
        return (self.program, *self.arguments, str(path))


LANGUAGES: Final = (
    Language(name="node", extension=".js", program="node", package="Node.js"),
    Language(name="r", extension=".R", program="Rscript", package="R"),
    Language(name="julia", extension=".jl", program="julia", package="Julia"),
    Language(
        name="powershell",
        extension=".ps1",
        program="pwsh",
        package="PowerShell",
        arguments=("-NoProfile", "-NonInteractive", "-File"),
        fails_fast='$ErrorActionPreference = "Stop"',
    ),
    Language(name="ruby", extension=".rb", program="ruby", package="Ruby"),
    Language(name="perl", extension=".pl", program="perl", package="Perl"),
    Language(name="php", extension=".php", program="php", package="PHP (the command line program)"),
    Language(name="lua", extension=".lua", program="lua", package="Lua"),
    Language(name="go", extension=".go", program="go", package="Go", arguments=("run",)),
    Language(name="groovy", extension=".groovy", program="groovy", package="Groovy"),
    Language(name="jython", extension=".py", program="jython", package="Jython"),
    Language(name="nashorn", extension=".js", program="jjs", package="a Java with Nashorn (8 to 14)"),
    Language(name="jbang", extension=".java", program="jbang", package="JBang"),
    Language(name="deno", extension=".ts", program="deno", package="Deno", arguments=("run", "--allow-all")),
    Language(name="bun", extension=".ts", program="bun", package="Bun", arguments=("run",)),
    Language(name="dotnet", extension=".cs", program="dotnet", package=".NET SDK 10", arguments=("run",)),
)


def run_commands(language: Language, properties: ShellCommands, context: TaskContext) -> Result:
    commands = script.listed(properties.commands)
    return script.run(properties, context, partial(_in_shell, language, properties, context, commands, None))


def run_script(language: Language, properties: ShellScript, context: TaskContext) -> Result:
    return script.run(properties, context, partial(_prepared, language, properties, context))


def _prepared(language: Language, properties: ShellScript, context: TaskContext, place: Workplace) -> Job:
    text = files.with_local_paths(context, properties.script, place.folder)
    path = script.written(text, language.extension, place)
    arguments = language.call(path)
    if properties.before_commands or _has_own_interpreter(properties):
        return _in_shell(language, properties, context, [_shell_words(language, arguments)], path, place)
    _require(language, place)
    return Job(command=Command(arguments=arguments, folder=place.folder, environment=place.environment), script=path)


def _in_shell(
    language: Language,
    properties: ScriptTask,
    context: TaskContext,
    commands: Sequence[str],
    path: Path | None,
    place: Workplace,
) -> Job:
    command = script.shell_command(properties, context, commands, place, language.fails_fast)
    if command.arguments[0] == language.program:
        _require(language, place)
    is_there = shutil.which(language.program, path=_search_path(place)) is not None
    return Job(command=command, script=path, hint="" if is_there else language.missing)


def _has_own_interpreter(properties: ScriptTask) -> bool:
    return bool(list(properties.interpreter) != type(properties).model_fields["interpreter"].default)


def _shell_words(language: Language, arguments: Sequence[str]) -> str:
    """The call as a line of the shell that runs the commands."""
    if language.name == "powershell":
        quoted = arguments[-1].replace("'", "''")
        return f"& '{quoted}'; exit $LASTEXITCODE"
    return shlex.join(arguments)


def _require(language: Language, place: Workplace) -> None:
    if not place.is_container and shutil.which(language.program, path=_search_path(place)) is None:
        raise TaskFailed(language.missing)


def _search_path(place: Workplace) -> str:
    return place.environment.get("PATH", os.defpath)


def _kinds(language: Language) -> tuple[TaskKind[Any], TaskKind[Any]]:
    of = f"scripts.{language.name}."
    return (
        TaskKind(
            name=f"{_PREFIX}{of}Commands",
            properties=TYPES[f"{of}Commands"],
            run=partial(run_commands, language),
            variables=script.variables,
        ),
        TaskKind(
            name=f"{_PREFIX}{of}Script",
            properties=TYPES[f"{of}Script"],
            run=partial(run_script, language),
            variables=script.variables,
        ),
    )


KINDS: Final = tuple(kind for language in LANGUAGES for kind in _kinds(language))
