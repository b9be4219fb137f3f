"""Questions about expressions: templates, maps, typed properties, and the variables that a run has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.expression.values import plain

from tests.conformance import contexts, properties
from tests.conformance.outside import KEY, scope_with
from tests.conformance.reading import Refused, Unsupported, present, value_of

RECURSIVE = "variables.recursive-rendering"


def answer(question: dict[str, Any]) -> dict[str, Any]:
    config, now = question.get("config") or {}, present(question)
    if unknown := config.keys() - {RECURSIVE, KEY}:
        raise Unsupported(f"the settings {', '.join(sorted(unknown))}")
    variables = _variables(question, now)
    with scope_with(question, variables, now) as scope:
        try:
            return {"value": _value(question, replace(scope, recursive=bool(config.get(RECURSIVE))))}
        except ExpressionError as error:
            raise Refused(error.message) from error


def _variables(question: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    given = value_of(question.get("variables") or {}, now, key=(question.get("config") or {}).get(KEY))
    return {**contexts.variables_of(question.get("context") or {}, now), **given} if "context" in question else given


def _value(question: Mapping[str, Any], scope: Scope) -> Any:
    template = question["template"]
    match question.get("kind"):
        case None | "map" | "context":
            if before := question.get("before"):
                template = template.replace(f"<<{before['name']}>>", render_value(before["template"], scope))
            return plain(render_value(template, scope))
        case "variables":
            return plain(scope.variables if template is None else scope.variables.get(template))
        case "property":
            return properties.read(question["as"], template, scope)
        case kind:
            raise Unsupported(f"expressions of kind {kind}")
