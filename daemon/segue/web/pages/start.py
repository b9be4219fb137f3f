"""The form that starts an execution, made from the flow's inputs; and the same as a curl command."""

import shlex
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.engine.inputs import flattened
from segue.model.input import Input
from segue.web import asks
from segue.web.answers import Refused, found
from segue.web.context import Web
from segue.web.pages import render
from segue.web.pages.flows import key_of
from segue.web.pages.input_form import CONTROLS, errors_of, fields_of, text_of, values_of
from segue.web.ports.flows import LiveFlow
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import Start, Upload


async def form(web: Web, request: Request) -> Response:
    live = found(web.daemon.flow(key_of(request)), f"flow {key_of(request)}")
    return _show(web, request, live, dict(request.query_params), errors={}, said="")


def _show(
    web: Web,
    request: Request,
    live: LiveFlow,
    given: Mapping[str, Any],
    *,
    errors: Mapping[str, tuple[str, ...]],
    said: str,
) -> Response:
    origin = (web.settings.url or str(request.base_url)).rstrip("/")
    url = f"{origin}/api/v1/main/executions/{live.key}"
    return render.page(
        web,
        request,
        "flow.html",
        422 if said else 200,
        tab="start",
        live=live,
        flow=live.flow,
        key=live.key,
        base=f"/flows/{live.key.namespace}/{live.key.flow_id}",
        fields=fields_of(live.flow.inputs, given),
        errors=errors,
        said=said,
        given=given,
        url=url,
        curl=curl(url, live, has_login=web.access.credentials.are_set),
    )


async def submit(web: Web, request: Request) -> Response:
    """Start it; where that is refused, the form again with what was given and what is wrong."""
    live = found(web.daemon.flow(key_of(request)), f"flow {key_of(request)}")
    async with asks.form_inputs(request) as sent:
        texts = {name: value for name, value in sent.items() if not isinstance(value, Upload)}
        try:
            wanted = _start_of(live, sent)
        except Refused as refusal:
            # What is wrong with the inputs is told in one go with what is wrong beside them.
            checked = await web.daemon.validate_inputs(Start(flow=live.key, inputs=values_of(live.flow.inputs, sent)))
            return _show(web, request, live, texts, errors=errors_of(checked), said=refusal.message)
        answer = await web.daemon.start(wanted)
        if not isinstance(answer, Refusal):
            return RedirectResponse(f"/executions/{answer.id}", 303)
        checked = await web.daemon.validate_inputs(wanted)
    return _show(web, request, live, texts, errors=errors_of(checked), said=answer.message)


def _start_of(live: LiveFlow, sent: Mapping[str, Any]) -> Start:
    labels = str(sent.get("segue.labels", ""))
    date = str(sent.get("segue.scheduleDate", ""))
    return Start(
        flow=live.key,
        inputs=values_of(live.flow.inputs, sent),
        labels=asks.labels(part.strip() for part in labels.split(",") if part.strip()),
        scheduled_at=asks.date({"scheduleDate": date}, "scheduleDate"),
        breakpoints=asks.breakpoints({"breakpoints": str(sent.get("segue.breakpoints", ""))}) or (),
    )


def curl(url: str, live: LiveFlow, *, has_login: bool) -> str:
    """With an example for each input. A script in the page puts in what is typed instead."""
    lines = [f"curl -X POST {shlex.quote(url)}"]
    if has_login:
        lines.append('-H "Authorization: Bearer $SEGUE_TOKEN"')
    lines += [_part(each, _example(each)) for each in flattened(live.flow.inputs)]
    return " \\\n  ".join(lines)


def _part(each: Input, text: str) -> str:
    """To curl, some beginnings of a form's values mean something, and so do semicolons."""
    means_itself = each.type == "FILE" or (text[:1] not in {"@", "<", '"'} and ";" not in text)
    return f"{'-F' if means_itself else '--form-string'} {shlex.quote(f'{each.id}={text}')}"


def _example(each: Input) -> str:
    if each.type == "FILE":
        return "@file"
    if each.defaults is not None:
        return text_of(each.defaults)
    values = each.options.get("values") or ()
    control, placeholder = CONTROLS.get(each.type, ("text", ""))
    return str(next(iter(values), placeholder or ("true" if control == "choice" else "...")))
