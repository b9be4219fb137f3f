"""Settling: from files that move to batches of files that rest. No clock and no file system: marks and times are given.

A file is settled when its mark has not changed for the debounce time. A batch is made when everything in motion has
settled, or - so that one file that is written all day does not hold up the others - when something settled has waited
`WAIT_MAX`. What ends where it began, like a temporary file, is nobody's news.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from segue.triggers.snapshots import FileMark, Snapshot

BATCH_FILES_MAX: Final = 1_000
WAIT_MAX: Final = 10.0
_ROUNDING: Final = 1e-6


class FileEvent(StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class FileChange(Struct, frozen=True, kw_only=True):
    """What happened to a file. `path` is relative to the folder; a deleted file has the mark it had last."""

    path: str
    event: FileEvent
    mark: FileMark


class _Moving(Struct):
    mark: FileMark | None
    rests_since: float


class Settling:
    """Files in motion over a snapshot of those at rest. Times are seconds of one monotonic clock."""

    def __init__(self, known: Snapshot, debounce: float) -> None:
        self._known = dict(known)
        self._debounce = debounce
        self._moving: dict[str, _Moving] = {}

    @property
    def snapshot(self) -> dict[str, FileMark]:
        return dict(self._known)

    @property
    def known_paths(self) -> frozenset[str]:
        return frozenset(self._known) | frozenset(self._moving)

    def see(self, path: str, mark: FileMark | None, at: float) -> None:
        """The file looks like this now; None: it is gone."""
        moving = self._moving.get(path)
        if moving is None:
            if mark != self._known.get(path):
                self._moving[path] = _Moving(mark, at)
        elif moving.mark != mark:
            moving.mark, moving.rests_since = mark, at

    def look_again_at(self) -> float | None:
        """When something may have settled; None while nothing moves."""
        if not self._moving:
            return None
        latest = max(each.rests_since for each in self._moving.values())
        return min(latest, self._oldest() + WAIT_MAX) + self._debounce

    def _oldest(self) -> float:
        return min(each.rests_since for each in self._moving.values())

    def resting(self, at: float) -> list[str]:
        """The paths whose time is up: the caller looks at them once more before it asks for `settled`."""
        limit = at - self._debounce + _ROUNDING
        return [path for path, each in self._moving.items() if each.rests_since <= limit]

    def settled(self, at: float) -> list[FileChange]:
        """The next batch, ordered by time of change and path; empty while it has to wait."""
        paths = self.resting(at)
        if not paths or (
            len(paths) < len(self._moving) and at < self._oldest() + self._debounce + WAIT_MAX - _ROUNDING
        ):
            return []
        changes = [change for path in paths if (change := self._changed(path)) is not None]
        changes.sort(key=lambda change: (change.mark.modified_ns, change.path))
        for change in changes[:BATCH_FILES_MAX]:
            self._take(change.path)
        return changes[:BATCH_FILES_MAX]

    def _changed(self, path: str) -> FileChange | None:
        mark, known = self._moving[path].mark, self._known.get(path)
        if mark == known:
            del self._moving[path]
            return None
        if mark is None:
            assert known is not None
            return FileChange(path=path, event=FileEvent.DELETE, mark=known)
        return FileChange(path=path, event=FileEvent.UPDATE if known else FileEvent.CREATE, mark=mark)

    def _take(self, path: str) -> None:
        mark = self._moving.pop(path).mark
        if mark is None:
            self._known.pop(path, None)
        else:
            self._known[path] = mark
