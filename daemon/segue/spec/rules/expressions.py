"""Expressions in any text of a flow: can they be read, and do the functions, filters and tests exist that they call.

An expression that cannot be read, or that calls what does not exist, fails whenever it is rendered. Kestra takes such
flows all the same and fails when it comes to the place, which may be a branch that never runs; so it is a warning, and
an error only for those who ask (`segue validate`). Whatever else the linter says may be meant: always a warning.
"""

from collections.abc import Iterator
from typing import Final

from segue.model.problem import Severity
from segue.spec.finding import Finding
from segue.spec.rules.subject import Subject

_CERTAIN: Final = frozenset(
    {"expression-syntax", "unknown-function", "unknown-filter", "unknown-test", "unknown-argument"}
)


def expressions(subject: Subject) -> Iterator[Finding]:
    is_strict = subject.refuse_broken_expressions
    for template in subject.templates:
        for each in template.examined.findings:
            yield Finding(
                where=template.where,
                code=each.code,
                message=each.message,
                hint=each.hint,
                severity=Severity.ERROR if is_strict and each.code in _CERTAIN else Severity.WARNING,
                inside=(each.line, each.column),
            )
