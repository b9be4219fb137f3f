"""WorkingDirectory in the real daemon: one folder for all its tasks, files in and out, a cache, and every way it may be
cut short."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

SHELL = "io.kestra.plugin.scripts.shell.Commands"
FOLDER = "io.kestra.plugin.core.flow.WorkingDirectory"


def shell(task_id: str, *commands: str, **keys: Any) -> dict[str, Any]:
    return {"id": task_id, "type": SHELL, "commands": list(commands), **keys}


def flow(flow_id: str, *tasks: dict[str, Any], **keys: Any) -> dict[str, str]:
    folder = {"id": "wd", "type": FOLDER, "tasks": list(tasks)} | keys
    text = yaml.safe_dump({"id": flow_id, "namespace": "company.team", "tasks": [folder]}, sort_keys=False)
    return {f"flows/company.team/{flow_id}.yaml": text}


FILES: dict[str, str] = {
    **flow(
        "files",
        shell("write", "cat in/hello.txt given.txt > all.txt", "pwd > where"),
        shell("add", "echo more >> all.txt", 'test "$(pwd)" = "$(cat where)"', 'test {{ workingDir }} = "$(pwd)"'),
        inputFiles={"in/hello.txt": "Hello {{ flow.id }}\n"},
        namespaceFiles={"enabled": True},
        outputFiles=["*.txt"],
    ),
    "flows/company.team/_files/given.txt": "given\n",
    **flow("stops", shell("first", "echo x > x.txt"), shell("second", "exit 3"), shell("third", "true"), outputFiles=["x.txt"]),
    **flow("retries", shell("again", "echo x >> tries", "test $(wc -l < tries) = 2", retry={"type": "constant", "interval": "PT0.1S", "maxAttempts": 3})),
    **flow(
        "keeps",
        shell("look", "cat kept/count 2>/dev/null || echo none"),
        shell("count", "mkdir -p kept", "echo x >> kept/count", "chmod 755 kept/count", "ln -sf count kept/link"),
        shell("see", "test -L kept/link", "test -x kept/count"),
        cache={"patterns": ["kept/**"], "ttl": "PT1H"},
    ),
    **flow("missing", shell("first", "true"), inputFiles={"a": "kestra:///no/such/file"}),
    **flow("waits", shell("first", "echo x > x"), shell("second", "cat x", "echo y >> y", "test $(wc -l < y) = 2 || sleep 60"), outputFiles=["y"]),
    **flow("sleeps", shell("first", "sleep 60")),
}  # fmt: skip


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("folders"), FILES) as started:
        yield started


def folders(daemon: Daemon) -> list[Path]:
    return list((daemon.data / "work").glob("shared-*"))


def until_gone(daemon: Daemon) -> None:
    wait_until(lambda: not folders(daemon), what="the folder to be gone", seen=lambda: str(folders(daemon)))


def test_all_tasks_share_one_folder_and_what_matches_is_kept(daemon: Daemon) -> None:
    execution = daemon.run("files")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    kept = execution.run_of("wd").outputs["outputFiles"]
    assert sorted(kept) == ["all.txt", "given.txt"]
    assert daemon.file(execution, kept["all.txt"]) == b"Hello files\ngiven\nmore\n"
    assert {run.json["parentTaskRunId"] for run in execution.runs[1:]} == {execution.run_of("wd").id}
    until_gone(daemon)


def test_the_first_failed_task_ends_it_and_what_there_is_is_kept(daemon: Daemon) -> None:
    execution = daemon.run("stops")
    assert (execution.state, execution.task_ids) == ("FAILED", ["wd", "first", "second"])
    assert list(execution.run_of("wd").outputs["outputFiles"]) == ["x.txt"]


def test_a_restart_runs_all_of_it_again(daemon: Daemon) -> None:
    execution = daemon.run("stops")
    restarted = daemon.act(execution, "restart")
    assert [each["state"]["current"] for each in restarted["taskRunList"]] == ["RESTARTED"]
    again = daemon.ended(execution)
    assert (again.state, again.task_ids) == ("FAILED", ["wd", "first", "second"])


def test_an_attempt_that_is_retried_finds_what_the_one_before_left(daemon: Daemon) -> None:
    execution = daemon.run("retries")
    assert (execution.state, execution.run_of("again").attempts) == ("SUCCESS", ["FAILED", "SUCCESS"])


def test_what_the_cache_keeps_is_there_in_the_next_run(daemon: Daemon) -> None:
    first, second, third = (daemon.run("keeps") for _ in range(3))
    assert [each.state for each in (first, second, third)] == ["SUCCESS"] * 3
    assert daemon.logs(first, "look") == ["none"]
    assert daemon.logs(third, "look") == ["x", "x"]


def test_files_that_cannot_be_put_there_fail_it_and_say_why(daemon: Daemon) -> None:
    execution = daemon.run("missing")
    assert (execution.state, execution.task_ids) == ("FAILED", ["wd"])
    assert any("File not found" in line for line in daemon.logs(execution, "wd"))


def test_a_kill_ends_its_task_and_removes_the_folder(daemon: Daemon) -> None:
    execution = daemon.start("sleeps")
    daemon.until_run(execution, "first", "RUNNING")
    wait_until(lambda: folders(daemon), what="the folder")
    daemon.call("DELETE", f"/executions/{execution.id}/kill", status=None)
    assert daemon.ended(execution).state == "KILLED"
    until_gone(daemon)


def test_a_worker_that_dies_costs_an_attempt_and_not_the_folder(daemon: Daemon) -> None:
    execution = daemon.start("waits")
    daemon.until_run(execution, "second", "RUNNING")
    wait_until(lambda: any((folder / "y").exists() for folder in folders(daemon)), what="the second task at work")
    os.kill(_worker_of(daemon, execution.id), signal.SIGKILL)
    ended = daemon.ended(execution)
    assert (ended.state, ended.run_of("second").attempts) == ("SUCCESS", ["FAILED", "SUCCESS"])
    kept = ended.run_of("wd").outputs["outputFiles"]
    assert daemon.file(ended, kept["y"]) == b"y\ny\n"


def test_a_daemon_that_is_killed_goes_on_in_the_same_folder(tmp_path: Path) -> None:
    with running(tmp_path, FILES) as daemon:
        execution = daemon.start("waits")
        daemon.until_run(execution, "second", "RUNNING")
        wait_until(lambda: any((folder / "y").exists() for folder in folders(daemon)), what="the second task at work")
        forgotten = daemon.data / "work" / "shared-nobodys-0"
        forgotten.mkdir()
        daemon.kill_hard()
        daemon.start_process()
        ended = daemon.ended(execution)
        assert (ended.state, ended.run_of("second").attempts) == ("SUCCESS", ["FAILED", "SUCCESS"])
        assert len(ended.runs_of("first")) == 1
        until_gone(daemon)


def _worker_of(daemon: Daemon, execution_id: str) -> int:
    """The process that works for the execution: the parent of its script."""
    mark = f"SEGUE_EXECUTION_ID={execution_id}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if mark not in Path(f"/proc/{parent}/environ").read_bytes().split(b"\0"):
                    return parent
        except OSError:
            continue
    raise AssertionError(f"nobody works for {execution_id}\n{daemon.output()}")
