"""Flows to read and to check: live ones, their revisions, differences between these. Nothing here changes a flow."""

import difflib
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.model.execution import Execution
from segue.model.flow import Flow
from segue.model.revision import FlowKey, Revision
from segue.store.reads.matching import Op
from segue.web import asks
from segue.web.answers import Refused, as_json, found, problem_json
from segue.web.context import Web, flow_key
from segue.web.dates import iso
from segue.web.finding import flows_meeting, found_flows
from segue.web.flow_shapes import flow_json, task_json
from segue.web.ports.flows import LiveFlow
from segue.web.ports.lists import Field, Filter

DEPRECATED: Final = "deprecated"  # the code of problems that say so


async def search(web: Web, request: Request) -> Response:
    flows = found_flows(web, request)
    return as_json({"results": list(map(_live_json, asks.page_of(request.query_params, flows))), "total": len(flows)})


def _live_json(live: LiveFlow) -> dict[str, Any]:
    return flow_json(live.flow, live.revision) | {"problems": [problem_json(problem) for problem in live.problems]}


async def of_namespace(web: Web, request: Request) -> Response:
    wanted = (Filter(Field.NAMESPACE, Op.EQUALS, (request.path_params["namespace"],)),)
    return as_json([_live_json(live) for live in flows_meeting(web, wanted)])


async def namespaces(web: Web, request: Request) -> Response:
    """Those that have flows; `?q=` is a part of their names."""
    text = request.query_params.get("q", "").lower()
    return as_json(sorted({name for live in web.daemon.flows() if text in (name := live.key.namespace).lower()}))


async def deprecated(web: Web, _: Request) -> Response:
    """Live flows that use what newer versions of the language have not, and where."""
    paths_of = [(live, _deprecations(live)) for live in web.daemon.flows()]
    return as_json(
        [
            {"namespace": live.key.namespace, "id": live.key.flow_id, "deprecationPaths": paths}
            for live, paths in paths_of
            if paths
        ]
    )


def _deprecations(live: LiveFlow) -> list[str]:
    return [problem.where for problem in live.warnings if problem.code == DEPRECATED]


async def read(web: Web, request: Request) -> Response:
    """`?revision=` another than the live one, `?source=true` with its text, `?allowDeleted=true` a retired one."""
    query = request.query_params
    key, number = flow_key(request), asks.optional_number(query, "revision")
    live = web.daemon.flow(key)
    if number is None and live is not None:
        shape = _live_json(live)
        revision = live.revision
    else:
        revision, flow = await revision_of(web, key, number, allow_deleted=asks.flag(query, "allowDeleted"))
        shape = flow_json(flow, revision)
    if asks.flag(query, "source"):
        shape["source"] = await web.read(web.sources.text, revision)
    return as_json(shape)


async def revision_of(
    web: Web, key: FlowKey, number: int | None, *, allow_deleted: bool = False
) -> tuple[Revision, Flow]:
    """A stored revision and the flow it says; the last one without a number."""
    revisions = await web.read(web.reads.revisions, key)
    if not revisions or (number is None and not allow_deleted):
        raise Refused(404, f"Not Found: flow {key}")
    wanted = next((each for each in revisions if number in {None, each.number}), None)
    revision = found(wanted, f"revision {number} of flow {key}")
    text = found(await web.read(web.sources.text, revision), f"text of revision {revision.number} of flow {key}")
    flow = await web.read(web.daemon.read_flow, revision, text)
    return revision, found(flow, f"a valid flow in revision {revision.number} of {key}")


async def flow_of_execution(web: Web, execution: Execution) -> tuple[Revision, Flow]:
    """The flow as it was for this execution."""
    return await revision_of(web, FlowKey(execution.namespace, execution.flow_id), execution.revision)


async def revisions(web: Web, request: Request) -> Response:
    """Newest first; each with who and when."""
    key = flow_key(request)
    stored = await web.read(web.reads.revisions, key)
    if not stored:
        raise Refused(404, f"Not Found: flow {key}")
    return as_json([revision_json(revision) for revision in stored])


def revision_json(revision: Revision) -> dict[str, Any]:
    return {
        "id": revision.key.flow_id,
        "namespace": revision.key.namespace,
        "revision": revision.number,
        "commit": revision.commit_id,
        "author": {"name": revision.author.name, "email": revision.author.email},
        "date": iso(revision.committed_at),
        "path": revision.path,
        "deleted": revision.is_deleted,
    }


async def difference(web: Web, request: Request) -> Response:
    """Two revisions as a unified diff: `?from=1&to=2`; without them the last two."""
    older, newer, lines = await differing(web, flow_key(request), request)
    return as_json({"from": older.number, "to": newer.number, "diff": "\n".join(lines)})


async def differing(web: Web, key: FlowKey, request: Request) -> tuple[Revision, Revision, list[str]]:
    stored = await web.read(web.reads.revisions, key)
    if not stored:
        raise Refused(404, f"Not Found: flow {key}")
    by_number = {revision.number: revision for revision in stored}
    to = asks.number(request.query_params, "to", stored[0].number)
    start = asks.number(request.query_params, "from", max((each for each in by_number if each < to), default=to))
    older, newer = (found(by_number.get(each), f"revision {each} of flow {key}") for each in (start, to))
    before, after = await web.read(lambda: [web.sources.text(revision) or "" for revision in (older, newer)])
    return older, newer, unified(before, after, f"{older.path} ({start})", f"{newer.path} ({to})")


def unified(before: str, after: str, before_name: str, after_name: str) -> list[str]:
    return list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm="", n=4)
    )


async def task(web: Web, request: Request) -> Response:
    """`?revision=` another than the live one."""
    key, task_id = flow_key(request), request.path_params["task_id"]
    number = asks.optional_number(request.query_params, "revision")
    flow = web.flow(key).flow if number is None else (await revision_of(web, key, number))[1]
    return as_json(task_json(found(flow.task(task_id), f"task {task_id} of flow {key}")))


async def slots(web: Web, _: Request) -> Response:
    """Flows with a concurrency limit, and how much of it is taken."""
    shown = [
        {
            "tenantId": "main",
            "namespace": each.flow.namespace,
            "flowId": each.flow.flow_id,
            "running": each.running,
            "queued": each.queued,
            "limit": each.limit,
            "behavior": each.behavior,
        }
        for each in web.daemon.slots()
    ]
    return as_json({"results": shown, "total": len(shown)})


# What only a commit can do.


async def managed_by_git(web: Web, request: Request) -> Response:
    """The answer to clients that would write a flow."""
    raise only_by_commit(web, request, _what(web, request))


def _what(web: Web, request: Request) -> str:
    path = request.path_params
    if "flow_id" not in path:
        return "Flows are managed by Git"
    key = flow_key(request)
    live = web.daemon.flow(key)
    place = f"{key} lies in `{live.revision.path}`" if live else f"there is no {key}"
    return f"Flows are managed by Git, and {place}"


def only_by_commit(web: Web, request: Request, what: str) -> Refused:
    """That this is not done by a call, and how it is done."""
    git = web.daemon.git_status()
    way = f"commit to `{git.branch}` of {git.source}, then `POST /api/v1/main/git/sync` or wait a moment"
    return Refused(405, f"{what}; {request.method} changes nothing here: {way}")
