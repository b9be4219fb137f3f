"""The form that starts an execution, made from the flow's inputs; and the same as a curl command."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from segue.model.flow import Input
from segue.web import asks
from segue.web.answers import Refused, found
from segue.web.context import Web
from segue.web.dates import moment
from segue.web.pages import render
from segue.web.pages.flows import key_of
from segue.web.ports import LiveFlow, Refusal, Start, Upload

# What a browser offers for each type: kind of control, and an example of what to write.
_CONTROLS: Final = {
    "INT": ("number", "42"),
    "FLOAT": ("decimal", "1.5"),
    "BOOL": ("choice", ""),
    "BOOLEAN": ("choice", ""),
    "SELECT": ("choice", ""),
    "ENUM": ("choice", ""),
    "MULTISELECT": ("choices", ""),
    "DATETIME": ("datetime", "2026-01-31T12:00:00Z"),
    "DATE": ("date", "2026-01-31"),
    "TIME": ("time", "12:00:00"),
    "DURATION": ("text", "PT1H30M"),
    "FILE": ("file", ""),
    "JSON": ("area", '{"a": 1}'),
    "YAML": ("area", "a: 1"),
    "ARRAY": ("area", '["a", "b"]'),
    "URI": ("text", "https://example.org"),
    "EMAIL": ("email", "name@example.org"),
    "SECRET": ("password", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """An input as a form shows it. `choices` of a choice are its values."""

    input: Input
    control: str
    placeholder: str
    value: Any
    choices: tuple[str, ...] = ()
    accept: str = ""

    @property
    def is_required(self) -> bool:
        return self.input.required and self.input.defaults is None

    @property
    def default_text(self) -> str:
        """The default where it can be told before the start; an expression is told as it stands."""
        return _text_of(self.input.defaults)


def _text_of(value: Any) -> str:
    """As it is written in a form: texts as they are, the rest as JSON."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def field_of(each: Input, given: Mapping[str, Any]) -> FormField:
    control, placeholder = _CONTROLS.get(each.type, ("text", ""))
    values = each.options.get("values") or each.options.get("options") or ()
    choices = ("true", "false") if each.type in {"BOOL", "BOOLEAN"} else tuple(str(value) for value in values)
    if control in {"choice", "choices"} and (not choices or each.options.get("allowCustomValue")):
        control = "text"  # the values are an expression, or not all there is
    first = each.prefill if each.prefill is not None else each.defaults if control == "choices" else None
    extensions = each.options.get("allowedFileExtensions") or ()
    return FormField(
        input=each,
        control=control,
        placeholder=placeholder,
        value=given.get(each.id, "" if first is None else first),
        choices=choices,
        accept=",".join(str(extension) for extension in extensions),
    )


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
        fields=[field_of(each, given) for each in live.flow.inputs],
        errors=errors,
        said=said,
        given=given,
        curl=curl(origin, live, has_login=web.access.credentials.are_set),
    )


async def submit(web: Web, request: Request) -> Response:
    """Start it; where that is refused, the form again with what was given and what is wrong."""
    live = found(web.daemon.flow(key_of(request)), f"flow {key_of(request)}")
    async with asks.form_inputs(request) as sent:
        texts = {name: value for name, value in sent.items() if not isinstance(value, Upload)}
        try:
            wanted = _start_of(live, sent)
        except Refused as refusal:
            return _show(web, request, live, texts, errors={}, said=refusal.message)
        answer = await web.daemon.start(wanted)
        if not isinstance(answer, Refusal):
            return RedirectResponse(f"/executions/{answer.id}", 303)
        checked = await web.daemon.validate_inputs(wanted)
    errors = {} if isinstance(checked, Refusal) else {each.input.id: each.errors for each in checked if each.errors}
    return _show(web, request, live, texts, errors=errors, said=answer.message)


def _start_of(live: LiveFlow, sent: Mapping[str, Any]) -> Start:
    """An empty field is no value: the default then holds. A date and time of the browser is meant in UTC."""
    inputs = {}
    for each in live.flow.inputs:
        value = sent.get(each.id, "")
        if value == "":
            continue
        if each.type == "MULTISELECT" and isinstance(value, str):
            value = [value]
        if each.type == "DATETIME" and isinstance(value, str) and (at := moment(value)) is not None:
            value = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        inputs[each.id] = value
    labels = str(sent.get("segue.labels", ""))
    date = str(sent.get("segue.scheduleDate", ""))
    return Start(
        flow=live.key,
        inputs=inputs,
        labels=asks.labels(part.strip() for part in labels.split(",") if part.strip()),
        scheduled_at=asks.date({"scheduleDate": date}, "scheduleDate"),
    )


def curl(origin: str, live: LiveFlow, *, has_login: bool) -> str:
    lines = [f"curl -X POST {shlex.quote(f'{origin}/api/v1/main/executions/{live.key}')}"]
    if has_login:
        lines.append('-H "Authorization: Bearer $SEGUE_TOKEN"')
    for each in live.flow.inputs:
        example = _example(each)
        lines.append(f"-F {shlex.quote(f'{each.id}={example}')}")
    return " \\\n  ".join(lines)


def _example(each: Input) -> str:
    if each.type == "FILE":
        return "@file"
    if each.defaults is not None:
        return _text_of(each.defaults)
    values = each.options.get("values") or ()
    control, placeholder = _CONTROLS.get(each.type, ("text", ""))
    return str(next(iter(values), placeholder or ("true" if control == "choice" else "...")))
