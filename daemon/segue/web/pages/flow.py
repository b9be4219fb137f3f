"""A flow: how it does, its tasks as a drawing, its text with commit and author, its revisions and what each changed, its
triggers."""

from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from segue.engine.topology import neighbours
from segue.model.flow import Flow
from segue.model.task import Task, branches
from segue.model.trigger import Trigger
from segue.web.answers import Refused, found
from segue.web.api.flows import differing, revision_of
from segue.web.context import Web
from segue.web.pages import executions, render
from segue.web.pages.flows import key_of
from segue.web.pages.git import EXCERPTS, head_of
from segue.web.pages.graph import graphs_of
from segue.web.pages.month import DAY, first_day, month_of
from segue.web.pages.source import diff_lines, excerpts_of, lines_of_tasks, yaml_lines
from segue.web.ports.flows import LiveFlow
from segue.web.ports.triggers import LiveTrigger

LATEST = 15
SHOWN = 100


class Item(Struct, frozen=True):
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


def outline_of(flow: Flow) -> list[Item]:
    return [
        *outline(flow.tasks),
        *outline(flow.errors, 0, "errors"),
        *outline(flow.finally_, 0, "finally"),
        *outline(flow.after_execution, 0, "afterExecution"),
    ]


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
    now = web.daemon.now()
    flows = [each.flow for each in web.daemon.flows()]
    latest = await web.read(web.reads.search, executions.of_flow(key.namespace, key.flow_id, LATEST))
    tallies = await web.read(web.reads.flow_tally, key, first_day(now), now, DAY)
    return _page(
        web,
        request,
        "overview",
        live,
        topics="executions,flows",
        latest=latest,
        month=month_of(tallies, now),
        task_count=sum(1 for _ in live.flow.all_tasks()),
        slots=next((each for each in web.daemon.slots() if each.flow == key), None),
        excerpts=await web.read(
            excerpts_of, web.sources, (*live.problems, *live.warnings)[:EXCERPTS], head_of(web.daemon.git_status())
        ),
        tied=await web.read(neighbours, live.flow, flows),
        tested=[each for each in web.daemon.tested() if each.flow == key],
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


async def topology(web: Web, request: Request) -> Response:
    """The flow as a drawing, each task with the way to its text; and as a list."""
    key = key_of(request)
    live = found(web.daemon.flow(key), f"flow {key}")
    text = await web.read(web.sources.text, live.revision) or ""
    lines = await web.read(lines_of_tasks, text, live.revision.document)
    base = f"/flows/{key.namespace}/{key.flow_id}"

    def link(of: Task | Trigger) -> str:
        if isinstance(of, Trigger):
            return f"{base}/triggers"
        return f"{base}/source#L{lines[of.id]}" if of.id in lines else f"{base}/source"

    return _page(
        web,
        request,
        "topology",
        live,
        topics="flows",
        graphs=await web.read(graphs_of, live.flow),
        items=outline_of(live.flow),
        link=link,
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
    commits = await web.read(web.sources.commits_of, {each.commit_id for each in stored[:SHOWN]})
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


async def triggers(web: Web, request: Request) -> Response:
    key = key_of(request)
    live = found(web.daemon.flow(key), f"flow {key}")
    origin = (web.settings.url or str(request.base_url)).rstrip("/")
    return _page(
        web, request, "triggers", live, topics="triggers,flows", triggers=triggers_of(web, live), origin=origin
    )
