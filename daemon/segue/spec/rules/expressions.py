"""Expressions in any text of a flow: can they be read, and do the functions, filters and tests exist that they call.

An expression that cannot be read, or that calls what does not exist, fails whenever it is rendered. Kestra takes such
flows all the same and fails when it comes to the place, which may be a branch that never runs; so it is a warning, and
an error only for those who ask (`segue validate`). Whatever else the linter says may be meant: always a warning.
"""

from collections.abc import Iterator
from typing import Any, Final

from segue.expression.lint import lint_template
from segue.model.problem import Severity
from segue.spec.fields import has_expression
from segue.spec.finding import Finding, Path
from segue.spec.rules.subject import Subject

_CERTAIN: Final = frozenset({"expression-syntax", "unknown-function", "unknown-filter", "unknown-test"})
# Texts that are never rendered.
_NEVER_RENDERED: Final = frozenset({"description", "displayName", "validator", "listeners", "id", "type"})


def expressions(subject: Subject) -> Iterator[Finding]:
    is_strict = subject.refuse_broken_expressions
    for where, text in _texts(subject.flow.raw, ()):
        for each in lint_template(text):
            yield Finding(
                where=where,
                code=each.code,
                message=each.message,
                hint=each.hint,
                severity=Severity.ERROR if is_strict and each.code in _CERTAIN else Severity.WARNING,
                inside=(each.line, each.column),
            )


def _texts(value: Any, where: Path) -> Iterator[tuple[Path, str]]:
    """Every text that holds an expression, with its path."""
    if isinstance(value, str):
        if has_expression(value):
            yield where, value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in _NEVER_RENDERED:
                yield from _texts(each, (*where, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*where, index))
