"""Executions to read: one, many, followed, their files; and an expression in their scope."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.model.execution import Execution
from segue.model.names import TaskRunId
from segue.model.revision import FlowKey
from segue.web import asks
from segue.web.answers import Refused, as_json, download, found, granted, to_json
from segue.web.context import Web
from segue.web.flow_shapes import flow_json
from segue.web.live import execution_topic
from segue.web.shapes import execution_head_json, execution_json, page_json
from segue.web.streams import HEARTBEAT_SECONDS, EventStream, Sent

FOLLOW_PAUSE_SECONDS: Final = 0.1  # at most ten pictures a second of one execution
_STORAGE: Final = "kestra://"


async def read(web: Web, request: Request) -> Response:
    execution = await web.execution(request.path_params["id"])
    return as_json(execution_json(execution, web.daemon.now(), url=web.url_of(execution)))


async def search(web: Web, request: Request) -> Response:
    now = web.daemon.now()
    page = await web.read(web.reads.search, asks.search(request.query_params, now))
    return as_json(page_json(page, [execution_head_json(execution, now) for execution in page.results]))


async def latest(web: Web, request: Request) -> Response:
    """The last execution of each flow that the body lists."""
    wanted = await asks.json_body(request)
    if not isinstance(wanted, list) or not all(isinstance(each, dict) for each in wanted):
        raise Refused(422, "Expected a list of {namespace, flowId}")
    keys = [FlowKey(str(each.get("namespace")), str(each.get("flowId") or each.get("id"))) for each in wanted]
    marks = await web.read(web.reads.recent, keys, 1)
    return as_json(
        [
            {
                "id": mark.id,
                "namespace": key.namespace,
                "flowId": key.flow_id,
                "startDate": mark.started_at,
                "status": mark.state,
            }
            for key in keys
            for mark in marks.get(key, ())
        ]
    )


async def follow(web: Web, request: Request) -> Response:
    """The execution at every change, until it ends."""
    execution = await web.execution(request.path_params["id"])
    web.daemon.bells.check_room()
    return EventStream(_pictures(web, execution.id))


async def _pictures(web: Web, execution_id: str) -> AsyncGenerator[Sent]:
    with web.daemon.bells.follow(execution_topic(execution_id)) as subscription:
        name = "start"
        while not subscription.is_closed:
            execution = await web.execution(execution_id)
            is_over = execution.state.is_final
            # Clients look at the data alone; the id is Kestra's word for what kind of picture it is.
            yield Sent(to_json(execution_json(execution, web.daemon.now())), id="end" if is_over else name)
            if is_over:
                return
            name = "progress"
            while not await subscription.rung(HEARTBEAT_SECONDS) and not subscription.is_closed:
                yield Sent()
            await subscription.rest(FOLLOW_PAUSE_SECONDS)


async def flow_of(web: Web, request: Request) -> Response:
    """The flow as it was for this execution."""
    execution = await web.execution_alone(request.path_params["id"])
    key = FlowKey(execution.namespace, execution.flow_id)
    revisions = await web.read(web.reads.revisions, key)
    revision = found(
        next((each for each in revisions if each.number == execution.revision), None),
        f"revision {execution.revision} of flow {key}",
    )
    text = found(await web.read(web.sources.text, revision), f"text of revision {revision.number}")
    flow = found(await web.read(web.daemon.read_flow, revision, text), f"flow in revision {revision.number}")
    return as_json(flow_json(flow, revision))


async def file(web: Web, request: Request) -> Response:
    uri = request.query_params.get("path", "")
    execution = await web.execution(request.path_params["id"])
    if not may_read(execution, uri):
        raise Refused(404, f"Not Found: file `{uri}` of execution {execution.id}")
    stored = found(await web.read(web.files.open, uri), f"file `{uri}` of execution {execution.id}")
    return download(stored, PurePosixPath(uri).name)


async def file_size(web: Web, request: Request) -> Response:
    uri = request.query_params.get("path", "")
    execution = await web.execution(request.path_params["id"])
    if not may_read(execution, uri):
        raise Refused(404, f"Not Found: file `{uri}` of execution {execution.id}")
    stored = found(await web.read(web.files.open, uri), f"file `{uri}` of execution {execution.id}")
    stored.content.close()
    return as_json({"size": stored.size})


def may_read(execution: Execution, uri: str) -> bool:
    """Whether the address is below this execution's own folder (or that of the one it replays), or is told of in
    what it holds: an address that nobody gave it opens nothing."""
    path = uri.removeprefix(_STORAGE)
    if not uri.startswith(_STORAGE) or ".." in PurePosixPath(path).parts:
        return False
    folder = f"/{execution.namespace.replace('.', '/')}/{execution.flow_id}/executions/"
    ids = {execution.id, execution.original_id, execution.parent_id} - {None}
    if any(path.startswith(f"{folder}{each}/") for each in ids):
        return True
    return any(text == uri for text in _texts(_held_by(execution)))


def _held_by(execution: Execution) -> Iterator[Any]:
    yield execution.inputs
    yield execution.outputs
    yield execution.variables
    if execution.trigger is not None:
        yield dict(execution.trigger.variables)
    for run in execution.task_runs.values():
        yield run.outputs


def _texts(values: Iterator[Any]) -> Iterator[str]:
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list | tuple):
            stack.extend(value)


async def evaluate(web: Web, request: Request) -> Response:
    """Render the expression in the body in the scope of the execution, or of one of its task runs."""
    task_run_id = request.path_params.get("task_run_id")
    rendered = granted(
        await web.daemon.evaluate(
            request.path_params["id"],
            None if task_run_id is None else TaskRunId(task_run_id),
            await asks.text_body(request),
        )
    )
    return as_json({"result": rendered.result, "error": rendered.error, "stackTrace": None})
