"""The files of a namespace as of a commit: listed, read, and written out for a task.

They come straight out of the object store, so what a task reads is byte for byte what was committed - a checkout or an
archive would convert line endings and obey attributes - and belongs to the commit that the execution is pinned to,
whatever is pushed meanwhile. Links and submodules are no files.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct
from pathspec import GitIgnoreSpec

from segue.git.blobs import BLOB_SIZE_MAX, BlobMissing, BlobReader, sizes_of
from segue.git.history import MODE_EXECUTABLE, files_at
from segue.git.layout import NamespaceFile, is_sound_path, may_be_namespace_file, refusal
from segue.git.readings import layout_at

FILE_SIZE_MAX: Final = 64 * BLOB_SIZE_MAX
TOTAL_SIZE_MAX: Final = 1 << 30
FILES_MAX: Final = 10_000
_COMMITS_HELD_MAX: Final = 16


class StoredFile(Struct, frozen=True):
    """A file under the path that the namespace's tasks know it by."""

    path: str
    blob: str
    is_executable: bool


class TooManyFiles(Exception):
    def __init__(self, namespace: str, count: int) -> None:
        super().__init__(f"{namespace} has {count:,} files to write; at most {FILES_MAX:,} are")


_Namespaces = Mapping[str | None, Mapping[str, StoredFile]]


class NamespaceFiles:
    """Reads namespace files of one repository, from any thread. What lies where is held for the latest commits."""

    def __init__(self, git_dir: Path, reader: BlobReader) -> None:
        self._git_dir = git_dir
        self._reader = reader
        self._held: OrderedDict[str, _Namespaces] = OrderedDict()
        self._lock = threading.Lock()

    def files(self, commit_id: str, namespace: str) -> tuple[StoredFile, ...]:
        """The namespace's files, by path."""
        found = self._of(commit_id, namespace)
        return tuple(found[path] for path in sorted(found))

    def sizes(self, files: Iterable[StoredFile]) -> dict[str, int]:
        """Bytes of each file, by its blob."""
        return sizes_of(self._git_dir, {file.blob for file in files})

    def read(self, commit_id: str, namespace: str, path: str, *, size_max: int = FILE_SIZE_MAX) -> bytes:
        """A file's bytes. Raises BlobMissing or BlobTooLarge."""
        found = self._of(commit_id, namespace).get(path.removeprefix("/"))
        if found is None:
            raise BlobMissing(f"{namespace}: {path}")
        return self._reader.read(found.blob, size_max=size_max)

    def materialise(
        self,
        commit_id: str,
        namespace: str,
        into: Path,
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> tuple[str, ...]:
        """Write the namespace's files into a folder that is new or empty, and answer with their paths.

        Patterns are those of .gitignore: `*.py` matches at any depth, `/data/*.csv` from the top. Raises TooManyFiles,
        or BlobTooLarge for a file that is too large by itself or goes beyond what all may have together.
        """
        wanted = _selected(self.files(commit_id, namespace), include, exclude)
        if len(wanted) > FILES_MAX:
            raise TooManyFiles(namespace, len(wanted))
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise FileExistsError(f"{into} is not empty")
        room = TOTAL_SIZE_MAX
        for file in wanted:
            data = self._reader.read(file.blob, size_max=min(room, FILE_SIZE_MAX))
            room -= len(data)
            _write_new(into, file, data)
        return tuple(file.path for file in wanted)

    def _of(self, commit_id: str, namespace: str) -> Mapping[str, StoredFile]:
        namespaces = self._at(commit_id)
        return {**namespaces.get(None, {}), **namespaces.get(namespace, {})}

    def _at(self, commit_id: str) -> _Namespaces:
        with self._lock:
            held = self._held.get(commit_id)
            if held is not None:
                self._held.move_to_end(commit_id)
                return held
        listed = self._list(commit_id)
        with self._lock:
            self._held[commit_id] = listed
            while len(self._held) > _COMMITS_HELD_MAX:
                self._held.popitem(last=False)
        return listed

    def _list(self, commit_id: str) -> _Namespaces:
        layout, _ = layout_at(self._git_dir, self._reader, commit_id)
        matcher = layout.matcher()
        namespaces: dict[str | None, dict[str, StoredFile]] = {}
        for file in files_at(self._git_dir, commit_id):
            if not may_be_namespace_file(file.path):
                continue
            placed = matcher.classify(file.path)
            if isinstance(placed, NamespaceFile) and refusal(file.path, file.mode) is None:
                stored = StoredFile(placed.path, file.blob, file.mode == MODE_EXECUTABLE)
                namespaces.setdefault(placed.namespace, {})[placed.path] = stored
        return MappingProxyType(namespaces)


def _selected(files: tuple[StoredFile, ...], include: Iterable[str], exclude: Iterable[str]) -> tuple[StoredFile, ...]:
    included, excluded = tuple(include), GitIgnoreSpec.from_lines(exclude)
    wanted = GitIgnoreSpec.from_lines(included or ("*",))
    return tuple(file for file in files if wanted.match_file(file.path) and not excluded.match_file(file.path))


def _write_new(into: Path, file: StoredFile, data: bytes) -> None:
    """Write one file where none is. The folder was empty, so that no link in it can lead elsewhere; and the path was
    checked when it was listed, which is checked again here because it is what all depends on."""
    assert is_sound_path(file.path)
    target = into / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if file.is_executable else 0o644
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as written:
        written.write(data)
