"""`core.http.Trigger`: a request, and an execution for its answer if that meets the condition."""

import json
from collections.abc import Mapping
from typing import Any, Final

from segue.expression.template import truthy
from segue.spec.triggers import Http
from segue.spec.types.http import HttpOptions, HttpRequest
from segue.tasks import http
from segue.tasks.context import TaskContext
from segue.tasks.polling import Polled, PollKind

_OWN: Final = {"interval", "response_condition", "options"}


def look(properties: Http, context: TaskContext, _notes: Mapping[str, Any]) -> Polled:
    """The condition sees `response.statusCode`, `response.headers` and `response.body`: a value where it is JSON."""
    told = properties.model_dump(by_alias=True, exclude_none=True, exclude=_OWN)
    options = (properties.options or HttpOptions()).model_copy(update={"allow_failed": True})
    request = HttpRequest.of_rendered(told).model_copy(update={"options": options})
    answer = http.request(request, context).outputs or {}
    response = {"statusCode": answer["code"], "headers": answer["headers"], "body": _value(answer["body"])}
    holds = truthy(context.render(properties.response_condition, extra={"response": response}))
    return Polled(outputs=answer if holds else None)


def _value(body: str | None) -> Any:
    try:
        return None if body is None else json.loads(body)
    except ValueError:
        return body


POLLS = (
    PollKind(
        name="io.kestra.plugin.core.http.Trigger",
        properties=Http,
        look=look,
        unrendered=frozenset({"responseCondition"}),
    ),
)
