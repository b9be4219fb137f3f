"""The real daemon for tests: `segue serve` as a process of its own, on a free port, with its own data folder.

    with running(tmp_path, {"flows/company.team/hello.yaml": flow_text()}) as daemon:
        assert daemon.run("hello").state == "SUCCESS"

What it prints is in the message of every wait that fails. Nothing of the caller's `SEGUE_*` or Git settings reaches it.
"""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import httpx2

from tests.support import prefork
from tests.support.client import Client
from tests.support.repositories import Repository
from tests.support.waiting import wait_until

SEGUE: Final = Path(sys.executable).parent / "segue"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
COMMAND_SECONDS: Final = 60.0
_OUTPUT_SHOWN: Final = 8000
_FOREIGN = ("SEGUE_", "GIT_", "SECRET_", "ENV_")


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without what would change how Segue or Git work."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | dict(more or {})


def segue(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of the command line, to its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = begin(arguments, folder=cwd, environment=clean_environment(environment), stdout=stdout, stderr=stderr)
        try:
            code = process.wait(COMMAND_SECONDS)
        finally:
            process.kill()
        said = []
        for file in (stdout, stderr):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(["segue", *arguments], code, *said)


def begin(
    arguments: Sequence[str],
    *,
    folder: Path | None,
    environment: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    is_fresh: bool = False,
) -> "subprocess.Popen[bytes] | prefork.Process":
    """A process of `segue`, started in the fastest way that makes no difference."""
    if not is_fresh and prefork.can_start(environment):
        return prefork.start(arguments, folder=folder, environment=environment, stdout=stdout, stderr=stderr)
    return subprocess.Popen(
        [SEGUE, *arguments], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=folder, env=environment
    )


class Daemon(Client):
    """A daemon process and the calls a user makes of it. `start_process` may be called again after it has ended: the
    same source, data folder and port. `is_fresh`: the console script itself is started, as a user does."""

    def __init__(
        self,
        source: Repository | str,
        folder: Path,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        is_fresh: bool = False,
    ) -> None:
        super().__init__()
        self.folder, self.data = folder, folder / "data"
        self.source = str(source.path) if isinstance(source, Repository) else source
        self.port = 0
        self.process: subprocess.Popen[bytes] | prefork.Process | None = None
        self._repository = source if isinstance(source, Repository) else None
        self._arguments = list(arguments)
        self._is_fresh = is_fresh
        self._environment = clean_environment(environment)
        self._log = folder / "daemon.log"
        self._log_start = 0

    @property
    def repository(self) -> Repository:
        assert self._repository is not None, f"the daemon follows {self.source}"
        return self._repository

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the daemon was not started"
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        """The end of what this process has printed."""
        if not self._log.exists():
            return ""
        return self._log.read_bytes()[self._log_start :].decode(errors="replace")[-_OUTPUT_SHOWN:]

    # Starting.

    def start_process(self, *, wait: bool = True) -> "Daemon":
        assert not self.is_running, "the daemon runs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        flags = ["--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data), *self._arguments]
        with self._log.open("ab") as log:
            self.process = begin(
                ["serve", self.source, *flags],
                folder=self.folder,
                environment=self._environment,
                stdout=log,
                stderr=log,
                is_fresh=self._is_fresh,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Until flows are live and requests are taken."""
        wait_until(self._is_ready, what="the daemon to be ready", seconds=READY_SECONDS, seen=self._process_seen)

    def _is_ready(self) -> bool:
        assert self.is_running, f"the daemon ended before it was ready: {self._process_seen()}"
        if self.port == 0 and not self._find_port():
            return False
        try:
            return self.http.get("/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def _find_port(self) -> bool:
        """With port 0 the daemon takes a free one, and says which when it is ready."""
        said = re.search(r"serves http://127\.0\.0\.1:(\d+)", self.output())
        if said is None:
            return False
        self.port = int(said[1])
        self.http.base_url = self.url
        return True

    def _process_seen(self) -> str:
        code = None if self.process is None else self.process.poll()
        return f"exit code {code}, output:\n{self.output()}"

    # Ending.

    def stop(self) -> None:
        """End it as an init system would. It has to go in time, with exit code 0, and leave no process behind."""
        assert self.process is not None, "the daemon was not started"
        instance = self.instance
        self.process.terminate()
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            said = self.output()
            self.kill_hard()
            raise AssertionError(f"the daemon did not end within {STOP_SECONDS} s of SIGTERM:\n{said}") from error
        assert code == 0, self._process_seen()
        assert not (left := marked_processes(instance)), f"left behind: {_shown(left)}\n{self.output()}"

    def kill_hard(self) -> None:
        """SIGKILL to the daemon's own process, as by the kernel out of memory."""
        assert self.process is not None, "the daemon was not started"
        if self.is_running:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def restart(self) -> "Daemon":
        """Stop it, and start it again at the same place."""
        self.stop()
        return self.start_process()

    def discard(self) -> None:
        """End it and all its processes whatever state they are in: how a test that failed cleans up."""
        if self.process is None:
            return
        self.kill_hard()
        for pid in marked_processes(self.instance):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    @property
    def instance(self) -> str:
        """What every process of this data folder has in its environment as SEGUE_INSTANCE; "" before it was ready."""
        database = self.data / "segue.db"
        if not database.exists():
            return ""
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
        try:
            row = connection.execute("SELECT value FROM settings WHERE name = 'instance'").fetchone()
        except sqlite3.OperationalError:
            return ""  # killed before its first schema was there
        finally:
            connection.close()
        return "" if row is None else str(row[0]).strip('"')


def marked_processes(instance: str) -> list[int]:
    """Living processes that belong to the data folder with this mark."""
    if not instance:
        return []
    mark = f"SEGUE_INSTANCE={instance}".encode()
    return [pid for pid in _process_ids() if mark in _environment_of(pid).split(b"\0") and not _is_zombie(pid)]


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _shown(pids: Sequence[int]) -> str:
    """What these processes are, as far as they still are."""
    lines = []
    for pid in pids:
        try:
            process = Path(f"/proc/{pid}")
            command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            lines.append(f"{pid} [{command.strip()}] {process.joinpath('stat').read_text().strip()}")
        except OSError as error:
            lines.append(f"{pid}: {error}")
    return "\n".join(lines)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextmanager
def running(
    folder: Path,
    files: Mapping[str, str | bytes | None] | None = None,
    *,
    source: Repository | str | None = None,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Daemon]:
    """A daemon that follows a new repository in `folder` with these files (or the `source` given). Stopped at the end,
    and then held to what `Daemon.stop` asks for."""
    if source is None:
        source = Repository(folder / "repository")
        source.commit(files)
    daemon = Daemon(source, folder, arguments=arguments, environment=environment)
    try:
        yield daemon.start_process()
        if daemon.is_running:
            daemon.stop()
    finally:
        daemon.discard()
        daemon.http.close()
