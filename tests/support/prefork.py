"""Starts of `segue` in a hundredth of the time: one process imports the program once and forks for each start.

    process = start(["validate", "flows"], folder=..., environment=..., stdout=..., stderr=...)
    assert process.wait(60) == 0

What is forked runs the console script's own function as the main function of a process with arguments, folder,
environment and standard streams of its own, and ends as the interpreter ends. It is a real process: it has its id, is
ended by signals, and leaves its exit code. What a start costs, and what is imported for it, is for tests that start the
console script itself.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from segue.cli.main import main as segue_main

_PACKET_BYTES_MAX: Final = 1 << 17
# What reads the environment as it is imported, or when the interpreter starts: such a start has to be a fresh one.
_OF_THE_INTERPRETER: Final = ("PYTHON", "LD_", "LC_", "LANG")
_MODULES: Final = ("segue.cli.serve", "segue.cli.run", "segue.cli.test", "segue.cli.validate", "segue.cli.eval")
_PROGRAM: Final = "from tests.support import prefork; prefork.main()"


class Process:
    """One start. The calls are those of `subprocess.Popen` that tests make."""

    def __init__(self, status: socket.socket) -> None:
        self.returncode: int | None = None
        self._status = status
        self.pid = int(self._told())

    def poll(self) -> int | None:
        return self._ended_within(0.0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended_within(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("segue", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], seconds)[0]:
            self.returncode = int(self._told())
            self._status.close()
        return self.returncode

    def _told(self) -> bytes:
        said = self._status.recv(64)
        assert said, "the process that starts segue has ended"
        return said


def can_start(environment: Mapping[str, str]) -> bool:
    """Would this environment change nothing about what is imported already."""
    return _of_the_interpreter(environment) == _of_the_interpreter(os.environ)


def start(
    arguments: Sequence[str],
    *,
    folder: Path | None,
    environment: Mapping[str, str],
    stdout: IO[Any],
    stderr: IO[Any],
) -> Process:
    """`segue` with these arguments, reading nothing. Whoever calls may close the streams."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = {"arguments": list(arguments), "folder": str(folder or Path.cwd()), "environment": dict(environment)}
    with theirs:
        descriptors = [theirs.fileno(), stdout.fileno(), stderr.fileno()]
        socket.send_fds(_starter(), [json.dumps(order).encode()], descriptors)
    return Process(ours)


def _of_the_interpreter(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_OF_THE_INTERPRETER)}


@functools.cache
def _starter() -> socket.socket:
    """The control socket of the process that forks. It leaves when this one does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # so that output is buffered as that of a program in a pipe
            cwd=Path(__file__).parents[2],
        )

    def leave() -> None:
        ours.close()
        process.wait()

    atexit.register(leave)
    return ours


# The process that forks.


def main() -> None:
    gc.disable()
    for module in _MODULES:
        importlib.import_module(module)
    gc.freeze()
    gc.enable()
    control = socket.socket(fileno=int(sys.argv[1]))
    statuses: dict[int, socket.socket] = {}
    signal.signal(signal.SIGCHLD, lambda *_: _tell_ends(statuses))
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, _PACKET_BYTES_MAX, 3)
        if not packet:
            return
        with _signals_wait():  # an end must not be told before its start
            pid = os.fork()
            if pid == 0:
                for each in (control, *statuses.values()):
                    each.close()
                break
            status, *streams = descriptors
            for stream in streams:
                os.close(stream)
            statuses[pid] = socket.socket(fileno=status)
            statuses[pid].send(str(pid).encode())
    _become_segue(descriptors, **json.loads(packet))


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _tell_ends(statuses: dict[int, socket.socket]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with statuses.pop(ended[0]) as status, contextlib.suppress(BrokenPipeError):
                status.send(str(os.waitstatus_to_exitcode(ended[1])).encode())


def _become_segue(descriptors: list[int], arguments: list[str], folder: str, environment: dict[str, str]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, stdout, stderr = descriptors
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.closerange(3, max(descriptors) + 1)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path.remove("")  # of the -c that started this process; a console script does not look where it is started
    sys.argv = [str(Path(sys.executable).parent / "segue"), *arguments]
    segue_main()
    raise AssertionError("segue ends its process")
