"""A disk that is full: nothing new is taken in, nothing is damaged, and all goes on by itself once there is room. Where
only internal storage is full, tasks that need room there fail, and nothing else."""

import contextlib
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from tests.faults import flows
from tests.faults.chaos import loaded_daemon
from tests.faults.checks import look, until_quiet
from tests.faults.load import load_on
from tests.support.client import API, NAMESPACE
from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

DISK_BYTES: Final = 32 * 1024 * 1024
RESUME_SECONDS_MAX: Final = 5.0
PATIENCE_SECONDS: Final = 2.0
_QUICK: Final = {name: flows.STARTED[name] for name in ("plain", flows.MARKED, "hooked", flows.QUEUED)}


class Disk:
    """Where the daemon's data lies, on a small disk of its own; where none may be mounted, a bound on the size of the
    daemon's files says no in its place."""

    def __init__(self, folder: Path, *, is_own: bool) -> None:
        self.folder = folder
        self._is_own = is_own
        self._hog = folder / "hog"

    def fill(self, daemon: Daemon) -> None:
        """Take all the room there is."""
        if not self._is_own:
            resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            return
        with contextlib.suppress(OSError), self._hog.open("ab", buffering=0) as file:
            while file.write(b"\0" * 65536):
                pass

    def free(self, daemon: Daemon) -> None:
        if not self._is_own and daemon.is_running:
            unbounded = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, unbounded)
        self._hog.unlink(missing_ok=True)

    def fill_until_refused(self, daemon: Daemon) -> None:
        """Also what the ballast gives back, until the daemon takes nothing in any more."""

        def is_refused() -> bool:
            self.fill(daemon)
            return intake_status(daemon) == 503

        wait_until(is_refused, what="intake to be refused", seen=daemon.output)


@pytest.fixture(params=["a small disk", "a bound"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    is_own = request.param == "a small disk" and mount(place)
    try:
        yield Disk(place, is_own=is_own)
    finally:
        if is_own:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def mount(place: Path) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def daemon(disk: Disk, tmp_path: Path) -> Iterator[Daemon]:
    with loaded_daemon(tmp_path, ticks=False, data=disk.folder / "data") as (daemon, _):
        yield daemon.start_process()


def intake_status(daemon: Daemon) -> int:
    """0: no answer for now. Who asks just when the disk says no has been taken in, and waits to be written."""
    try:
        return daemon.http.post(f"{API}/executions/{NAMESPACE}/plain", timeout=PATIENCE_SECONDS).status_code
    except httpx2.ReadTimeout:
        return 0


def test_a_full_disk_refuses_intake_damages_nothing_and_goes_on_when_it_is_freed(
    disk: Disk, daemon: Daemon, tmp_path: Path
) -> None:
    wait_until((daemon.data / "ballast").exists, what="the ballast to be there")
    with load_on(daemon.url, seed=1, flows=_QUICK) as load:
        wait_until(lambda: len(load.started) > 10, what="a load")
        disk.fill_until_refused(daemon)
        assert daemon.http.get("/health").status_code == 503
        assert "the disk" in str(daemon.http.get("/health").json()["parts"]["store"])
        assert daemon.flow_ids(), "pages and lists are still served"
        refused = load.refused[503]
        wait_until(lambda: load.refused[503] > refused + 3, what="clients to be refused")
        disk.free(daemon)
        freed = time.monotonic()
        wait_until(lambda: intake_status(daemon) == 200, what="intake to go on", seconds=RESUME_SECONDS_MAX)
        assert time.monotonic() - freed < RESUME_SECONDS_MAX
    until_quiet(daemon)
    aftermath = look(daemon, load.started, tmp_path / "marks")
    assert not load.bugs
    assert not aftermath.faults, "\n".join(aftermath.faults[:10])


def test_a_daemon_that_is_killed_on_a_full_disk_goes_on_after_a_start_on_a_freed_one(
    disk: Disk, daemon: Daemon, tmp_path: Path
) -> None:
    wait_until((daemon.data / "ballast").exists, what="the ballast to be there")
    with load_on(daemon.url, seed=2, flows=_QUICK) as load:
        wait_until(lambda: len(load.started) > 10, what="a load")
        disk.fill_until_refused(daemon)
        daemon.kill_hard()
    disk.free(daemon)
    daemon.start_process()
    until_quiet(daemon)
    aftermath = look(daemon, load.started, tmp_path / "marks")
    assert not aftermath.faults, "\n".join(aftermath.faults[:10])


STORES = """\
id: stores
namespace: company.team
inputs:
  - {id: mebibytes, type: INT}
tasks:
  - id: make
    type: io.kestra.plugin.scripts.python.Script
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    outputFiles: [made]
    script: open("made", "wb").write(bytes({{ inputs.mebibytes }} << 20))
"""


def test_a_full_internal_storage_fails_the_task_that_needs_room_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "storage"
    place.mkdir()
    if not mount(place):
        pytest.skip("no disk can be mounted here")
    try:
        with running(tmp_path, {"flows/stores.yaml": STORES}, arguments=["--storage", str(place)]) as daemon:
            failed = daemon.run("stores", {"mebibytes": (DISK_BYTES >> 20) + 1})
            assert failed.state == "FAILED"
            assert "Internal storage is full: kestra:///company/team/stores/" in failed.run_of("make").failures[0]
            assert [path for path in place.rglob("*") if path.is_file()] == [], "what was begun is gone"
            assert daemon.run("stores", {"mebibytes": 1}).state == "SUCCESS"
            assert daemon.http.get("/health").status_code == 200
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
