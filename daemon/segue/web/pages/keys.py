"""Keys of a namespace with their values: listed, written, deleted, given an end."""

import json
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.names import is_within
from segue.spec import key_values
from segue.spec.key_values import KeyRefused, NotOfKind, checked_key, converted, literal
from segue.web import asks
from segue.web.answers import Refused, granted
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.paging import Paging
from segue.web.ports.keys import KeyValue
from segue.web.ports.refusals import Refusal

SIZE: Final = 100
KINDS: Final = (
    key_values.STRING,
    key_values.NUMBER,
    key_values.BOOLEAN,
    key_values.DATETIME,
    key_values.DATE,
    key_values.DURATION,
    key_values.JSON,
)


class Draft(Struct, frozen=True):
    """What stands in the form, as texts. An empty `kind`: told by how the value looks."""

    key: str = ""
    kind: str = ""
    value: str = ""
    description: str = ""
    expires: str = ""

    @classmethod
    def of(cls, entry: KeyValue) -> "Draft":
        expires = entry.expires_at.strftime("%Y-%m-%dT%H:%M:%S") if entry.expires_at else ""
        return cls(entry.key, entry.kind, value_text(entry.value), entry.description, expires)


def value_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


async def page(web: Web, request: Request) -> Response:
    """`?key=` puts that one into the form."""
    name = request.query_params.get("key", "")
    entry = await web.read(web.reads.key, request.path_params["namespace"], name) if name else None
    return await _show(web, request, Draft(key=name) if entry is None else Draft.of(entry), said="")


async def _show(web: Web, request: Request, draft: Draft, *, said: str) -> Response:
    namespace = request.path_params["namespace"]
    entries = sorted(await web.read(web.reads.keys, namespace), key=lambda each: each.key)
    if not entries and not _is_known(web, namespace):
        raise Refused(404, f"There is no namespace `{namespace}`.")
    text = request.query_params.get("q", "").strip()
    matching = [each for each in entries if text.lower() in f"{each.key}\n{each.description}".lower()]
    paging = Paging.of(request, total=len(matching), size=SIZE)
    return render.page(
        web,
        request,
        "keys.html",
        422 if said else 200,
        namespace=namespace,
        base=_address(namespace),
        entries=matching[paging.offset : paging.offset + SIZE],
        names={each.key for each in entries},
        kinds=KINDS,
        draft=draft,
        q=text,
        said=said,
        paging=paging,
    )


def _is_known(web: Web, namespace: str) -> bool:
    """A namespace is there when flows are in it or below it."""
    return any(is_within(live.key.namespace, namespace) for live in web.daemon.flows())


def _address(namespace: str) -> str:
    return f"/namespaces/{quote(namespace, safe='')}/keys"


async def put(web: Web, request: Request) -> Response:
    """Write one; where that cannot be, the form again with what was given and why not."""
    form = await request.form()
    draft = Draft(
        key=_sent(form, "key").strip(),
        kind=_sent(form, "kind"),
        value=_sent(form, "value"),
        description=_sent(form, "description").strip(),
        expires=_sent(form, "expires"),
    )
    namespace = request.path_params["namespace"]
    try:
        entry = _entry(web, namespace, draft)
        refusal = await web.daemon.put_key(entry) if await _may_write(web, namespace) else _unknown(namespace)
    except (KeyRefused, NotOfKind) as error:
        return await _show(web, request, draft, said=str(error))
    except Refused as refused:
        return await _show(web, request, draft, said=refused.message)
    if isinstance(refusal, Refusal):
        raise Refused(refusal.status, refusal.message, refusal.problems)
    return RedirectResponse(_address(namespace), 303)


def _sent(form: Any, name: str) -> str:
    """A form sends line ends as on a teletype; values keep their own."""
    return str(form.get(name, "")).replace("\r\n", "\n")


def _entry(web: Web, namespace: str, draft: Draft) -> KeyValue:
    """Raises `KeyRefused`, `NotOfKind` and `Refused`."""
    kind, value = (draft.kind, converted(draft.value, draft.kind)) if draft.kind in KINDS else literal(draft.value)
    expires_at = asks.date({"expires": draft.expires}, "expires")
    if expires_at is not None and expires_at <= web.daemon.now():
        raise Refused(422, "It would expire at once: that time has passed.")
    return KeyValue(
        namespace=namespace,
        key=checked_key(draft.key),
        kind=kind,
        value=value,
        description=draft.description,
        expires_at=expires_at,
    )


async def _may_write(web: Web, namespace: str) -> bool:
    return _is_known(web, namespace) or bool(await web.read(web.reads.keys, namespace))


def _unknown(namespace: str) -> Refusal:
    return Refusal(404, f"There is no namespace `{namespace}`.")


async def delete(web: Web, request: Request) -> Response:
    form = await request.form()
    namespace, name = request.path_params["namespace"], str(form.get("key", ""))
    granted(await web.daemon.delete_key(namespace, name))
    text = str(form.get("q", ""))
    return RedirectResponse(f"{_address(namespace)}{'?' + urlencode({'q': text}) if text else ''}", 303)
