"""What a script says to us on its output: lines `::{...}::` with outputs, metrics and log lines as JSON."""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from msgspec import Struct, field

from segue.model.order import LogLevel, Metric
from segue.tasks.context import COUNTER, GAUGE, TIMER, TaskContext

_BEGIN: Final = "::{"
_END: Final = "}::"
_KINDS: Final = frozenset({COUNTER, TIMER, GAUGE})


class Hearing(Struct):
    """Hears the lines of both streams, and remembers what they said."""

    context: TaskContext
    outputs: dict[str, Any] = field(default_factory=dict)
    has_stderr: bool = False

    def stdout(self, line: str) -> None:
        if not self._is_protocol(line):
            self.context.log(LogLevel.INFO, line)

    def stderr(self, line: str) -> None:
        if not self._is_protocol(line):
            self.has_stderr = True
            self.context.log(LogLevel.ERROR, line)

    def _is_protocol(self, line: str) -> bool:
        if not (line.startswith(_BEGIN) and line.endswith(_END)):
            return False
        try:
            said = json.loads(line[2:-2], parse_constant=_refuse)
            self._take(said)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            self.context.log(LogLevel.WARN, f"Invalid outputs '{line[:1_000]}': {error}")
        return True

    def _take(self, said: Mapping[str, Any]) -> None:
        self.outputs |= dict(said.get("outputs") or {})
        for metric in said.get("metrics") or ():
            self.context.journal.metric(_metric(metric))
        for entry in said.get("logs") or ():
            self.context.log(_level(entry.get("level")), str(entry.get("message", "")))


def _metric(said: Mapping[str, Any]) -> Metric:
    kind = str(said["type"]).lower()
    if kind not in _KINDS:
        raise ValueError(f"no kind of metric is called {kind!r}")
    tags = {str(key): str(value) for key, value in (said.get("tags") or {}).items()}
    return Metric(name=str(said["name"]), kind=kind, value=float(said["value"]), tags=tags)


def _level(said: object) -> LogLevel:
    level = str(said or LogLevel.INFO).upper()
    return LogLevel.WARN if level == "WARNING" else LogLevel(level)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
