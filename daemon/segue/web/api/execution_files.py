"""What executions left behind: their files, whole or in part, and their outputs."""

import base64
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final

from starlette.requests import Request
from starlette.responses import Response

from segue.expression import ion
from segue.expression.errors import ExpressionError
from segue.model.execution import Execution
from segue.model.names import TaskRunId
from segue.web import asks
from segue.web.answers import Refused, as_json, download, found
from segue.web.context import Web
from segue.web.ports.storage import StoredFile

_STORAGE: Final = "kestra://"
PREVIEW_BYTES_MAX: Final = 1 << 20
PREVIEW_ROWS: Final = 100
PREVIEW_ROWS_MAX: Final = 5000
_IMAGES: Final = frozenset({"png", "jpg", "jpeg", "gif", "webp"})


async def file(web: Web, request: Request) -> Response:
    stored, name = await _opened(web, request)
    return download(stored, name)


async def size(web: Web, request: Request) -> Response:
    stored, _ = await _opened(web, request)
    stored.content.close()
    return as_json({"size": stored.size})


async def preview(web: Web, request: Request) -> Response:
    """The first `maxRows` lines of a file, or values of an Ion file; an image whole, if it is small."""
    query = request.query_params
    rows = asks.number(query, "maxRows", PREVIEW_ROWS, least=1, most=PREVIEW_ROWS_MAX)
    encoding = query.get("encoding") or "utf-8"
    stored, name = await _opened(web, request)
    return as_json(await web.read(_preview, stored, name, rows, encoding))


def _preview(stored: StoredFile, name: str, rows: int, encoding: str) -> dict[str, Any]:
    ending = PurePosixPath(name).suffix.removeprefix(".").lower()
    with stored.content as content:
        if ending in _IMAGES and stored.size <= PREVIEW_BYTES_MAX:
            picture = base64.b64encode(content.read()).decode()
            return {"extension": ending, "type": "IMAGE", "content": picture, "maxLine": rows, "truncated": False}
        lines, is_whole = _lines(content, rows, encoding)
    shape = {"extension": ending, "maxLine": rows, "truncated": not is_whole}
    if ending == "ion":
        try:
            return shape | {"type": "LIST", "content": list(ion.read_values("".join(lines)))}
        except ExpressionError:
            pass  # cut within a value that spans lines, or no Ion at all: shown as it stands
    return shape | {"type": "MARKDOWN" if ending == "md" else "TEXT", "content": "".join(lines)}


def _lines(content: BinaryIO, rows: int, encoding: str) -> tuple[list[str], bool]:
    """The first lines, and whether they are all there are."""
    read = content.read(PREVIEW_BYTES_MAX)
    try:
        lines = read.decode(encoding, "replace").splitlines(keepends=True)
    except LookupError as error:
        raise Refused(422, f"Invalid parameter `encoding`: `{encoding}` is not one that is known here") from error
    is_whole = len(lines) <= rows and len(read) < PREVIEW_BYTES_MAX
    return lines[:rows], is_whole


async def _opened(web: Web, request: Request) -> tuple[StoredFile, str]:
    uri = request.query_params.get("path", "")
    execution = await web.execution(request.path_params["id"])
    if not may_read(execution, uri):
        raise Refused(404, f"Not Found: file `{uri}` of execution {execution.id}")
    stored = found(await web.read(web.files.open, uri), f"file `{uri}` of execution {execution.id}")
    return stored, PurePosixPath(uri).name


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


# Outputs.


async def outputs(web: Web, request: Request) -> Response:
    """What the flow's `outputs` came to."""
    return as_json((await web.execution_alone(request.path_params["id"])).outputs or {})


async def outputs_of_tasks(web: Web, request: Request) -> Response:
    """The task runs that have outputs."""
    execution = await web.execution(request.path_params["id"])
    return as_json(
        [
            {
                "taskId": run.task_id,
                "taskRunId": run.id,
                "value": run.value,
                "iteration": run.iteration,
                "inline": True,
            }
            for run in execution.task_runs.values()
            if run.outputs
        ]
    )


async def outputs_of_task_run(web: Web, request: Request) -> Response:
    execution = await web.execution(request.path_params["id"])
    run_id = TaskRunId(request.path_params["task_run_id"])
    run = found(execution.task_runs.get(run_id), f"task run {run_id} of execution {execution.id}")
    return as_json(run.outputs or {})
