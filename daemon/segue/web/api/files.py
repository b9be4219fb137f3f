"""Namespace files as of the live commit: listed, read, searched, taken along. They come from Git alone."""

from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import Refused, as_json, found
from segue.web.api.flows import only_by_commit
from segue.web.context import Web
from segue.web.exports import zipped
from segue.web.ports.sources import FileEntry

FOUND_MAX: Final = 1000
EXPORT_BYTES_MAX: Final = 256 << 20


def _place(web: Web, request: Request) -> tuple[str, str, str]:
    """Namespace, path and commit that are asked for."""
    path = request.query_params.get("path") or "/"
    if ".." in PurePosixPath(path).parts or "\0" in path:
        raise Refused(
            422, f"Invalid path `{path}`: expected one from the top of the namespace's files, as /scripts/a.py"
        )
    commit = found(web.daemon.git_status().commit, "a live commit")
    return request.path_params["namespace"], path, commit


async def folder(web: Web, request: Request) -> Response:
    namespace, path, commit = _place(web, request)
    entries = found(await web.read(web.sources.folder, namespace, path, commit), f"folder {path} of {namespace}")
    changed = _moment(await _committed(web, commit))
    return as_json([_attributes(entry, changed) for entry in entries])


async def file(web: Web, request: Request) -> Response:
    namespace, path, commit = _place(web, request)
    content = found(await web.read(web.sources.file, namespace, path, commit), f"file {path} of {namespace}")
    headers = {"Content-Disposition": "attachment"}
    return Response(content, headers=headers, media_type="application/octet-stream")


async def stats(web: Web, request: Request) -> Response:
    """One file or folder."""
    namespace, path, commit = _place(web, request)
    name = path.strip("/")
    every = await web.read(web.sources.all_files, namespace, commit)
    entry = next((each for each in every if each.name == name), None)
    is_folder = not name or any(each.name.startswith(f"{name}/") for each in every)
    if entry is None and is_folder:
        entry = FileEntry(name, is_folder=True)
    return as_json(_attributes(found(entry, f"file {path} of {namespace}"), _moment(await _committed(web, commit))))


async def _committed(web: Web, commit_id: str) -> datetime | None:
    commit = await web.read(web.sources.commit, commit_id)
    return None if commit is None else commit.committed_at


def _moment(at: datetime | None) -> int:
    """In milliseconds since 1970, as file systems tell it."""
    return 0 if at is None else round(at.timestamp() * 1000)


def _attributes(entry: FileEntry, changed: int) -> dict[str, Any]:
    return {
        "type": "Directory" if entry.is_folder else "File",
        "fileName": PurePosixPath(entry.name).name,
        "size": entry.size,
        "lastModifiedTime": changed,
        "creationTime": changed,
    }


async def search(web: Web, request: Request) -> Response:
    """Paths that hold `q`, whatever the case."""
    namespace, _, commit = _place(web, request)
    text = request.query_params.get("q", "").lower()
    every = await web.read(web.sources.all_files, namespace, commit)
    return as_json([f"/{each.name}" for each in every if text in f"/{each.name}".lower()][:FOUND_MAX])


async def export(web: Web, request: Request) -> Response:
    """All files of the namespace as a zip."""
    namespace, _, commit = _place(web, request)
    every = await web.read(web.sources.all_files, namespace, commit)
    if sum(each.size for each in every) > EXPORT_BYTES_MAX:
        raise Refused(413, f"The files of {namespace} have more than {EXPORT_BYTES_MAX:,} bytes: clone the repository")
    at = await _committed(web, commit) or web.daemon.now()
    content = await web.read(
        lambda: zipped((each.name, at, web.sources.file(namespace, f"/{each.name}", commit) or b"") for each in every)
    )
    headers = {"Content-Disposition": 'attachment; filename="files.zip"'}
    return Response(content, headers=headers, media_type="application/octet-stream")


async def managed_by_git(web: Web, request: Request) -> Response:
    """The answer to clients that would write a file."""
    name = request.path_params["namespace"]
    raise only_by_commit(web, request, f"Files of namespace {name} are managed by Git: they lie in its `_files` folder")
