"""Variables that need each other to be rendered, in a circle."""

import re
from collections.abc import Iterator
from typing import Any, Final

from segue.spec.cycles import cycle_in
from segue.spec.fields import has_expression
from segue.spec.finding import Finding
from segue.spec.rules.subject import Subject

_EXPRESSION: Final = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
_REFERENCE: Final = re.compile(r"""\bvars(?:\.([A-Za-z_][\w]*)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])""")


def cyclic(subject: Subject) -> Iterator[Finding]:
    variables = subject.flow.raw.get("variables")
    if not isinstance(variables, dict):
        return
    cycle = cycle_in({name: tuple(_references(value)) for name, value in variables.items()})
    if cycle:
        yield Finding(
            where=("variables", cycle[0]),
            code="cyclic-variables",
            message=f"variables need each other in a circle: {' -> '.join(cycle)}",
            hint="write out what one of them stands for",
        )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif has_expression(value):
        for inside in _EXPRESSION.finditer(value):
            for names in _REFERENCE.findall(inside[1] or inside[2] or ""):
                yield next(filter(None, names))
