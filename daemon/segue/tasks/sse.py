"""`core.http.SseRequest`: reads server-sent events to the end of the stream, and joins what a jq filter finds in them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from msgspec import Struct, field

from segue.expression.errors import ExpressionError
from segue.spec.types.http import HttpOptions, HttpSseRequest
from segue.tasks.context import TaskContext
from segue.tasks.http import BODY_BYTES_MAX, check_status, sent, told
from segue.tasks.kind import Result, TaskFailed, TaskKind

EVENTS_MAX: Final = 100_000
_STREAM: Final = "text/event-stream"


def request(properties: HttpSseRequest, context: TaskContext) -> Result:
    """Outputs `events`, `size` (how many) and `result` (with `concatJqExpression`), beside those of a request."""
    headers = properties.headers or {}
    if not any(name.lower() == "accept" for name in headers):
        properties = properties.model_copy(update={"headers": {**headers, "Accept": _STREAM}})
    with sent(properties, context) as response:
        if response.is_error:
            text = response.read().decode("utf-8", "replace")
            check_status(response, properties, text)
        options = properties.options or HttpOptions()
        lines = _bounded(response.iter_lines(), options.max_content_length or BODY_BYTES_MAX)
        events = list(_some(read_events(lines), properties.max_events))
        outputs = told(response)
    result = _joined(properties, context, events)
    return Result(outputs={**outputs, "events": events, "size": len(events), "result": result})


def _bounded(lines: Iterable[str], length_max: int) -> Iterator[str]:
    length = 0
    for line in lines:
        length += len(line)
        if length > length_max:
            raise TaskFailed(f"The events are longer than {length_max:,} bytes together")
        yield line


def _some(events: Iterator[dict[str, Any]], number_max: int | None) -> Iterator[dict[str, Any]]:
    for number, event in enumerate(events, 1):
        if number > EVENTS_MAX:
            raise TaskFailed(f"There are more than {EVENTS_MAX:,} events: stop earlier with `maxEvents`")
        yield event
        if number == number_max:
            return


# The stream, as the HTML standard has it.


class _Event(Struct):
    data: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    name: str | None = None
    retry: int | None = None


def read_events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream. What the stream ends in the middle of is no event."""
    event, last_id = _Event(), None
    for line in lines:
        if not line:
            if event.data:
                yield _shown(event, last_id)
            event = _Event()
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "":
                event.comments.append(value)
            case "data":
                event.data.append(value)
            case "event":
                event.name = value
            case "id" if "\0" not in value:
                last_id = value
            case "retry" if value.isascii() and value.isdigit():
                event.retry = int(value)


def _shown(event: _Event, last_id: str | None) -> dict[str, Any]:
    return {
        "id": last_id,
        "name": event.name,
        "data": _data("\n".join(event.data)),
        "comment": "\n".join(event.comments) or None,
        "retry": event.retry,
    }


def _data(text: str) -> Any:
    """The value, if it is JSON; else the text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# The result.


def _joined(properties: HttpSseRequest, context: TaskContext, events: list[dict[str, Any]]) -> str | None:
    expression = properties.concat_jq_expression
    if expression is None:
        return None
    return "".join(_found(properties, context, expression, number, event) for number, event in enumerate(events, 1))


def _found(
    properties: HttpSseRequest, context: TaskContext, expression: str, number: int, event: dict[str, Any]
) -> str:
    if isinstance(event["data"], str):
        found: list[Any] = []
    else:
        try:
            found = context.render("{{ data | jq(expression) }}", typed=True, extra=event | {"expression": expression})
        except ExpressionError as error:
            raise TaskFailed(f"concatJqExpression: {error}") from error
    texts = [each if isinstance(each, str) else json.dumps(each) for each in found if each is not None]
    if not texts and properties.failed_on_missing_jq:
        raise TaskFailed(f"concatJqExpression: `{expression}` finds nothing in event {number}")
    return "".join(texts)


KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name="io.kestra.plugin.core.http.SseRequest", properties=HttpSseRequest, run=request),
)
