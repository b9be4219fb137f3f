"""What a caller can ask to be done to an execution or a trigger. Values: who may and when is the daemon's to say."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from segue.model.execution import Breakpoint
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import Decision


class Kill(Struct, frozen=True):
    """`cascade`: also the executions that it waits for."""

    cascade: bool = True


class Pause(Struct, frozen=True):
    pass


class Resume(Struct, frozen=True):
    """`inputs` as sent (texts, or `Upload`)."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""


class PassBreakpoint(Struct, frozen=True):
    """What stands at breakpoints goes on; with others than before, if they are given."""

    breakpoints: tuple[Breakpoint, ...] | None = None


class Review(Struct, frozen=True):
    """What an approval waits for is decided; `task_run_id` None: of the one that does. `inputs` as sent."""

    decision: Decision
    inputs: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""
    by: str = ""
    task_run_id: TaskRunId | None = None


class Restart(Struct, frozen=True):
    """With another `revision` it becomes a new execution."""

    revision: int | None = None


class Replay(Struct, frozen=True):
    """A new execution; without `task_run_id` from the start. `inputs` None: those of the replayed one.

    `revision` 0 is the live one. `id` is the new one's, where its files are stored before it is made.
    """

    task_run_id: TaskRunId | None = None
    revision: int | None = None
    inputs: Mapping[str, Any] | None = None
    id: ExecutionId | None = None
    breakpoints: tuple[Breakpoint, ...] = ()


class ChangeStatus(Struct, frozen=True):
    state: State


class SetTaskRunState(Struct, frozen=True):
    task_run_id: TaskRunId
    state: State


class SetLabels(Struct, frozen=True):
    labels: Mapping[str, str]


class ForceRun(Struct, frozen=True):
    pass


class Unqueue(Struct, frozen=True):
    state: State = State.RUNNING


class Delete(Struct, frozen=True):
    """Only of what has ended, unless `running_too`."""

    logs: bool = True
    metrics: bool = True
    storage: bool = True
    running_too: bool = False


Action = (
    Kill
    | Pause
    | Resume
    | PassBreakpoint
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


class SetDisabled(Struct, frozen=True):
    """In the trigger's state; the flow's text stays as it is."""

    disabled: bool


class Unlock(Struct, frozen=True):
    """Forget the execution or evaluation that the trigger waits for."""


class Forget(Struct, frozen=True):
    """What is remembered of the trigger: when it fired, its backfill, that it was disabled. It begins anew."""


class CreateBackfill(Struct, frozen=True):
    start: datetime
    end: datetime | None = None  # now
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class PauseBackfill(Struct, frozen=True):
    paused: bool = True


class DeleteBackfill(Struct, frozen=True):
    pass


TriggerAction = SetDisabled | Unlock | Forget | CreateBackfill | PauseBackfill | DeleteBackfill
