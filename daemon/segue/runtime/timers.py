"""Timers of executions in memory: a heap of due times. The rows behind them are written with the decision that set
them; this only knows when to wake.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from segue.model.event import TimerKind
from segue.model.names import ExecutionId, TaskRunId


class TimerKey(Struct, frozen=True):
    """A timer is known by what it is for: setting it again replaces it."""

    execution_id: ExecutionId
    kind: TimerKind
    task_run_id: TaskRunId | None


@dataclass(order=True, slots=True)
class _Entry:
    due: datetime
    sequence: int
    key: TimerKey = field(compare=False)


class Timers:
    """Due times by key. Setting and clearing cost the logarithm of how many there are."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._current: dict[TimerKey, _Entry] = {}
        self._sequence = 0

    def set(self, key: TimerKey, due: datetime) -> None:
        self._sequence += 1
        entry = _Entry(due, self._sequence, key)
        self._current[key] = entry
        heapq.heappush(self._heap, entry)

    def clear(self, key: TimerKey) -> None:
        self._current.pop(key, None)

    def next_due(self) -> datetime | None:
        self._drop_stale()
        return self._heap[0].due if self._heap else None

    def take_due(self, now: datetime) -> Iterator[TimerKey]:
        """Those that are due, earliest first; they are gone from here."""
        while (due := self.next_due()) is not None and due <= now:
            entry = heapq.heappop(self._heap)
            del self._current[entry.key]
            yield entry.key

    def _drop_stale(self) -> None:
        while self._heap and self._current.get(self._heap[0].key) is not self._heap[0]:
            heapq.heappop(self._heap)

    def has_any(self, execution_id: ExecutionId) -> bool:
        """Does anything of this execution wait for its time. Looks at all."""
        return any(key.execution_id == execution_id for key in self._current)

    def __contains__(self, key: object) -> bool:
        return key in self._current

    def __len__(self) -> int:
        return len(self._current)
