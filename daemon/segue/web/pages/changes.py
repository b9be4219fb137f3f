"""What changed in the repository between two commits, file by file: all that an execution of the later one saw otherwise."""

from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from segue.web.answers import Refused
from segue.web.api.flows import unified
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.source import DiffLine, diff_lines
from segue.web.ports.sources import ChangedFile

FILES: Final = 100
LINES: Final = 5000  # of all differences on the page
# Lines of both texts of a file, and of all files: comparing costs the daemon's time.
COMPARED_MAX: Final = 6_000
ALL_COMPARED_MAX: Final = 30_000
_WORDS: Final = {"A": "added", "D": "deleted"}


class FileDiff(Struct, frozen=True):
    """`said` stands where there are no lines to show, and says why."""

    path: str
    word: str
    lines: tuple[DiffLine, ...] = ()
    said: str = ""


async def page(web: Web, request: Request) -> Response:
    older, newer = (request.query_params.get(name, "") for name in ("from", "to"))
    changed = await web.read(web.sources.changes_between, older, newer)
    if changed is None:
        raise Refused(404, _unknown(older, newer))
    return render.page(
        web,
        request,
        "changes.html",
        older=older,
        newer=newer,
        commits=await web.read(web.sources.commits_of, (older, newer)),
        files=await web.read(_diffs, web, changed[:FILES], older, newer),
        left=len(changed[FILES:]),
    )


def _unknown(older: str, newer: str) -> str:
    if not older or not newer:
        return "Two commits are compared, and the address names them: `/git/changes?from=...&to=...`."
    return f"`{older}` and `{newer}` are not both commits that this daemon knows."


def _diffs(web: Web, changed: tuple[ChangedFile, ...], older: str, newer: str) -> list[FileDiff]:
    diffs, shown, compared = [], LINES, ALL_COMPARED_MAX
    for each in changed:
        before, after = _texts(web, each, older, newer)
        said = _why_not(before, after)
        compared -= _lines_in(before) + _lines_in(after)
        lines = () if said or compared < 0 else tuple(diff_lines(unified(before or "", after or "", "", "")[2:]))
        if compared < 0 or len(lines) > shown:
            lines, said = (), said or "Too much for this page: look with git diff."
        shown -= len(lines)
        diffs.append(FileDiff(each.path, _WORDS.get(each.status, ""), lines, said or "Its lines are the same."))
    return diffs


def _texts(web: Web, each: ChangedFile, older: str, newer: str) -> tuple[str | None, str | None]:
    before = "" if each.status == "A" else web.sources.text_at(each.path, older)
    after = "" if each.status == "D" else web.sources.text_at(each.path, newer)
    return before, after


def _why_not(before: str | None, after: str | None) -> str:
    """Why two texts are not compared; empty if they are."""
    if before is None or after is None:
        return "Too large to be shown, or no file."
    if "\0" in before or "\0" in after:
        return "Not a text."
    if _lines_in(before) + _lines_in(after) > COMPARED_MAX:
        return "Too long to be compared line by line."
    return ""


def _lines_in(text: str | None) -> int:
    return 0 if text is None else text.count("\n")
