"""Starts that cannot be: what `segue serve` says, and its exit code. And a source that goes bad while a daemon follows it."""

import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, running, segue
from tests.support.repositories import Repository, flow_text
from tests.support.waiting import wait_until


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "repository")
    repository.commit_flow("hello")
    return repository


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """It ended with the code and these words in its last line, and says nothing of how it is made."""
    assert done.returncode == code, done.stderr
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("segue: "), done.stderr
    assert all(word in said for word in words), said
    assert "Traceback" not in done.stderr


def serve(source: Path | str, data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return segue("serve", str(source), "--port", "0", "--data", str(data), *arguments, **environment)


# Sources.


def test_a_folder_without_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    # A repository around the test's folder would be taken.
    done = serve(tmp_path / "plain", tmp_path / "data", GIT_CEILING_DIRECTORIES=str(tmp_path))
    refused(done, 1, str(tmp_path / "plain"), "is not a Git repository")


def test_a_source_that_git_would_run_as_a_command(tmp_path: Path) -> None:
    refused(serve("ext::sh -c id", tmp_path / "data"), 1, "ext::sh -c id", "expected a folder, a URL")


# Ports and addresses.


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use(tmp_path: Path, repository: Repository, taken_port: int) -> None:
    done = serve(repository.path, tmp_path / "data", "--port", str(taken_port))
    refused(done, 1, f"127.0.0.1:{taken_port}", "in use", "--port")


def test_an_address_that_others_reach_without_credentials(tmp_path: Path, repository: Repository) -> None:
    done = serve(repository.path, tmp_path / "data", "--host", "0.0.0.0")
    refused(done, 2, "0.0.0.0", "SEGUE_TOKEN", "127.0.0.1")


def test_a_setting_that_cannot_be_used(tmp_path: Path, repository: Repository) -> None:
    done = serve(repository.path, tmp_path / "data", SEGUE_WORKERS_MAX="many")
    refused(done, 1, "SEGUE_WORKERS_MAX", "'many'", "whole number")


# Data folders.


def test_a_data_folder_that_cannot_be_written(tmp_path: Path, repository: Repository) -> None:
    # Below a file no one can make a folder, whatever their rights.
    (tmp_path / "file").write_text("")
    refused(serve(repository.path, tmp_path / "file" / "data"), 1, str(tmp_path / "file" / "data"), "Not a", "--data")
    refused(serve(repository.path, tmp_path / "file"), 1, str(tmp_path / "file"), "File exists", "--data")


def test_a_data_folder_of_a_newer_program(tmp_path: Path, repository: Repository) -> None:
    with running(tmp_path, source=repository) as daemon:
        data = daemon.data
    set_schema_version(data / "segue.db", 999)
    refused(serve(repository.path, data), 1, "segue.db", "999", "newer", "--data")


def set_schema_version(database: Path, version: int) -> None:
    connection = sqlite3.connect(database)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def test_a_data_folder_whose_database_is_none(tmp_path: Path, repository: Repository) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "segue.db").write_text("This is no database, but a text that is long enough to be taken for one. " * 20)
    refused(serve(repository.path, data), 1, "segue.db", "not a database")


# While a daemon runs.


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("bad-starts")
    repository = Repository(folder / "repository")
    repository.commit_flow("hello")
    with running(folder, source=repository, arguments=["--branch", "later"]) as daemon:
        yield daemon


def test_a_second_daemon_on_the_same_data_folder_is_refused_and_the_first_serves_on(daemon: Daemon) -> None:
    refused(serve(daemon.repository.path, daemon.data), 1, str(daemon.data), "in use", str(daemon.pid))
    assert daemon.git()["branch"] == "later"


def test_a_branch_that_does_not_exist_is_said_with_those_that_do_and_followed_once_it_is_there(daemon: Daemon) -> None:
    error = daemon.git()["lastSync"]["error"]
    assert "later" in error
    assert "main" in error
    assert error in daemon.output()
    daemon.call("POST", "/git/sync", status=None)
    assert daemon.http.get("/").status_code in {200, 303}
    daemon.repository.git("branch", "later")
    daemon.until_live(daemon.repository.head)
    assert daemon.git()["lastSync"]["error"] is None
    assert daemon.run("hello").state == "SUCCESS"


def test_a_source_that_is_gone_for_a_while_leaves_the_last_flows_live(daemon: Daemon) -> None:
    daemon.repository.git("branch", "--force", "later")
    wait_until(lambda: daemon.flow_ids() == ["hello"], what="the flow to be live")
    path = daemon.repository.path
    away = path.rename(path.with_name("away"))
    answer = daemon.http.post("/api/v1/main/git/sync")
    assert answer.status_code >= 400
    assert str(path) in answer.json()["message"]
    assert daemon.run("hello").state == "SUCCESS"
    away.rename(path)
    assert daemon.sync()["commit"] == daemon.repository.head


def test_flows_run_although_the_source_cannot_be_reached_at_the_start(tmp_path: Path) -> None:
    with running(tmp_path, {"flows/company.team/hello.yaml": flow_text()}) as daemon:
        assert daemon.run("hello").state == "SUCCESS"
        daemon.stop()
        away = daemon.repository.path.rename(tmp_path / "away")
        try:
            daemon.source = daemon.repository.path.as_uri()
            daemon.start_process()
            assert daemon.run("hello").state == "SUCCESS"
            assert "no such folder" in daemon.get("/git/status")["lastSync"]["error"]
        finally:
            away.rename(daemon.repository.path)
