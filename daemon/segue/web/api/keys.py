"""Keys and values of namespaces: read, listed, written."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.spec.key_values import KeyRefused, checked_key, literal
from segue.web import asks, filters
from segue.web.answers import Refused, as_json, found, granted
from segue.web.context import Web
from segue.web.dates import span
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import Field
from segue.web.ports.refusals import Refusal
from segue.web.shapes import key_json


async def of_namespace(web: Web, request: Request) -> Response:
    entries = await web.read(web.reads.keys, request.path_params["namespace"])
    return as_json([key_json(entry) for entry in entries])


async def search(web: Web, request: Request) -> Response:
    """Keys of all namespaces, a page at a time, without their values."""
    query = request.query_params
    wanted = filters.read(query, web.daemon.now(), filters.KEYS)
    entries = [each for each in await web.read(web.reads.keys, None) if filters.holds(wanted, partial(_field, each))]
    ordered = asks.in_order(query, entries, _ORDERS)
    shown = [_without_value(entry) for entry in asks.page_of(query, ordered)]
    return as_json({"results": shown, "total": len(entries)})


def _field(entry: KeyValue, field: Field) -> Any:
    match field:
        case Field.Q:
            return (entry.key, entry.description)
        case Field.NAMESPACE:
            return entry.namespace
        case Field.CREATED:
            return entry.created_at
        case Field.UPDATED:
            return entry.updated_at
        case Field.EXPIRES:
            return entry.expires_at
    raise AssertionError(f"keys have no {field}")


_ORDERS: Final[dict[str, Callable[[KeyValue], Any]]] = {
    "key": lambda entry: entry.key,
    "namespace": lambda entry: entry.namespace,
    "updateDate": lambda entry: entry.updated_at,
    "creationDate": lambda entry: entry.created_at,
}


def _without_value(entry: KeyValue) -> dict[str, Any]:
    return {name: value for name, value in key_json(entry).items() if name != "value"}


async def inherited(web: Web, request: Request) -> Response:
    """Keys of the namespaces above this one, the nearest first; what stands nearer hides what is farther."""
    namespace = request.path_params["namespace"]
    own = {entry.key for entry in await web.read(web.reads.keys, namespace)}
    shown: dict[str, KeyValue] = {}
    while "." in namespace:
        namespace = namespace.rpartition(".")[0]
        for entry in await web.read(web.reads.keys, namespace):
            if entry.key not in own:
                shown.setdefault(entry.key, entry)
    return as_json([_without_value(entry) for entry in shown.values()])


async def read(web: Web, request: Request) -> Response:
    namespace, name = request.path_params["namespace"], request.path_params["key"]
    return as_json(key_json(found(await web.read(web.reads.key, namespace, name), f"key {name} of {namespace}")))


async def put(web: Web, request: Request) -> Response:
    """The body is a literal: JSON, a date, a duration, or else a text. `ttl` is an ISO 8601 duration."""
    name = request.path_params["key"]
    try:
        checked_key(name)
    except KeyRefused as refused:
        raise Refused(422, str(refused)) from refused
    ttl_text = request.query_params.get("ttl") or request.headers.get("ttl") or ""
    ttl = span(ttl_text) if ttl_text else None
    if ttl_text and ttl is None:
        raise Refused(422, f"Invalid ttl `{ttl_text}`: expected an ISO 8601 duration, as PT24H or P7D")
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


async def delete(web: Web, request: Request) -> Response:
    namespace, name = request.path_params["namespace"], request.path_params["key"]
    return as_json(granted(await web.daemon.delete_key(namespace, name)))


async def delete_many(web: Web, request: Request) -> Response:
    body = await asks.json_body(request)
    names = body.get("keys") if isinstance(body, dict) else None
    if not isinstance(names, list):
        raise Refused(422, "Expected {keys: [...]}")
    for name in names:
        granted(await web.daemon.delete_key(request.path_params["namespace"], str(name)))
    return as_json({"keys": names})
