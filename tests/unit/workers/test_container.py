"""The Docker runner against an engine that writes down what it is asked: files in, the command, output, files out."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.scripts.container import _bytes, _port, _repository_and_tag

from tests.support.container_engine import Engine
from tests.support.pools import Harness, SharedPool, order_of
from tests.unit.workers.test_pool import in_pool

DOCKER = "io.kestra.plugin.scripts.runner.docker.Docker"
Make = Callable[..., Engine]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Make]:
    made: list[Engine] = []

    def make(**given: Any) -> Engine:
        made.append(Engine(tmp_path / f"{len(made)}.sock", **given))
        return made[-1]

    yield make
    for each in made:
        each.close()


def shell(engine: Engine, *commands: str, runner: dict[str, Any] | None = None, **properties: Any) -> Order:
    task_runner = {"type": DOCKER, "host": engine.host} | (runner or {})
    return order_of("scripts.shell.Commands", {"commands": list(commands), "taskRunner": task_runner} | properties)


def test_a_command_runs_in_a_container_from_pull_to_removal(pool: SharedPool, engine: Make) -> None:
    docker = engine(says=[(1, b"hel"), (1, b'lo\n::{"outputs":{"a":1}}::\n'), (2, b"oh")], makes={"out.txt": b"made"})
    order = shell(docker, "make", outputFiles=["*.txt"], inputFiles={"in.txt": "given"}, containerImage="alpine:3")
    outcome = pool.run(order)
    assert outcome.ended.state is State.WARNING, outcome.text
    assert [(line.level, line.message) for line in outcome.lines] == [
        ("DEBUG", "Pulling the image alpine:3"),
        ("INFO", "hello"),
        ("ERROR", "oh"),
    ]
    assert outcome.ended.outputs is not None
    assert outcome.ended.outputs["vars"] == {"a": 1}
    assert sorted(outcome.ended.outputs["outputFiles"]) == ["in.txt", "out.txt"]
    assert docker.steps == [
        "GET /version",
        "GET /containers/json",
        "GET /images/alpine:3/json",
        "POST /images/create",
        "GET /images/alpine:3/json",
        "POST /containers/create",
        "GET /containers/ID/json",
        "PUT /containers/ID/archive",
        "POST /containers/ID/attach",
        "POST /containers/ID/start",
        "POST /containers/ID/wait",
        "GET /containers/ID/archive",
        "DELETE /containers/ID",
    ]


def test_the_container_is_made_as_the_runner_says(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"ubuntu"})
    runner = {
        "user": "1000",
        "networkMode": "bridge",
        "extraHosts": ["db:10.0.0.1"],
        "portBindings": ["8080:80"],
        "volumes": ["/data:/data:ro"],
        "cpu": {"cpus": 1.5},
        "memory": {"memory": "512MB"},
        "shmSize": "64m",
        "privileged": True,
    }
    outcome = pool.run(shell(docker, "true", runner=runner, env={"A": "b"}))
    assert outcome.ended.state is State.SUCCESS, outcome.text
    asked = docker.only("POST", "/containers/create").json
    host = asked["HostConfig"]
    assert (asked["Image"], asked["User"], asked["Cmd"]) == ("ubuntu", "1000", ["/bin/sh", "-c", "set -e\ntrue"])
    assert asked["WorkingDir"].startswith(str(pool.folder / "work"))
    assert "A=b" in asked["Env"]
    assert not any(each.startswith(("HOME=", "PATH=")) for each in asked["Env"]), "the daemon's environment stays here"
    assert asked["Labels"]["kestra.io/flow-id"] == "flow"
    assert (host["NetworkMode"], host["Privileged"], host["NanoCpus"]) == ("bridge", True, 1_500_000_000)
    assert (host["Memory"], host["ShmSize"], host["Binds"]) == (512 << 20, 64 << 20, ["/data:/data:ro"])
    assert (host["ExtraHosts"], host["PortBindings"]) == (
        ["db:10.0.0.1"],
        {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
    )


def test_files_are_copied_to_the_same_place_in_the_container(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"ubuntu"})
    pool.run(shell(docker, "true", inputFiles={"deep/in.txt": "given"}))
    put = docker.only("PUT", "/archive")
    folder = docker.only("POST", "/containers/create").json["WorkingDir"]
    with tarfile.open(fileobj=io.BytesIO(put.body)) as archive:
        held = archive.extractfile(f"{folder.lstrip('/')}/deep/in.txt")
        assert held is not None
        assert held.read() == b"given"


def test_with_mount_nothing_is_copied(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"ubuntu"})
    pool.run(shell(docker, "true", runner={"fileHandlingStrategy": "MOUNT"}))
    asked = docker.only("POST", "/containers/create").json
    assert asked["HostConfig"]["Binds"] == [f"{asked['WorkingDir']}:{asked['WorkingDir']}:rw"]
    assert not any("archive" in step for step in docker.steps)


def test_the_exit_code_decides_and_outputs_are_kept(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"ubuntu"}, exit_code=3, says=[(1, b'::{"outputs":{"a":1}}::\n')])
    outcome = pool.run(shell(docker, "false"))
    assert outcome.ended.state is State.FAILED
    assert outcome.ended.outputs == {"exitCode": 3, "vars": {"a": 1}, "outputFiles": {}}
    assert docker.steps[-1] == "DELETE /containers/ID"


def test_an_image_that_may_not_be_pulled_and_is_not_there_is_named(pool: SharedPool, engine: Make) -> None:
    outcome = pool.run(shell(engine(), "true", runner={"pullPolicy": "NEVER"}, containerImage="nowhere/none:1"))
    assert outcome.ended.state is State.FAILED
    assert "The image nowhere/none:1 is not there" in outcome.text


def test_a_container_that_still_runs_is_taken_up_again(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"ubuntu"}, runs_already=True, says=[(2, b"oh\n"), (1, b"still here\n")])
    outcome = pool.run(shell(docker, "true"))
    assert (outcome.ended.state, outcome.messages[-2:]) == (State.WARNING, ["still here", "oh"])
    assert not docker.of("POST", "/containers/create")
    assert not docker.of("POST", "/start")


def test_credentials_go_with_the_pull(pool: SharedPool, engine: Make) -> None:
    docker = engine()
    runner = {"config": {"auths": {"registry.example": {"username": "me", "password": "secret"}}}}
    pool.run(shell(docker, "true", runner=runner, containerImage="registry.example/team/image:2"))
    pull = docker.only("POST", "/images/create")
    assert (pull.query["fromImage"], pull.query["tag"]) == ("registry.example/team/image", "2")
    assert "X-Registry-Auth" in pull.headers


def test_a_kill_ends_the_container(tmp_path: Path, engine: Make) -> None:
    async def story(harness: Harness) -> None:
        docker = engine(images={"ubuntu"}, hangs=True, says=[(1, b"at work\n")])
        order = shell(docker, "sleep 100")
        await harness.begin(order)
        await harness.line(order, "at work")
        harness.pool.kill(order.id)
        outcome = await harness.outcome(order)
        assert outcome.ended.state is State.KILLED
        assert "POST /containers/ID/kill" in docker.steps
        assert docker.steps[-1] == "DELETE /containers/ID"

    in_pool(tmp_path, story)


def test_where_no_engine_answers_the_task_says_what_to_do(pool: SharedPool, tmp_path: Path) -> None:
    runner = {"type": DOCKER, "host": f"unix://{tmp_path}/none.sock"}
    outcome = pool.run(order_of("scripts.shell.Commands", {"commands": ["true"], "taskRunner": runner}))
    assert outcome.ended.state is State.FAILED
    assert f"No container engine answers at unix://{tmp_path}/none.sock" in outcome.text
    assert "core.runner.Process" in outcome.text


def test_python_packages_are_installed_in_the_container(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"python:3.13-slim"})
    properties = {
        "script": "print(1)",
        "dependencies": ["requests"],
        "taskRunner": {"type": DOCKER, "host": docker.host},
    }
    outcome = pool.run(order_of("scripts.python.Script", properties))
    assert outcome.ended.state is State.SUCCESS, outcome.text
    command = docker.only("POST", "/containers/create").json["Cmd"][-1].split("\n")
    assert command[1] == "python -m pip install --quiet -- requests"
    assert command[2].startswith("python /")


def test_the_deprecated_spelling_means_a_container_too(pool: SharedPool, engine: Make) -> None:
    docker = engine(images={"alpine:3"})
    old = {"runner": "DOCKER", "docker": {"host": docker.host, "image": "alpine:3"}}
    outcome = pool.run(order_of("scripts.shell.Commands", {"commands": ["true"], **old}))
    assert outcome.ended.state is State.SUCCESS, outcome.text


IMAGES = {
    "image": ("image", "latest"),
    "image:1": ("image", "1"),
    "host:5000/image": ("host:5000/image", "latest"),
    "host:5000/image:1": ("host:5000/image", "1"),
    "image@sha256:abc": ("image", "sha256:abc"),
}


@pytest.mark.parametrize(("image", "parts"), IMAGES.items(), ids=IMAGES.keys())
def test_an_image_has_a_repository_and_a_tag(image: str, parts: tuple[str, str]) -> None:
    assert _repository_and_tag(image) == parts


SIZES = {"512MB": 512 << 20, "1.5g": 3 << 29, "100": 100, "64 KiB": 64 << 10, "2b": 2}


@pytest.mark.parametrize(("text", "size"), SIZES.items(), ids=SIZES.keys())
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert _bytes(text) == size


def test_a_port_may_have_an_address() -> None:
    assert _port("8080:80") == ("8080", "80")
    assert _port("127.0.0.1:8080:80") == (("127.0.0.1", "8080"), "80")
