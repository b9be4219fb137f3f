"""Internal storage in a local folder.

Every way to a file is walked folder by folder from the root's descriptor without following symbolic links, so that
neither an address nor a link planted in the folder leads outside. Files are written beside their place and renamed.
(That is why this is not obstore's LocalStore, which follows links and takes an import of its own in every worker.)
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from segue.storage import address as addresses
from segue.storage.storage import FileMissing, StorageFailure, StorageFull, StoredFile

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe there is not waited for
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# ELOOP is O_NOFOLLOW's answer to a link; ENOTDIR that of O_DIRECTORY to a file on the way.
_ABSENT: Final = frozenset({errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.EISDIR})


class LocalStorage:
    """A `Storage` below `root`, which is made when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def check(self) -> None:
        with _said_clearly(str(self._root)), self._folder((), make=True):
            if not os.access(self._root, os.W_OK | os.X_OK):
                raise StorageFailure(f"Internal storage: {self._root} cannot be written to")

    def put(self, address: str, chunks: Iterable[bytes]) -> StoredFile:
        parts = addresses.parts_of(address)
        with _said_clearly(address), self._folder(parts[:-1], make=True) as folder:
            size = _write_whole(folder, parts[-1], chunks)
        return StoredFile(address=address, size=size)

    def open(self, address: str) -> BinaryIO:
        parts = addresses.parts_of(address)
        with _said_clearly(address), self._folder(parts[:-1]) as folder:
            descriptor = os.open(parts[-1], _FILE_FLAGS, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise FileMissing(address)
            return os.fdopen(descriptor, "rb")

    def size(self, address: str) -> int:
        with self.open(address) as file:
            return os.fstat(file.fileno()).st_size

    def exists(self, address: str) -> bool:
        try:
            self.open(address).close()
        except FileMissing:
            return False
        return True

    def delete(self, address: str) -> bool:
        parts = addresses.parts_of(address)
        try:
            with _said_clearly(address), self._folder(parts[:-1]) as folder:
                os.unlink(parts[-1], dir_fd=folder)
        except FileMissing:
            return False
        return True

    def list(self, folder: str) -> Iterator[StoredFile]:
        parts = () if folder == addresses.ROOT else addresses.parts_of(folder)
        with contextlib.suppress(FileMissing), _said_clearly(folder), self._folder(parts) as descriptor:
            yield from _files_below(descriptor, parts)

    def delete_folder(self, folder: str) -> int:
        count = sum(1 for _ in self.list(folder))
        parts = addresses.parts_of(folder)
        with contextlib.suppress(FileMissing), _said_clearly(folder), self._folder(parts[:-1]) as parent:
            shutil.rmtree(parts[-1], dir_fd=parent)
        return count

    @contextlib.contextmanager
    def _folder(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        if make:
            self._root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                below = os.open(part, _FOLDER_FLAGS, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _said_clearly(address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(address) from error
        if error.errno in _ABSENT:
            raise FileMissing(address) from error
        raise StorageFailure(f"Internal storage: {address}: {error.strerror or error}") from error


def _write_whole(folder: int, name: str, chunks: Iterable[bytes]) -> int:
    passing = f".{secrets.token_hex(8)}.part"
    descriptor = os.open(
        passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = sum(file.write(chunk) for chunk in chunks)
        os.rename(passing, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(passing, dir_fd=folder)
        raise
    return size


def _files_below(folder: int, parts: tuple[str, ...]) -> Iterator[StoredFile]:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            below = os.open(entry.name, _FOLDER_FLAGS, dir_fd=folder)
            try:
                yield from _files_below(below, (*parts, entry.name))
            finally:
                os.close(below)
        elif entry.is_file(follow_symlinks=False) and not _is_passing(entry.name):
            size = entry.stat(follow_symlinks=False).st_size
            yield StoredFile(address=addresses.address_of((*parts, entry.name)), size=size)


def _is_passing(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
