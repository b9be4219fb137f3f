"""Keys with values, and namespace files. Keys can be written here; files come from Git alone."""

from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segue.spec.key_values import KeyRefused, checked_key, literal
from segue.web import asks
from segue.web.answers import Refused, as_json, found, granted
from segue.web.context import Web
from segue.web.dates import span
from segue.web.ports import KeyValue, Refusal
from segue.web.shapes import key_json


async def keys(web: Web, request: Request) -> Response:
    entries = await web.read(web.reads.keys, request.path_params["namespace"])
    return as_json([key_json(entry) for entry in entries])


async def key(web: Web, request: Request) -> Response:
    namespace, name = request.path_params["namespace"], request.path_params["key"]
    return as_json(key_json(found(await web.read(web.reads.key, namespace, name), f"key {name} of {namespace}")))


async def put_key(web: Web, request: Request) -> Response:
    """The body is a literal: JSON, a date, a duration, or else a text. `ttl` is an ISO 8601 duration."""
    name = request.path_params["key"]
    try:
        checked_key(name)
    except KeyRefused as refused:
        raise Refused(422, str(refused)) from refused
    ttl_text = request.query_params.get("ttl") or request.headers.get("ttl") or ""
    ttl = span(ttl_text) if ttl_text else None
    if ttl_text and ttl is None:
        raise Refused(422, f"Invalid ttl `{ttl_text}`: expected an ISO 8601 duration")
    kind, value = literal(await asks.text_body(request))
    entry = KeyValue(
        namespace=request.path_params["namespace"],
        key=name,
        kind=kind,
        value=value,
        description=request.query_params.get("description") or request.headers.get("description") or "",
        expires_at=_expiry(web, ttl),
    )
    refusal = await web.daemon.put_key(entry)
    if isinstance(refusal, Refusal):
        raise Refused(refusal.status, refusal.message, refusal.problems)
    return Response(status_code=204)


def _expiry(web: Web, ttl: timedelta | None) -> Any:
    return None if ttl is None else web.daemon.now() + ttl


async def delete_key(web: Web, request: Request) -> Response:
    namespace, name = request.path_params["namespace"], request.path_params["key"]
    return as_json(granted(await web.daemon.delete_key(namespace, name)))


async def delete_keys(web: Web, request: Request) -> Response:
    body = await asks.json_body(request)
    names = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(names, list):
        raise Refused(422, "Expected {keys: [...]}")
    for name in names:
        granted(await web.daemon.delete_key(request.path_params["namespace"], str(name)))
    return as_json({"keys": names})


# Namespace files, as of the live commit.


def _place(web: Web, request: Request) -> tuple[str, str, str]:
    """Namespace, path and commit that are asked for."""
    path = request.query_params.get("path") or "/"
    if ".." in PurePosixPath(path).parts or "\0" in path:
        raise Refused(422, f"Invalid path `{path}`")
    commit = found(web.daemon.git_status().commit, "a live commit")
    return request.path_params["namespace"], path, commit


async def folder(web: Web, request: Request) -> Response:
    namespace, path, commit = _place(web, request)
    entries = found(await web.read(web.sources.folder, namespace, path, commit), f"folder {path} of {namespace}")
    return as_json(
        [
            {"type": "Directory" if entry.is_folder else "File", "fileName": entry.name, "size": entry.size}
            for entry in entries
        ]
    )


async def file(web: Web, request: Request) -> Response:
    namespace, path, commit = _place(web, request)
    content = found(await web.read(web.sources.file, namespace, path, commit), f"file {path} of {namespace}")
    headers = {"Content-Disposition": "attachment"}
    return Response(content, headers=headers, media_type="application/octet-stream")
