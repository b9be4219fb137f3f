"""Execution: one run of one revision, its task runs and their attempts.

An `Execution` is mutable and only `engine.evolve` changes it: handling one task run's news must not cost a copy of
all others. Everybody else reads. Times are aware datetimes in UTC.
"""

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct, field

from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State


class Moved(Struct, frozen=True):
    """An entry of a history: the state and when it was entered."""

    state: State
    at: datetime


class Kind(StrEnum):
    NORMAL = "NORMAL"
    TEST = "TEST"
    LOOP = "LOOP"  # an iteration of a Loop


class Breakpoint(Struct, frozen=True):
    """Before which task runs an execution stands still: those of the task, or only that of the one `value`."""

    task_id: str
    value: str | None = None


class Failure(Struct, frozen=True, kw_only=True):
    """Why an attempt did not succeed. A value: exceptions never cross a process wall."""

    message: str
    kind: str = "error"  # error, timeout, killed, worker-lost, expression


class Attempt(Struct, kw_only=True):
    """One try of a task run; `number` counts from 1."""

    number: int
    history: list[Moved]
    worker: str | None = None
    failure: Failure | None = None
    log_file: str | None = None  # address in internal storage, of a task with `logToFile`

    @property
    def state(self) -> State:
        return self.history[-1].state


class Progress(Struct, kw_only=True):
    """What a flowable keeps to go on without looking at all its children (cost per child stays flat).

    `branch` names the active list (`tasks`, `then`, `cases.x`, `errors`, `finally`); `values` are the values of a
    ForEach, as texts; `notes` are what else it has to remember. The others follow from the children: `next` is the
    index of the next child, or value, to start; `running` counts children that have not ended; `worst` is the worst
    end among the ended ones; `blocked`: one of the active list ended so that no further one may start.
    """

    branch: str = ""
    next: int = 0
    running: int = 0
    worst: State = State.SUCCESS
    blocked: bool = False
    values: list[Any] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)


class TaskRun(Struct, kw_only=True):
    """One task within one execution; in a ForEach one for each value."""

    id: TaskRunId
    sequence: int
    task_id: str
    parent_id: TaskRunId | None
    history: list[Moved]
    value: str | None = None
    iteration: int | None = None
    attempts: list[Attempt] = field(default_factory=list)
    outputs: dict[str, Any] | None = None
    progress: Progress | None = None

    @property
    def state(self) -> State:
        return self.history[-1].state


class TriggeredBy(Struct, frozen=True, kw_only=True):
    """Which trigger (or Subflow task) asked for the execution, and the variables it gives."""

    id: str
    type: str
    variables: Mapping[str, Any] = field(default_factory=dict)


class Item(Struct, frozen=True, kw_only=True):
    """What an iteration of a Loop is for: the value, a text unless it is a scalar; its place, from 0; its key in a map."""

    index: int
    value: Any
    key: str | None = None


class LoopRun(Struct, frozen=True, kw_only=True):
    """Of an iteration: the Loop that it belongs to, its item, and those of the loops around that one, the nearest
    first."""

    task_id: str
    task_run_id: TaskRunId
    item: Item
    parents: tuple[Item, ...] = ()


class Execution(Struct, kw_only=True, eq=False):  # noqa: PLW1641 - it moves on
    """One run of one revision, pinned to `commit`. An iteration of a Loop (`loop_run`) runs a part of it."""

    id: ExecutionId
    namespace: str
    flow_id: str
    revision: int
    commit: str
    history: list[Moved]
    labels: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    trigger: TriggeredBy | None = None
    parent_id: ExecutionId | None = None  # of a replay: the execution it replays
    original_id: ExecutionId | None = None  # first of a chain of replays or retries; itself otherwise
    scheduled_at: datetime | None = None
    attempt_number: int = 1
    kind: Kind = Kind.NORMAL
    loop_run: LoopRun | None = None
    progress: Progress = field(default_factory=Progress)
    task_runs: dict[TaskRunId, TaskRun] = field(default_factory=dict)
    # Derived while evolving and rebuilt on recovery (`engine.rebuild`): what expressions see as `outputs`, what waits
    # to be settled, task runs by their parent, the next number, and what is open, waits for its next attempt, is paused or
    # stopped at a breakpoint.
    # `outer` is the execution whose Loop an iteration belongs to, if that is still known: its outputs are seen too.
    outputs_tree: dict[str, Any] = field(default_factory=dict)
    unsettled: deque[TaskRunId | None] = field(default_factory=deque)
    children: dict[TaskRunId | None, list[TaskRunId]] = field(default_factory=dict)
    next_sequence: int = 0
    open_attempts: int = 0
    retrying: int = 0
    pausing: int = 0
    stopped: int = 0
    outer: "Execution | None" = None

    def __eq__(self, other: object) -> bool:
        """The same in everything but what is derived."""
        return isinstance(other, Execution) and all(
            getattr(self, name) == getattr(other, name) for name in self.__struct_fields__ if name not in _DERIVED
        )

    @property
    def state(self) -> State:
        return self.history[-1].state

    @property
    def started_at(self) -> datetime:
        return self.history[0].at

    @property
    def is_test(self) -> bool:
        """A test, or an iteration of a Loop in one."""
        return self.kind is Kind.TEST or (self.outer is not None and self.outer.is_test)

    @property
    def is_over(self) -> bool:
        """Ended, and what runs after the end (`afterExecution`) has ended too: no news is awaited any more."""
        return self.state.is_final and not self.progress.running and not self.unsettled


_DERIVED: Final = frozenset(
    (
        "outputs_tree",
        "unsettled",
        "children",
        "next_sequence",
        "open_attempts",
        "retrying",
        "pausing",
        "stopped",
        "outer",
    )
)
