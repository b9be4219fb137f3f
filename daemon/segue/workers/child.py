"""The main function of a worker process: one thread, one order at a time, until the daemon closes the socket.

It is the leader of its own session, so that all it started can be found, and the parent of whatever its scripts
leave behind (a *subreaper*), so that nothing of an attempt outlives it.
"""

import ctypes
import gc
import os
import signal
import socket
from pathlib import Path
from typing import Final

from segue.model.order import Order
from segue.tasks.interruption import Interruption
from segue.workers.channel import Channel
from segue.workers.messages import Ready
from segue.workers.perform import Performer
from segue.workers.settings import WorkerSettings

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def main(end: socket.socket, settings: WorkerSettings) -> None:
    """Returns when the daemon's end closes, or the worker is worn."""
    parent = os.getppid()
    os.setsid()
    interruption = Interruption()
    interruption.install()
    signal.signal(signal.SIGINT, lambda *_: None)  # the daemon's affair; SIG_IGN would be inherited by scripts
    library = ctypes.CDLL(None)
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGHUP, 0, 0, 0)
    library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        return  # it died before the prctl above could tell
    gc.freeze()
    _work(Channel(end, interruption), interruption, settings)


def _work(channel: Channel, interruption: Interruption, settings: WorkerSettings) -> None:
    performer = Performer(channel, interruption, settings)
    orders = 0
    try:
        channel.send(Ready())
        while (message := channel.receive()) is not None and not interruption.is_daemon_gone:
            if not isinstance(message, Order):
                continue
            orders += 1
            is_worn = orders >= settings.orders_max or _memory_bytes() > settings.memory_bytes_max
            performer.perform(message, is_worn=is_worn)
    except (BrokenPipeError, ConnectionResetError):
        return  # nobody listens any more


def _memory_bytes() -> int:
    resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(resident) * _PAGE_BYTES
