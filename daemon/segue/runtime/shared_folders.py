"""Shared folders: what a WorkingDirectory and its tasks work in, under the work folder. A worker makes one; here it is
removed, once its task run has ended or nobody knows of it any more."""

import asyncio
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from segue.tasks.context import SHARED_PREFIX, shared_folder


class SharedFolders:
    """On the loop's thread; removing is done on others."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._removals: set[asyncio.Task[None]] = set()

    def remove(self, name: str) -> None:
        self._remove_all([shared_folder(self._work, name)])

    def remove_except(self, names: Collection[str]) -> None:
        """At the start, when no worker can be making any."""
        kept = {shared_folder(self._work, name) for name in names}
        self._remove_all(folder for folder in self._work.glob(f"{SHARED_PREFIX}*") if folder not in kept)

    def _remove_all(self, folders: Iterable[Path]) -> None:
        removal = asyncio.get_running_loop().create_task(asyncio.to_thread(_remove, list(folders)))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
