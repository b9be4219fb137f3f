"""The face of internal storage, and the ways in which it says no."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

COPY_BYTES: Final = 1 << 20


class StorageFailure(Exception):
    """Storage could not do what was asked; the message is fit for a log line of a task."""


class FileMissing(StorageFailure):
    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"File not found: {address}")


class StorageFull(StorageFailure):
    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__(f"Internal storage is full: {address} could not be written")


class StoredFile(Struct, frozen=True, kw_only=True):
    address: str
    size: int


class Storage(Protocol):
    """Files by address. A file is there as a whole or not at all; writing to an address replaces its file.

    Both ways a file passes in pieces: however large it is, only a few MiB of it are held.
    """

    def check(self) -> None:
        """Raises `StorageFailure` if it cannot be reached, or does not let us in."""
        ...

    def put(self, address: str, chunks: Iterable[bytes]) -> StoredFile: ...

    def open(self, address: str) -> BinaryIO:
        """To be read from any place in it; who opened it closes it."""
        ...

    def size(self, address: str) -> int: ...

    def exists(self, address: str) -> bool: ...

    def delete(self, address: str) -> bool:
        """Was there a file?"""
        ...

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Every file below a folder (or below all, `addresses.ROOT`), those of one folder after one another."""
        ...

    def delete_folder(self, folder: str) -> int:
        """How many files are gone with it."""
        ...


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(COPY_BYTES):
        yield chunk
