"""Questions about expressions: templates, maps and typed templates. Those that need stored files, logs or a run
context are not answered here yet."""

from dataclasses import replace
from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.expression.values import plain

from tests.conformance.reading import Refused, Unsupported, present, scope_of, value_of


def answer(question: dict[str, Any]) -> dict[str, Any]:
    if question.get("kind") not in (None, "map"):
        raise Unsupported(f"expressions of kind {question['kind']}")
    config = dict(question.get("config") or {})
    is_recursive = bool(config.pop("variables.recursive-rendering", False))
    if question.get("setup") or config:
        raise Unsupported("expressions that need stored files, logs or settings")
    now = present(question)
    scope = replace(scope_of(value_of(question.get("variables") or {}, now), now), recursive=is_recursive)
    try:
        template = question["template"]
        if before := question.get("before"):
            template = template.replace(f"<<{before['name']}>>", render_value(before["template"], scope))
        return {"value": plain(render_value(template, scope))}
    except ExpressionError as error:
        raise Refused(str(error)) from error
