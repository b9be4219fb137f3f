"""What a watched folder looked like: each file's time and size, by its path relative to the folder."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from re import Pattern
from stat import S_ISDIR, S_ISREG

from msgspec import Struct


class FileMark(Struct, frozen=True):
    """By which a changed file is told from an unchanged one."""

    modified_ns: int
    size: int


Snapshot = Mapping[str, FileMark]


def mark_of(path: str | Path) -> FileMark | None:
    """None if there is no such file (or it is a folder, or cannot be seen)."""
    try:
        found = os.stat(path)  # noqa: PTH116 - called for every file of large folders
    except (OSError, ValueError):
        return None
    return FileMark(found.st_mtime_ns, found.st_size) if S_ISREG(found.st_mode) else None


def scan(
    folder: Path, pattern: Pattern[str], *, is_recursive: bool, tell: Callable[[str], None], below: str = ""
) -> dict[str, FileMark]:
    """All files that match, in the folder or in what lies `below` in it. Folders that cannot be read are told and
    passed over; links to folders are not followed, so that no loop is."""
    found: dict[str, FileMark] = {}
    waiting = [below]
    while waiting:
        relative = waiting.pop()
        try:
            entries = list(os.scandir(folder / relative))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            tell(f"cannot read {folder / relative}: {error.strerror}")
            continue
        for entry in entries:
            path = f"{relative}/{entry.name}" if relative else entry.name
            if _is_folder(entry):
                waiting += [path] if is_recursive else []
            elif pattern.fullmatch(path) and (mark := mark_of(entry.path)):
                found[path] = mark
    return found


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is, so that one deleted and made anew is noticed; None if there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if S_ISDIR(found.st_mode) else None


def plain_snapshot(snapshot: Snapshot) -> dict[str, list[int]]:
    """As JSON, to be kept."""
    return {path: [mark.modified_ns, mark.size] for path, mark in snapshot.items()}


def read_snapshot(kept: Mapping[str, list[int]]) -> dict[str, FileMark]:
    """What `plain_snapshot` made."""
    return {path: FileMark(modified_ns, size) for path, (modified_ns, size) in kept.items()}
