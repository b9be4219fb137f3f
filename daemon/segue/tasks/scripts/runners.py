"""Task runners: where the command of a script task runs. Without a `taskRunner` it is a process of the worker."""

from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import Struct
from pydantic import ValidationError

from segue.model.order import LogLevel
from segue.spec.types.runners import Docker
from segue.spec.types.scripts import IMAGES, ScriptTask
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.scripts import container, process
from segue.tasks.scripts.process import Command, Start
from segue.tasks.scripts.protocol import Hearing

PROCESS: Final = "core.runner.Process"
DOCKER: Final = "scripts.runner.docker.Docker"
_PREFIX: Final = "io.kestra.plugin."


class Job(Struct, frozen=True, kw_only=True):
    """What is to be run: a command, the file that the script's text was written to, if it was, and a quicker way to
    start it, if there is one. `hint` says what to do if the command is not found."""

    command: Command
    script: Path | None = None
    start: Start | None = None
    hint: str = ""


class Runner(Protocol):
    """`is_container`: the command sees neither the machine's programs nor the daemon's environment."""

    @property
    def is_container(self) -> bool: ...

    def run(self, job: Job, context: TaskContext, hearing: Hearing) -> int:
        """The exit code."""
        ...


class ProcessRunner(Struct, frozen=True):
    is_container: bool = False

    def run(self, job: Job, context: TaskContext, hearing: Hearing) -> int:
        return process.run(job.start or job.command.start, context, hearing)


class DockerRunner(Struct, frozen=True):
    docker: Docker
    image: str
    is_container: bool = True

    def run(self, job: Job, context: TaskContext, hearing: Hearing) -> int:
        return container.run(self.docker, self.image, job.command, context, hearing)


def runner_of(properties: ScriptTask, context: TaskContext) -> Runner:
    name, given = _named(properties)
    match name:
        case "core.runner.Process":
            if properties.container_image is not None:
                said = f"containerImage {properties.container_image} is not used: the command runs as a process"
                context.log(LogLevel.DEBUG, said)
            return ProcessRunner()
        case "scripts.runner.docker.Docker":
            docker = _docker_of(given)
            return DockerRunner(docker, docker.image or properties.container_image or _usual_image(context))
        case _:
            raise TaskFailed(
                f"The task runner {name} is not available here. There are {_PREFIX}{PROCESS}, which runs the command "
                f"on this machine, and {_PREFIX}{DOCKER}"
            )


def runs_in_container(properties: ScriptTask) -> bool:
    return _named(properties)[0] == DOCKER


def _named(properties: ScriptTask) -> tuple[str, dict[str, Any]]:
    """The runner that the task names, and what it says of it; the deprecated `runner` and `docker` count if it has no
    `taskRunner`."""
    if properties.task_runner is None:
        return DOCKER if properties.runner == "DOCKER" else PROCESS, dict(properties.docker or {})
    given = dict(properties.task_runner)
    return str(given.pop("type", PROCESS)).removeprefix(_PREFIX), given


def _docker_of(given: dict[str, Any]) -> Docker:
    try:
        return Docker.of_rendered({key: value for key, value in given.items() if key != "version"})
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False))
        raise TaskFailed("Invalid properties of the task runner: " + "; ".join(faults)) from error


def _usual_image(context: TaskContext) -> str:
    language = context.order.task_type.removeprefix(_PREFIX + "scripts.").partition(".")[0]
    return IMAGES.get(language, "ubuntu")
