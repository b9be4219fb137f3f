"""Properties of task runners: where the command of a script task runs."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, Span, Spec, Text, TextOrTexts


class Process(Spec):
    """Runs the command as a process of the worker."""


class DockerCredentials(Spec):
    """Who pulls the image."""

    registry: Dynamic[Text] | None = Field(default=None, description="The registry.")
    username: Dynamic[Text] | None = Field(default=None, description="User.")
    password: Dynamic[Text] | None = Field(default=None, description="Password.")
    registry_token: Dynamic[Text] | None = Field(default=None, description="Token of the registry.")
    identity_token: Dynamic[Text] | None = Field(default=None, description="Token of the identity.")
    auth: Dynamic[Text] | None = Field(default=None, description="User and password in base64.")


class DeviceRequest(Spec):
    """Devices that the container gets."""

    driver: Dynamic[Text] | None = Field(default=None, description="Driver.")
    count: Dynamic[int] | None = Field(default=None, description="How many; -1 is all.")
    device_ids: Dynamic[list[Text]] | None = Field(default=None, description="Which.")
    capabilities: Any = Field(default=None, description="Lists of capabilities.")
    options: Dynamic[dict[str, Text]] | None = Field(default=None, description="Options of the driver.")


class DockerCpu(Spec):
    """Limits of processor time."""

    cpus: Dynamic[float] | None = Field(default=None, description="How many processors.")


class DockerMemory(Spec):
    """Limits of memory."""

    memory: Dynamic[Text] | None = Field(default=None, description="Memory, like `512MB`.")
    memory_swap: Dynamic[Text] | None = Field(default=None, description="Memory and swap.")
    memory_swappiness: Dynamic[Text] | None = Field(default=None, description="How readily to swap, 0 to 100.")
    memory_reservation: Dynamic[Text] | None = Field(default=None, description="Soft limit.")
    kernel_memory: Dynamic[Text] | None = Field(default=None, description="Memory of the kernel.")
    oom_kill_disable: Dynamic[bool] | None = Field(default=None, description="Do not kill when memory runs out.")


class Docker(Spec):
    """Runs the command in a Docker container."""

    host: Dynamic[Text] | None = Field(default=None, description="Address of the Docker daemon.")
    config: Any = Field(default=None, description="Docker's configuration: a map, or its JSON.")
    credentials: DockerCredentials | None = Field(default=None, description="Who pulls the image.")
    image: Dynamic[Text] | None = Field(default=None, description="Older spelling of the task's `containerImage`.")
    user: Dynamic[Text] | None = Field(default=None, description="User in the container.")
    entry_point: Dynamic[list[Text]] | None = Field(default=None, description="Entry point.")
    extra_hosts: Dynamic[list[Text]] | None = Field(default=None, description="Host names, as `name:address`.")
    network_mode: Dynamic[Text] | None = Field(default=None, description="Network.")
    port_bindings: Dynamic[list[Text]] | None = Field(default=None, description="Ports, as `host:container`.")
    volumes: Dynamic[TextOrTexts] | None = Field(default=None, description="Volumes, as `host:container`.")
    pull_policy: Dynamic[Literal["IF_NOT_PRESENT", "ALWAYS", "NEVER"]] = Field(
        default="IF_NOT_PRESENT", description="When to pull the image."
    )
    device_requests: list[DeviceRequest] | None = Field(default=None, description="Devices.")
    cpu: DockerCpu | None = Field(default=None, description="Limits of processor time.")
    memory: DockerMemory | None = Field(default=None, description="Limits of memory.")
    shm_size: Dynamic[Text] | None = Field(default=None, description="Size of shared memory.")
    privileged: Dynamic[bool] | None = Field(default=None, description="Give the container every right.")
    file_handling_strategy: Dynamic[Literal["VOLUME", "MOUNT"]] = Field(
        default="VOLUME", description="How the working directory gets into the container."
    )
    delete: Dynamic[bool] = Field(default=True, description="Delete the container at the end.")
    wait: Dynamic[bool] = Field(default=True, description="Wait for the end.")
    kill_grace_period: Dynamic[Span] | None = Field(default=None, description="Time to end before it is killed.")
    resume: Dynamic[bool] = Field(default=True, description="After a lost worker, go on with the running container.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.runner.Process": Process,
    "scripts.runner.docker.Docker": Docker,
}
