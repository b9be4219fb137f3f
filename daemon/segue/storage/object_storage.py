"""Internal storage in an object store: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

The key of a file is its address without `kestra:///`, below the prefix that the URL has: plain ASCII, and one spelling
for each file. A file is written in parts and is there when its last one is; it is read in pieces, each by a request of
its own, so that who reads slowly holds no connection.
"""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO, Final

import obstore

from segue.storage import address as addresses
from segue.storage.object_client import ObjectChanged, ObjectFailure, ObjectMissing, connected, errors_told
from segue.storage.place import ObjectPlace
from segue.storage.storage import COPY_BYTES, FileMissing, StorageFailure, StorageFull, StoredFile

PART_BYTES: Final = 8 << 20  # S3 takes 10,000 of them for a file: 78 GiB
PARTS_AT_ONCE: Final = 2
PIECE_BYTES: Final = 4 << 20
LISTED_AT_ONCE: Final = 1_000  # as S3 lists them, and deletes them in one request


class ObjectStorage:
    """A `Storage` in the store at a URL. Raises `StorageFailure` if it makes no sense of what it is told."""

    def __init__(self, place: ObjectPlace) -> None:
        self._url = place.url
        with self._told(place.url):
            self._store = connected(place.url, place.options)

    def check(self) -> None:
        with self._told(self._url):
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def put(self, address: str, chunks: Iterable[bytes]) -> StoredFile:
        given = _Blocks(chunks)
        key = _key_of(address)
        with self._told(address):
            first = given.up_to(PART_BYTES)
            if given.is_over:
                obstore.put(self._store, key, b"".join(first), use_multipart=False)
            else:
                whole = chain(first, given)
                obstore.put(self._store, key, whole, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        return StoredFile(address=address, size=given.size)

    def open(self, address: str) -> BinaryIO:
        key = _key_of(address)
        with self._told(address):
            found = obstore.get(self._store, key)
            if found.meta["size"] <= PIECE_BYTES:
                return io.BytesIO(bytes(found.bytes()))
        return io.BufferedReader(_Pieces(self, address, key, found.meta), PIECE_BYTES)

    def piece(self, address: str, key: str, tag: str | None, start: int, length: int) -> memoryview:
        """Of the object that had this tag."""
        with self._told(address):
            options: obstore.GetOptions = {"range": (start, start + length), "if_match": tag}
            return memoryview(obstore.get(self._store, key, options=options).bytes())

    def size(self, address: str) -> int:
        key = _key_of(address)
        with self._told(address):
            return obstore.head(self._store, key)["size"]

    def exists(self, address: str) -> bool:
        try:
            self.size(address)
        except FileMissing:
            return False
        return True

    def delete(self, address: str) -> bool:
        """Asks before, because stores do not tell."""
        if not self.exists(address):
            return False
        key = _key_of(address)
        with contextlib.suppress(FileMissing), self._told(address):
            obstore.delete(self._store, key)
        return True

    def list(self, folder: str) -> Iterator[StoredFile]:
        for found in self._listed(folder):
            yield from found

    def delete_folder(self, folder: str) -> int:
        count = 0
        for found in self._listed(folder):
            with contextlib.suppress(FileMissing), self._told(folder):
                obstore.delete(self._store, [_key_of(each.address) for each in found])
            count += len(found)
        return count

    def _listed(self, folder: str) -> Iterator[tuple[StoredFile, ...]]:
        """What is no file of ours - its key is no address - is left alone."""
        prefix = None if folder == addresses.ROOT else _key_of(folder)
        with self._told(folder):
            for found in obstore.list(self._store, prefix, chunk_size=LISTED_AT_ONCE):
                files = ((addresses.ROOT + each["path"], each["size"]) for each in found)
                yield tuple(StoredFile(address=address, size=size) for address, size in files if _is_ours(address))

    @contextlib.contextmanager
    def _told(self, address: str) -> Iterator[None]:
        try:
            with errors_told():
                yield
        except ObjectMissing as error:
            raise FileMissing(address) from error
        except ObjectChanged as error:
            raise StorageFailure(f"Internal storage: {address}: {error}") from error
        except ObjectFailure as error:
            if error.is_full:
                raise StorageFull(address) from error
            raise StorageFailure(f"Internal storage at {self._url}: {error}") from error


class _Blocks:
    """Chunks joined to blocks that are worth an object of their own; `size` is that of all so far."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self.is_over = False
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        waiting: list[bytes] = []
        length = 0
        for chunk in self._chunks:
            waiting.append(chunk)
            length += len(chunk)
            if length >= COPY_BYTES:
                break
        else:
            self.is_over = True
        if not length:
            raise StopIteration
        self.size += length
        return waiting[0] if len(waiting) == 1 else b"".join(waiting)

    def up_to(self, size: int) -> list[bytes]:
        """Blocks until there are this many bytes, or until there are no more."""
        blocks: list[bytes] = []
        while self.size < size and not self.is_over and (block := next(self, b"")):
            blocks.append(block)
        return blocks


class _Pieces(io.RawIOBase):
    """A file that is read from wherever its reader stands. It stays the same file: one that was replaced meanwhile is
    told."""

    def __init__(self, storage: ObjectStorage, address: str, key: str, meta: Any) -> None:
        self._storage = storage
        self._address = address
        self._key = key
        self._size: int = meta["size"]
        self._tag: str | None = meta["e_tag"]
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative position {origin + offset}")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        """In pieces like ours: those of the base class are 8 KiB."""
        return b"".join(iter(lambda: self._next(PIECE_BYTES), b""))

    def _next(self, length_max: int) -> memoryview | bytes:
        length = min(length_max, self._size - self._at, PIECE_BYTES)
        if length <= 0:
            return b""
        piece = self._storage.piece(self._address, self._key, self._tag, self._at, length)
        self._at += len(piece)
        return piece


def _key_of(address: str) -> str:
    """Raises `AddressRefused`."""
    return addresses.address_of(addresses.parts_of(address)).removeprefix(addresses.ROOT)


def _is_ours(address: str) -> bool:
    try:
        return addresses.address_of(addresses.parts_of(address)) == address
    except addresses.AddressRefused:
        return False
