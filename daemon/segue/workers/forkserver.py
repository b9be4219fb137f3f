"""The process that forks workers: started once, with everything imported, so that a worker is there in milliseconds
and shares its memory with the others. It has one thread and opens nothing, so forking it is safe.

The daemon sends it one end of a socket pair for each worker (a packet `start` with a descriptor); it answers with the
worker's process id and a pidfd, and tells of each worker that ended how it did. When the daemon's end of the control
socket closes it leaves, and its workers get SIGHUP.

This is ours rather than multiprocessing's forkserver: that one imports the daemon's main module again in each
worker, runs a further process to track resources, and blocks the caller until the worker has started.
"""

import array
import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import sys
from types import FrameType
from typing import Final, NoReturn

from segue.workers import child
from segue.workers.settings import PACKET_BYTES_MAX, WorkerSettings

_PR_SET_NAME: Final = 15
_PR_SET_DUMPABLE: Final = 4


def serve(control: socket.socket, settings: WorkerSettings) -> None:
    """Until the daemon's end closes."""
    name_process("segue-forks")
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which scripts would inherit
    signal.signal(signal.SIGCHLD, lambda number, frame: _tell_ends(control, number, frame))
    gc.collect()
    gc.freeze()
    while True:
        packet, descriptors = _receive(control)
        if not packet:
            return
        channel = socket.socket(fileno=descriptors[0])
        _start_worker(control, channel, settings, json.loads(packet)["worker"])


def name_process(name: str) -> None:
    """What `ps` shows."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    try:
        packet, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 1)
    except ConnectionError:
        return b"", []
    return packet, list(descriptors)


def _start_worker(control: socket.socket, channel: socket.socket, settings: WorkerSettings, name: str) -> None:
    # The end of a worker must not be told before its start: signals wait meanwhile.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    process_id = os.fork()
    if process_id == 0:
        _become_worker(control, channel, settings, name)
    channel.close()
    pidfd = os.pidfd_open(process_id)
    packet = json.dumps({"worker": name, "pid": process_id}).encode()
    with contextlib.suppress(OSError):
        control.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))])
    os.close(pidfd)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def _become_worker(control: socket.socket, channel: socket.socket, settings: WorkerSettings, name: str) -> NoReturn:
    code = 3
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        name_process(f"segue-{name}")
        child.main(channel, settings)
        code = 0
    except SystemExit:
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process may not run on as a second forkserver
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell_ends(control: socket.socket, _number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            process_id, status = os.waitpid(-1, os.WNOHANG)
            if process_id == 0:
                return
            ended = {"ended": process_id, "code": os.waitstatus_to_exitcode(status)}
            with contextlib.suppress(OSError):
                control.send(json.dumps(ended).encode())


def main() -> None:
    """Arguments: the descriptors of the control socket and of the settings. These hold secrets, so they come in a
    descriptor, not in arguments or environment, which others can read."""
    control_fd, settings_fd = (int(argument) for argument in sys.argv[1:3])
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    with os.fdopen(settings_fd, "rb") as file:
        settings = WorkerSettings.of_json(file.read())
    serve(socket.socket(fileno=control_fd), settings)
