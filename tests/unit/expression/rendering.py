"""Rendering in one call, with a fixed clock and chance that counts up."""

from datetime import UTC, datetime

from segue.expression.outside import FrozenOutside
from segue.expression.template import Dialect, Scope, compile_template

NOW = datetime(2024, 5, 15, 10, 30, 45, 123456, tzinfo=UTC)


def scope(zone="UTC", budget=None, recursive=False, **variables):
    outside = FrozenOutside(now=NOW, random=lambda count: bytes(range(count % 256)).ljust(count, b"x"), zone=zone)
    options = {} if budget is None else {"budget": budget}
    return Scope(variables=variables, outside=outside, recursive=recursive, **options)


def render(text, /, *, dialect=Dialect.V1, **variables):
    return compile_template(text, dialect).render(scope(**variables))


def typed(text, /, *, dialect=Dialect.V1, **variables):
    return compile_template(text, dialect).render_typed(scope(**variables))


def value(expression, /, **variables):
    """The value of one expression."""
    return typed("{{ " + expression + " }}", **variables)
