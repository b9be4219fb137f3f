"""`segue.trigger.Files`: watches a folder and gives a batch for each set of changes that has come to rest.

watchfiles only rings: what changed is always read from the files themselves and compared with the last snapshot, which
the caller keeps. So nothing is lost while the daemon is down, and nothing is told twice after a restart. A folder that is
not there is waited for; one that is deleted and made anew is watched anew.

Settling is decided in `settling`; looking at files happens in threads, for disks can be slow.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from msgspec import Struct
from watchfiles import Change, awatch

from segue.model.trigger import Files
from segue.triggers.globs import matcher
from segue.triggers.settling import FileChange, FileEvent, Settling
from segue.triggers.snapshots import FileMark, Snapshot, identity, mark_of, scan

TOUCHED_MAX: Final = 50_000
"""Paths remembered between two looks; beyond it the whole folder is read again."""
_TICK: Final = 1.0  # seconds between looks at whether the folder is still the same
_STEP_MS: Final = 50
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FolderNotAllowed(ValueError):
    """The settings do not let flows watch this folder."""


class Batch(Struct, frozen=True, kw_only=True):
    """Files that changed and came to rest, and the snapshot to keep with them in one transaction.

    The first batch of a trigger that has no snapshot yet has no changes: it is what the folder looks like to begin
    with. Batches without changes also come when only changes happened that the trigger does not ask for.
    """

    folder: Path
    changes: tuple[FileChange, ...]
    snapshot: Snapshot

    @property
    def variables(self) -> dict[str, Any]:
        """What `trigger` is in the execution."""
        return {"files": [_told(self.folder, change) for change in self.changes]}


def _told(folder: Path, change: FileChange) -> dict[str, Any]:
    modified = _EPOCH + timedelta(microseconds=change.mark.modified_ns // 1000)
    return {
        "path": str(folder / change.path),
        "name": change.path.rpartition("/")[2],
        "event": str(change.event),
        "size": change.mark.size,
        "modifiedDate": modified.isoformat().replace("+00:00", "Z"),
    }


def folder_of(files: Files, working_folder: Path, allowed: Sequence[Path] = ()) -> Path:
    """The folder to watch: relative to `working_folder`; with `allowed` folders given, in one of them."""
    folder = (working_folder / files.path).resolve()
    if allowed and not any(folder.is_relative_to(each.resolve()) for each in allowed):
        raise FolderNotAllowed(f"{folder} is outside the folders that flows may watch")
    return folder


async def watch(
    files: Files, folder: Path, known: Snapshot | None, tell: Callable[[str], None]
) -> AsyncGenerator[Batch, None]:
    """Batches until the caller stops (closes the iterator, or cancels). `known` is the last kept snapshot, None for a
    trigger that never ran: what lies there already is then no news. `tell` gets a sentence for the trigger's log."""
    watcher = _Watcher(files, folder, tell)
    if known is None:
        known = await asyncio.to_thread(watcher.scanned)
        yield Batch(folder=folder, changes=(), snapshot=known)
    settling = Settling(known, files.debounce.total_seconds())
    while True:
        await watcher.wait_for_folder()
        async with _Bell(folder, recursive=files.recursive) as bell:
            async for batch in watcher.batches(settling, bell):
                yield batch
        if bell.failure is not None:
            await watcher.bear(bell.failure)


class _Bell:
    """watchfiles as a set of touched paths and an event that says there are some."""

    def __init__(self, folder: Path, *, recursive: bool) -> None:
        self.is_watching = False
        self.is_lost = False  # the folder was deleted or moved: the kernel watches nothing any more
        self._folder = folder
        self._recursive = recursive
        self._touched: set[str] | None = set()
        self._rung = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        assert self._task is not None
        await asyncio.wait([self._task])

    async def _listen(self) -> None:
        # A first yield, be it empty, says that the kernel watches; what happened before it needs one more look.
        async for changes in awatch(
            self._folder,
            watch_filter=None,
            debounce=_STEP_MS * 4,
            step=_STEP_MS,
            rust_timeout=int(_TICK * 1000),
            yield_on_timeout=True,
            stop_event=self._stop,
            recursive=self._recursive,
            ignore_permission_denied=True,
        ):
            if not self.is_watching:
                self.is_watching, self._touched = True, None
            # Its number may be given to the next folder at once, so that only this tells.
            self.is_lost = self.is_lost or any(
                path == str(self._folder) and change is Change.deleted for change, path in changes
            )
            if self._touched is not None:
                self._touched.update(path for _, path in changes)
                if len(self._touched) > TOUCHED_MAX:
                    self._touched = None
            self._rung.set()

    async def touched(self, patience: float) -> set[str] | None:
        """The paths touched since the last call, waiting a while for some; None: anything may have changed."""
        assert self._task is not None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), patience)
        self._rung.clear()
        touched, self._touched = self._touched, set()
        return touched

    @property
    def failure(self) -> str | None:
        """Why the kernel does not watch: no folder, or no more watches to be had."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        error = self._task.exception()
        return str(error) if error is not None else "watching ended"


class _Watcher:
    """Reads the folder and feeds what it sees to the settling."""

    def __init__(self, files: Files, folder: Path, tell: Callable[[str], None]) -> None:
        self._files = files
        self._folder = folder
        self._tell = tell
        self._pattern = matcher(files.glob)
        self._wanted = frozenset(FileEvent(event) for event in files.events)
        self._told: set[str] = set()

    def scanned(self, below: str = "") -> dict[str, FileMark]:
        return scan(self._folder, self._pattern, is_recursive=self._files.recursive, tell=self._tell_once, below=below)

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)

    async def wait_for_folder(self) -> None:
        """Nothing is decided while it is away: a mount that comes back has its files as they were."""
        if await asyncio.to_thread(identity, self._folder) is not None:
            return
        self._tell(f"waits for folder {self._folder}, which is not there")
        while await asyncio.to_thread(identity, self._folder) is None:  # noqa: ASYNC110 - nobody rings for it
            await asyncio.sleep(_TICK)
        self._tell(f"folder {self._folder} is there")

    async def bear(self, failure: str) -> None:
        """Without the kernel's help the folder is read every second."""
        self._tell_once(f"cannot watch {self._folder}, so it is looked at every second: {failure}")
        await asyncio.sleep(_TICK)

    async def batches(self, settling: Settling, bell: _Bell) -> AsyncIterator[Batch]:
        """Batches as long as the folder is the same one."""
        folder = await asyncio.to_thread(identity, self._folder)
        await self._see_all(settling)
        while True:
            async for batch in self._settled(settling):
                yield batch
            touched = await bell.touched(self._patience(settling))
            if bell.is_lost or bell.failure is not None:
                return
            if await asyncio.to_thread(identity, self._folder) != folder:
                return
            if touched is None:
                await self._see_all(settling)
            elif touched:
                await self._see(settling, touched)

    def _patience(self, settling: Settling) -> float:
        again = settling.look_again_at()
        return _TICK if again is None else min(_TICK, max(0.01, again - _now()))

    async def _settled(self, settling: Settling) -> AsyncIterator[Batch]:
        """All batches that are ready, each file looked at once more before."""
        resting = settling.resting(_now())
        if not resting:
            return
        marks = await asyncio.to_thread(self._marks, resting)
        at = _now()
        for path, mark in marks.items():
            settling.see(path, mark, at)
        while changes := settling.settled(at):
            wanted = tuple(change for change in changes if change.event in self._wanted)
            yield Batch(folder=self._folder, changes=wanted, snapshot=settling.snapshot)

    def _marks(self, paths: Iterable[str]) -> dict[str, FileMark | None]:
        return {path: mark_of(self._folder / path) for path in paths}

    async def _see_all(self, settling: Settling) -> None:
        found = await asyncio.to_thread(self.scanned)
        at = _now()
        for path in settling.known_paths | found.keys():
            settling.see(path, found.get(path), at)

    async def _see(self, settling: Settling, touched: set[str]) -> None:
        found = await asyncio.to_thread(self._looked_at, touched, settling.known_paths)
        at = _now()
        for path, mark in found.items():
            settling.see(path, mark, at)

    def _looked_at(self, touched: set[str], known: frozenset[str]) -> dict[str, FileMark | None]:
        """The touched files as they are; of a touched folder all files in it, and those that were."""
        found: dict[str, FileMark | None] = {}
        folders: set[str] = set()
        for absolute in touched:
            path = Path(absolute)
            if not path.is_relative_to(self._folder) or path == self._folder:
                continue
            relative = path.relative_to(self._folder).as_posix()
            mark = mark_of(path)
            if mark is None and relative not in known:
                folders.add(relative)
            elif self._pattern.fullmatch(relative):
                found[relative] = mark
        return found | self._below(folders, known) if folders and self._files.recursive else found

    def _below(self, folders: set[str], known: frozenset[str]) -> dict[str, FileMark | None]:
        found: dict[str, FileMark | None] = {
            path: None for path in known if any(parent in folders for parent in _parents(path))
        }
        for folder in folders:
            found |= self.scanned(folder)
        return found


def _parents(path: str) -> list[str]:
    return [path[:at] for at, letter in enumerate(path) if letter == "/"]


def _now() -> float:
    return asyncio.get_running_loop().time()
