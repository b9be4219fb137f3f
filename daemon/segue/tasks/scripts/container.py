"""Running one command in a container of any engine that speaks Docker's API: Docker, Podman.

The working directory has the same absolute path in the container as outside. With the strategy VOLUME its files are
copied in before and out after, so the engine may be on another machine; with MOUNT it is mounted.

The package `docker` is an extra (`segue[docker]`), and it is loaded only when a task needs it.
"""

import contextlib
import importlib
import json
import math
import re
import select
import struct
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.model.order import LogLevel
from segue.spec.types.runners import DeviceRequest, Docker
from segue.storage.storage import chunks_of
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.interruption import Interrupted
from segue.tasks.kind import TaskFailed
from segue.tasks.scripts.lines import Lines
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.protocol import Hearing

_LABEL_PREFIX: Final = "kestra.io/"
_LABEL_LENGTH_MAX: Final = 63
_READ_BYTES: Final = 1 << 16
_FRAME: Final = struct.Struct(">BxxxL")
_STDERR: Final = 2
_UNITS: Final = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_INSTEAD: Final = (
    "Start Docker or Podman, name its socket with the runner's `host` (or DOCKER_HOST), or run the command on this "
    "machine with `taskRunner: {type: io.kestra.plugin.core.runner.Process}`"
)


def run(docker: Docker, image: str, command: Command, context: TaskContext, hearing: Hearing) -> int:
    """The exit code of the command."""
    library = _library()
    try:
        with contextlib.closing(_client(library, docker, context)) as client:
            return _Run(client, library, docker, context).run(image, command, hearing)
    except library.errors.ImageNotFound as error:
        raise TaskFailed(f"The image {image} is not there: {error.explanation or error}") from error
    except library.errors.DockerException as error:
        raise TaskFailed(f"The container engine refused: {error}") from error


def _library() -> Any:
    try:
        return importlib.import_module("docker")
    except ImportError as error:
        raise TaskFailed(
            "The Docker task runner needs the package `docker`: install segue with its extra, "
            "`pip install 'segue[docker]'`, or use `taskRunner: {type: io.kestra.plugin.core.runner.Process}`"
        ) from error


def _client(library: Any, docker: Docker, context: TaskContext) -> Any:
    environment = dict(context.surroundings.environment)
    host = docker.host or environment.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    try:
        return library.from_env(version="auto", environment=environment | {"DOCKER_HOST": host})
    except library.errors.DockerException as error:
        raise TaskFailed(f"No container engine answers at {host}: {error}. {_INSTEAD}") from error


class _Run:
    def __init__(self, client: Any, library: Any, docker: Docker, context: TaskContext) -> None:
        self._client = client
        self._library = library
        self._docker = docker
        self._context = context

    def run(self, image: str, command: Command, hearing: Hearing) -> int:
        container = self._running()
        is_new = container is None
        if is_new:
            self._pull(image)
        try:
            with self._context.interruption.held():  # it comes before there is a container, or when this one is known
                container = container or self._created(image, command)
            if is_new and self._docker.file_handling_strategy == "VOLUME":
                self._copy_in(container, command.folder)
            return self._followed(container, command.folder, hearing)
        except Interrupted:
            if container is not None:
                self._stop(container)
            raise
        finally:
            if container is not None and self._docker.delete and self._docker.wait:
                with contextlib.suppress(self._library.errors.APIError):
                    container.remove(force=True, v=True)

    def _running(self) -> Any:
        """The container of an attempt whose worker was lost, if it is still at work."""
        if not self._docker.resume:
            return None
        marks = [f"{name}={value}" for name, value in self._labels().items() if not name.endswith("attempt")]
        found = self._client.containers.list(filters={"label": marks, "status": "running"})
        if found:
            self._context.log(LogLevel.INFO, f"Going on with the container {found[0].short_id}, which still runs")
        return found[0] if found else None

    def _created(self, image: str, command: Command) -> Any:
        arguments = list(command.arguments)
        return self._client.containers.create(image, arguments, **self._options(command), labels=self._labels())

    def _pull(self, image: str) -> None:
        if self._docker.pull_policy == "NEVER":
            return
        if self._docker.pull_policy == "IF_NOT_PRESENT":
            with contextlib.suppress(self._library.errors.NotFound):
                self._client.images.get(image)
                return
        self._context.log(LogLevel.DEBUG, f"Pulling the image {image}")
        repository, tag = _repository_and_tag(image)
        self._client.images.pull(repository, tag=tag, auth_config=_credentials(self._docker, image))

    def _options(self, command: Command) -> dict[str, Any]:
        docker = self._docker
        volumes = list(docker.volumes or [])
        if docker.file_handling_strategy == "MOUNT":
            volumes.append(f"{command.folder}:{command.folder}:rw")
        options: dict[str, Any] = {
            "entrypoint": docker.entry_point if docker.entry_point is not None else [""],
            "environment": dict(command.environment),
            "working_dir": str(command.folder),
            "user": docker.user,
            "extra_hosts": _pairs(docker.extra_hosts),
            "network_mode": docker.network_mode,
            "ports": {inner: outer for outer, inner in (_port(each) for each in docker.port_bindings or [])},
            "volumes": volumes,
            "device_requests": [self._device(each) for each in docker.device_requests or []],
            "nano_cpus": round(docker.cpu.cpus * 1e9) if docker.cpu and docker.cpu.cpus else None,
            "shm_size": _bytes(docker.shm_size),
            "privileged": docker.privileged,
        }
        if (memory := docker.memory) is not None:
            options |= {
                "mem_limit": _bytes(memory.memory),
                "memswap_limit": _bytes(memory.memory_swap),
                "mem_reservation": _bytes(memory.memory_reservation),
                "mem_swappiness": int(memory.memory_swappiness) if memory.memory_swappiness else None,
                "oom_kill_disable": memory.oom_kill_disable,
            }
        return {name: value for name, value in options.items() if value not in (None, [], {})}

    def _device(self, device: DeviceRequest) -> Any:
        return self._library.types.DeviceRequest(
            driver=device.driver or "",
            count=device.count or 0,
            device_ids=device.device_ids,
            capabilities=device.capabilities,
            options=device.options,
        )

    def _labels(self) -> dict[str, str]:
        order = self._context.order
        labels = {
            "namespace": order.namespace,
            "flow-id": order.flow_id,
            "task-id": order.task_id,
            "execution-id": order.execution_id,
            "taskrun-id": order.task_run_id or "",
            "taskrun-attempt": str(order.attempt),
        }
        return {f"{_LABEL_PREFIX}{name}": value[:_LABEL_LENGTH_MAX] for name, value in labels.items()}

    def _copy_in(self, container: Any, folder: Path) -> None:
        """Also an empty folder: the command starts in it."""
        with tempfile.TemporaryFile(prefix=f"{FOLDER_PREFIX}in-", dir=self._context.surroundings.work) as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, arcname=str(folder).lstrip("/"))
            file.seek(0)
            container.put_archive("/", chunks_of(file))

    def _copy_out(self, container: Any, folder: Path) -> None:
        with tempfile.TemporaryFile(prefix=f"{FOLDER_PREFIX}out-", dir=self._context.surroundings.work) as file:
            chunks, _ = container.get_archive(str(folder))
            for chunk in chunks:
                file.write(chunk)
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                # Its first name is that of the folder itself.
                archive.extractall(folder.parent, filter="data")

    def _followed(self, container: Any, folder: Path, hearing: Hearing) -> int:
        if container.status == "running":
            self._hear_again(container, hearing)
        else:
            # Attached before it starts: nothing that it says is missed.
            stream = container.attach_socket(params={"stdout": 1, "stderr": 1, "stream": 1, "logs": 1})
            with contextlib.closing(stream):
                container.start()
                if not self._docker.wait:
                    self._context.log(LogLevel.INFO, f"The container {container.short_id} runs on by itself")
                    return 0
                self._hear(stream, hearing)
        exit_code = int(container.wait()["StatusCode"])
        if self._docker.file_handling_strategy == "VOLUME":
            self._copy_out(container, folder)
        return exit_code

    def _hear_again(self, container: Any, hearing: Hearing) -> None:
        """All that it has said and goes on to say: what stands on its stderr at the end."""
        for stream, tell in (("stdout", hearing.stdout), ("stderr", hearing.stderr)):
            lines = Lines(self._context.masker)
            wanted = {"stdout": stream == "stdout", "stderr": stream == "stderr"}
            for data in container.logs(stream=True, follow=True, **wanted):
                for line in lines.feed(data):
                    tell(line)
                self._context.journal.send_if_due()
            for line in lines.flush():
                tell(line)

    def _hear(self, stream: Any, hearing: Hearing) -> None:
        """Lines of both streams until both are at their end."""
        out, errors = Lines(self._context.masker), Lines(self._context.masker)
        for kind, data in self._frames(getattr(stream, "_sock", stream)):
            lines, tell = (errors, hearing.stderr) if kind == _STDERR else (out, hearing.stdout)
            for line in lines.feed(data):
                tell(line)
        for lines, tell in ((out, hearing.stdout), (errors, hearing.stderr)):
            for line in lines.flush():
                tell(line)

    def _frames(self, connection: Any) -> Iterator[tuple[int, bytes]]:
        buffer = b""
        while True:
            due = self._context.journal.send_if_due()
            if not select.select([connection], [], [], due)[0]:
                continue
            data = connection.recv(_READ_BYTES)
            if not data:
                return
            buffer += data
            while len(buffer) >= _FRAME.size:
                kind, length = _FRAME.unpack_from(buffer)
                end = _FRAME.size + length
                if len(buffer) < end:
                    break
                yield kind, buffer[_FRAME.size : end]
                buffer = buffer[end:]

    def _stop(self, container: Any) -> None:
        grace = self._docker.kill_grace_period
        seconds = math.ceil(grace.total_seconds()) if grace else 0
        with contextlib.suppress(self._library.errors.DockerException):
            if seconds:
                container.stop(timeout=seconds)
            else:
                container.kill()


def _repository_and_tag(image: str) -> tuple[str, str | None]:
    """`image@sha256:...` and `host:5000/image` have a colon that begins no tag."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return repository, digest
    repository, colon, tag = image.rpartition(":")
    return (repository, tag) if colon and "/" not in tag else (image, "latest")


def _credentials(docker: Docker, image: str) -> dict[str, str] | None:
    if (given := docker.credentials) is not None:
        told = {
            "serveraddress": given.registry,
            "username": given.username,
            "password": given.password,
            "registrytoken": given.registry_token,
            "identitytoken": given.identity_token,
            "auth": given.auth,
        }
        return {name: value for name, value in told.items() if value is not None}
    return _from_config(docker.config, image)


def _from_config(config: Any, image: str) -> dict[str, str] | None:
    """What Docker's configuration has for the registry of the image."""
    if config is None:
        return None
    try:
        known = (json.loads(config) if isinstance(config, str) else config).get("auths") or {}
    except (ValueError, AttributeError) as error:
        raise TaskFailed(f"config: not Docker's configuration: {error}") from error
    first = image.partition("/")[0]
    has_registry = "/" in image and ("." in first or ":" in first or first == "localhost")
    names = (first, f"https://{first}") if has_registry else ("https://index.docker.io/v1/", "docker.io")
    found = next((known[name] for name in names if name in known), None)
    return None if found is None else {str(name): str(value) for name, value in found.items()}


def _pairs(hosts: list[str] | None) -> Mapping[str, str]:
    return {name: address for name, _, address in (each.partition(":") for each in hosts or [])}


def _port(binding: str) -> tuple[str | tuple[str, str], str]:
    """`8080:80`, `127.0.0.1:8080:80`: outer, inner."""
    outer, _, inner = binding.rpartition(":")
    address, _, port = outer.rpartition(":")
    return ((address, port) if address else (port or inner)), inner


def _bytes(text: str | None) -> int | None:
    if text is None:
        return None
    matched = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", text.lower())
    if matched is None:
        raise TaskFailed(f"{text!r} is no size like 512MB")
    return int(float(matched[1]) * _UNITS[matched[2]])
