"""The worker's side of a task's log: lines are masked, split, filtered by level, and sent in batches."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from segue.model.order import LEVELS, LogLevel, LogLine, Metric, Order
from segue.tasks.context import TaskContext
from segue.tasks.masking import Masker
from segue.tasks.metrics import added_up
from segue.workers.messages import Told

LINE_LENGTH_MAX: Final = 10_000
SEND_EVERY_SECONDS: Final = 0.05
PENDING_LENGTH_MAX: Final = 256 << 10
LOG_LENGTH_MAX: Final = 64 << 20
METRICS_MAX: Final = 10_000

Send = Callable[[Told], None]


class WorkerJournal:
    """Collects what one order says. `send` is called about every 50 ms while there is something; what is left at
    the end (`take`) goes with the message that ends the order, so a small task says all in one."""

    def __init__(self, masker: Masker, least: LogLevel, send: Send, order: Order) -> None:
        self._masker = masker
        self._least = LEVELS.index(least)
        self._send = send
        self._order = order
        self._lines: list[LogLine] = []
        self._metrics: list[Metric] = []
        self._pending_length = 0
        self._length = 0
        self._metrics_count = 0
        self._last_sent = time.monotonic()

    def line(self, level: LogLevel, message: str) -> None:
        if LEVELS.index(level) < self._least or self._length > LOG_LENGTH_MAX:
            return
        masked = self._masker.mask_message(message)
        at = time.time_ns() // 1_000_000
        for start in range(0, max(len(masked), 1), LINE_LENGTH_MAX):
            self._keep(LogLine(at=at, level=level, message=masked[start : start + LINE_LENGTH_MAX]))
        if self._length > LOG_LENGTH_MAX:
            said = f"The log has more than {LOG_LENGTH_MAX >> 20} MiB: the rest is not kept"
            self._keep(LogLine(at=at, level=LogLevel.WARN, message=said))
        self.send_if_due()

    def metric(self, metric: Metric) -> None:
        self._metrics_count += 1
        if self._metrics_count <= METRICS_MAX:
            tags = {name: self._masker.mask(tag) for name, tag in metric.tags.items()}
            self._metrics.append(replace(metric, tags=tags))

    def send_if_due(self) -> float | None:
        if self._order.log_to_file or not (self._lines or self._metrics):
            return None
        due = self._last_sent + SEND_EVERY_SECONDS - time.monotonic()
        if due <= 0 or self._pending_length > PENDING_LENGTH_MAX:
            lines, metrics = self.take()
            self._send(Told(order_id=self._order.id, lines=lines, metrics=metrics))
            return None
        return due

    def to_file(self, context: TaskContext) -> str:
        """Puts the lines into a file of the task run in internal storage instead; gives back its address."""
        lines, self._lines = self._lines, []
        text = (f"{_iso(line.at)} {line.level} {line.message}\n".encode() for line in lines)
        return context.put_file(f"{self._order.task_id}-{self._order.attempt}.log", text).address

    def take(self) -> tuple[tuple[LogLine, ...], tuple[Metric, ...]]:
        taken = tuple(self._lines), added_up(self._metrics)
        self._lines, self._metrics = [], []
        self._pending_length = 0
        self._last_sent = time.monotonic()
        return taken

    def _keep(self, line: LogLine) -> None:
        self._lines.append(line)
        self._pending_length += len(line.message)
        self._length += len(line.message)


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
