"""`fs.sftp.*`: files of an SFTP server. `ssh` opens the connection, `found_files` finds and watches; here is what is done
to single files.

Links in a folder are no files of it. What is written is there as a whole or not at all: it comes under another name.
"""

import posixpath
import secrets
import stat
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO, Final, TypeVar

from segue.model.order import LogLevel
from segue.spec.types.plugins.sftp import (
    Delete,
    Download,
    Downloads,
    List,
    Move,
    Server,
    Trigger,
    Upload,
    Uploads,
)
from segue.storage import address as addresses
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins import found_files
from segue.tasks.plugins.extras import library
from segue.tasks.plugins.found_files import FileTrouble, FoundFile, Mark
from segue.tasks.plugins.ssh import Session
from segue.tasks.plugins.stored_files import sources_of

CHUNK_BYTES: Final = 1 << 20  # the library asks for it in many parts at a time

T = TypeVar("T")


class SftpPlace:
    """The files of a server, as a `found_files.Place`."""

    def __init__(self, server: Server, context: TaskContext, session: Session) -> None:
        self._server = server
        self._context = context
        self._session = session
        self._sftp = session.sftp
        self._library = library("asyncssh", "sftp")
        self.prefix = f"sftp://{server.username or ''}@{server.host}:{server.port}"

    def path(self, text: str) -> str:
        """With `rootDir` a path with a slash at its beginning is the same as one without."""
        path = posixpath.normpath("/" + text.strip()) if self._server.root_dir else posixpath.normpath(text.strip())
        return "/" + path.lstrip("/") if path.startswith("//") else path

    def within(self, folder: str) -> str:
        return folder.rstrip("/") + "/"

    def identity(self, _folder: str) -> str:
        return ""

    def files(self, folder: str, *, recursive: bool) -> Iterator[FoundFile]:
        waiting = [folder]
        while waiting:
            parent = waiting.pop()
            for name, attributes in self._entries(parent):
                path = posixpath.join(parent, name)
                mode = attributes.permissions or 0
                if stat.S_ISDIR(mode):
                    waiting += [path] if recursive else []
                elif stat.S_ISREG(mode):
                    yield _found(folder, path, attributes)

    def _entries(self, folder: str) -> list[tuple[str, Any]]:
        with self._told(folder):
            try:
                return self._call(self._listed(folder))
            except (self._library.SFTPNoSuchFile, self._library.SFTPNoSuchPath):
                self._context.log(LogLevel.WARN, f"{folder} is not there: it has no files")
                return []

    async def _listed(self, folder: str) -> list[tuple[str, Any]]:
        entries = [(entry.filename, entry.attrs) async for entry in self._sftp.scandir(self._wire(folder))]
        return [(name, attributes) for name, attributes in entries if name not in (".", "..") and "/" not in name]

    def mark(self, path: str) -> Mark | None:
        with self._told(path, FileTrouble):
            try:
                return _mark(self._call(self._sftp.lstat(self._wire(path))))
            except (self._library.SFTPNoSuchFile, self._library.SFTPNoSuchPath):
                return None

    def chunks(self, path: str) -> Iterator[bytes]:
        with self._told(path, FileTrouble):
            file = self._call(self._sftp.open(self._wire(path), "rb"))
        try:
            while chunk := self._chunk(path, file):
                yield chunk
        finally:
            with suppress(self._library.Error):
                self._call(file.close())

    def _chunk(self, path: str, file: Any) -> bytes:
        with self._told(path, FileTrouble):
            return bytes(self._call(file.read(CHUNK_BYTES)))

    def delete(self, path: str) -> None:
        with self._told(path, FileTrouble), suppress(self._library.SFTPNoSuchFile):
            self._call(self._sftp.remove(self._wire(path)))

    def move(self, path: str, target: str) -> None:
        with self._told(path, FileTrouble):
            self._make_folder(posixpath.dirname(target))
            self._replace(path, target)

    def where(self, path: str, uri: str | None) -> dict[str, Any]:
        return {"path": uri or path, "name": posixpath.basename(path)}

    def output_key(self, file: FoundFile) -> str:
        return file.below

    # Single files.

    def uri(self, path: str) -> str:
        """As outputs have it, without user and password."""
        return f"sftp://{self._server.host}/{path.lstrip('/')}"

    def write(self, uri: str, path: str, *, overwrite: bool) -> None:
        with self._context.open_file(uri) as stored, self._told(path):
            self._make_room(path, overwrite=overwrite)
            passing = posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(8)}.part")
            try:
                self._call(self._written(stored, passing))
                self._replace(passing, path)
            except BaseException:
                with suppress(self._library.Error):
                    self._call(self._sftp.remove(self._wire(passing)))
                raise

    async def _written(self, stored: BinaryIO, path: str) -> None:
        async with self._sftp.open(self._wire(path), "wb") as file:
            while chunk := stored.read(CHUNK_BYTES):
                await file.write(chunk)

    def move_to(self, path: str, target: str, *, overwrite: bool) -> None:
        with self._told(path):
            self._make_room(target, overwrite=overwrite)
            self._replace(path, target)

    def remove(self, path: str) -> bool:
        """Was it there?"""
        with self._told(path):
            try:
                attributes = self._call(self._sftp.lstat(self._wire(path)))
            except (self._library.SFTPNoSuchFile, self._library.SFTPNoSuchPath):
                return False
            remove = self._sftp.rmdir if stat.S_ISDIR(attributes.permissions or 0) else self._sftp.remove
            self._call(remove(self._wire(path)))
        return True

    def _make_room(self, path: str, *, overwrite: bool) -> None:
        if not overwrite and self._call(self._sftp.lexists(self._wire(path))):
            raise TaskFailed(f"{path} is there already, and `overwrite` is false")
        self._make_folder(posixpath.dirname(path))

    def _make_folder(self, folder: str) -> None:
        if folder.strip("/"):
            self._call(self._sftp.makedirs(self._wire(folder), exist_ok=True))

    def _replace(self, path: str, target: str) -> None:
        """In one step where the server can do that."""
        try:
            self._call(self._sftp.posix_rename(self._wire(path), self._wire(target)))
        except self._library.SFTPOpUnsupported:
            with suppress(self._library.SFTPNoSuchFile):
                self._call(self._sftp.remove(self._wire(target)))
            self._call(self._sftp.rename(self._wire(path), self._wire(target)))

    # What all of them need.

    def _call(self, work: Awaitable[T]) -> T:
        return self._session.call(work)

    def _wire(self, path: str) -> str:
        """A path without a slash at its beginning is one in the user's folder."""
        return (path.lstrip("/") or ".") if self._server.root_dir else path

    @contextmanager
    def _told(self, path: str, failure: type[TaskFailed] = TaskFailed) -> Iterator[None]:
        try:
            yield
        except (
            self._library.SFTPConnectionLost,
            self._library.SFTPNoConnection,
            self._library.DisconnectError,
        ) as error:
            raise TaskFailed(f"{self._server.host}: the connection is lost: {error.reason}") from error
        except self._library.SFTPError as error:
            raise failure(f"{path}: {error.reason}") from error
        except (OSError, self._library.Error) as error:
            raise TaskFailed(f"{self._server.host}: {error}") from error


def _found(folder: str, path: str, attributes: Any) -> FoundFile:
    return FoundFile(
        path=path,
        below=posixpath.relpath(path, folder),
        mark=_mark(attributes),
        modified=float(attributes.mtime or 0),
        told={
            "fileType": "FILE",
            "symbolicLink": False,
            "size": attributes.size,
            "userId": attributes.uid,
            "groupId": attributes.gid,
            "permissions": attributes.permissions,
            "accessDate": _date(attributes.atime),
            "updatedDate": _date(attributes.mtime),
        },
    )


def _mark(attributes: Any) -> Mark:
    return (attributes.mtime or 0, attributes.size or 0)


def _date(seconds: int | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def _reach(server: Server, context: TaskContext) -> Iterator[SftpPlace]:
    with Session(server, context).opened() as session:
        yield SftpPlace(server, context, session)


def download(properties: Download, context: TaskContext) -> Result:
    """Outputs `from`, `to` - the address of the stored file - and `size`."""
    with _reach(properties, context) as place:
        path = place.path(properties.from_)
        kept = context.put_file(posixpath.basename(path), place.chunks(path))
    return Result(outputs={"from": place.uri(path), "to": kept.address, "size": kept.size})


def upload(properties: Upload, context: TaskContext) -> Result:
    """Outputs `from` and `to`."""
    uri = properties.from_.strip()
    name = addresses.parts_of(uri)[-1]
    with _reach(properties, context) as place:
        path = _target(place, properties.to or "/", name)
        place.write(uri, path, overwrite=properties.overwrite)
    return Result(outputs={"from": uri, "to": place.uri(path)})


def uploads(properties: Uploads, context: TaskContext) -> Result:
    """Outputs `files`: where each of them is."""
    sources = sources_of(properties.from_, context)
    if len(sources) > properties.max_files:
        context.log(LogLevel.WARN, f"{len(sources)} files are given: the first {properties.max_files} are taken")
    with _reach(properties, context) as place:
        folder = place.path(properties.to)
        paths = [(source.uri, posixpath.join(folder, source.name)) for source in sources[: properties.max_files]]
        for uri, path in paths:
            place.write(uri, path, overwrite=True)
    return Result(outputs={"files": [place.uri(path) for _, path in paths]})


def move(properties: Move, context: TaskContext) -> Result:
    """Outputs `from` and `to`."""
    with _reach(properties, context) as place:
        path = place.path(properties.from_)
        target = _target(place, properties.to, posixpath.basename(path))
        place.move_to(path, target, overwrite=properties.overwrite)
    return Result(outputs={"from": place.uri(path), "to": place.uri(target)})


def delete(properties: Delete, context: TaskContext) -> Result:
    """Outputs `uri` and `deleted`."""
    with _reach(properties, context) as place:
        path = place.path(properties.uri)
        is_deleted = place.remove(path)
    if not is_deleted and properties.error_on_missing:
        raise TaskFailed(f"{path} is not there")
    return Result(outputs={"uri": place.uri(path), "deleted": is_deleted})


def _target(place: SftpPlace, text: str, name: str) -> str:
    path = place.path(text)
    return posixpath.join(path, name) if text.strip().endswith("/") else path


_PREFIX = "io.kestra.plugin.fs.sftp."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "List", properties=List, run=partial(found_files.list_files, _reach)),
    TaskKind(name=_PREFIX + "Download", properties=Download, run=download),
    TaskKind(name=_PREFIX + "Downloads", properties=Downloads, run=partial(found_files.downloads, _reach)),
    TaskKind(name=_PREFIX + "Upload", properties=Upload, run=upload),
    TaskKind(name=_PREFIX + "Uploads", properties=Uploads, run=uploads, typed=frozenset({"from"})),
    TaskKind(name=_PREFIX + "Move", properties=Move, run=move),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete),
)

POLLS = (found_files.poll_kind(_PREFIX + "Trigger", Trigger, _reach),)
