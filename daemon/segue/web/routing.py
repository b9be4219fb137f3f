"""Routes: each says what it needs, and how much may be sent to it. What no route says is refused."""

import logging
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segue.expression.java_regex import TooSlow
from segue.storage.storage import StorageFailure
from segue.store.errors import ReadTooLong
from segue.web import answers
from segue.web.access import SAFE_METHODS, Need, is_same_origin
from segue.web.answers import Refused
from segue.web.context import Endpoint, Web
from segue.web.live import TooManyFollowers
from segue.web.pages import failure
from segue.web.settings import TEXT_BODY_MAX

log = logging.getLogger("segue.web")

API: Final = "/api/v1"
TENANT: Final = "/api/v1/main/"


class Entry(Struct, frozen=True):
    """One line of the route table. `is_page`: its errors are pages, and people without credentials are sent to log in.

    `body_max` in bytes; None is the setting for uploads.
    """

    methods: str
    path: str
    endpoint: Endpoint
    need: Need
    body_max: int | None = TEXT_BODY_MAX
    is_page: bool = False


def routes(web: Web, entries: Sequence[Entry]) -> list[Route]:
    return [
        Route(entry.path, _Guarded(web, entry), methods=entry.methods.split("|"), include_in_schema=False)
        for entry in entries
    ]


class _Guarded:
    """An endpoint behind its entry's needs, as an ASGI application. The web's boundary: nothing is raised past it."""

    def __init__(self, web: Web, entry: Entry) -> None:
        self._web, self._entry = web, entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body_max = self._web.settings.upload_max if self._entry.body_max is None else self._entry.body_max
        request = Request(scope, _limited(receive, body_max), send)
        try:
            response = await self._answer(request, body_max)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, body_max: int) -> Response:
        try:
            refused = self._refusal(request, body_max)
            return refused if refused is not None else await self._entry.endpoint(self._web, request)
        except Refused as refusal:
            return self._error(request, refusal)
        except HTTPException as error:
            return self._error(request, Refused(error.status_code, error.detail))
        except (TooManyFollowers, ReadTooLong, StorageFailure) as error:
            return self._error(request, Refused(503, f"{error}"))
        except TooSlow as error:
            return self._error(request, Refused(422, f"{error}"))
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("web.failed method=%s path=%s", request.method, request.url.path)
            return self._error(request, Refused(500, "Internal error: the daemon's log tells more"))

    def _refusal(self, request: Request, body_max: int) -> Response | None:
        """Why the endpoint is not called; None if it may be."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > body_max:
            raise _too_large(body_max)
        if self._entry.need is Need.PUBLIC:
            return None
        if not self._web.access.admits(request):
            return self._unknown_caller(request)
        if request.method not in SAFE_METHODS and not is_same_origin(request):
            raise Refused(403, "Forbidden: the request comes from a page of another origin")
        return None

    def _unknown_caller(self, request: Request) -> Response:
        if self._entry.is_page and request.method == "GET":
            return RedirectResponse("/login", 303)
        response = answers.error(401, "Unauthorized: credentials are needed", request.url.path)
        response.headers["WWW-Authenticate"] = 'Basic realm="Segue", charset="UTF-8"'
        return response

    def _error(self, request: Request, refusal: Refused) -> Response:
        if self._entry.is_page:
            return failure.page(refusal.status, refusal.message)
        response = answers.error(refusal.status, refusal.message, request.url.path, refusal.problems)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        return response


def _too_large(body_max: int) -> Refused:
    return Refused(413, f"Payload Too Large: at most {body_max} bytes may be sent here")


def _limited(receive: Receive, body_max: int) -> Receive:
    """Counts what arrives, so that a body without a length is cut as well."""
    left = body_max

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large(body_max)
        return message

    return limited


_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = [
    (
        b"content-security-policy",
        _POLICY,
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class FrontDoor:
    """Around all routes: our names only, one spelling of the tenant, headers for browsers."""

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self._app, self._web = app, web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if not self._web.access.knows_host(host):
            message = f"Bad Request: this daemon is not known as `{host}` (setting allowed_hosts)"
            await answers.error(400, message)(scope, receive, send)
            return
        if scope["path"].startswith(TENANT):
            scope = {**scope, "path": f"{API}/{scope['path'][len(TENANT) :]}"}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        await self._app(scope, receive, send_with_headers)
