"""Faults of Git under a daemon that runs, or was killed: the next sync is clean."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from segue.tasks.scripts.processes import descendants

from tests.support.daemon import Daemon, running
from tests.support.repositories import Repository, break_object, flow_text
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.xdist_group("faults")]

PATH = "flows/company.team/hello.yaml"


def mirror_of(daemon: Daemon) -> Path:
    return daemon.data / "mirror" / "source.git"


def said(daemon: Daemon) -> list[str]:
    return daemon.logs(daemon.run("hello"))


@pytest.mark.parametrize("damage", ["garbage", "truncated", "gone"])
def test_a_broken_object_of_the_mirror_is_mended_at_the_start(tmp_path: Path, damage: str) -> None:
    with running(tmp_path, {PATH: flow_text(message="One")}) as daemon:
        blob = daemon.repository.git("rev-parse", f"HEAD:{PATH}").strip()
        daemon.kill_hard()
        break_object(mirror_of(daemon), blob, damage)
        daemon.start_process()
        assert said(daemon) == ["One"]
        assert daemon.git()["lastSync"]["error"] is None


def test_a_broken_commit_of_the_mirror_is_mended_by_the_next_sync(tmp_path: Path) -> None:
    with running(tmp_path, {PATH: flow_text(message="One")}) as daemon:
        break_object(mirror_of(daemon), daemon.repository.head, "garbage")
        commit = daemon.repository.commit_flow(message="Two")
        wait_until(lambda: daemon.sync()["commit"] == commit, what="the sync to be clean", seen=daemon.git)
        assert said(daemon) == ["Two"]


def test_stale_locks_in_the_mirror_do_not_stop_a_sync(tmp_path: Path) -> None:
    with running(tmp_path, {PATH: flow_text(message="One")}) as daemon:
        locks = ("packed-refs.lock", "config.lock", "refs/segue/source/main.lock", "refs/segue/incoming.lock")
        for lock in locks:
            (mirror_of(daemon) / lock).parent.mkdir(parents=True, exist_ok=True)
            (mirror_of(daemon) / lock).touch()
        commit = daemon.repository.commit_flow(message="Two")
        assert daemon.sync()["commit"] == commit
        assert said(daemon) == ["Two"]


def test_a_fetch_that_is_killed_is_followed_by_a_clean_one(tmp_path: Path) -> None:
    """Every git that the daemon starts is killed at once for a while, wherever it is."""
    dice = random.Random(1)
    repository = Repository(tmp_path / "repository")
    repository.commit({PATH: flow_text(message="One")})
    environment = {"SEGUE_POLL_INTERVAL": "0.02"}
    with running(tmp_path, source=repository.path.as_uri(), environment=environment) as daemon:
        killed = 0
        for number in range(12):
            repository.commit({PATH: flow_text(message=f"Number {number}"), "big.bin": os.urandom(500_000)})
            time.sleep(dice.uniform(0, 0.1))
            killed += kill_gits(daemon)
        assert killed, "no git was ever caught running"
        commit = repository.commit_flow(message="Two")
        wait_until(lambda: synced(daemon, commit), what="the sync to be clean", seen=daemon.git)
        assert said(daemon) == ["Two"]


def kill_gits(daemon: Daemon) -> int:
    killed = 0
    for facts in descendants(daemon.pid):
        try:
            name = Path(f"/proc/{facts.pid}/comm").read_text().strip()
            if name.startswith("git"):
                os.kill(facts.pid, signal.SIGKILL)
                killed += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return killed


def synced(daemon: Daemon, commit: str) -> bool:
    answer = daemon.http.post("/api/v1/main/git/sync")
    return answer.status_code == 200 and answer.json()["commit"] == commit
