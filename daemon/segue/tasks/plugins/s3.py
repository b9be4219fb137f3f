"""`aws.s3.*`: objects of S3 and of stores that speak its protocol.

Objects pass a piece at a time, however large they are. Keys that end with a slash stand for folders: they are listed and
hold nothing, so they are neither stored nor moved nor deleted.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

from segue.model.order import LogLevel
from segue.spec.types.plugins import found_files as found_models
from segue.spec.types.plugins.s3 import (
    Copy,
    CreateBucket,
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
from segue.storage.storage import chunks_of
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins import found_files
from segue.tasks.plugins.found_files import FileTrouble, FoundFile, Mark
from segue.tasks.plugins.s3_bucket import Bucket, StoredObject
from segue.tasks.polling import Polled, PollKind

WATCHED_MAX: Final = 100_000  # keys that a trigger looks at
_HEADERS: Final = {
    "cache_control": "Cache-Control",
    "content_type": "Content-Type",
    "content_encoding": "Content-Encoding",
    "content_disposition": "Content-Disposition",
    "content_language": "Content-Language",
    "storage_class": "Storage-Class",
}
_ENCRYPTIONS: Final = {"AWS_KMS": "aws:kms", "AWS_KMS_DSSE": "aws:kms:dsse"}


def create_bucket(properties: CreateBucket, context: TaskContext) -> Result:
    """Outputs `bucket`, and as `region` its location."""
    return Result(
        outputs={"bucket": properties.bucket, "region": Bucket(properties, properties.bucket, context).create()}
    )


def list_objects(properties: List, context: TaskContext) -> Result:
    """Outputs `objects`."""
    bucket = Bucket(properties, properties.bucket, context)
    found = list(_selected(bucket, properties, properties.filter, properties.max_keys, context))
    context.count("s3.objects.count", len(found))
    return Result(outputs={"objects": [each.told for each in _first(found, properties.max_files, context)]})


def download(properties: Download, context: TaskContext) -> Result:
    """Outputs `uri`, `contentLength`, `contentType`, `metadata`, `eTag` and `versionId`; of several objects `files`, which
    has these by key."""
    bucket = Bucket(properties, properties.bucket, context)
    if properties.prefix is None and properties.delimiter is None and properties.regexp is None:
        if properties.key is None:
            raise TaskFailed("A Download needs `key`, or one of `prefix`, `delimiter` and `regexp`")
        return Result(outputs=_downloaded(bucket, properties.key, properties.version_id, context))
    found = list(_selected(bucket, properties, "FILES", properties.max_keys, context))
    if not found:
        context.log(LogLevel.WARN, "No objects were found")
    kept = _first(found, properties.max_files, context)
    return Result(outputs={"files": {each.key: _downloaded(bucket, each.key, None, context) for each in kept}})


def _downloaded(bucket: Bucket, key: str, version: str | None, context: TaskContext) -> dict[str, Any]:
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
    bucket = Bucket(properties, properties.bucket, context, **_encryption(properties))
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


def _uploaded(bucket: Bucket, uri: str, key: str, properties: Upload, context: TaskContext) -> dict[str, Any]:
    headers = {header: getattr(properties, name) for name, header in _HEADERS.items()}
    attributes = {name: value for name, value in headers.items() if value is not None} | (properties.metadata or {})
    with context.open_file(uri) as file:
        written = bucket.write(key, file, attributes, properties.tagging or {})
    context.count("file.count", 1)
    context.count("file.size", written.size)
    return {"eTag": written.tag, "versionId": written.version, "contentLength": written.size}


def copy(properties: Copy, context: TaskContext) -> Result:
    """Outputs `bucket`, `key` and `eTag` of the copy."""
    origin, to = properties.from_, properties.to or Target()
    source = Bucket(properties, origin.bucket, context)
    target = source.named(to.bucket, **_encryption(to))
    key = to.key or origin.key
    tag = source.copy(origin.key, target, key, origin.version_id)
    if properties.delete:
        source.delete(origin.key)
    return Result(outputs={"bucket": target.name, "key": key, "eTag": tag})


def _encryption(properties: Target | Upload) -> dict[str, str]:
    wanted = properties.server_side_encryption
    if wanted is None or wanted == "NONE":
        return {}
    options = {"aws_server_side_encryption": _ENCRYPTIONS.get(wanted, wanted)}
    if properties.kms_key_id:
        options["aws_sse_kms_key_id"] = properties.kms_key_id
    if isinstance(properties, Upload) and properties.bucket_key_enabled:
        options["aws_sse_bucket_key_enabled"] = "true"
    return options


def delete(properties: Delete, context: TaskContext) -> Result:
    """A key that is not there is deleted too, says S3."""
    Bucket(properties, properties.bucket, context).delete(properties.key)
    return Result(outputs={})


def delete_list(properties: DeleteList, context: TaskContext) -> Result:
    """Outputs `count` and `size`."""
    bucket = Bucket(properties, properties.bucket, context)
    found = list(_selected(bucket, properties, properties.filter, properties.max_keys, context))
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


# Which objects.


def _selected(
    bucket: Bucket, properties: Selecting, kind: str, keys_max: int, context: TaskContext
) -> Iterator[StoredObject]:
    """Of the first keys those that match, and are of the kind."""
    keys = bucket.objects(properties.prefix or "", properties.delimiter, properties.marker)
    for each in islice(keys, keys_max):
        if _is_meant(properties, each.key):
            found = bucket.with_its_slash(each)
            if kind == "BOTH" or found.is_folder == (kind == "DIRECTORY"):
                yield found
    if next(keys, None) is not None:
        context.log(LogLevel.INFO, f"There are more than {keys_max} keys: the first are looked at")


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
        self._bucket = Bucket(properties, properties.bucket, context)
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
        found = _selected(self._bucket, self._properties, "FILES", self._keys_max, self._context)
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
    _kind("CreateBucket", CreateBucket, create_bucket),
    _kind("List", List, list_objects),
    _kind("Download", Download, download),
    _kind("Downloads", Downloads, downloads),
    _kind("Upload", Upload, upload, "from"),
    _kind("Copy", Copy, copy),
    _kind("Delete", Delete, delete),
    _kind("DeleteList", DeleteList, delete_list),
)

POLLS = (PollKind(name=_PREFIX + "Trigger", properties=Trigger, look=look, finish=finish),)
