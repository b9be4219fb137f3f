"""Request: what a trigger that fires asks for - an execution with these inputs, labels and trigger variables. The
trigger's expressions are rendered here, with its own variables in scope."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.labels import rendered_labels
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.model.execution import TriggeredBy
from segue.model.trigger import Trigger


class Request(Struct, frozen=True, kw_only=True):
    """`inputs` still have to be resolved against the flow's. `error`: they cannot be rendered, the execution is to be
    made in FAILED. `warnings`: labels left out."""

    trigger: TriggeredBy
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    warnings: tuple[str, ...] = ()


def request_of(
    trigger: Trigger,
    variables: Mapping[str, Any],
    scope: Scope,
    *,
    inputs: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Request:
    """The request of a trigger that fires with these variables. `inputs` and `labels` (of a backfill) go over its own."""
    seen = {**scope.variables, "trigger": variables}
    if "date" in variables:
        seen["schedule"] = variables
    scope = replace(scope, variables=seen)
    error, rendered = None, {}
    try:
        rendered = render_value(dict(trigger.inputs), scope, typed=True)
    except ExpressionError as failed:
        error = f"Unable to render the inputs of trigger `{trigger.id}`: {failed}"
    own, warnings = rendered_labels(trigger.labels, scope)
    return Request(
        trigger=TriggeredBy(id=trigger.id, type=trigger.type, variables=variables),
        inputs={**rendered, **(inputs or {})},
        labels={**own, **(labels or {})},
        error=error,
        warnings=warnings,
    )
