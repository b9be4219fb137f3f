"""`scripts.python.Commands` and `scripts.python.Script`.

Without an interpreter of its own a script runs with the Python that tasks run with: directly, and where nothing
speaks against it in a fork of the worker (`warm_python`). With `beforeCommands` a shell runs it.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from segue.model.order import LogLevel
from segue.spec.types.scripts import PythonCommands, PythonScript, PythonTask, ScriptTask
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.scripts import files, process, script
from segue.tasks.scripts.process import Command, Start
from segue.tasks.scripts.protocol import Hearing
from segue.tasks.scripts.script import Workplace
from segue.tasks.scripts.warm_python import WarmScript

ENVIRONMENT: Final = {
    "PYTHONUNBUFFERED": "true",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
_DEFAULT_INTERPRETER: Final = ScriptTask.model_fields["interpreter"].default


def run_commands(properties: PythonCommands, context: TaskContext) -> Result:
    environment = _environment(properties, context)
    commands = script.listed(properties.commands)
    return script.run(
        properties,
        context,
        lambda place: (script.shell_command(properties, context, commands, place).start, None),
        environment,
    )


def run_script(properties: PythonScript, context: TaskContext) -> Result:
    environment = _environment(properties, context)
    return script.run(properties, context, lambda place: _prepared(properties, context, place), environment)


def _prepared(properties: PythonScript, context: TaskContext, place: Workplace) -> tuple[Start, Path]:
    text = files.with_local_paths(context, properties.script, place.folder)
    path = _written(text, place.folder)
    python = context.surroundings.python
    if properties.before_commands or list(properties.interpreter) != _DEFAULT_INTERPRETER:
        return script.shell_command(properties, context, [f"python {path}"], place).start, path
    if _may_be_warm(properties, context, place):
        return WarmScript(script=path, folder=place.folder, environment=place.environment).start, path
    arguments = (python, str(path))
    return Command(arguments=arguments, folder=place.folder, environment=place.environment).start, path


def _written(text: str, folder: Path) -> Path:
    descriptor, path = tempfile.mkstemp(prefix="script-", suffix=".py", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
    return Path(path)


def _may_be_warm(properties: PythonScript, context: TaskContext, place: Workplace) -> bool:
    """Would a new interpreter start just like this one: the same program, and no variable that changes its start."""
    changed = {name for name in place.environment if name.startswith(("PYTHON", "LD_", "LC_", "LANG", "MALLOC_"))}
    differing = {name for name in changed - ENVIRONMENT.keys() if place.environment[name] != os.environ.get(name)}
    return (
        context.surroundings.warm_python
        and context.surroundings.python == sys.executable
        and not properties.dependencies
        and not properties.python_version
        and not differing
        and "\0" not in properties.script  # the interpreter's own reader says more about it than compile()
    )


def _environment(properties: PythonTask, context: TaskContext) -> Mapping[str, str]:
    script.check_runner(properties)
    if properties.python_version:
        raise TaskFailed(
            "pythonVersion needs a runner with containers; the Process runner runs scripts with "
            f"{context.surroundings.python}. Name another with `interpreter`"
        )
    if not properties.dependencies:
        return ENVIRONMENT
    return ENVIRONMENT | {"PYTHONPATH": str(_installed(script.listed(properties.dependencies), context))}


def _installed(requirements: Sequence[str], context: TaskContext) -> Path:
    """The folder with these packages, installed now unless they are from before."""
    key = hashlib.sha256("\n".join([sys.version, *sorted(requirements)]).encode()).hexdigest()[:24]
    folder = context.surroundings.work / "python" / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that one that was cut short is never taken for whole.
    passing = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=folder.parent))
    context.log(LogLevel.INFO, f"Installing {', '.join(requirements)}")
    try:
        _install(requirements, passing, context)
        if not folder.exists():
            passing.rename(folder)
    finally:
        shutil.rmtree(passing, ignore_errors=True)
    return folder


def _install(requirements: Sequence[str], into: Path, context: TaskContext) -> None:
    python = context.surroundings.python
    uv = shutil.which("uv")
    installer = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "--no-input"]
    environment = {**context.surroundings.environment, **ENVIRONMENT}
    arguments = [*installer, "--quiet", "--target", str(into), "--", *requirements]
    command = Command(arguments=arguments, folder=into, environment=environment)
    exit_code = process.run(command.start, context, Hearing(context))
    if exit_code:
        raise TaskFailed(f"The dependencies could not be installed: exit code {exit_code}")


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
