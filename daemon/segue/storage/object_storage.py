"""Internal storage in an object store: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.

The key of a file is its address without `kestra:///`, below the prefix that the URL has: plain ASCII, and one spelling
for each file. A prefix belongs to one daemon: PurgeStorage deletes files of executions that its daemon does not know.
Parts of an upload that was killed stay hidden in the bucket until a lifecycle rule of it ends unfinished uploads.
"""

import contextlib
from collections.abc import Iterable, Iterator
from functools import partial
from typing import BinaryIO, Final

import obstore

from segue.storage import address as addresses
from segue.storage.object_client import connected, errors_told, opened, written
from segue.storage.object_errors import ObjectChanged, ObjectFailure, ObjectMissing
from segue.storage.place import ObjectPlace
from segue.storage.storage import FileMissing, StorageFailure, StorageFull, StoredFile

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
        key = _key_of(address)
        with self._told(address):
            size = written(self._store, key, chunks).size
        return StoredFile(address=address, size=size)

    def open(self, address: str) -> BinaryIO:
        return opened(self._store, _key_of(address), partial(self._told, address)).file

    def size(self, address: str) -> int:
        key = _key_of(address)
        with self._told(address):
            size: int = obstore.head(self._store, key)["size"]
        return size

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


def _key_of(address: str) -> str:
    """Raises `AddressRefused`."""
    return addresses.address_of(addresses.parts_of(address)).removeprefix(addresses.ROOT)


def _is_ours(address: str) -> bool:
    try:
        return addresses.address_of(addresses.parts_of(address)) == address
    except addresses.AddressRefused:
        return False
