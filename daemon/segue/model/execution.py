"""Execution: one run of one revision, its task runs and their attempts.

An `Execution` is mutable and only `engine.evolve` changes it: handling one task run's news must not cost a copy of
all others. Everybody else reads. Times are aware datetimes in UTC.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State


@dataclass(frozen=True, slots=True)
class Moved:
    """An entry of a history: the state and when it was entered."""

    state: State
    at: datetime


class Kind(StrEnum):
    NORMAL = "NORMAL"
    TEST = "TEST"
    LOOP = "LOOP"  # an iteration of a Loop


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt did not succeed. A value: exceptions never cross a process wall."""

    message: str
    kind: str = "error"  # error, timeout, killed, worker-lost, expression


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One try of a task run; `number` counts from 1."""

    number: int
    history: list[Moved]
    worker: str | None = None
    failure: Failure | None = None
    log_file: str | None = None  # address in internal storage, of a task with `logToFile`

    @property
    def state(self) -> State:
        return self.history[-1].state


@dataclass(slots=True, kw_only=True)
class Progress:
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


@dataclass(slots=True, kw_only=True)
class TaskRun:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredBy:
    """Which trigger (or Subflow task) asked for the execution, and the variables it gives."""

    id: str
    type: str
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What an iteration of a Loop is for: the value, a text unless it is a scalar; its place, from 0; its key in a map."""

    index: int
    value: Any
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRun:
    """Of an iteration: the Loop that it belongs to, its item, and those of the loops around that one, the nearest
    first."""

    task_id: str
    task_run_id: TaskRunId
    item: Item
    parents: tuple[Item, ...] = ()


@dataclass(slots=True, kw_only=True)
class Execution:
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
    # to be settled, task runs by their parent, the next number, and what is open, waits for its next attempt or is paused.
    # `outer` is the execution whose Loop an iteration belongs to, if that is still known: its outputs are seen too.
    outputs_tree: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    unsettled: deque[TaskRunId | None] = field(default_factory=deque, compare=False, repr=False)
    children: dict[TaskRunId | None, list[TaskRunId]] = field(default_factory=dict, compare=False, repr=False)
    next_sequence: int = field(default=0, compare=False, repr=False)
    open_attempts: int = field(default=0, compare=False, repr=False)
    retrying: int = field(default=0, compare=False, repr=False)
    pausing: int = field(default=0, compare=False, repr=False)
    outer: "Execution | None" = field(default=None, compare=False, repr=False)

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
