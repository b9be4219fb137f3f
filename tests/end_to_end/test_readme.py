"""The README's first screen, done as it is written: in a fresh clone, its commands, its flow.

Installing is not repeated here: the clone is given a folder that stands for a virtual environment in which all is
installed. A clean checkout in continuous integration installs for real.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.client import Client
from tests.support.daemon import STOP_SECONDS, clean_environment, segue
from tests.support.repositories import Repository
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands(block: str) -> list[str]:
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A fresh clone of what is committed here."""
    path = tmp_path_factory.mktemp("readme") / "segue"
    command = ["git", "clone", "--quiet", "--no-hardlinks", "--single-branch", str(ROOT), str(path)]
    subprocess.run(command, check=True, env=clean_environment(), capture_output=True)
    (path / "venv").mkdir()
    (path / "venv" / "bin").symlink_to(Path(sys.executable).parent)
    os.utime(path / "pyproject.toml", (0, 0))
    for stamp in (".installed", ".serving"):
        (path / "venv" / stamp).touch()
    repository = Repository.at(path)
    for key, value in (("user.name", "Ada"), ("user.email", "ada@example.com")):
        repository.git("config", key, value)
    return repository


def make(clone: Repository, *arguments: str) -> list[str]:
    return ["make", "-C", str(clone.path), "--no-print-directory", "VENV=venv", *arguments]


class Served(Client):
    """`make serve` and all below it, in a process group of its own."""

    def __init__(self, clone: Repository, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                make(clone, "serve", f"PORT={self.port}"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self) -> None:
        wait_until(self._is_ready, what="make serve to serve", seen=self.output)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.output()
        return "serves http://" in self.output()

    def interrupt(self) -> int:
        """What Ctrl-C in a terminal does; make's exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.http.close()


@pytest.fixture(scope="module")
def served(clone: Repository, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(clone, tmp_path_factory.mktemp("served") / "log")
    try:
        served.wait_ready()
        yield served
    finally:
        served.end()


def test_the_first_screen_names_the_two_commands() -> None:
    assert commands(blocks("console")[0]) == ["make serve", "make test"]


def test_make_test_runs_every_check_and_all_tests(clone: Repository) -> None:
    done = subprocess.run(
        make(clone, "-n", "test"), capture_output=True, text=True, env=clean_environment(), check=True
    )
    said = done.stdout
    assert all(check in said for check in ("ruff format --check", "ruff check", "mypy", "-m pytest")), said


def test_make_serve_serves_the_page_and_the_flows_of_this_repository(clone: Repository, served: Served) -> None:
    files = [path for path in (clone.path / "flows").rglob("*.yaml") if "_files" not in path.parts]
    assert len(served.flow_ids()) == len(files) >= 8
    assert served.http.get("/", follow_redirects=True).status_code == 200
    assert [each for each in served.problems() if each["severity"] == "error"] == []


def test_a_flow_is_committed_and_runs_as_it_is_written(clone: Repository, served: Served) -> None:
    flow = blocks("yaml")[0]
    clone.write("flows/company.team/hello.yaml", flow)
    add, commit, start = commands(blocks("console")[1])
    for command in (add, commit):
        done = subprocess.run(shlex.split(command), cwd=clone.path, env=clean_environment(), capture_output=True)
        assert done.returncode == 0, done.stderr
    served.until_live(clone.head)
    address = re.search(r"http://127\.0\.0\.1:8080(/[^'\s]*)", start)
    assert address is not None
    answer = served.http.post(address[1], files={"name": (None, "Ada")})
    assert start.endswith("-F name=Ada")
    assert answer.status_code == 200, answer.text
    execution = answer.json()
    assert execution["state"]["current"] == "SUCCESS", served.logs(execution["id"])
    assert served.logs(execution["id"], "greet") == ["Hello Ada, your name has 3 letters"]
    page = served.http.get(f"/executions/{execution['id']}")
    assert page.status_code == 200
    assert "Hello Ada" in page.text


def test_the_flow_test_passes_as_it_is_written(tmp_path: Path) -> None:
    flow, suite = blocks("yaml")
    repository = Repository(tmp_path)
    repository.commit({"flows/company.team/hello.yaml": flow, "flows/company.team/_tests/hello.yaml": suite})
    done = segue("test", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 passed"), done


def test_every_file_that_the_readme_points_to_is_there() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_an_interrupt_ends_it(served: Served) -> None:
    # make ends itself by the signal it was ended with.
    assert served.interrupt() in {0, 2, -signal.SIGINT}, served.output()
    assert "daemon.stopped" in served.output()
    assert "Traceback" not in served.output()
