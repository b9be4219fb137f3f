"""A flow: how it does, its text with commit and author, its revisions and what each changed, its triggers."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from segue.model.revision import Commit
from segue.model.task import Task, branches
from segue.web.answers import Refused, found
from segue.web.api.flows import differing, revision_of
from segue.web.context import Web
from segue.web.pages import executions, render
from segue.web.pages.flows import RUNS, bars_of, key_of
from segue.web.pages.source import diff_lines, yaml_lines
from segue.web.ports import LiveFlow, LiveTrigger

LATEST = 15
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Item:
    """A line in the outline of tasks."""

    task: Task
    depth: int
    branch: str


def outline(tasks: tuple[Task, ...], depth: int = 0, branch: str = "") -> list[Item]:
    items = []
    for task in tasks:
        items.append(Item(task, depth, branch))
        for name, children in branches(task.body):
            items += outline(children, depth + 1, "" if name == "tasks" else name)
    return items


def _page(web: Web, request: Request, tab: str, live: LiveFlow, **values: Any) -> Response:
    return render.page(
        web,
        request,
        "flow.html",
        tab=tab,
        live=live,
        flow=live.flow,
        key=live.key,
        base=f"/flows/{live.key.namespace}/{live.key.flow_id}",
        **values,
    )


def triggers_of(web: Web, live: LiveFlow) -> list[LiveTrigger]:
    return [each for each in web.daemon.triggers() if each.key.flow == live.key]


async def overview(web: Web, request: Request) -> Response:
    key = key_of(request)
    live = web.daemon.flow(key)
    if live is None:
        return await _retired(web, request)
    flow = live.flow
    items = outline(flow.tasks) + outline(flow.errors, 0, "errors") + outline(flow.finally_, 0, "finally")
    latest = await web.read(web.reads.search, executions.of_flow(key.namespace, key.flow_id, LATEST))
    marks = await web.read(web.reads.recent, [key], RUNS * 3)
    return _page(
        web,
        request,
        "overview",
        live,
        topics="executions,flows",
        latest=latest,
        bars=bars_of(marks.get(key, ())),
        items=items,
        triggers=triggers_of(web, live),
        commit=await web.read(web.sources.commit, live.revision.commit_id),
    )


async def _retired(web: Web, request: Request) -> Response:
    """A flow that Git deleted: what it was, and its executions."""
    key = key_of(request)
    revisions = await web.read(web.reads.revisions, key)
    if not revisions:
        raise Refused(404, f"There is no flow {key}.")
    latest = await web.read(web.reads.search, executions.of_flow(key.namespace, key.flow_id, LATEST))
    return render.page(
        web, request, "retired.html", topics="executions,flows", key=key, revisions=revisions, latest=latest
    )


async def source(web: Web, request: Request) -> Response:
    key = key_of(request)
    live = found(web.daemon.flow(key), f"flow {key}")
    number = request.query_params.get("revision", "")
    revision = live.revision
    if number.isdigit() and int(number) != revision.number:
        revision, _ = await revision_of(web, key, int(number))
    text = await web.read(web.sources.text, revision)
    return _page(
        web,
        request,
        "source",
        live,
        topics="flows",
        revision=revision,
        lines=yaml_lines(text or ""),
        commit=await web.read(web.sources.commit, revision.commit_id),
    )


async def revisions(web: Web, request: Request) -> Response:
    key = key_of(request)
    live = found(web.daemon.flow(key), f"flow {key}")
    stored = await web.read(web.reads.revisions, key)
    older, newer, lines = await differing(web, key, request)
    commits = await web.read(_commits, web, {each.commit_id for each in stored[:SHOWN]})
    return _page(
        web,
        request,
        "revisions",
        live,
        topics="flows",
        revisions=stored[:SHOWN],
        commits=commits,
        older=older,
        newer=newer,
        diff=diff_lines(lines),
    )


def _commits(web: Web, ids: set[str]) -> dict[str, Commit | None]:
    return {each: web.sources.commit(each) for each in ids}


async def triggers(web: Web, request: Request) -> Response:
    key = key_of(request)
    live = found(web.daemon.flow(key), f"flow {key}")
    origin = (web.settings.url or str(request.base_url)).rstrip("/")
    return _page(
        web, request, "triggers", live, topics="triggers,flows", triggers=triggers_of(web, live), origin=origin
    )
