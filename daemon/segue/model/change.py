"""Changes: facts that were decided about one execution. `evolve` folds them into it; the runtime writes what they
touched in one transaction and only then acts on those that ask for something outside (marked *act*).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from segue.model.event import TimerKind
from segue.model.execution import Failure, Item
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State


class ExecutionMoved(Struct, frozen=True, kw_only=True):
    """`is_again`: begun anew, as another attempt (restart)."""

    at: datetime
    state: State
    is_again: bool = False


class TaskRunCreated(Struct, frozen=True, kw_only=True):
    """A new task run in CREATED; its id follows from the execution's id and `sequence`."""

    at: datetime
    id: TaskRunId
    sequence: int
    task_id: str
    parent_id: TaskRunId | None
    value: str | None = None
    iteration: int | None = None


class TaskRunMoved(Struct, frozen=True, kw_only=True):
    at: datetime
    id: TaskRunId
    state: State


class TaskRunRemoved(Struct, frozen=True, kw_only=True):
    """A task run that will be made anew (restart)."""

    id: TaskRunId


class AttemptOpened(Struct, frozen=True, kw_only=True):
    """An attempt waits for a worker. *Act*: queue an order for it, unless the engine does the work itself (a timer):
    then it is not `queued`."""

    at: datetime
    id: TaskRunId
    number: int
    queued: bool = True


class AttemptMoved(Struct, frozen=True, kw_only=True):
    at: datetime
    id: TaskRunId
    number: int
    state: State
    worker: str | None = None
    failure: Failure | None = None
    log_file: str | None = None


class EvaluationOrdered(Struct, frozen=True, kw_only=True):
    """*Act*: have a worker evaluate `template` (a text, or a value with texts in it) for `purpose`. The answer comes
    back as `Evaluated`. `engine.orders.evaluation_for` makes the order, `open_evaluations` finds them after a crash."""

    id: TaskRunId | None
    purpose: str
    template: Any
    typed: bool = False


class EvaluationDropped(Struct, frozen=True, kw_only=True):
    """*Act*: nobody waits for this evaluation any more; whoever is at it may stop."""

    id: TaskRunId
    purpose: str


class KillOrdered(Struct, frozen=True, kw_only=True):
    """*Act*: take the order of this attempt back, or end its process group."""

    id: TaskRunId
    attempt: int


class ChildWanted(Struct, frozen=True, kw_only=True):
    """An execution that a task run asks for. `revision` None: the one that belongs to the parent's commit."""

    namespace: str
    flow_id: str
    revision: int | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    inherits_labels: bool = False
    scheduled_at: datetime | None = None


class ChildOrdered(Struct, frozen=True, kw_only=True):
    """*Act*: make the execution that an attempt asks for, in the same transaction; or set `again` going, one that an
    earlier attempt had. The answer is `ChildStarted` or `ChildRefused`."""

    id: TaskRunId
    attempt: int
    wanted: ChildWanted
    again: ExecutionId | None = None
    number: int | None = None  # of the batch that it is for


class IterationOrdered(Struct, frozen=True, kw_only=True):
    """*Act*: make the iteration number `number` of a Loop, for `item`; or set `again` going, that of an earlier attempt
    (which has its item). The answer is `ChildStarted`."""

    id: TaskRunId
    attempt: int
    number: int
    item: Item | None = None
    again: ExecutionId | None = None


class IterationsSought(Struct, frozen=True, kw_only=True):
    """*Act*: look, once all that was decided is durable, which iterations of a Loop behind the number `after` did not
    end well. The answer is `IterationsFound`."""

    id: TaskRunId
    attempt: int
    after: int


class ChildKillOrdered(Struct, frozen=True, kw_only=True):
    """*Act*: kill an execution that a task run had made; `cascades`: with those that it waits for itself."""

    id: TaskRunId
    execution_id: ExecutionId
    cascades: bool = True


class TimerSet(Struct, frozen=True, kw_only=True):
    """*Act*: a row with a due time; comes back as `TimerFired`."""

    kind: TimerKind
    due: datetime
    id: TaskRunId | None = None


class TimerCleared(Struct, frozen=True, kw_only=True):
    """*Act*."""

    kind: TimerKind
    id: TaskRunId | None = None


class ProgressMade(Struct, frozen=True, kw_only=True):
    """A flowable's (or with None the execution's) own state of play: only the keys given change."""

    id: TaskRunId | None
    fields: Mapping[str, Any]


class OutputsSet(Struct, frozen=True, kw_only=True):
    """Outputs of a task run, or with None of the flow."""

    id: TaskRunId | None
    outputs: Mapping[str, Any] | None


class RerunOrdered(Struct, frozen=True, kw_only=True):
    """The execution is RETRIED by a new one. *Act*: make `engine.create.rerun_of` it, to start at `due`, in the same
    transaction (there is no other trace of it)."""

    due: datetime


class LabelsChanged(Struct, frozen=True, kw_only=True):
    labels: Mapping[str, str]


class VariablesChanged(Struct, frozen=True, kw_only=True):
    variables: Mapping[str, Any]


class Logged(Struct, frozen=True, kw_only=True):
    """*Act*: a log line that the engine itself has to say (why a task run failed before any worker had it)."""

    at: datetime
    level: str
    message: str
    id: TaskRunId | None = None
    attempt: int | None = None


Change = (
    ExecutionMoved
    | TaskRunCreated
    | TaskRunMoved
    | TaskRunRemoved
    | AttemptOpened
    | AttemptMoved
    | EvaluationOrdered
    | EvaluationDropped
    | KillOrdered
    | ChildOrdered
    | IterationOrdered
    | IterationsSought
    | ChildKillOrdered
    | TimerSet
    | TimerCleared
    | ProgressMade
    | OutputsSet
    | RerunOrdered
    | LabelsChanged
    | VariablesChanged
    | Logged
)
