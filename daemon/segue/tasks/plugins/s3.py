"""`aws.s3.*`: objects of S3 and of stores that speak its protocol.

Objects pass a piece at a time, however large they are. Keys that end with a slash stand for folders: they are listed and
hold nothing, so they are neither stored nor moved nor deleted.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from itertools import islice
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from segue.model.order import LogLevel
from segue.spec.types.plugins import found_files as found_models
from segue.spec.types.plugins.s3 import (
    Connection,
    Copy,
    Delete,
    DeleteList,
    Download,
    Downloads,
    InBucket,
    List,
    Selecting,
    Taking,
    Target,
    Trigger,
    Upload,
)
from segue.storage import address as addresses
from segue.storage.object_errors import ObjectChanged, ObjectFailure, ObjectMissing
from segue.storage.storage import chunks_of
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins import found_files
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.found_files import FileTrouble, FoundFile, Mark
from segue.tasks.polling import Polled, PollKind

EXTRA: Final = "aws"
WATCHED_MAX: Final = 100_000  # keys that a trigger looks at
LISTED_AT_ONCE: Final = 1_000
COPIED_BYTES_MAX: Final = 5 << 30  # what S3 copies by itself; more comes through here
_HEADERS: Final = {
    "cache_control": "Cache-Control",
    "content_type": "Content-Type",
    "content_encoding": "Content-Encoding",
    "content_disposition": "Content-Disposition",
    "content_language": "Content-Language",
    "storage_class": "Storage-Class",
}
_ENCRYPTIONS: Final = {"AWS_KMS": "aws:kms", "AWS_KMS_DSSE": "aws:kms:dsse"}


# Buckets.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
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


class _Bucket:
    """One bucket. Nothing is asked of it when it is made."""

    def __init__(self, connection: Connection, name: str, **more: str) -> None:
        self._obstore = library("obstore", EXTRA)
        self._client = library("segue.storage.object_client", EXTRA)
        self._connection = connection
        self.name = name
        with self.told():
            self._store = self._client.connected(f"s3://{name}", _options(connection) | more)

    def named(self, name: str | None, **more: str) -> "_Bucket":
        """Another bucket of the store, or this one."""
        return _Bucket(self._connection, name or self.name, **more)

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
        except ObjectFailure as error:
            raise TaskFailed(f"{self.where(key)}: {error}") from error

    def objects(self, prefix: str, delimiter: str | None, marker: str | None) -> Iterator[_Object]:
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

    def with_its_slash(self, found: _Object) -> _Object:
        """The library takes the slash from a folder's key. There is no object of the key without it."""
        if found.size or self.head(found.key) is not None:
            return found
        return _Object(key=f"{found.key}/", size=0, tag=found.tag, modified=found.modified)

    def head(self, key: str) -> _Object | None:
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

    def copy(self, key: str, target: "_Bucket", target_key: str, version: str | None = None) -> str | None:
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


def _encryption(properties: Target | Upload) -> dict[str, str]:
    wanted = properties.server_side_encryption
    if wanted is None or wanted == "NONE":
        return {}
    options = {"server_side_encryption": _ENCRYPTIONS.get(wanted, wanted)}
    if properties.kms_key_id:
        options["sse_kms_key_id"] = properties.kms_key_id
    if isinstance(properties, Upload) and properties.bucket_key_enabled:
        options["sse_bucket_key_enabled"] = "true"
    return options


def _object_of(key: str, meta: Mapping[str, Any]) -> _Object:
    return _Object(key=key, size=meta["size"], tag=meta["e_tag"], modified=meta["last_modified"])


def _selected(bucket: _Bucket, properties: Selecting, kind: str, keys_max: int) -> Iterator[_Object]:
    """Of the first keys those that match, and are of the kind."""
    keys = bucket.objects(properties.prefix or "", properties.delimiter, properties.marker)
    for each in islice(keys, keys_max):
        if _is_meant(properties, each.key):
            found = bucket.with_its_slash(each)
            if kind == "BOTH" or found.is_folder == (kind == "DIRECTORY"):
                yield found


def _is_meant(properties: Selecting, key: str) -> bool:
    return properties.regexp is None or found_files.matches(properties.regexp, key)


def _first(found: Sequence[Any], most: int, context: TaskContext) -> Sequence[Any]:
    if len(found) > most:
        context.log(LogLevel.WARN, f"{len(found)} objects were found: the first {most} are taken, as `maxFiles` says")
    return found[:most]


# Objects as files of a folder.


class S3Place:
    """The objects below a prefix, as a `found_files.Place`. Paths are keys; one in another bucket is its URL."""

    def __init__(self, properties: Taking, context: TaskContext, keys_max: int) -> None:
        self._properties = properties
        self._context = context
        self._keys_max = keys_max
        self._bucket = _Bucket(properties, properties.bucket)
        store = urlsplit(properties.endpoint_override or "").netloc
        self.prefix = f"s3://{store}/{properties.bucket}/"

    def path(self, text: str) -> str:
        return text

    def within(self, folder: str) -> str:
        return folder

    def identity(self, _folder: str) -> str:
        return ""

    def files(self, folder: str, *, recursive: bool) -> Iterator[FoundFile]:  # noqa: ARG002 - as `delimiter` says
        if self._properties.filter == "DIRECTORY":
            return
        found = _selected(self._bucket, self._properties, "FILES", self._keys_max)
        for each in found:
            yield FoundFile(
                path=each.key,
                below=_below(folder, each.key),
                mark=each.mark,
                modified=each.modified.timestamp(),
                told=each.told,
            )

    def mark(self, path: str) -> Mark | None:
        found = self._bucket.head(path)
        return found.mark if found is not None else None

    def chunks(self, path: str) -> Iterator[bytes]:
        with self._bucket.opened(path, failure=FileTrouble).file as file:
            yield from chunks_of(file)

    def delete(self, path: str) -> None:
        self._bucket.delete(path)

    def move(self, path: str, target: str) -> None:
        bucket, key = self._bucket, target
        if target.startswith("s3://"):
            name, _, key = target.removeprefix("s3://").partition("/")
            bucket = self._bucket.named(name)
        self._bucket.copy(path, bucket, key.lstrip("/"))
        self._bucket.delete(path)

    def where(self, _path: str, uri: str | None) -> dict[str, Any]:
        return {"uri": uri}

    def output_key(self, file: FoundFile) -> str:
        return file.path


def _below(prefix: str, key: str) -> str:
    """The key below the prefix: below the folder of this name, or else below the folder that the prefix begins in."""
    folder = prefix if prefix.endswith("/") else f"{prefix}/"
    if not key.startswith(folder):
        folder = prefix[: prefix.rfind("/") + 1]
    return key.removeprefix(folder)


def _reach(properties: Taking, keys_max: int) -> found_files.Reach:
    @contextmanager
    def reach(_files: Any, context: TaskContext) -> Iterator[S3Place]:
        yield S3Place(properties, context, keys_max)

    return reach


# Tasks.


def list_objects(properties: List, context: TaskContext) -> Result:
    """Outputs `objects`."""
    bucket = _Bucket(properties, properties.bucket)
    found = list(_selected(bucket, properties, properties.filter, properties.max_keys))
    context.count("s3.objects.count", len(found))
    return Result(outputs={"objects": [each.told for each in _first(found, properties.max_files, context)]})


def download(properties: Download, context: TaskContext) -> Result:
    """Outputs `uri`, `contentLength`, `contentType`, `metadata`, `eTag` and `versionId`; of several objects `files`, which
    has these by key."""
    bucket = _Bucket(properties, properties.bucket)
    if properties.prefix is None and properties.delimiter is None and properties.regexp is None:
        if properties.key is None:
            raise TaskFailed("A Download needs `key`, or one of `prefix`, `delimiter` and `regexp`")
        return Result(outputs=_downloaded(bucket, properties.key, properties.version_id, context))
    found = list(_selected(bucket, properties, "FILES", properties.max_keys))
    if not found:
        context.log(LogLevel.WARN, "No objects were found")
    kept = _first(found, properties.max_files, context)
    return Result(outputs={"files": {each.key: _downloaded(bucket, each.key, None, context) for each in kept}})


def _downloaded(bucket: _Bucket, key: str, version: str | None, context: TaskContext) -> dict[str, Any]:
    source = bucket.opened(key, version)
    with source.file as file:
        kept = context.put_file(key.strip("/"), chunks_of(file))
    context.count("file.size", kept.size)
    headers = set(_HEADERS.values())
    return {
        "uri": kept.address,
        "contentLength": kept.size,
        "contentType": source.attributes.get("Content-Type"),
        "metadata": {name: value for name, value in source.attributes.items() if name not in headers},
        "eTag": source.meta["e_tag"],
        "versionId": source.meta["version"],
    }


def downloads(properties: Downloads, context: TaskContext) -> Result:
    """Outputs `objects`, `outputFiles` - where each is stored, by key - and `totalSize`."""
    taking = found_models.Taking.of_rendered(properties.as_files)
    outputs = found_files.downloads(_reach(properties, properties.max_keys), taking, context).outputs or {}
    size = sum(each["size"] for each in outputs["files"])
    context.count("files.count", outputs["count"])
    context.count("files.size.total", size)
    return Result(
        outputs={"objects": outputs["files"], "outputFiles": outputs["outputFiles"], "totalSize": size},
    )


def upload(properties: Upload, context: TaskContext) -> Result:
    """Outputs `bucket`, `key`, `eTag` and `versionId`; of several files `files`, which has the last two by name."""
    uris = _uris(properties.from_)
    bucket = _Bucket(properties, properties.bucket, **_encryption(properties))
    outputs: dict[str, Any] = {"bucket": properties.bucket, "key": properties.key}
    if len(uris) == 1:
        sent = _uploaded(bucket, uris[0], properties.key, properties, context)
        return Result(outputs=outputs | {name: sent[name] for name in ("eTag", "versionId")})
    names = {addresses.parts_of(uri)[-1]: uri for uri in uris}
    if len(names) < len(uris):
        raise TaskFailed("from: several files have the same name, and would have the same key")
    folder = properties.key.rstrip("/")
    files = {
        name: _uploaded(bucket, uri, f"{folder}/{name}".lstrip("/"), properties, context) for name, uri in names.items()
    }
    return Result(outputs=outputs | {"files": files})


def _uris(given: Sequence[str] | str) -> list[str]:
    """A list, as such or as JSON, or one."""
    listed: Any = given
    if isinstance(given, str):
        try:
            listed = json.loads(given) if given.strip().startswith("[") else [given]
        except ValueError as error:
            raise TaskFailed(f"from: {given[:100]!r} is neither a URI nor a JSON list of them") from error
    if not listed:
        raise TaskFailed("from: there are no files in the list")
    return [str(uri).strip() for uri in listed]


def _uploaded(bucket: _Bucket, uri: str, key: str, properties: Upload, context: TaskContext) -> dict[str, Any]:
    headers = {header: getattr(properties, name) for name, header in _HEADERS.items()}
    attributes = {name: value for name, value in headers.items() if value is not None} | (properties.metadata or {})
    with context.open_file(uri) as file:
        written = bucket.write(key, file, attributes, properties.tagging or {})
    context.count("file.count", 1)
    context.count("file.size", written.size)
    return {"eTag": written.tag, "versionId": written.version, "contentLength": written.size}


def copy(properties: Copy, context: TaskContext) -> Result:  # noqa: ARG001 - all that tasks are given
    """Outputs `bucket`, `key` and `eTag` of the copy."""
    origin, to = properties.from_, properties.to or Target()
    source = _Bucket(properties, origin.bucket)
    target = source.named(to.bucket, **_encryption(to))
    key = to.key or origin.key
    tag = source.copy(origin.key, target, key, origin.version_id)
    if properties.delete:
        source.delete(origin.key)
    return Result(outputs={"bucket": target.name, "key": key, "eTag": tag})


def delete(properties: Delete, context: TaskContext) -> Result:  # noqa: ARG001 - all that tasks are given
    """A key that is not there is deleted too, says S3."""
    _Bucket(properties, properties.bucket).delete(properties.key)
    return Result(outputs={})


def delete_list(properties: DeleteList, context: TaskContext) -> Result:
    """Outputs `count` and `size`."""
    bucket = _Bucket(properties, properties.bucket)
    found = list(_selected(bucket, properties, properties.filter, properties.max_keys))
    objects = [each for each in found if not each.is_folder]
    if len(objects) < len(found):
        context.log(LogLevel.WARN, f"{len(found) - len(objects)} keys of folders are left")
    if not objects and properties.error_on_empty:
        raise TaskFailed(f"No objects to delete were found at {bucket.where(properties.prefix or '')}")
    if objects:
        bucket.delete([each.key for each in objects])
    size = sum(each.size for each in objects)
    context.count("s3.objects.deleted.count", len(objects))
    context.count("s3.objects.deleted.size", size)
    return Result(outputs={"count": len(objects), "size": size})


# The trigger.


def look(properties: Trigger, context: TaskContext, notes: Mapping[str, Any]) -> Polled:
    return _as_objects(found_files.look(_reach(properties, WATCHED_MAX), properties.watching, context, notes))


def finish(properties: Trigger, context: TaskContext, claim: Mapping[str, Any], notes: Mapping[str, Any]) -> Polled:
    reach = _reach(properties, WATCHED_MAX)
    return _as_objects(found_files.finish(reach, properties.watching, context, claim, notes))


def _as_objects(polled: Polled) -> Polled:
    outputs = {"objects": polled.outputs["files"]} if polled.outputs is not None else None
    return Polled(outputs=outputs, notes=polled.notes, claim=polled.claim)


_PREFIX = "io.kestra.plugin.aws.s3."

Run = Callable[[Any, TaskContext], Result]


def _kind(name: str, properties: type[InBucket | Copy], run: Run, *typed: str) -> TaskKind[Any]:
    return TaskKind(name=_PREFIX + name, properties=properties, run=run, typed=frozenset(typed))


KINDS: tuple[TaskKind[Any], ...] = (
    _kind("List", List, list_objects),
    _kind("Download", Download, download),
    _kind("Downloads", Downloads, downloads),
    _kind("Upload", Upload, upload, "from"),
    _kind("Copy", Copy, copy),
    _kind("Delete", Delete, delete),
    _kind("DeleteList", DeleteList, delete_list),
)

POLLS = (PollKind(name=_PREFIX + "Trigger", properties=Trigger, look=look, finish=finish),)
