"""A disk that is full: nothing new is taken in, nothing is damaged, and all goes on by itself once there is room."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults import flows
from tests.faults.chaos import loaded_daemon
from tests.faults.checks import look, until_quiet
from tests.faults.load import load_on
from tests.support.client import API, NAMESPACE
from tests.support.daemon import Daemon
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

DISK_BYTES: Final = 32 * 1024 * 1024
RESUME_SECONDS_MAX: Final = 5.0
_QUICK: Final = {name: flows.STARTED[name] for name in ("plain", flows.MARKED, "hooked", flows.QUEUED)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def daemon(disk: Path, tmp_path: Path) -> Iterator[Daemon]:
    with loaded_daemon(tmp_path, ticks=False, data=disk / "data") as (daemon, _):
        yield daemon.start_process()


def fill(disk: Path) -> Path:
    """Take all the room there is, and what becomes free, until the daemon notices."""
    hog = disk / "hog"
    with hog.open("ab", buffering=0) as file:
        try:
            while file.write(b"\0" * 65536):
                pass
        except OSError:
            return hog
    return hog


def intake_status(daemon: Daemon) -> int:
    return daemon.http.post(f"{API}/executions/{NAMESPACE}/plain").status_code


def test_a_full_disk_refuses_intake_damages_nothing_and_goes_on_when_it_is_freed(
    disk: Path, daemon: Daemon, tmp_path: Path
) -> None:
    wait_until((daemon.data / "ballast").exists, what="the ballast to be there")
    with load_on(daemon.url, seed=1, flows=_QUICK) as load:
        wait_until(lambda: len(load.started) > 10, what="a load")
        hog = fill(disk)
        wait_until(lambda: fill(disk) and intake_status(daemon) == 503, what="intake to be refused", seconds=30)
        assert daemon.http.get("/health").status_code == 503
        assert "full" in str(daemon.http.get("/health").json()["parts"]["store"])
        assert daemon.flow_ids(), "pages and lists are still served"
        refused = load.refused[503]
        wait_until(lambda: load.refused[503] > refused + 3, what="clients to be refused")
        hog.unlink()
        freed = time.monotonic()
        wait_until(lambda: intake_status(daemon) == 200, what="intake to go on", seconds=RESUME_SECONDS_MAX)
        assert time.monotonic() - freed < RESUME_SECONDS_MAX
    until_quiet(daemon)
    aftermath = look(daemon, load.started, tmp_path / "marks")
    assert not load.bugs
    assert not aftermath.faults, "\n".join(aftermath.faults[:10])


def test_a_daemon_that_is_killed_on_a_full_disk_goes_on_after_a_start_on_a_freed_one(
    disk: Path, daemon: Daemon, tmp_path: Path
) -> None:
    wait_until((daemon.data / "ballast").exists, what="the ballast to be there")
    with load_on(daemon.url, seed=2, flows=_QUICK) as load:
        wait_until(lambda: len(load.started) > 10, what="a load")
        fill(disk)
        wait_until(lambda: fill(disk) and intake_status(daemon) == 503, what="intake to be refused", seconds=30)
        daemon.kill_hard()
    (disk / "hog").unlink()
    daemon.start_process()
    until_quiet(daemon)
    aftermath = look(daemon, load.started, tmp_path / "marks")
    assert not aftermath.faults, "\n".join(aftermath.faults[:10])
