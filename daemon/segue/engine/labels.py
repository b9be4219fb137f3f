"""Labels that a new execution gets, and which keys nobody may give."""

import re
from collections.abc import Mapping
from typing import Any, Final

from segue.engine.typed import java_text
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value

SYSTEM: Final = "system."
CORRELATION_ID: Final = "system.correlationId"
READ_ONLY: Final = "system.readOnly"
USERNAME: Final = "system.username"
FROM: Final = "system.from"
TEST: Final = "system.test"
REPLAY: Final = "system.replay"
LABEL_TEXT_MAX: Final = 4096


def labels_of_new(
    *,
    flow: Mapping[str, str],
    trigger: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    system: Mapping[str, str] | None = None,
    correlation_id: str,
) -> dict[str, str]:
    """The flow's own labels, over them the trigger's (already rendered), over them what the request gave; system
    labels of those are dropped. `correlation_id` is the root execution's id, the new execution's own if it is one."""
    labels: dict[str, str] = {}
    for source in (flow, trigger, given):
        labels |= without_system(source or {})
    return labels | dict(system or {}) | {CORRELATION_ID: correlation_id}


def without_system(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if not key.startswith(SYSTEM)}


def rendered_labels(labels: Mapping[str, Any], scope: Scope) -> tuple[dict[str, str], tuple[str, ...]]:
    """A trigger's labels rendered, and a sentence for each that cannot be: that one is left out."""
    rendered: dict[str, str] = {}
    errors: list[str] = []
    for key, value in labels.items():
        try:
            text = render_value(value, scope)
        except ExpressionError as error:
            errors.append(f"Unable to render label `{key}`: {error}")
        else:
            rendered[key] = "" if text is None else java_text(text)
    return rendered, tuple(errors)


def refused_labels(given: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each label that a person may not give."""
    errors = []
    for key, value in given.items():
        if key.startswith(SYSTEM):
            errors.append(f"System labels can only be set by Segue itself, offending label: {key}={value}")
        elif not key.strip() or not value.strip():
            errors.append(f"A label needs a key and a value: {key}={value}")
        elif len(key) > LABEL_TEXT_MAX or len(value) > LABEL_TEXT_MAX:
            errors.append(f"Label {key[:50]} is longer than {LABEL_TEXT_MAX} characters")
        elif re.search(r"[\x00-\x1f]", key):
            errors.append(f"Label {key!r} has control characters in its key")
    return tuple(errors)
