"""The lock of a data folder: one daemon each. The kernel frees it when its holder dies, however it dies."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from segue.store.errors import DatabaseInUse

LOCK_NAME: Final = "segue.lock"


class FolderLock:
    """Held from when it is made until `release`."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(os.read(self._descriptor, 32))
            os.close(self._descriptor)
            raise DatabaseInUse(folder, pid) from None
        with suppress(OSError):  # on a full disk the lock holds all the same, its holder only stays nameless
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """The file stays: removing it would let two daemons hold two locks of the same name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _pid_in(content: bytes) -> int | None:
    text = content.strip()
    return int(text) if text.isdigit() else None
