"""Running one command as a process: heard live, ended with all that it started.

The process leads a group of its own. The worker adopts whatever the command leaves behind, so "all that it started"
is simply every process below the worker.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.model.order import LogLevel
from segue.tasks.context import TaskContext
from segue.tasks.interruption import Interrupted
from segue.tasks.kind import TaskFailed
from segue.tasks.scripts import processes
from segue.tasks.scripts.lines import Lines
from segue.tasks.scripts.protocol import Hearing

READ_BYTES: Final = 1 << 16
# How long what the command left running may go on writing to its output before it is ended.
LEFTOVER_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.05
_SIGNALLED: Final = 128  # what a shell adds to the number of the signal that ended a process

# Starts the process with these descriptors as its output and errors; gives back its id.
Start = Callable[[int, int], int]


class Command(Struct, frozen=True, kw_only=True):
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def start(self, stdout: int, stderr: int) -> int:
        try:
            started = subprocess.Popen(
                self.arguments,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                process_group=0,
            )
        except (OSError, ValueError) as error:
            raise TaskFailed(f"Cannot run {self.arguments[0]!r}: {error}") from error
        # It is waited for by id, as its siblings are.
        started.returncode = 0
        return started.pid


def run(start: Start, context: TaskContext, hearing: Hearing) -> int:
    """The exit code: that of the process, or 128 and the signal that ended it."""
    follower = None
    try:
        with context.interruption.held():  # it comes before there is a process, or when all is there to end it
            follower = _started(start, context, hearing)
        return follower.follow()
    except Interrupted:
        if follower is not None:
            follower.end_all(context.surroundings.kill_grace_seconds)
        raise
    finally:
        if follower is not None:
            follower.close()


def _started(start: Start, context: TaskContext, hearing: Hearing) -> "_Follower":
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    error_read, error_write = os.pipe2(os.O_CLOEXEC)
    try:
        pid = start(out_write, error_write)
    except BaseException:
        os.close(out_read)
        os.close(error_read)
        raise
    finally:
        os.close(out_write)
        os.close(error_write)
    return _Follower(pid, (out_read, error_read), context, hearing)


class _Follower:
    """Hears a process through its streams, which are its to close."""

    def __init__(self, pid: int, streams: tuple[int, int], context: TaskContext, hearing: Hearing) -> None:
        self._pid = pid
        self._context = context
        self._exit_code: int | None = None
        self._pidfd = os.pidfd_open(pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pidfd, selectors.EVENT_READ, None)
        hear = ((streams[0], hearing.stdout), (streams[1], hearing.stderr))
        for descriptor, tell in hear:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, (Lines(context.masker), tell))
        self._streams = streams
        self._open = set(streams)

    def follow(self) -> int:
        while self._exit_code is None:
            self._step(None)
        until = time.monotonic() + LEFTOVER_SECONDS
        while self._open and time.monotonic() < until:
            self._step(until - time.monotonic())
        if _has_children():
            self._end_leftovers()
        self._drain()
        return self._exit_code

    def end_all(self, grace_seconds: float) -> None:
        """SIGTERM, the grace time, SIGKILL; its last words are heard."""
        until = time.monotonic() + grace_seconds
        processes.send(processes.descendants(os.getpid()), signal.SIGTERM)
        look = 0.0
        while time.monotonic() < until:
            self._step(min(_LOOK_SECONDS, until - time.monotonic()))
            if time.monotonic() >= look:
                if not processes.descendants(os.getpid()):
                    break
                look = time.monotonic() + _LOOK_SECONDS
        processes.end(lambda: processes.descendants(os.getpid()), 0.0)
        self._drain()
        _has_children()

    def close(self) -> None:
        self._selector.close()
        for descriptor in (self._pidfd, *self._streams):
            os.close(descriptor)

    def _step(self, seconds: float | None) -> None:
        """Hears what there is, or waits for it so long."""
        due = self._context.journal.send_if_due()
        waits = [wait for wait in (seconds, due) if wait is not None]
        for key, _ in self._selector.select(max(min(waits), 0.0) if waits else None):
            if key.data is None:
                self._selector.unregister(self._pidfd)
                self._exit_code = _reap(self._pid)
            else:
                self._hear(key.fd, *key.data)

    def _hear(self, descriptor: int, lines: Lines, tell: Callable[[str], None]) -> bool:
        """Is there possibly more."""
        try:
            data = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(descriptor)
            self._open.discard(descriptor)
        for line in lines.feed(data) if data else lines.flush():
            tell(line)
        return bool(data)

    def _drain(self) -> None:
        """What is still in the pipes, and what stood without an end of line."""
        for key in tuple(self._selector.get_map().values()):
            if key.data is None:
                continue
            lines, tell = key.data
            while self._hear(key.fd, lines, tell):
                pass
            for line in lines.flush():
                tell(line)

    def _end_leftovers(self) -> None:
        count = processes.end(lambda: processes.descendants(os.getpid()), self._context.surroundings.kill_grace_seconds)
        if count:
            self._context.log(LogLevel.WARN, f"Ended {count} process{'es' * (count > 1)} that the command left running")
        _has_children()


def _reap(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _SIGNALLED - code


def _has_children() -> bool:
    """Reaps what has ended. Is there a process left below the worker, be it one that it adopted."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
