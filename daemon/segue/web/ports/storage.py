"""Internal storage, read only. Called from threads."""

from typing import BinaryIO, Protocol

from msgspec import Struct


class StoredFile(Struct, frozen=True):
    content: BinaryIO
    size: int


class Files(Protocol):
    """Internal storage."""

    def open(self, uri: str) -> StoredFile | None:
        """The caller closes it. None if there is nothing, or it is no address in this storage. Raises `StorageFailure`."""
