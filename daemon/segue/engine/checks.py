"""Checks: what must hold for an execution to be made, looked at once its inputs are known."""

from collections.abc import Iterable
from typing import Any, Final

from segue.expression.errors import ExpressionError
from segue.expression.template import Scope, render_value
from segue.model.flow import Check, CheckBehavior

_RANK: Final = {CheckBehavior.BLOCK_EXECUTION: 0, CheckBehavior.FAIL_EXECUTION: 1, CheckBehavior.CREATE_EXECUTION: 2}
UNREADABLE: Final = "ERROR"


def unmet(checks: Iterable[Check], scope: Scope) -> tuple[Check, ...]:
    """Those that do not hold, the strictest first. One that cannot be evaluated blocks."""
    found = (each for check in checks if (each := _unmet(check, scope)) is not None)
    return tuple(sorted(found, key=lambda check: _RANK[check.behavior]))


def _unmet(check: Check, scope: Scope) -> Check | None:
    try:
        value = render_value(check.when, scope, typed=True)
    except ExpressionError as error:
        return unreadable(check, str(error))
    return None if is_true(value) else check


def is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def unreadable(check: Check, reason: str) -> Check:
    message = f"{check.message} (the check cannot be evaluated: {reason})"
    return Check(when=check.when, message=message, style=UNREADABLE, behavior=CheckBehavior.BLOCK_EXECUTION)
