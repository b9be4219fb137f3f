"""Python environments with packages, or of another version: made once for each content, and kept for the next time.

An environment is named by what is in it. Its lock file is held shared by those who use it and exclusively by who makes
or removes it, so one that is asked for by many at once is made once, and none is removed under a script. It counts as
made only when its mark is there: one that was cut short, or could not be made, is removed.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.model.order import LogLevel
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.scripts import process
from segue.tasks.scripts.process import Command
from segue.tasks.scripts.protocol import Hearing

ENVIRONMENTS_MAX: Final = 50
FOLDER: Final = "python"
_MARK: Final = ".made"
_QUIET: Final = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be in it. `version` "" is that of the Python that tasks run with."""

    requirements: tuple[str, ...] = ()
    version: str = ""
    with_uv: bool = True
    is_kept: bool = True


@contextlib.contextmanager
def provided(wanted: Wanted, context: TaskContext) -> Iterator[Path]:
    """The folder of the environment, for as long as it is used."""
    maker = _Maker(wanted, context)
    if not wanted.is_kept:
        with tempfile.TemporaryDirectory(prefix=f"{FOLDER_PREFIX}python-", dir=_made(context.surroundings.work)) as own:
            maker.make(Path(own))
            yield Path(own)
        return
    folder = _made(context.surroundings.work / FOLDER) / maker.key
    with _locked(folder) as lock:
        while not (folder / _MARK).exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / _MARK).exists():
                maker.make(folder)
                _remove_oldest(folder)
            fcntl.flock(lock, fcntl.LOCK_SH)
        (folder / _MARK).touch()
        yield folder


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock
    finally:
        os.close(lock)


def _remove_oldest(unless: Path) -> None:
    """Those that were not used for longest, as far as nobody uses them now."""
    marks = sorted(unless.parent.glob(f"*/{_MARK}"), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in marks[ENVIRONMENTS_MAX:]:
        lock = os.open(mark.parent.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mark.unlink(missing_ok=True)
            shutil.rmtree(mark.parent, ignore_errors=True)
        os.close(lock)


class _Maker:
    def __init__(self, wanted: Wanted, context: TaskContext) -> None:
        self._wanted = wanted
        self._context = context
        environment = context.surroundings.environment
        self._search_path = environment.get("PATH", os.defpath)
        self._uv = shutil.which("uv", path=self._search_path) if wanted.with_uv else None
        self._python = self._interpreter()

    @property
    def key(self) -> str:
        content = [sys.version, self._python, self._wanted.version, *sorted(self._wanted.requirements)]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:24]

    def make(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        said = ", ".join(self._wanted.requirements) or f"Python {self._wanted.version}"
        self._context.log(LogLevel.INFO, f"Making a Python environment with {said}")
        try:
            for arguments in self._steps(folder):
                self._run(arguments, folder)
            (folder / _MARK).touch()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _interpreter(self) -> str:
        """The program of the wanted version; with uv its number is enough, it finds or fetches it."""
        own = self._context.surroundings.python
        version = self._wanted.version
        if not version or (own == sys.executable and is_own_version(version)):
            return own
        if self._uv is not None:
            return version
        found = shutil.which(version if version.startswith("python") else f"python{version}", path=self._search_path)
        if found is None:
            raise TaskFailed(
                f"pythonVersion: there is no Python {version} on the PATH of this machine. Install it, or install uv, "
                "which fetches it"
            )
        return found

    def _steps(self, folder: Path) -> Iterator[Sequence[str]]:
        python = str(folder / "bin" / "python")
        packages = self._wanted.requirements
        if self._uv is not None:
            yield [self._uv, "venv", "--quiet", "--allow-existing", "--python", self._python, str(folder)]
            if packages:
                yield [self._uv, "pip", "install", "--quiet", "--python", python, "--", *packages]
            return
        # Our own pip may work on another environment, which then needs none: seconds less.
        lends_pip = self._context.surroundings.python == sys.executable and importlib.util.find_spec("pip") is not None
        yield [self._python, "-m", "venv", *(["--without-pip"] if lends_pip else []), str(folder)]
        if packages:
            pip = [sys.executable, "-m", "pip", "--python", python] if lends_pip else [python, "-m", "pip"]
            yield [*pip, "install", "--quiet", "--", *packages]

    def _run(self, arguments: Sequence[str], folder: Path) -> None:
        environment: Mapping[str, str] = {**self._context.surroundings.environment, **_QUIET}
        command = Command(arguments=arguments, folder=folder, environment=environment)
        exit_code = process.run(command.start, self._context, Hearing(self._context))
        if exit_code:
            raise TaskFailed(f"The dependencies could not be installed: exit code {exit_code}")


def is_own_version(version: str) -> bool:
    """Does the Python that this worker runs with answer to it: `3.11` does to 3.11.7."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    wanted = version.removeprefix("python").strip()
    return own == wanted or own.startswith(f"{wanted}.")
