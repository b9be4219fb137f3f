"""Flows to read and to check: live ones, their revisions, differences between these. Nothing here changes a flow."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.model.flow import Flow
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey, Revision
from segue.web import asks
from segue.web.answers import Refused, as_json, found, problem_json
from segue.web.context import Web, flow_key
from segue.web.dates import iso
from segue.web.flow_shapes import flow_json, graph_json, task_json
from segue.web.ports import Checked, LiveFlow
from segue.web.settings import PAGE_SIZE_MAX

_SEPARATOR: Final = re.compile(r"^---[ \t]*$", re.MULTILINE)
FLOW_PATH: Final = "flow.yaml"  # what problems call a text that lies in no repository


async def search(web: Web, request: Request) -> Response:
    query = request.query_params
    flows = matching(
        web.daemon.flows(),
        text=query.get("q") or query.get("filters[q][EQUALS]") or "",
        namespace=query.get("namespace") or query.get("filters[namespace][PREFIX]") or "",
        exact_namespace=query.get("filters[namespace][EQUALS]") or "",
        labels=asks.labels(query.getlist("labels")),
    )
    page = asks.number(query, "page", 1, least=1)
    size = asks.number(query, "size", 10, least=1, most=PAGE_SIZE_MAX)
    shown = flows[(page - 1) * size : page * size]
    return as_json({"results": [_live_json(live) for live in shown], "total": len(flows)})


def matching(
    flows: Sequence[LiveFlow], *, text: str = "", namespace: str = "", exact_namespace: str = "", labels: dict[str, str]
) -> list[LiveFlow]:
    """The flows below a namespace, with all these labels, whose names or description hold the text; by name."""
    text = text.lower()
    return sorted(
        (
            live
            for live in flows
            if (not namespace or f"{live.key.namespace}.".startswith(f"{namespace}."))
            and (not exact_namespace or live.key.namespace == exact_namespace)
            and labels.items() <= live.flow.labels.items()
            and (not text or text in f"{live.key}\n{live.flow.description}".lower())
        ),
        key=lambda live: live.key,
    )


def _live_json(live: LiveFlow) -> dict[str, Any]:
    return flow_json(live.flow, live.revision) | {"problems": [problem_json(problem) for problem in live.problems]}


async def of_namespace(web: Web, request: Request) -> Response:
    namespace = request.path_params["namespace"]
    flows = matching(web.daemon.flows(), exact_namespace=namespace, labels={})
    return as_json([_live_json(live) for live in flows])


async def namespaces(web: Web, _: Request) -> Response:
    return as_json(sorted({live.key.namespace for live in web.daemon.flows()}))


async def namespace_search(web: Web, request: Request) -> Response:
    text = request.query_params.get("q", "").lower()
    counts = Counter(live.key.namespace for live in web.daemon.flows())
    results = [{"id": name, "flowCount": count} for name, count in sorted(counts.items()) if text in name]
    return as_json({"results": results, "total": len(results)})


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


async def graph(web: Web, request: Request) -> Response:
    return as_json(graph_json(web.flow(flow_key(request)).flow))


async def task(web: Web, request: Request) -> Response:
    live = web.flow(flow_key(request))
    task_id = request.path_params["task_id"]
    return as_json(task_json(found(live.flow.task(task_id), f"task {task_id} of flow {live.key}")))


async def validate(web: Web, request: Request) -> Response:
    """What is right and wrong with a flow's text. It is not kept and never run."""
    text = await asks.text_body(request)
    checked = await web.read(lambda: [web.daemon.check(each, FLOW_PATH) for each in documents(text)])
    return as_json([_checked_json(each, index) for index, each in enumerate(checked)])


def documents(text: str) -> list[str]:
    """The YAML documents of a text, each pushed down by empty lines to where it stands, so that places stay true."""
    found: list[str] = []
    start = 0
    for end in [*(match.start() for match in _SEPARATOR.finditer(text)), len(text)]:
        document = _SEPARATOR.sub("", text[start:end], count=1)
        if document.strip():
            found.append("\n" * text.count("\n", 0, start) + document)
        start = end
    return found or [text]


def _checked_json(checked: Checked, index: int) -> dict[str, Any]:
    errors = [problem for problem in checked.problems if problem.severity is Severity.ERROR]
    warnings = [problem for problem in checked.problems if problem.severity is Severity.WARNING]
    flow = checked.flow
    return {
        "index": index,
        "flow": None if flow is None else flow.id,
        "namespace": None if flow is None else flow.namespace,
        "constraints": "\n".join(_violation(problem) for problem in errors) or None,
        "outdated": False,
        "deprecationPaths": [problem.where for problem in warnings if problem.code == "deprecated"],
        "warnings": [_violation(problem) for problem in warnings],
        "infos": [],
        "problems": [problem_json(problem) for problem in checked.problems],
    }


def _violation(problem: Problem) -> str:
    """`path of keys: sentence`, on one line."""
    message = " ".join(problem.message.split())
    return f"{problem.where}: {message}" if problem.where else message


async def managed_by_git(web: Web, request: Request) -> Response:
    """The answer to clients that would write a flow."""
    status = web.daemon.git_status()
    raise Refused(405, f"Flows are managed by Git: commit to `{status.branch}` of {status.source} ({request.method})")
