"""A doorbell for a source on this machine: it rings when the repository's refs may have moved.

It may ring for nothing, and never says what happened: refs are replaced by rename, packed, or kept in tables that
only git can read, so whoever hears it asks git. Where the kernel tells nothing (network disks, some containers) git is
asked every second instead.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct
from watchfiles import Change, awatch

from segue.git.environment import local_environment, trusted_folders
from segue.git.runner import GitError, run_git

# watchfiles wakes that often in each of two threads, news or none: at 10 ms they alone cost 0.7 % of a core.
STEP_MS: Final = 25
DEBOUNCE_MS: Final = 100
FLOOR_SECONDS: Final = 1.0
_POLL_DELAY_MS: Final = 300

# Below the folder itself (not deeper) these say that refs moved; `refs/` and `reftable/` are watched in depth.
_TELLING: Final = frozenset({"HEAD", "packed-refs", "refs", "reftable"})


class WatchedFolders(Struct, frozen=True):
    """Where a repository's refs live. A linked worktree has a HEAD of its own and shares the rest."""

    flat: tuple[Path, ...]
    deep: tuple[Path, ...]


class RefWatch:
    """Rings for one local repository: `async for _ in watch.rings(stop)`."""

    def __init__(self, location: Path, *, force_polling: bool = False, floor_seconds: float = FLOOR_SECONDS) -> None:
        self._location = location
        self._force_polling = force_polling
        self._floor_seconds = floor_seconds
        self._environment = local_environment(trusted=trusted_folders())

    async def rings(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Rings once when the watch begins, then at each change until `stop` is set. Many at once are one ring."""
        bell = asyncio.Event()
        ringing = [asyncio.create_task(self._ring(bell, stop)), asyncio.create_task(_ring_once(bell, stop))]
        try:
            while not stop.is_set():
                await bell.wait()
                bell.clear()
                if not stop.is_set():
                    yield
        finally:
            for task in ringing:
                task.cancel()
            await asyncio.gather(*ringing, return_exceptions=True)

    async def _ring(self, bell: asyncio.Event, stop: asyncio.Event) -> None:
        """Watch for as long as watching works, and else ask; a repository that was replaced is watched anew."""
        while not stop.is_set():
            with contextlib.suppress(OSError, RuntimeError, GitError):
                folders = await asyncio.to_thread(self._folders)
                await self._watch(folders, bell, stop)
            if not stop.is_set():
                bell.set()
                await self._ask_for_a_while(bell, stop)

    async def _watch(self, folders: WatchedFolders, bell: asyncio.Event, stop: asyncio.Event) -> None:
        over = asyncio.Event()
        watches = (
            asyncio.create_task(self._watch_some(folders.flat, bell, over, is_deep=False)),
            asyncio.create_task(self._watch_some(folders.deep, bell, over, is_deep=True)),
            asyncio.create_task(self._until_gone(folders, stop)),
        )
        await asyncio.sleep(0)  # by then they watch
        bell.set()  # for what moved before they did
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            over.set()
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _watch_some(
        self, paths: Iterable[Path], bell: asyncio.Event, over: asyncio.Event, *, is_deep: bool
    ) -> None:
        changes = awatch(
            *paths,
            watch_filter=_any_change if is_deep else _telling_change,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=over,
            recursive=is_deep,
            force_polling=self._force_polling or None,
            poll_delay_ms=_POLL_DELAY_MS,
        )
        async for _ in changes:
            bell.set()

    async def _until_gone(self, folders: WatchedFolders, stop: asyncio.Event) -> None:
        """Ends when asked to, or when a watched folder is no longer the one that is watched."""
        watched = _identities(folders)
        while _identities(folders) == watched:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._floor_seconds)
                return

    async def _ask_for_a_while(self, bell: asyncio.Event, stop: asyncio.Event, rounds: int = 30) -> None:
        """Ring when git's answer differs from the one before; then watching is tried again."""
        last = await asyncio.to_thread(self._refs)
        for _ in range(rounds):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._floor_seconds)
                return
            now = await asyncio.to_thread(self._refs)
            if now != last:
                last = now
                bell.set()

    def _folders(self) -> WatchedFolders:
        output = self._git("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
        git_dir, common = (Path(os.fsdecode(line)) for line in output.splitlines())
        deep = tuple(folder for folder in (common / "refs", common / "reftable") if folder.is_dir())
        return WatchedFolders(tuple(dict.fromkeys((git_dir, common))), deep)

    def _refs(self) -> bytes:
        try:
            return self._git("rev-parse", "HEAD", "--all")
        except GitError as error:
            return str(error).encode()

    def _git(self, *arguments: str) -> bytes:
        # The repository is named by -C, not --git-dir, because only git knows where a linked worktree keeps its own.
        # rev-parse reads refs and runs nothing that the repository's configuration names.
        look = ("-c", "safe.bareRepository=all", "-C", str(self._location))
        return run_git(None, *look, *arguments, timeout=10, environment=self._environment)


async def _ring_once(bell: asyncio.Event, stop: asyncio.Event) -> None:
    """Ring when the watch ends, so that who waits for the bell notices."""
    await stop.wait()
    bell.set()


def _telling_change(_change: Change, path: str) -> bool:
    return os.path.basename(path) in _TELLING  # noqa: PTH119 - called for every event, on a plain string


def _any_change(_change: Change, path: str) -> bool:
    return not path.endswith(".lock")


def _identities(folders: WatchedFolders) -> tuple[tuple[int, int] | None, ...]:
    return tuple(_identity(folder) for folder in (*folders.flat, *folders.deep))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
