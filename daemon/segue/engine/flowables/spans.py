"""Spans of time as flowables get them: rendered texts, bounded, so that no date runs over."""

from datetime import timedelta
from typing import Any

from segue.engine.limits import DELAY_MAX
from segue.model.execution import Failure
from segue.spec.duration import NotADuration, parse_duration


def span_of(value: Any) -> timedelta | Failure:
    try:
        return min(max(parse_duration(str(value)), timedelta(0)), DELAY_MAX)
    except NotADuration as error:
        return Failure(message=str(error), kind="expression")
