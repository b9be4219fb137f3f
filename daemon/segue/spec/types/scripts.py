"""Properties of the script tasks `scripts.<language>.Commands` and `scripts.<language>.Script`, and of the triggers that run
the same again and again."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, create_model

from segue.spec.fields import Dynamic, Span, Spec, Text, TextOrTexts, Texts, Values
from segue.spec.nested import RunnerSlot

# Language -> the image its container runs; the Process runner needs none.
IMAGES: Final[Mapping[str, str]] = {
    "shell": "ubuntu",
    "python": "python:3.13-slim",
    "node": "node",
    "r": "r-base",
    "julia": "julia",
    "powershell": "mcr.microsoft.com/powershell",
    "ruby": "ruby",
    "perl": "perl",
    "php": "php",
    "lua": "nickblah/lua",
    "go": "golang",
    "groovy": "groovy",
    "jython": "python",
    "nashorn": "eclipse-temurin",
    "jbang": "jbangdev/jbang-action",
    "deno": "denoland/deno",
    "bun": "oven/bun",
    "dotnet": "mcr.microsoft.com/dotnet/sdk",
}


class NamespaceFiles(Spec):
    """Which namespace files come into the working directory."""

    enabled: Dynamic[bool] = Field(default=True, description="Off: none.")
    include: Dynamic[TextOrTexts] | None = Field(default=None, description="Globs of the files; default: all.")
    exclude: Dynamic[TextOrTexts] | None = Field(default=None, description="Globs of files to leave out.")
    namespaces: Dynamic[Texts] | None = Field(
        default=None, description="Namespaces to take files from, later ones win; default: the flow's."
    )
    if_exists: Dynamic[Literal["OVERWRITE", "FAIL", "WARN", "IGNORE"]] = Field(
        default="OVERWRITE", description="What to do with a file that is there."
    )
    folder_per_namespace: Dynamic[bool] = Field(default=False, description="A folder for each namespace.")


InputFiles = Dynamic[Values]


class ScriptTask(Spec):
    """What all script tasks share."""

    task_runner: RunnerSlot | None = Field(default=None, description="Where the command runs.")
    container_image: Dynamic[Text] | None = Field(default=None, description="Image, for runners that use containers.")
    before_commands: Dynamic[Texts] | None = Field(default=None, description="Commands to run before, same shell.")
    interpreter: Dynamic[Texts] = Field(
        default=["/bin/sh", "-c"], description="What the joined commands are given to, as its last argument."
    )
    fail_fast: Dynamic[bool] = Field(default=True, description="Stop at the first command that fails.")
    env: Dynamic[dict[str, Text | None]] | None = Field(default=None, description="Environment variables by name.")
    input_files: InputFiles | None = Field(
        default=None, description="Files to write into the working directory: name -> text or URI."
    )
    output_files: Dynamic[TextOrTexts] | None = Field(
        default=None, description="Names or globs of files to store when the command has ended."
    )
    namespace_files: NamespaceFiles | None = Field(default=None, description="Namespace files to copy in.")
    warning_on_std_err: Dynamic[bool] | None = Field(default=None, description="A line on stderr makes a WARNING.")
    target_os: Dynamic[Literal["AUTO", "LINUX", "WINDOWS"]] = Field(
        default="AUTO", alias="targetOS", description="Whose line endings the script gets."
    )
    output_directory: Dynamic[bool] | None = Field(default=None, description="Deprecated: use `outputFiles`.")
    runner: Dynamic[Literal["PROCESS", "DOCKER"]] | None = Field(
        default=None, description="Deprecated: use `taskRunner`."
    )
    docker: dict[str, Any] | None = Field(default=None, description="Deprecated: use `taskRunner`, `containerImage`.")


class ShellCommands(ScriptTask):
    """Runs commands, one after another, in one shell."""

    commands: Dynamic[TextOrTexts] = Field(description="The commands.")


class ShellScript(ScriptTask):
    """Runs a script written in the flow."""

    script: Dynamic[Text] = Field(description="The text of the script.")


_POWERSHELL: Final = ["pwsh", "-NoProfile", "-NonInteractive", "-Command"]


class PowershellCommands(ShellCommands):
    """Runs commands, one after another, in PowerShell."""

    interpreter: Dynamic[Texts] = Field(
        default=_POWERSHELL, description="What the joined commands are given to, as its last argument."
    )


class PowershellScript(ShellScript):
    """Runs a PowerShell script written in the flow."""

    interpreter: Dynamic[Texts] = Field(
        default=_POWERSHELL, description="What the joined commands are given to, as its last argument."
    )


class PythonTask(ScriptTask):
    """What the Python tasks have on top."""

    dependencies: Dynamic[Texts] | None = Field(default=None, description="Packages to install before.")
    python_version: Dynamic[Text] | None = Field(default=None, description="Python version to run with.")
    package_manager: Dynamic[Literal["UV", "PIP"]] = Field(default="UV", description="What installs the packages.")
    dependency_cache_enabled: Dynamic[bool] = Field(default=True, description="Keep installed packages for next time.")
    uv_auto_install_enabled: Dynamic[bool] | None = Field(default=None, description="Install uv if it is missing.")


class PythonCommands(PythonTask):
    """Runs commands with Python at hand."""

    commands: Dynamic[TextOrTexts] = Field(description="The commands.")


class PythonScript(PythonTask):
    """Runs a Python script written in the flow."""

    script: Dynamic[Text] = Field(description="The Python code.")


_OF_THEIR_OWN: Final[Mapping[str, tuple[type[Spec], type[Spec]]]] = {
    "python": (PythonCommands, PythonScript),
    "powershell": (PowershellCommands, PowershellScript),
}


def _tasks() -> dict[str, type[Spec]]:
    types: dict[str, type[Spec]] = {}
    for language in IMAGES:
        commands, script = _OF_THEIR_OWN.get(language, (ShellCommands, ShellScript))
        types[f"scripts.{language}.Commands"] = commands
        types[f"scripts.{language}.Script"] = script
    return types


_TASKS: Final[Mapping[str, type[Spec]]] = _tasks()


class Watching(Spec):
    """What the triggers have on top: they have all that the task has."""

    exit_condition: Dynamic[Text] = Field(
        min_length=1,
        description="Fire when this holds: `exit N` of the exit code, else a pattern to find in the script's outputs "
        "and in the log of one that failed.",
    )
    edge: Dynamic[bool] = Field(default=True, description="Fire only when it did not hold at the look before.")
    interval: Span = Field(default="PT60S", validate_default=True, description="Time between two looks.")


def _trigger(model: type[Spec]) -> type[Spec]:
    return create_model(
        f"{model.__name__}Trigger",
        __base__=(Watching, model),
        __doc__=f"{model.__doc__} Again and again; fires when the end meets a condition.",
    )


def _triggers() -> dict[str, type[Spec]]:
    """As many models as the tasks have: most languages share theirs."""
    models = {model: _trigger(model) for model in dict.fromkeys(_TASKS.values())}
    return {f"{name}Trigger": models[model] for name, model in _TASKS.items()}


TYPES: Final[Mapping[str, type[Spec]]] = {**_TASKS, **_triggers()}
