"""The web application: ports and settings in, an ASGI application out. `runtime` serves it."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from segue.git.webhook import ReplayGuard
from segue.web import answers
from segue.web.access import Access
from segue.web.api import table as api_table
from segue.web.context import Ports, Web
from segue.web.pages import failure
from segue.web.pages import table as page_table
from segue.web.routing import API, FrontDoor, routes
from segue.web.settings import WebSettings


def create_app(ports: Ports, settings: WebSettings) -> ASGIApp:
    web = Web(ports, settings, Access(settings, ports.daemon.now), ReplayGuard())
    table = routes(web, [*api_table.entries(), *page_table.entries()])
    # What no route takes: a path is not there, or not with this method.
    strays = {404: _not_found, 405: _wrong_method}
    return FrontDoor(Starlette(routes=table, exception_handlers=strays), web)


async def _not_found(request: Request, _: Exception) -> Response:
    if request.url.path.startswith(API):
        return answers.error(404, f"Not Found: there is no call {request.method} of this path", request.url.path)
    return failure.page(404, "There is nothing at this address.")


async def _wrong_method(request: Request, error: Exception) -> Response:
    response = answers.error(405, f"Method Not Allowed: {request.method}", request.url.path)
    response.headers["Allow"] = (getattr(error, "headers", None) or {}).get("Allow", "")
    return response
