"""Acts on executions: start them, call their webhooks, kill, resume, restart ... one or many at once."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec.structs import replace
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from segue.model.names import TaskRunId
from segue.model.state import State
from segue.web import asks, filters
from segue.web.actions import (
    Action,
    ChangeStatus,
    Delete,
    ForceRun,
    Kill,
    PassBreakpoint,
    Pause,
    Replay,
    Restart,
    Resume,
    Review,
    SetLabels,
    SetTaskRunState,
    Unqueue,
)
from segue.web.answers import Refused, as_json, granted, refused, to_json
from segue.web.context import Endpoint, Web, flow_key
from segue.web.ports.executions import Search
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import Start, Upload
from segue.web.ports.webhooks import NotFired, WebhookCall, WebhookFired, WebhookPart
from segue.web.settings import PAGE_SIZE_MAX
from segue.web.shapes import checked_input_json, execution_head_json, execution_json

Reading = Callable[[Request], Awaitable[Action]]


async def start(web: Web, request: Request) -> Response:
    async with asks.form_inputs(request) as inputs:
        execution = granted(await web.daemon.start(_start_of(request, inputs)))
    return as_json(execution_json(execution, web.daemon.now(), url=web.url_of(execution)))


async def validate(web: Web, request: Request) -> Response:
    async with asks.form_inputs(request) as inputs:
        start = _start_of(request, inputs)
        checked = granted(await web.daemon.validate_inputs(start))
        unmet = await web.daemon.unmet_checks(start)
    key = flow_key(request)
    return as_json(
        {
            "id": key.flow_id,
            "namespace": key.namespace,
            "inputs": [checked_input_json(each) for each in checked],
            "checks": [{"message": each.message, "style": each.style, "behavior": each.behavior} for each in unmet],
        }
    )


def _start_of(request: Request, inputs: dict[str, Any]) -> Start:
    query = request.query_params
    return Start(
        flow=flow_key(request),
        inputs=inputs,
        labels=asks.labels(query.getlist("labels")),
        revision=asks.optional_number(query, "revision"),
        scheduled_at=asks.date(query, "scheduleDate"),
        wait=asks.flag(query, "wait"),
        kind=query.get("kind", "NORMAL"),
        breakpoints=asks.breakpoints(query) or (),
    )


# Webhooks.


async def webhook(web: Web, request: Request) -> Response:
    """The key is the credential; a flow that is not there and a key that is wrong are answered alike."""
    call = WebhookCall(
        flow=flow_key(request),
        key=request.path_params["key"],
        method=request.method,
        # As the caller wrote it, tenant and escapes included.
        uri=str(request.url.replace(path=request.scope["raw_path"].decode("latin-1"))),
        path=request.path_params.get("path"),
        headers=_lists(request.headers.items()),
        parameters=_lists(request.query_params.multi_items()),
    )
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        async with asks.form_parts(request) as form:
            answer = await web.daemon.webhook(_with_form(call, form))
    else:
        content = await request.body()
        answer = await web.daemon.webhook(replace(call, body=_webhook_body(content), content=content))
    match answer:
        case Refusal():
            raise refused(answer)
        case NotFired():
            return Response(status_code=204)
        case WebhookFired():
            return _fired(web, answer)


def _with_form(call: WebhookCall, form: FormData) -> WebhookCall:
    parts, fields = [], []
    for name, part in form.multi_items():
        if isinstance(part, UploadFile):
            file = Upload(part.filename or name, part.file, part.size or 0)
            parts.append(WebhookPart(name=name, file=file, content_type=part.content_type))
        else:
            fields.append((name, part))
    return replace(call, parts=tuple(parts), fields=_lists(fields))


def _lists(pairs: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _webhook_body(body: bytes) -> Any:
    """A map or list if it is JSON, else the text, or the Base64 of what is none."""
    if not body:
        return None
    if body.lstrip()[:1] in {b"{", b"["}:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()


def _fired(web: Web, fired: WebhookFired) -> Response:
    execution, status = fired.execution, fired.status or 200
    if fired.returns_outputs:
        outputs = execution.outputs or {}
        if fired.content_type and len(outputs) == 1:
            (only,) = outputs.values()
            content = only.encode() if isinstance(only, str) else to_json(only)
            return Response(content, status, media_type=fired.content_type)
        return as_json(outputs, status)
    shape = execution_head_json(execution, web.daemon.now())
    return as_json(shape | {"url": web.url_of(execution), "tenantId": "main"}, status)


# Acts on one.


def act(reading: Reading) -> Endpoint:
    """The endpoint of an act on the execution that the path names; answers with it as the call leaves it."""

    async def endpoint(web: Web, request: Request) -> Response:
        action = await reading(request)
        execution = granted(await web.daemon.act(request.path_params["id"], action))
        if isinstance(action, Delete):
            return Response(status_code=204)
        return as_json(execution_json(execution, web.daemon.now(), url=web.url_of(execution)))

    return endpoint


async def resume(web: Web, request: Request) -> Response:
    async with asks.form_inputs(request) as inputs:
        resume = Resume(inputs, by=web.access.user_of(request))
        execution = granted(await web.daemon.act(request.path_params["id"], resume))
    return as_json(execution_json(execution, web.daemon.now()))


async def review(web: Web, request: Request) -> Response:
    async with _review_of(web, request) as wanted:
        execution = granted(await web.daemon.act(request.path_params["id"], wanted))
    return as_json(execution_json(execution, web.daemon.now(), url=web.url_of(execution)))


async def validate_review(web: Web, request: Request) -> Response:
    execution_id = request.path_params["id"]
    async with _review_of(web, request) as wanted:
        checked = granted(
            await web.daemon.validate_review(execution_id, wanted.task_run_id, wanted.decision, wanted.inputs)
        )
    return as_json({"id": execution_id, "inputs": [checked_input_json(each) for each in checked], "checks": []})


@asynccontextmanager
async def _review_of(web: Web, request: Request) -> AsyncIterator[Review]:
    """A decision: words in the query and inputs in a form, which may have the comment too; or all of it as JSON."""
    async with asks.form_parts(request) as form:
        parts = asks.inputs_of(form)
        if request.headers.get("content-type", "").startswith("application/json"):
            said = await asks.json_body(request)
            inputs = said.get("inputs") or {} if isinstance(said, dict) else None
            if not isinstance(inputs, dict):
                raise Refused(422, "Expected {decision, comment, taskRunId, inputs}")
        else:
            comment = parts.pop(asks.REVIEW_COMMENT, None)
            said, inputs = {"comment": comment, **request.query_params}, parts
        task_run_id = said.get("taskRunId")
        yield Review(
            asks.decision(str(said.get("decision") or "")),
            inputs,
            comment=str(said.get("comment") or "").strip(),
            by=web.access.user_of(request),
            task_run_id=TaskRunId(str(task_run_id)) if task_run_id else None,
        )


async def validate_resume(web: Web, request: Request) -> Response:
    execution_id = request.path_params["id"]
    async with asks.form_inputs(request) as inputs:
        checked = granted(await web.daemon.validate_resume(execution_id, inputs))
    return as_json({"id": execution_id, "inputs": [checked_input_json(each) for each in checked], "checks": []})


async def replay_with_inputs(web: Web, request: Request) -> Response:
    replay = await _replay(request)
    async with asks.form_inputs(request) as inputs:
        action = replace(replay, inputs=inputs)
        execution = granted(await web.daemon.act(request.path_params["id"], action))
    return as_json(execution_json(execution, web.daemon.now()))


async def _kill(request: Request) -> Action:
    return Kill(asks.flag(request.query_params, "isOnKillCascade", default=True))


async def _pause(_: Request) -> Action:
    return Pause()


async def _pass_breakpoint(request: Request) -> Action:
    return PassBreakpoint(asks.breakpoints(request.query_params))


async def _resume_plain(_: Request) -> Action:
    return Resume()


async def _restart(request: Request) -> Action:
    return Restart(asks.optional_number(request.query_params, "revision"))


async def _replay(request: Request) -> Replay:
    query = request.query_params
    task_run_id = query.get("taskRunId")
    revision = 0 if asks.flag(query, "latestRevision") else asks.optional_number(query, "revision")
    return Replay(
        None if not task_run_id else TaskRunId(task_run_id), revision, breakpoints=asks.breakpoints(query) or ()
    )


async def _change_status(request: Request) -> Action:
    query = request.query_params
    return ChangeStatus(asks.state(query.get("status") or query.get("newStatus"), "status"))


async def _set_state(request: Request) -> Action:
    body = await asks.json_body(request)
    if not isinstance(body, dict) or not isinstance(body.get("taskRunId"), str):
        raise Refused(422, "Expected {taskRunId, state}")
    return SetTaskRunState(TaskRunId(body["taskRunId"]), asks.state(str(body.get("state")), "state"))


async def _set_labels(request: Request) -> Action:
    return SetLabels(asks.labels_of_json(await asks.json_body(request)))


async def _force_run(_: Request) -> Action:
    return ForceRun()


async def _unqueue(request: Request) -> Action:
    query = request.query_params
    text = query.get("newState") or query.get("state")
    return Unqueue(asks.state(text, "state") if text else State.RUNNING)


async def _delete(request: Request) -> Action:
    query = request.query_params
    return Delete(
        logs=asks.flag(query, "deleteLogs", default=True),
        metrics=asks.flag(query, "deleteMetrics", default=True),
        storage=asks.flag(query, "deleteStorage", default=True),
        running_too=asks.flag(query, "includeNonTerminated"),
    )


# Kestra's words for them, in paths.
ACTS: Final[dict[str, Reading]] = {
    "pause": _pause,
    "resume-from-breakpoint": _pass_breakpoint,
    "restart": _restart,
    "replay": _replay,
    "change-status": _change_status,
    "state": _set_state,
    "labels": _set_labels,
    "force-run": _force_run,
    "unqueue": _unqueue,
}
KILL: Final = act(_kill)
DELETE: Final = act(_delete)


# Acts on many.


async def _labels_of_many(request: Request) -> tuple[list[str] | None, Action]:
    body = await asks.json_body(request)
    if isinstance(body, dict) and isinstance(body.get("executionIds"), list):
        return [str(each) for each in body["executionIds"]], SetLabels(asks.labels_of_json(body.get("executionLabels")))
    return None, SetLabels(asks.labels_of_json(body))


def by_ids(reading: Reading) -> Endpoint:
    """The endpoint of an act on the executions whose ids the body lists. All or none."""

    async def endpoint(web: Web, request: Request) -> Response:
        if reading is _set_labels:
            ids, action = await _labels_of_many(request)
        else:
            ids, action = await _ids(request), await reading(request)
        if ids is None:
            raise Refused(422, "Expected {executionIds, executionLabels}")
        return as_json({"count": granted(await web.daemon.act_on_many(ids, action))})

    return endpoint


async def _ids(request: Request) -> list[str]:
    body = await asks.json_body(request)
    if not isinstance(body, list) or not all(isinstance(each, str) for each in body):
        raise Refused(422, "Expected a list of execution ids")
    return body


def by_query(reading: Reading) -> Endpoint:
    """The endpoint of an act on the executions that a search finds."""

    async def endpoint(web: Web, request: Request) -> Response:
        action = await reading(request)
        ids = await ids_found(web, request)
        return as_json({"count": granted(await web.daemon.act_on_many(ids, action))})

    return endpoint


async def ids_found(web: Web, request: Request) -> list[str]:
    """Ids of all that the query's filters let through. `endDate` and the like bind; `status` is the act's."""
    wanted = filters.read(request.query_params, web.daemon.now(), filters.EXECUTIONS)
    ids: list[str] = []
    page = 1
    while True:
        found = await web.read(web.reads.search, Search(filters=wanted, page=page, size=PAGE_SIZE_MAX))
        ids += [execution.id for execution in found.results]
        if len(found.results) < PAGE_SIZE_MAX:
            return ids
        page += 1


BULK: Final[dict[str, Reading]] = {
    name: reading for name, reading in {**ACTS, "resume": _resume_plain}.items() if name != "state"
}
KILL_MANY: Final[Reading] = _kill
DELETE_MANY: Final[Reading] = _delete
