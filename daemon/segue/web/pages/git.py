"""Git: what is live, what changed lately and by whom, and every problem with its place in the text."""

from itertools import groupby
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.problem import Problem
from segue.model.revision import Commit, Revision
from segue.web.answers import granted
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.paging import page_of
from segue.web.pages.source import excerpts_of
from segue.web.ports.git import GitStatus

SYNCS: Final = 12
CHANGES: Final = 100
EXCERPTS: Final = 100


class Change(Struct, frozen=True):
    """A commit with the revisions it made."""

    commit_id: str
    commit: Commit | None
    revisions: tuple[Revision, ...]


async def page(web: Web, request: Request) -> Response:
    number = page_of(request)
    revisions = await web.read(web.reads.changes, limit=CHANGES + 1, offset=(number - 1) * CHANGES)
    status = web.daemon.git_status()
    return render.page(
        web,
        request,
        "git.html",
        topics="git,flows",
        head=None if status.commit is None else await web.read(web.sources.commit, status.commit),
        syncs=await web.read(web.reads.syncs, SYNCS),
        changes=await web.read(_changes, web, revisions[:CHANGES]),
        older=number + 1 if len(revisions) > CHANGES else None,
        newer=number - 1 if number > 1 else None,
        problems=_by_file(status.problems),
        tested=web.daemon.tested(),
        excerpts=await web.read(excerpts_of, web.sources, status.problems[:EXCERPTS], head_of(status)),
    )


def _changes(web: Web, revisions: tuple[Revision, ...]) -> list[Change]:
    by_commit: dict[str, list[Revision]] = {}
    for revision in revisions:
        by_commit.setdefault(revision.commit_id, []).append(revision)
    commits = web.sources.commits_of(by_commit)
    return _children_first([Change(each, commits.get(each), tuple(made)) for each, made in by_commit.items()])


def _children_first(changes: list[Change]) -> list[Change]:
    """Newest first also where the clock does not tell: a rebase makes many commits in one second."""
    ordered = []
    for _, alike in groupby(changes, key=lambda change: change.revisions[0].committed_at):
        waiting = {change.commit_id: change for change in alike}
        while waiting:
            parents = {parent for change in waiting.values() if change.commit for parent in change.commit.parents}
            newest = next((each for each in waiting if each not in parents), next(iter(waiting)))
            ordered.append(waiting.pop(newest))
    return ordered


def head_of(status: GitStatus) -> str | None:
    """The commit that the problems are of: the source's head, live or not."""
    return status.last_sync.commit if status.last_sync is not None else status.commit


def _by_file(problems: tuple[Problem, ...]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        found.setdefault(problem.path, []).append(problem)
    return dict(sorted(found.items()))


async def sync(web: Web, _: Request) -> Response:
    granted(await web.daemon.sync())
    return RedirectResponse("/git", 303)


async def confirm(web: Web, request: Request) -> Response:
    granted(await web.daemon.confirm_held(request.path_params["commit"]))
    return RedirectResponse("/git", 303)
