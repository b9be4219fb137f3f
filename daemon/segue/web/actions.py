"""What a caller can ask to be done to an execution or a trigger. Values: who may and when is the daemon's to say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import Decision


@dataclass(frozen=True, slots=True)
class Kill:
    """`cascade`: also the executions that it waits for."""

    cascade: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    pass


@dataclass(frozen=True, slots=True)
class Resume:
    """`inputs` as sent (texts, or `ports.Upload`)."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What an approval waits for is decided; `task_run_id` None: of the one that does. `inputs` as sent."""

    decision: Decision
    inputs: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""
    by: str = ""
    task_run_id: TaskRunId | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """With another `revision` it becomes a new execution."""

    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A new execution; without `task_run_id` from the start. `inputs` None: those of the replayed one.

    `revision` 0 is the live one. `id` is the new one's, where its files are stored before it is made.
    """

    task_run_id: TaskRunId | None = None
    revision: int | None = None
    inputs: Mapping[str, Any] | None = None
    id: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    state: State


@dataclass(frozen=True, slots=True)
class SetTaskRunState:
    task_run_id: TaskRunId
    state: State


@dataclass(frozen=True, slots=True)
class SetLabels:
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ForceRun:
    pass


@dataclass(frozen=True, slots=True)
class Unqueue:
    state: State = State.RUNNING


@dataclass(frozen=True, slots=True)
class Delete:
    """Only of what has ended, unless `running_too`."""

    logs: bool = True
    metrics: bool = True
    storage: bool = True
    running_too: bool = False


Action = (
    Kill
    | Pause
    | Resume
    | Review
    | Restart
    | Replay
    | ChangeStatus
    | SetTaskRunState
    | SetLabels
    | ForceRun
    | Unqueue
    | Delete
)


@dataclass(frozen=True, slots=True)
class SetDisabled:
    """In the trigger's state; the flow's text stays as it is."""

    disabled: bool


@dataclass(frozen=True, slots=True)
class Unlock:
    """Forget the execution or evaluation that the trigger waits for."""


@dataclass(frozen=True, slots=True)
class Forget:
    """What is remembered of the trigger: when it fired, its backfill, that it was disabled. It begins anew."""


@dataclass(frozen=True, slots=True)
class CreateBackfill:
    start: datetime
    end: datetime | None = None  # now
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PauseBackfill:
    paused: bool = True


@dataclass(frozen=True, slots=True)
class DeleteBackfill:
    pass


TriggerAction = SetDisabled | Unlock | Forget | CreateBackfill | PauseBackfill | DeleteBackfill
