"""The face of internal storage, and the ways in which it says no."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    address: str
    size: int


class Storage(Protocol):
    """Files by address. A file is there as a whole or not at all; writing to an address replaces its file."""

    def put(self, address: str, chunks: Iterable[bytes]) -> StoredFile: ...

    def open(self, address: str) -> BinaryIO: ...

    def size(self, address: str) -> int: ...

    def exists(self, address: str) -> bool: ...

    def delete(self, address: str) -> bool: ...

    def list(self, folder: str) -> Iterator[StoredFile]: ...

    def delete_folder(self, folder: str) -> int: ...
