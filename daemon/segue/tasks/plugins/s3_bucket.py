"""A bucket of S3, or of a store that speaks its protocol, as `aws.s3.*` tasks have it: what can be done with its objects,
and what is wrong in a sentence that names the object.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Any, BinaryIO, Final
from xml.sax.saxutils import escape

import httpx2
from msgspec import Struct

from segue.spec.types.plugins.s3 import Connection
from segue.storage.object_errors import ObjectChanged, ObjectFailure, ObjectMissing, reason_of
from segue.storage.storage import chunks_of
from segue.tasks import egress
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.found_files import FileTrouble, Mark

EXTRA: Final = "aws"
LISTED_AT_ONCE: Final = 1_000
REQUEST_SECONDS: Final = 60
COPIED_BYTES_MAX: Final = 5 << 30  # what S3 copies by itself; more comes through here
# Where a bucket is to lie is said in the body; without one it lies in the first of all regions.
_FIRST_REGION: Final = "us-east-1"
_LOCATED: Final = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
)


class StoredObject(Struct, frozen=True, kw_only=True):
    """As a list has it."""

    key: str
    size: int
    tag: str | None
    modified: datetime

    @property
    def is_folder(self) -> bool:
        return self.key.endswith("/")

    @property
    def told(self) -> dict[str, Any]:
        modified = self.modified.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"key": self.key, "etag": self.tag, "size": self.size, "lastModified": modified}

    @property
    def mark(self) -> Mark:
        return _mark(self.size, self.tag, self.modified)


def _mark(size: int, tag: str | None, modified: datetime) -> Mark:
    """The tag tells contents apart; a store that gives none tells times."""
    version = tag or modified.isoformat()
    return (size, int.from_bytes(blake2b(version.encode(), digest_size=6).digest()))


class Bucket:
    """One bucket. Nothing is asked of it when it is made."""

    def __init__(self, connection: Connection, name: str, context: TaskContext, **more: str) -> None:
        self._obstore = library("obstore", EXTRA)
        self._client = library("segue.storage.object_client", EXTRA)
        self._connection = connection
        self._context = context
        self._kept_off = context.surroundings.blocked_networks
        self.name = name
        with self.told():
            egress.look_up(connection.endpoint_override or "", self._kept_off)
            self._store = self._client.connected(f"s3://{name}", _options(connection) | more)

    def named(self, name: str | None, **more: str) -> "Bucket":
        """Another bucket of the store, or this one."""
        return Bucket(self._connection, name or self.name, self._context, **more)

    def where(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    @contextmanager
    def told(self, key: str = "", failure: type[TaskFailed] = TaskFailed) -> Iterator[None]:
        """`failure`: what is wrong with this one object is."""
        try:
            with self._client.errors_told():
                yield
        except ObjectMissing as error:
            raise failure(f"{self.where(key)} is not there") from error
        except ObjectChanged as error:
            raise failure(f"{self.where(key)}: {error}") from error
        except (ObjectFailure, egress.Blocked) as error:
            raise TaskFailed(f"{self.where(key)}: {error}") from error

    def create(self) -> str | None:
        """Its location, as the store names it. The library has no call for it, but signs one."""
        with self.told():
            url = self._obstore.sign(self._store, "PUT", "", timedelta(seconds=REQUEST_SECONDS))
        region = self._connection.region or _FIRST_REGION
        body = "" if region == _FIRST_REGION else _LOCATED.format(region=escape(region))
        try:
            with egress.keeping_off(self._kept_off):
                answer = httpx2.put(url, content=body, timeout=REQUEST_SECONDS)
        except httpx2.TransportError as error:
            raise TaskFailed(f"{self.where('')}: it cannot be reached: {error}") from error
        if not answer.is_success:
            raise TaskFailed(f"{self.where('')}: {reason_of(answer.text) or f'HTTP status {answer.status_code}'}")
        return answer.headers.get("location")

    def objects(self, prefix: str, delimiter: str | None, marker: str | None) -> Iterator[StoredObject]:
        """Those whose keys begin with the prefix, in the order of their keys."""
        # The library lists folders, so all of the folder is listed that the prefix begins in, from just before it on.
        folder, after = prefix.rpartition("/")[0], max(marker or "", prefix[:-1])
        with self.told(prefix):
            for some in self._obstore.list(
                self._store, folder or None, offset=after or None, chunk_size=LISTED_AT_ONCE
            ):
                for each in some:
                    key = each["path"]
                    if key.startswith(prefix):
                        if not delimiter or delimiter not in key[len(prefix) :]:
                            yield _object_of(key, each)
                    elif key > prefix:
                        return

    def with_its_slash(self, found: StoredObject) -> StoredObject:
        """The library takes the slash from a folder's key. There is no object of the key without it."""
        if found.size or self.head(found.key) is not None:
            return found
        return StoredObject(key=f"{found.key}/", size=0, tag=found.tag, modified=found.modified)

    def head(self, key: str) -> StoredObject | None:
        try:
            with self.told(key, FileTrouble):
                return _object_of(key, self._obstore.head(self._store, key))
        except FileTrouble:
            return None

    def opened(self, key: str, version: str | None = None, failure: type[TaskFailed] = TaskFailed) -> Any:
        return self._client.opened(self._store, key, partial(self.told, key, failure), version=version)

    def write(self, key: str, file: BinaryIO, attributes: Mapping[str, str], tags: Mapping[str, str]) -> Any:
        with self.told(key):
            return self._client.written(self._store, key, chunks_of(file), attributes=attributes, tags=tags)

    def delete(self, keys: str | Sequence[str]) -> None:
        with self.told(keys if isinstance(keys, str) else ""):
            self._obstore.delete(self._store, keys)

    def copy(self, key: str, target: "Bucket", target_key: str, version: str | None = None) -> str | None:
        """The copy's tag. Within a bucket the store copies by itself."""
        found = None if version else self.head(key)
        if target.name == self.name and found is not None and found.size <= COPIED_BYTES_MAX:
            with self.told(key):
                self._obstore.copy(target._store, key, target_key)  # noqa: SLF001 - of its own class
            copied = target.head(target_key)
            return copied.tag if copied else None
        source = self.opened(key, version)
        with source.file as file:
            written = target.write(target_key, file, source.attributes, {})
        tag: str | None = written.tag
        return tag


def _options(connection: Connection) -> dict[str, str]:
    """As the client has them. Buckets are named in the path: every store understands that."""
    given = {
        "access_key_id": connection.access_key_id,
        "secret_access_key": connection.secret_key_id,
        "session_token": connection.session_token,
        "region": connection.region,
        "endpoint": connection.endpoint_override,
        "request_payer": "true" if (connection.request_payer or "").lower() == "requester" else None,
    }
    return {name: value for name, value in given.items() if value}


def _object_of(key: str, meta: Mapping[str, Any]) -> StoredObject:
    return StoredObject(key=key, size=meta["size"], tag=meta["e_tag"], modified=meta["last_modified"])
