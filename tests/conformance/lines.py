"""Questions about log lines: put to the journal that a worker keeps of a task."""

import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

from segue.expression.errors import ExpressionError
from segue.expression.template import render_value
from segue.model.order import LogLevel, LogLine
from segue.tasks.masking import Masker
from segue.workers.journal import WorkerJournal

from tests.conformance.outside import order_for, scope_with
from tests.conformance.reading import Refused

Given = dict[str, Any]


def mask(given: Given, now: datetime) -> Any:
    masker = Masker()
    for value in given.get("secrets") or ():
        if value is not None:
            masker.hide(value)
    text, level = given.get("text"), LogLevel(given.get("level", "INFO"))
    if "template" in given:
        text = _rendered(given, now, masker)
    elif "exception" in given:
        text, level = "".join(traceback.format_exception(RuntimeError(given["exception"]))), LogLevel.DEBUG
    [line, *_] = _kept([(level, str(text))], masker=masker)
    return {"level": str(line.level), "text": line.message}


def log(given: Given, _now: datetime) -> Any:
    if "messages" not in given:
        [line] = _kept([(LogLevel(given.get("level", "INFO")), given["message"])])
        return {"text": line.message}
    threshold = LogLevel(given.get("threshold") or LogLevel.TRACE)
    messages = [(LogLevel(level), text) for level, text in given["messages"]]
    return {"entries": len(_kept(messages, least=threshold))}


def secret(given: Given, now: datetime) -> Any:
    """Asked for as an expression asks."""
    with scope_with({"setup": {"env": given.get("env") or {}}}, {}, now) as scope:
        return {"value": scope.outside.secret(given["name"], given.get("namespace"), None)}


def _rendered(given: Given, now: datetime, masker: Masker) -> str:
    setup = {"env": given.get("env") or {}}
    try:
        with scope_with({"setup": setup}, given.get("variables") or {}, now, masker) as scope:
            return str(render_value(given["template"], scope))
    except ExpressionError as error:
        raise Refused(masker.mask(str(error))) from error


def _kept(
    messages: list[tuple[LogLevel, str]], *, masker: Masker | None = None, least: LogLevel = LogLevel.TRACE
) -> list[LogLine]:
    sent: list[LogLine] = []
    journal = WorkerJournal(masker or Masker(), least, lambda told: sent.extend(told.lines), order_for({}, "0" * 40))
    for level, text in messages:
        journal.line(level, text)
    lines, _ = journal.take()
    return [*sent, *lines]


KINDS: dict[str, Callable[[Given, datetime], Any]] = {"mask": mask, "log": log, "secret": secret}
