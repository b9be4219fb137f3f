"""`scripts.python.Commands` and `scripts.python.Script`.

Without an interpreter of its own a script runs with the Python that tasks run with: directly, and where nothing
speaks against it in a fork of the worker (`warm_python`). With `beforeCommands` a shell runs it.
"""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from segue.spec.types.scripts import PythonCommands, PythonScript, PythonTask, ScriptTask
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind
from segue.tasks.scripts import environments, files, runners, script
from segue.tasks.scripts.environments import Wanted
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.runners import Job
from segue.tasks.scripts.script import Workplace
from segue.tasks.scripts.warm_python import WarmScript, may_fork

ENVIRONMENT: Final = {
    "PYTHONUNBUFFERED": "true",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
_DEFAULT_INTERPRETER: Final = ScriptTask.model_fields["interpreter"].default


def run_commands(properties: PythonCommands, context: TaskContext) -> Result:
    commands = script.listed(properties.commands)
    with _environment(properties, context) as environment:
        return script.run(
            properties, context, lambda place: _in_shell(properties, context, commands, None, place), environment
        )


def run_script(properties: PythonScript, context: TaskContext) -> Result:
    with _environment(properties, context) as environment:
        return script.run(properties, context, lambda place: _prepared(properties, context, place), environment)


def _prepared(properties: PythonScript, context: TaskContext, place: Workplace) -> Job:
    text = files.with_local_paths(context, properties.script, place.folder)
    path = script.written(text, ".py", place)
    has_own_interpreter = list(properties.interpreter) != _DEFAULT_INTERPRETER
    if properties.before_commands or has_own_interpreter or place.is_container:
        return _in_shell(properties, context, [shlex.join(["python", str(path)])], path, place)
    own = place.environment.get("VIRTUAL_ENV") if _needs_environment(properties) else None
    python = f"{own}/bin/python" if own else context.surroundings.python
    command = Command(arguments=(python, str(path)), folder=place.folder, environment=place.environment)
    if not _may_be_warm(properties, context, place):
        return Job(command=command, script=path)
    warm = WarmScript(script=path, folder=place.folder, environment=place.environment)
    return Job(command=command, script=path, start=warm.start)


def _in_shell(
    properties: PythonTask, context: TaskContext, commands: Sequence[str], path: Path | None, place: Workplace
) -> Job:
    requirements = script.listed(properties.dependencies or [])
    if place.is_container and requirements:
        commands = [shlex.join(["python", "-m", "pip", "install", "--quiet", "--", *requirements]), *commands]
    return Job(command=script.shell_command(properties, context, commands, place), script=path)


def _may_be_warm(properties: PythonScript, context: TaskContext, place: Workplace) -> bool:
    """Would a new interpreter start just like this one: the same program, and no variable that changes its start."""
    changed = {name for name in place.environment if name.startswith(("PYTHON", "LD_", "LC_", "LANG", "MALLOC_"))}
    differing = {name for name in changed - ENVIRONMENT.keys() if place.environment[name] != os.environ.get(name)}
    return (
        context.surroundings.warm_python
        and context.surroundings.python == sys.executable
        and not _needs_environment(properties)
        and not differing
        and "\0" not in properties.script  # the interpreter's own reader says more about it than compile()
        and may_fork()
    )


@contextlib.contextmanager
def _environment(properties: PythonTask, context: TaskContext) -> Iterator[Mapping[str, str]]:
    """The variables that make `python` the one that was asked for."""
    if runners.runs_in_container(properties) or not _needs_environment(properties):
        yield ENVIRONMENT
        return
    wanted = Wanted(
        requirements=tuple(script.listed(properties.dependencies or [])),
        version=properties.python_version or "",
        with_uv=properties.package_manager == "UV",
        is_kept=properties.dependency_cache_enabled,
    )
    with environments.provided(wanted, context) as folder:
        yield ENVIRONMENT | {"VIRTUAL_ENV": str(folder)}


def _needs_environment(properties: PythonTask) -> bool:
    version = properties.python_version
    return bool(properties.dependencies) or (version is not None and not environments.is_own_version(version))


KINDS = (
    TaskKind(
        name="io.kestra.plugin.scripts.python.Commands",
        properties=PythonCommands,
        run=run_commands,
        variables=script.variables,
    ),
    TaskKind(
        name="io.kestra.plugin.scripts.python.Script",
        properties=PythonScript,
        run=run_script,
        variables=script.variables,
    ),
)
