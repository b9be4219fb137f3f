"""What all script tasks do: files in, the command, files out, and an end by the exit code. Where the command runs is
the task runner's affair (`runners`)."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from segue.model.state import State
from segue.spec.types.scripts import ScriptTask
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.kind import Result, TaskFailed
from segue.tasks.scripts import files, runners
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.protocol import Hearing
from segue.tasks.scripts.runners import Job, Runner

_NOT_FOUND: Final = 127  # what a shell exits with when there is no such command
SHELL_FAILS_FAST: Final = "set -e"
_OUTPUT_FOLDER_WORDS: Final = ("outputDir", "OUTPUT_DIR", "outputDirectory")


class Workplace(Struct, frozen=True, kw_only=True):
    """Where a script works, and with which environment."""

    folder: Path
    output_folder: Path | None
    environment: Mapping[str, str]
    is_container: bool


# Makes what is to be run.
Prepare = Callable[[Workplace], Job]


def variables(context: TaskContext) -> dict[str, Any]:
    """What expressions in a script task see on top: `workingDir`, `outputDir`, `outputFiles`."""
    folder = context.working_directory
    extra: dict[str, Any] = {"workingDir": str(folder)}
    if (output_folder := _output_folder(context)) is not None:
        extra["outputDir"] = str(output_folder)
    names = context.render(context.order.properties.get("outputFiles") or [], extra=extra)
    extra["outputFiles"] = files.named_output_files(listed(names), folder)
    return extra


def run(
    properties: ScriptTask, context: TaskContext, prepare: Prepare, environment: Mapping[str, str] | None = None
) -> Result:
    """The whole of it. `environment` are the variables of the language, which the author's `env` may replace."""
    runner = runners.runner_of(properties, context)
    place = _workplace(properties, context, environment or {}, runner)
    if properties.namespace_files is not None and properties.namespace_files.enabled:
        files.copy_namespace_files(context, properties.namespace_files, place.folder)
    files.write_input_files(context, properties.input_files or {}, place.folder)
    job = prepare(place)
    hearing = Hearing(context)
    try:
        exit_code = runner.run(job, context, hearing)
        kept = _keep(properties, context, place, job.script)
    finally:
        if job.script is not None:
            job.script.unlink(missing_ok=True)  # the folder may go on to the next task
    outputs = {"exitCode": exit_code, "vars": hearing.outputs, "outputFiles": kept}
    if exit_code:
        hint = f": {job.hint}" if job.hint and exit_code == _NOT_FOUND and not place.is_container else ""
        raise TaskFailed(f"Command failed with exit code {exit_code}{hint}", outputs)
    warns = hearing.has_stderr and properties.warning_on_std_err is not False
    return Result(state=State.WARNING if warns else State.SUCCESS, outputs=outputs)


def shell_command(
    properties: ScriptTask,
    context: TaskContext,
    commands: Sequence[str],
    place: Workplace,
    fails_fast: str = SHELL_FAILS_FAST,
) -> Command:
    """Everything joined by newlines into the last argument of the interpreter."""
    lines = [*listed(properties.before_commands or []), *commands]
    if properties.fail_fast:
        lines.insert(0, fails_fast)
    text = "\n".join(files.with_local_paths(context, line, place.folder) for line in lines)
    if properties.target_os == "WINDOWS":
        text = text.replace("\n", "\r\n")
    return Command(
        arguments=(*listed(properties.interpreter), text), folder=place.folder, environment=place.environment
    )


def listed(given: Sequence[str] | str) -> list[str]:
    """A list of texts; also one that an expression has rendered to its JSON."""
    texts = [given] if isinstance(given, str) else list(given)
    if len(texts) != 1 or not texts[0].lstrip().startswith("["):
        return texts
    try:
        parsed = json.loads(texts[0])
    except ValueError:
        return texts
    return [str(each) for each in parsed]


def written(text: str, extension: str, place: Workplace) -> Path:
    """A file in the working directory with a script's text."""
    descriptor, path = tempfile.mkstemp(prefix="script-", suffix=extension, dir=place.folder)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
    return Path(path)


def _output_folder(context: TaskContext) -> Path | None:
    """Made only for those who name it; outside of the working directory, so that globs there do not see it."""
    written = json.dumps(context.order.properties)
    if not any(word in written for word in _OUTPUT_FOLDER_WORDS):
        return None
    if context.output_folder is None:
        context.output_folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}outputs-", dir=context.surroundings.work))
    return context.output_folder


def _workplace(
    properties: ScriptTask, context: TaskContext, environment: Mapping[str, str], runner: Runner
) -> Workplace:
    folder, output_folder = context.working_directory, _output_folder(context)
    order = context.order
    given = {
        **({} if runner.is_container else context.surroundings.environment),
        **environment,
        "WORKING_DIR": str(folder),
        "SEGUE_EXECUTION_ID": order.execution_id,
        "SEGUE_TASK_RUN_ID": order.task_run_id or "",
        "SEGUE_ATTEMPT": str(order.attempt),
    }
    if output_folder is not None:
        given["OUTPUT_DIR"] = str(output_folder)
    if not runner.is_container:
        # `python` and what was installed beside it mean the Python that tasks run with.
        own = environment.get("VIRTUAL_ENV")
        here = f"{own}/bin" if own else str(Path(context.surroundings.python).parent)
        given["PATH"] = f"{here}:{given.get('PATH', '/usr/local/bin:/usr/bin:/bin')}"
    given |= {name: value or "" for name, value in (properties.env or {}).items()}
    return Workplace(folder=folder, output_folder=output_folder, environment=given, is_container=runner.is_container)


def _keep(properties: ScriptTask, context: TaskContext, place: Workplace, script: Path | None) -> dict[str, str]:
    patterns = listed(properties.output_files or [])
    kept = files.keep_output_files(context, patterns, place.folder, script)
    if properties.output_directory and place.output_folder is not None:
        kept |= files.keep_output_files(context, ["**/*"], place.output_folder, None)
    return kept
