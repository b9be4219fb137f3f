"""Events: news that arrives about one execution. Each carries the time it happened (`at`, aware UTC) and, where
the rules need it, chance: the engine has neither clock nor dice.

An event may come twice, or late: it names what it is about (task run and attempt) so that the engine can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from segue.model.execution import Failure, Item
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Admission lets the execution go (also: a person forces it, or takes it from the queue)."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Admission found no place: the execution waits in QUEUED."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Admission found no place and the flow says to end at once: CANCELLED or FAILED."""

    at: datetime
    state: State
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """A worker was given the attempt. Written down before the order is sent."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsWanted:
    """A task asks for labels on its execution."""

    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesWanted:
    """A task asks for variables: set (merged deeply) and removed."""

    set: Mapping[str, Any] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitWanted:
    """A task asks for the execution to end in this state."""

    state: State


Wish = LabelsWanted | VariablesWanted | ExitWanted


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLost:
    """The worker of an attempt is gone (it died, or the daemon restarted); the attempt's fate is unknown."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    message: str
    policy: WhenLost = WhenLost.RESUBMIT
    chance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A timer that the engine set is due. `task_run_id` is None for the execution's own."""

    at: datetime
    kind: TimerKind
    task_run_id: TaskRunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillWanted:
    """`cascades`: also the executions that it waits for."""

    at: datetime
    cascades: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseWanted:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeWanted:
    """A person lifts the pause of the whole execution, or (`task_run_id`) ends that of one task."""

    at: datetime
    task_run_id: TaskRunId | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWanted:
    """A person decides what an approval waits for."""

    at: datetime
    task_run_id: TaskRunId
    decision: Decision
    inputs: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWanted:
    """Go on from what failed, in the same execution."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StateWanted:
    """A person gives a task run (or with None the execution) another state."""

    at: datetime
    state: State
    task_run_id: TaskRunId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsSet:
    """A person sets labels."""

    at: datetime
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStarted:
    """The execution that an attempt asked for is there (or is there again, as another one)."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    execution_id: ExecutionId
    number: int | None = None
    replaces: ExecutionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRefused:
    """There can be no such execution."""

    at: datetime
    task_run_id: TaskRunId
    attempt: int
    message: str
    number: int | None = None
    chance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnded:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationsFound:
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
    | LabelsSet
    | ChildStarted
    | ChildRefused
    | ChildEnded
    | IterationsFound
)
