"""`scripts.<language>.CommandsTrigger` and `ScriptTrigger`: the task of the same name, run again and again, and an execution
when its end meets a condition.

A script that fails is no failure of the look: its exit code may be what is waited for.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from msgspec import Struct, field

from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.model.order import LogLevel, Metric
from segue.spec.types.scripts import TYPES
from segue.tasks.context import Journal, TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.polling import Polled, PollKind
from segue.tasks.scripts import languages, python, script, shell

LOG_LENGTH_MAX: Final = 64 << 10  # of a script that failed: as much of the end is matched and given
_PREFIX: Final = "io.kestra.plugin."
_EXIT: Final = java_regex.compiled(r"(?i)\s*exit\s+(\d+)\s*")
_MATCHED: Final = "matched"  # the note that says whether the condition held at the last look

Run = Callable[[Any, TaskContext], Result]


class _Overheard(Struct):
    """A journal that also remembers its end."""

    journal: Journal
    _lines: deque[str] = field(default_factory=deque)
    _length: int = 0

    def line(self, level: LogLevel, message: str) -> None:
        self._lines.append(message[-LOG_LENGTH_MAX:])
        self._length += len(self._lines[-1])
        while self._length > LOG_LENGTH_MAX:
            self._length -= len(self._lines.popleft())
        self.journal.line(level, message)

    def metric(self, metric: Metric) -> None:
        self.journal.metric(metric)

    def send_if_due(self) -> float | None:
        return self.journal.send_if_due()

    @property
    def text(self) -> str:
        return "\n".join(self._lines)


def _look(run: Run, properties: Any, context: TaskContext, notes: Mapping[str, Any]) -> Polled:
    if not properties.exit_condition.strip():
        raise TaskFailed("exitCondition: expected `exit N` or a pattern, found nothing")
    overheard = _Overheard(context.journal)
    ended = _ended(run, properties, replace(context, journal=overheard))
    log = overheard.text if ended["exitCode"] else ""
    holds = _holds(properties.exit_condition, ended["exitCode"], ended["vars"], log)
    fires = holds and not (properties.edge and notes.get(_MATCHED))
    if not fires:
        for uri in ended["outputFiles"].values():
            context.storage.delete(uri)
        return Polled(notes={_MATCHED: holds})
    outputs = {
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "condition": properties.exit_condition,
        "logs": log,
        **ended,
    }
    return Polled(outputs=outputs, notes={_MATCHED: holds})


def _ended(run: Run, properties: Any, context: TaskContext) -> Mapping[str, Any]:
    """How the script ended: `exitCode`, `vars` and `outputFiles`."""
    try:
        outputs = run(properties, context).outputs
    except TaskFailed as failed:
        if failed.outputs is None:  # it was not run at all
            raise
        outputs = failed.outputs
    assert outputs is not None
    return outputs


def _holds(condition: str, exit_code: int, variables: Mapping[str, Any], log: str) -> bool:
    wanted = _EXIT.fullmatch(condition)
    if wanted is not None:
        return exit_code == int(wanted[1])
    texts = [_java_text(variables), json.dumps(variables, ensure_ascii=False), log] if variables else [log]
    return any(_is_found(condition.strip(), text) for text in texts if text)


def _is_found(pattern: str, text: str) -> bool:
    """As in Kestra, what is no pattern is looked for as it stands."""
    try:
        seconds = java_regex.TEMPLATE_MATCH_SECONDS_MAX
        return java_regex.found_in(pattern, text, seconds=seconds) is not None
    except ExpressionError:
        return pattern in text


def _java_text(value: Any) -> str:
    """As Java prints it, which is what patterns that were written for Kestra match; others match the JSON."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{key}={_java_text(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_java_text, value)) + "]"
        case str():
            return value
        case _:
            return json.dumps(value)


_KINDS: Final[tuple[TaskKind[Any], ...]] = (*shell.KINDS, *python.KINDS, *languages.KINDS)

POLLS: Final[tuple[PollKind[Any], ...]] = tuple(
    PollKind(
        name=f"{kind.name}Trigger",
        properties=TYPES[f"{kind.name.removeprefix(_PREFIX)}Trigger"],
        look=partial(_look, kind.run),
        variables=script.variables,
    )
    for kind in _KINDS
)
