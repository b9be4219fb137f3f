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


_MISSED: Final = "Not Found: "


def page(status: int, message: str) -> Response:
    title = _TITLES.get(status, "Sorry")
    return render.bare("failure.html", status, number=status, title=title, message=_sentence(message))


def _sentence(message: str) -> str:
    """What the API says of a thing that is missing, for people."""
    missed = message.removeprefix(_MISSED)
    return f"There is no {missed}." if missed != message and missed[:1].islower() else missed
