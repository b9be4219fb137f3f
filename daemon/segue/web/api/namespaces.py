"""Namespaces: those that live flows lie in, and those above them. They are made and go with their flows."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.web import asks, filters
from segue.web.answers import Refused, as_json, found
from segue.web.api.flows import only_by_commit
from segue.web.context import Web
from segue.web.ports.lists import Field

COMPLETED_MAX: Final = 100


async def search(web: Web, request: Request) -> Response:
    """A page of those that flows lie in; `?existing=false` those above them too."""
    query = request.query_params
    wanted = filters.read(query, web.daemon.now(), filters.NAMESPACES)
    own_only = asks.flag(query, "existing", default=True)
    names = [
        name
        for name, count in sorted(_counts(web).items())
        if (count or not own_only) and filters.holds(wanted, dict.fromkeys(Field, name).get)
    ]
    ordered = asks.in_order(query, names, {"id": str})
    return as_json({"results": [_json(web, name) for name in asks.page_of(query, ordered)], "total": len(names)})


async def read(web: Web, request: Request) -> Response:
    name = request.path_params["namespace"]
    return as_json(found(_json(web, name) if name in _counts(web) else None, f"namespace {name}"))


async def complete(web: Web, request: Request) -> Response:
    """Names that hold `q`, and those of `ids` that there are."""
    body = await asks.json_body(request)
    if not isinstance(body, dict):
        raise Refused(422, "Expected {q, ids, existingOnly}")
    text, ids = str(body.get("q") or "").lower(), body.get("ids") or []
    counts = _counts(web)
    names = [name for name in sorted(counts) if (counts[name] or not body.get("existingOnly")) and text in name.lower()]
    return as_json(list(dict.fromkeys([*(name for name in counts if name in ids), *names]))[:COMPLETED_MAX])


async def managed_by_git(web: Web, request: Request) -> Response:
    """The answer to clients that would make, change or delete one."""
    raise only_by_commit(web, request, "Namespaces are managed by Git: they are there while flows lie in them")


def _counts(web: Web) -> dict[str, int]:
    """How many flows each has itself, those above them too."""
    own = Counter(live.key.namespace for live in web.daemon.flows())
    return {above: own[above] for name in own for above in _with_those_above(name)}


def _with_those_above(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _json(web: Web, name: str) -> dict[str, Any]:
    return {"id": name, "deleted": False, "disabled": False, "flowCount": _counts(web)[name]}
