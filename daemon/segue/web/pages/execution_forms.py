"""What people send from the page of an execution: acts, answers to what it waits for, and expressions to look at."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.names import TaskRunId
from segue.web import asks
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
from segue.web.answers import Refused, granted
from segue.web.context import Web
from segue.web.pages.execution import Asked, Given, show
from segue.web.pages.input_form import errors_of, values_of
from segue.web.ports.executions import Rendered
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import Upload

_ACTS: Final[dict[str, Action]] = {
    "kill": Kill(),
    "pause": Pause(),
    "resume": Resume(),
    "resume-from-breakpoint": PassBreakpoint(),
    "restart": Restart(),
    "force-run": ForceRun(),
    "unqueue": Unqueue(),
    "delete": Delete(),
}


async def evaluate(web: Web, request: Request) -> Response:
    """The page with what an expression comes to in the scope of the execution, or of one of its task runs."""
    form = await request.form()
    # A form sends line ends as on a teletype; places in errors count characters.
    expression = str(form.get("expression", "")).replace("\r\n", "\n")
    seen_from = str(form.get("from", ""))
    task_run_id = TaskRunId(seen_from) if seen_from else None
    answer = await web.daemon.evaluate(request.path_params["id"], task_run_id, expression)
    said = Rendered(None, answer.message) if isinstance(answer, Refusal) else answer
    code = answer.status if isinstance(answer, Refusal) else 200
    return await show(web, request, code, asked=Asked(expression, seen_from, said))


async def resume(web: Web, request: Request) -> Response:
    """Let it go on with what it asks for; where that is refused, the form again with what is wrong."""
    execution_id = request.path_params["id"]
    wanted = web.daemon.asked_on_resume(execution_id)
    async with asks.form_inputs(request) as sent:
        inputs = values_of(wanted, sent)
        answer = await web.daemon.act(execution_id, Resume(inputs, web.access.user_of(request)))
        if not isinstance(answer, Refusal):
            return RedirectResponse(f"/executions/{execution_id}", 303)
        if answer.status != 422:
            raise Refused(answer.status, answer.message)
        errors = errors_of(await web.daemon.validate_resume(execution_id, inputs))
    texts = {name: value for name, value in sent.items() if not isinstance(value, Upload)}
    return await show(web, request, 422, given=Given(texts, errors, answer.message))


async def review(web: Web, request: Request) -> Response:
    """Decide; where that is refused for what was given, the form again with what is wrong."""
    execution_id, task_run_id = request.path_params["id"], TaskRunId(request.path_params["task_run_id"])
    asked = next((each.inputs for each in web.daemon.open_reviews(execution_id) if each.task_run_id == task_run_id), ())
    async with asks.form_inputs(request) as sent:
        inputs, comment = values_of(asked, sent), str(sent.pop(asks.REVIEW_COMMENT, "")).strip()
        decision = asks.decision(str(sent.pop(asks.REVIEW_DECISION, "")))
        wanted = Review(decision, inputs, comment, web.access.user_of(request), task_run_id)
        answer = await web.daemon.act(execution_id, wanted)
        if not isinstance(answer, Refusal):
            return RedirectResponse(f"/executions/{execution_id}", 303)
        if answer.status != 422:
            raise Refused(answer.status, answer.message)
        errors = errors_of(await web.daemon.validate_review(execution_id, task_run_id, decision, inputs))
    texts = {name: value for name, value in sent.items() if not isinstance(value, Upload)}
    return await show(web, request, 422, given=Given(texts, errors, answer.message, task_run_id, comment))


async def back(_: Web, request: Request) -> Response:
    """What a form was answered with, opened again: the page itself."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/executions/{request.path_params['id']}{query}", 303)


async def act(web: Web, request: Request) -> Response:
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    action = _action(request.path_params["act"], form)
    execution = granted(await web.daemon.act(request.path_params["id"], action))
    return RedirectResponse("/executions" if isinstance(action, Delete) else f"/executions/{execution.id}", 303)


def _action(name: str, form: Mapping[str, str]) -> Action:
    run_id = form.get("taskRunId")
    match name:
        case "replay":
            return Replay(TaskRunId(run_id) if run_id else None)
        case "change-status":
            return ChangeStatus(asks.state(form.get("status"), "status"))
        case "state":
            return SetTaskRunState(TaskRunId(run_id or ""), asks.state(form.get("state"), "state"))
        case "labels":
            return SetLabels(asks.labels(each.strip() for each in form.get("labels", "").split(",") if each.strip()))
        case name if name in _ACTS:
            return _ACTS[name]
        case _:
            raise Refused(404, "There is no such act.")
