"""Templates and static files. Autoescape is on for every template whatever its name."""

import hashlib
import shlex
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from segue.model.state import State
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.pages import words
from segue.web.pages.markdown import described, gist
from segue.web.ports.triggers import TriggerKey

THEME_COOKIE: Final = "segue_theme"
_THEMES: Final = frozenset({"light", "dark"})
_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def _static_files() -> dict[str, bytes]:
    folder = resources.files("segue.web") / "static"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.rpartition(".")[2] in _TYPES}


_STATIC: Final = _static_files()
_DIGESTS: Final = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in _STATIC.items()}


def _address(name: str) -> str:
    """Of a static file: with its digest, so that browsers may keep it for ever."""
    return f"/static/{name}?v={_DIGESTS[name]}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("segue.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": _address, "State": State, "iso": iso}
    environment.filters |= {
        "exact": words.exact,
        "clock": words.clock,
        "date": words.date,
        "lasting": words.lasting,
        "mark": words.mark,
        "clean": words.clean,
        "ticked": words.ticked,
        "described": described,
        "gist": gist,
        "pretty": words.pretty,
        "brief": words.brief,
        "timed": words.timed,
        "size": words.size,
        "short_type": words.short_type,
        "count": words.count,
        "figure": words.figure,
        "fitted": words.fitted,
        "iso": iso,
        "trigger_url": trigger_url,
        "own_labels": own_labels,
        "quoted": shlex.quote,
    }
    return environment


def own_labels(labels: Mapping[str, str], known: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Without those of the system and those that are `known` already."""
    known = known or {}
    return [pair for pair in labels.items() if not pair[0].startswith("system.") and pair not in known.items()]


def trigger_url(key: TriggerKey) -> str:
    return f"/triggers/{key.flow.namespace}/{key.flow.flow_id}/{key.trigger_id}"


_TEMPLATES: Final = _environment()


def bare(template: str, code: int = 200, **values: Any) -> Response:
    """A page that needs no daemon."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), code, {"Cache-Control": "no-store"})


def page(web: Web, request: Request, template: str, code: int = 200, **values: Any) -> Response:
    """A page. `topics` in `values` names what makes it out of date."""
    now = web.daemon.now()
    theme = request.cookies.get(THEME_COOKIE, "")
    common = {
        "now": now,
        "ago": lambda at: words.ago(at, now),
        "version": web.daemon.version,
        "git": web.daemon.git_status(),
        "path": request.url.path,
        "theme": theme if theme in _THEMES else "",
        "has_login": web.access.credentials.are_set,
        "topics": "",
        "execution_topic": "",
    }
    return bare(template, code, **(common | values))


async def static(_: Web, request: Request) -> Response:
    name = request.path_params["name"]
    content = _STATIC.get(name)
    if content is None:
        raise Refused(404, "There is no such file.")
    is_exact = request.query_params.get("v") == _DIGESTS[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if is_exact else "no-cache"}
    return Response(content, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])
