"""The daemon's side of the forkserver: starts it, has it fork workers, hears of their ends."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from segue.workers.settings import INSTANCE_VARIABLE, PACKET_BYTES_MAX, WorkerSettings

_LEAVE_SECONDS: Final = 5.0
# What lies in the current folder is not to be imported. (The option -P would show in the scripts that are run warm.)
# No collection of garbage while it imports: that is slower and finds none; `serve` freezes what there is.
_PROGRAM: Final = "import gc, sys; gc.disable(); del sys.path[0]; from segue.workers import forkserver; gc.enable(); forkserver.main()"


class Births(Struct, frozen=True, kw_only=True):
    """Whom to tell: a worker has started (its name, process id, pidfd), one has ended (process id, exit code as
    Python gives it), the forkserver itself is gone."""

    started: Callable[[str, int, int], None]
    ended: Callable[[int, int], None]
    lost: Callable[[], None]


class Nursery:
    def __init__(self, settings: WorkerSettings, births: Births) -> None:
        self._settings = settings
        self._births = births
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start_worker(self, name: str) -> socket.socket:
        """The daemon's end of the new worker's socket. Does not wait for the worker."""
        control = self._control or self._open()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            socket.send_fds(control, [json.dumps({"worker": name}).encode()], [theirs.fileno()])
        return ours

    async def close(self) -> None:
        if self._process is None:
            return
        self._close_control()
        process, self._process = self._process, None
        try:
            await asyncio.to_thread(process.wait, _LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    def open(self) -> None:
        """Starts the forkserver, which imports while the daemon goes on."""
        if self._control is None:
            self._open()

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        settings = os.memfd_create("segue-settings")
        os.write(settings, self._settings.to_json())
        os.lseek(settings, 0, os.SEEK_SET)
        passed = (theirs.fileno(), settings)
        with theirs:
            command = [sys.executable, "-c", _PROGRAM, *map(str, passed)]
            environment = {**self._settings.environment, INSTANCE_VARIABLE: self._settings.instance}
            self._process = subprocess.Popen(
                command, pass_fds=passed, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
        os.close(settings)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._on_packet, ours)
        return ours

    def _on_packet(self, control: socket.socket) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            packet, descriptors = b"", []
        if not packet:
            self._on_loss()
            return
        told = json.loads(packet)
        if "worker" in told:
            self._births.started(told["worker"], told["pid"], descriptors[0])
        else:
            self._births.ended(told["ended"], told["code"])

    def _on_loss(self) -> None:
        self._close_control()
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._process = None
        self._births.lost()

    def _close_control(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
