"""The page for what went wrong. It asks nothing of the daemon, so it works when little else does."""

from typing import Final

from starlette.responses import Response

from segue.web.pages import render

_TITLES: Final = {
    401: "Who are you?",
    403: "Not from there",
    404: "Not here",
    405: "Not this way",
    409: "Not now",
    413: "Too much",
    422: "Not like this",
    500: "Our mistake",
    503: "Not at the moment",
}


def page(status: int, message: str) -> Response:
    return render.bare("failure.html", status, number=status, title=_TITLES.get(status, "Sorry"), message=message)
