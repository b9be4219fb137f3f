"""What a notification says of an execution: read from the daemon, put into words once for every kind of message."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, field

from segue.model.state import State
from segue.spec.types.plugins.notifications import AboutExecution
from segue.tasks.context import TaskContext

_COLORS: Final[Mapping[str, int]] = {State.SUCCESS: 0x2EB67D, State.WARNING: 0xE9A820, State.FAILED: 0xD7263D}
_COLOR: Final = 0x6B7280  # of every other state


class Summary(Struct, frozen=True, kw_only=True):
    """An execution in words. `link` is empty where the daemon does not know its own address."""

    id: str
    namespace: str
    flow_id: str
    state: str
    started: str
    duration: str
    last_task: str
    has_failed: bool
    link: str
    message: str
    custom_fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.namespace}.{self.flow_id}: {self.state}"

    @property
    def color(self) -> int:
        return _COLORS.get(self.state, _COLOR)

    def rows(self) -> Iterator[tuple[str, str]]:
        """Names and values, those that are empty left out."""
        told = {
            "Namespace": self.namespace,
            "Flow": self.flow_id,
            "Execution": self.id,
            "State": self.state,
            "Started": self.started,
            "Duration": self.duration,
            "Failed task" if self.has_failed else "Last task": self.last_task,
            **{str(name): str(value) for name, value in self.custom_fields.items()},
        }
        return ((name, value) for name, value in told.items() if value)

    def lines(self) -> str:
        """All of it as plain text."""
        rows = [f"{name}: {value}" for name, value in self.rows()]
        return "\n".join(part for part in (self.title, self.message, *rows, self.link) if part)


def summary_of(properties: AboutExecution, context: TaskContext) -> Summary:
    execution = context.daemon.execution(properties.execution_id or context.order.execution_id)
    state = execution["state"]
    return Summary(
        id=execution["id"],
        namespace=execution["namespace"],
        flow_id=execution["flowId"],
        state=state["current"],
        started=state["startDate"],
        duration=_duration(state["startDate"], state.get("endDate")),
        last_task=execution["failedTask"] or execution["lastTask"] or "",
        has_failed=execution["failedTask"] is not None,
        link=execution.get("url") or "",
        message=properties.custom_message or "",
        custom_fields=properties.custom_fields or {},
    )


def _duration(start: str, end: str | None) -> str:
    """Like `1h 2m 3s`; of one that still runs, so far."""
    until = datetime.fromisoformat(end) if end else datetime.now(UTC)
    seconds = max(0, round((until - datetime.fromisoformat(start)).total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
