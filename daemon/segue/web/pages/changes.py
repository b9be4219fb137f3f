"""What changed in the repository between two commits, file by file: all that an execution of the later one saw otherwise."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from segue.model.revision import Commit
from segue.web.answers import Refused
from segue.web.api.flows import unified
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.source import DiffLine, diff_lines
from segue.web.ports import ChangedFile

FILES: Final = 100
LINES: Final = 5000  # of all differences on the page
COMPARED_MAX: Final = 20_000  # lines of both texts of one file
_WORDS: Final = {"A": "added", "D": "deleted"}


@dataclass(frozen=True, slots=True)
class FileDiff:
    """`said` stands where there are no lines to show, and says why."""

    path: str
    word: str
    lines: tuple[DiffLine, ...] = ()
    said: str = ""


async def page(web: Web, request: Request) -> Response:
    older, newer = (request.query_params.get(name, "") for name in ("from", "to"))
    changed = await web.read(web.sources.changes_between, older, newer)
    if changed is None:
        raise Refused(404, f"`{older}` and `{newer}` are not both commits of the mirror.")
    return render.page(
        web,
        request,
        "changes.html",
        older=older,
        newer=newer,
        commits=await web.read(_commits, web, (older, newer)),
        files=await web.read(_diffs, web, changed[:FILES], older, newer),
        left=len(changed[FILES:]),
    )


def _commits(web: Web, ids: tuple[str, ...]) -> dict[str, Commit | None]:
    return {each: web.sources.commit(each) for each in ids}


def _diffs(web: Web, changed: tuple[ChangedFile, ...], older: str, newer: str) -> list[FileDiff]:
    diffs, room = [], LINES
    for each in changed:
        diff = _diff(web, each, older, newer)
        if len(diff.lines) > room:
            diff = FileDiff(diff.path, diff.word, said="Too much for this page: look with git diff.")
        room -= len(diff.lines)
        diffs.append(diff)
    return diffs


def _diff(web: Web, each: ChangedFile, older: str, newer: str) -> FileDiff:
    word = _WORDS.get(each.status, "")
    before = "" if each.status == "A" else web.sources.text_at(each.path, older)
    after = "" if each.status == "D" else web.sources.text_at(each.path, newer)
    if before is None or after is None:
        return FileDiff(each.path, word, said="Too large to be shown, or no file.")
    if "\0" in before or "\0" in after:
        return FileDiff(each.path, word, said="Not a text.")
    if before.count("\n") + after.count("\n") > COMPARED_MAX:
        return FileDiff(each.path, word, said="Too long to be compared line by line.")
    lines = unified(before, after, each.path, each.path)[2:]
    return FileDiff(each.path, word, tuple(diff_lines(lines)), "" if lines else "Its lines are the same.")
