"""Logging in and out, where credentials are set."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.web.access import SESSION_COOKIE, SESSION_LASTS, accepts, is_same_origin
from segue.web.answers import Refused
from segue.web.context import Web
from segue.web.pages import render


async def form(web: Web, request: Request) -> Response:
    if web.access.admits(request):
        return RedirectResponse("/", 303)
    return render.bare("login.html", said="", has_password=web.access.credentials.has_password)


async def submit(web: Web, request: Request) -> Response:
    if not is_same_origin(request):
        raise Refused(403, "The form comes from a page of another origin.")
    sent = await request.form()
    if not accepts(web.access.credentials, str(sent.get("username", "")), str(sent.get("password", ""))):
        said = "That is not right. Names and passwords are told apart by upper and lower case."
        return render.bare("login.html", 401, said=said, has_password=web.access.credentials.has_password)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        SESSION_COOKIE,
        web.access.new_session(),
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


async def logout(_: Web, __: Request) -> Response:
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response
