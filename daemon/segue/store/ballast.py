"""Ballast: a file that does nothing but take space, to be dropped when the disk is full. It gives what runs enough
room to end, and a full SQLite database cannot even delete.
"""

import os
from pathlib import Path
from typing import Final

BALLAST_BYTES: Final = 16 * 1024 * 1024


class Ballast:
    def __init__(self, path: Path, size: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size = size
        self.is_there = False

    def take(self) -> bool:
        """Make the file if there is room for it; say whether it is there. Half a file is removed again."""
        if self.is_there:
            return True
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, self._size)
            self.is_there = True
        except OSError:
            self.drop()
        finally:
            os.close(descriptor)
        return self.is_there

    def drop(self) -> None:
        self.is_there = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            os.truncate(self._path, 0)
