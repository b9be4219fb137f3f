"""Events: news that arrives about one execution. Each carries the time it happened (`at`, aware UTC) and, where
the rules need it, chance: the engine has neither clock nor dice.

An event may come twice, or late: it names what it is about (task run and attempt) so that the engine can tell.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from segue.model.execution import Breakpoint, Failure, Item
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import Decision


class Started(Struct, frozen=True, kw_only=True):
    """Admission lets the execution go (also: a person forces it, or takes it from the queue)."""

    at: datetime


class Held(Struct, frozen=True, kw_only=True):
    """Admission found no place: the execution waits in QUEUED."""

    at: datetime


class Refused(Struct, frozen=True, kw_only=True):
    """Admission found no place and the flow says to end at once: CANCELLED or FAILED."""

    at: datetime
    state: State
    message: str = ""


class AttemptStarted(Struct, frozen=True, kw_only=True):
    """A worker was given the attempt. Written down before the order is sent."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    worker: str


class LabelsWanted(Struct, frozen=True, kw_only=True):
    """A task asks for labels on its execution."""

    labels: Mapping[str, str]


class VariablesWanted(Struct, frozen=True, kw_only=True):
    """A task asks for variables: set (merged deeply) and removed."""

    set: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


class ExitWanted(Struct, frozen=True, kw_only=True):
    """A task asks for the execution to end in this state."""

    state: State


Wish = LabelsWanted | VariablesWanted | ExitWanted


class AttemptEnded(Struct, frozen=True, kw_only=True):
    """A worker reports the end of an attempt: SUCCESS, WARNING, FAILED, KILLED or SKIPPED.

    `chance` in [0, 1) serves a random retry delay.
    """

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    state: State
    outputs: Mapping[str, Any] | None = None
    failure: Failure | None = None
    wishes: tuple[Wish, ...] = ()
    log_file: str | None = None
    chance: float = 0.0


class WhenLost(StrEnum):
    """What becomes of an attempt whose worker is gone."""

    RESUBMIT = "resubmit"
    FAIL = "fail"


class WorkerLost(Struct, frozen=True, kw_only=True):
    """The worker of an attempt is gone (it died, or the daemon restarted); the attempt's fate is unknown."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    message: str
    policy: WhenLost = WhenLost.RESUBMIT
    chance: float = 0.0


class Evaluated(Struct, frozen=True, kw_only=True):
    """A worker evaluated what the engine may not (an expression that reads the outside world).

    `purpose` is what was asked for: `run_if`, `condition`, `value`, `values`, `duration`, `outputs`.
    `task_run_id` is None for the execution itself.
    """

    at: datetime
    task_run_id: TaskRunId | None
    purpose: str
    value: Any = None
    failure: Failure | None = None


class TimerKind(StrEnum):
    RETRY = "retry"
    SLEEP = "sleep"
    START = "start"  # of an execution with a date to start at
    PAUSE = "pause"  # a Pause goes on by itself
    TIMEOUT = "timeout"  # of what no worker times
    SLA = "sla"  # the next agreement is broken
    AGAIN = "again"  # a LoopUntil begins its next pass
    GO_ON = "go-on"  # with what one decision had no room for


class TimerFired(Struct, frozen=True, kw_only=True):
    """A timer that the engine set is due. `task_run_id` is None for the execution's own."""

    at: datetime
    kind: TimerKind
    task_run_id: TaskRunId | None = None


class KillWanted(Struct, frozen=True, kw_only=True):
    """`cascades`: also the executions that it waits for."""

    at: datetime
    cascades: bool = True


class PauseWanted(Struct, frozen=True, kw_only=True):
    at: datetime


class ResumeWanted(Struct, frozen=True, kw_only=True):
    """A person lifts the pause of the whole execution, or (`task_run_id`) ends that of one task."""

    at: datetime
    task_run_id: TaskRunId | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


class ReviewWanted(Struct, frozen=True, kw_only=True):
    """A person decides what an approval waits for."""

    at: datetime
    task_run_id: TaskRunId
    decision: Decision
    inputs: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""
    by: str = ""


class RestartWanted(Struct, frozen=True, kw_only=True):
    """Go on from what failed, in the same execution."""

    at: datetime


class StateWanted(Struct, frozen=True, kw_only=True):
    """A person gives a task run (or with None the execution) another state."""

    at: datetime
    state: State
    task_run_id: TaskRunId | None = None


class BreakpointPassed(Struct, frozen=True, kw_only=True):
    """A person lets go on what stands at breakpoints. `breakpoints` (None: those there are) is where it stops next."""

    at: datetime
    breakpoints: tuple[Breakpoint, ...] | None = None


class LabelsSet(Struct, frozen=True, kw_only=True):
    """A person sets labels."""

    at: datetime
    labels: Mapping[str, str]


class ChildStarted(Struct, frozen=True, kw_only=True):
    """The execution that an attempt asked for is there (or is there again, as another one)."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    execution_id: ExecutionId
    number: int | None = None
    replaces: ExecutionId | None = None


class ChildRefused(Struct, frozen=True, kw_only=True):
    """There can be no such execution."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    message: str
    number: int | None = None
    chance: float = 0.0


class ChildEnded(Struct, frozen=True, kw_only=True):
    """An execution that a task run waits for came to an end. `outputs` are its own; `seen` is what the template of the
    task's outputs came to in its scope, or why it did not; `item` is that of an iteration."""

    at: datetime
    task_run_id: TaskRunId
    execution_id: ExecutionId
    state: State
    outputs: Mapping[str, Any] | None = None
    seen: Mapping[str, Any] | Failure | None = None
    item: Item | None = None
    chance: float = 0.0


class IterationsFound(Struct, frozen=True, kw_only=True):
    """Those iterations behind the number `after` that did not end well: number and execution, in order. A restart does
    them again. `is_last`: there are no others."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    after: int
    found: tuple[tuple[int, ExecutionId], ...]
    is_last: bool


Event = (
    Started
    | Held
    | Refused
    | AttemptStarted
    | AttemptEnded
    | WorkerLost
    | Evaluated
    | TimerFired
    | KillWanted
    | PauseWanted
    | ResumeWanted
    | ReviewWanted
    | RestartWanted
    | StateWanted
    | BreakpointPassed
    | LabelsSet
    | ChildStarted
    | ChildRefused
    | ChildEnded
    | IterationsFound
)
