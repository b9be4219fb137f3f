"""Ports: all that `web` needs from the rest of the daemon, as protocols and frozen values.

* `Daemon` is the running daemon: it acts, and knows what lives in memory. Its methods are called on the loop's thread.
* `Reads` is what is stored: plain functions, called from threads of a pool, several at once.
* `Sources` is Git, read only, and `Files` the internal storage: called from threads as well.

An answer is handed over only after what it says is durable. An `Execution` that an act answers with is a copy as the
call left it (a start: CREATED), which nothing changes afterwards. The one that `live_execution` gives may be the live
one: read it before the next `await`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from msgspec import Struct, field

from segue.model.execution import Breakpoint, Execution, TaskRun
from segue.model.flow import Check, Flow, Input
from segue.model.flow_test import SuiteResult
from segue.model.names import ExecutionId, TaskRunId
from segue.model.order import LogLevel
from segue.model.problem import Problem
from segue.model.revision import Commit, FlowKey, Revision
from segue.model.state import State
from segue.model.task import CommentRequired, Decision
from segue.model.trigger import Trigger
from segue.spec.catalogue import Catalogue
from segue.store.reads.matching import Op
from segue.web.actions import Action, TriggerAction
from segue.web.live import Doorbells

T = TypeVar("T")


# Asking for something to be done.


class Refusal(Struct, frozen=True):
    """What was asked cannot be done: 404 there is no such thing, 409 not in this state, 422 not with these values,
    503 not now (the disk is full, the daemon goes down)."""

    status: int
    message: str
    problems: tuple[Problem, ...] = ()


class Upload(Struct, frozen=True):
    """A file that was sent, open at its start; it is gone once the call has been answered."""

    file_name: str
    content: BinaryIO
    size: int


class Start(Struct, frozen=True, kw_only=True):
    """A request for an execution. A value of `inputs` is a text, a list of texts, or an `Upload`.

    `wait`: the answer is the execution at its end rather than as made.
    """

    flow: FlowKey
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int | None = None
    scheduled_at: datetime | None = None
    wait: bool = False
    kind: str = "NORMAL"
    breakpoints: tuple[Breakpoint, ...] = ()


class CheckedInput(Struct, frozen=True, kw_only=True):
    """What became of one declared input. `errors` are sentences for people."""

    input: Input
    value: Any
    is_enabled: bool
    is_default: bool
    errors: tuple[str, ...] = ()


class OpenReview(Struct, frozen=True, kw_only=True):
    """A decision that an approval waits for. `approve` and `deny` are what its author calls them; `value` is that of the
    loop it is in."""

    task_run_id: TaskRunId
    task_id: str
    value: str | None = None
    description: str = ""
    approve: str = "Approve"
    deny: str = "Deny"
    comment_required: CommentRequired = CommentRequired.NEVER
    inputs: tuple[Input, ...] = ()
    due: datetime | None = None


class WebhookPart(Struct, frozen=True, kw_only=True):
    """A file in a form."""

    name: str
    file: Upload
    content_type: str | None


class WebhookCall(Struct, frozen=True, kw_only=True):
    """A call of a webhook trigger's address. `body` is a map or list when it was JSON, else text, Base64 of what is no
    text, or None; `content` is the same as it was sent. Of a form there is no body but `parts`, its files, and `fields`.

    `path` is what follows the key.
    """

    flow: FlowKey
    key: str
    method: str
    uri: str
    path: str | None
    headers: Mapping[str, Sequence[str]]
    parameters: Mapping[str, Sequence[str]]
    body: Any = None
    content: bytes = b""
    parts: Sequence[WebhookPart] | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)


class WebhookFired(Struct, frozen=True, kw_only=True):
    """The execution, at its end if the trigger says `wait`. `returns_outputs`: answer with its outputs alone."""

    execution: Execution
    returns_outputs: bool = False
    content_type: str | None = None
    status: int | None = None


class NotFired(Struct, frozen=True):
    """The trigger's conditions do not hold."""


class Rendered(Struct, frozen=True):
    """An expression in the scope of an execution: its text, or why there is none."""

    result: str | None
    error: str | None = None


class Checked(Struct, frozen=True):
    """Flow text that was looked at; `flow` is None if an error is among the problems."""

    flow: Flow | None
    problems: tuple[Problem, ...]


# What lives in memory.


class LiveFlow(Struct, frozen=True, kw_only=True):
    """A flow at its live revision. `problems`: what is wrong with a newer text that therefore is not live; `warnings`:
    what its text at the source's head could do better."""

    flow: Flow
    revision: Revision
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    next_fire_at: datetime | None = None

    @property
    def key(self) -> FlowKey:
        return self.revision.key


class TriggerKey(Struct, frozen=True):
    flow: FlowKey
    trigger_id: str


class Backfill(Struct, frozen=True, kw_only=True):
    start: datetime
    end: datetime
    current: datetime | None
    paused: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


class LiveTrigger(Struct, frozen=True, kw_only=True):
    """A trigger of a live flow with its state. `is_disabled` is that of the state, `trigger.disabled` the author's.

    `execution_id` is the running execution that it waits for.
    """

    key: TriggerKey
    trigger: Trigger
    is_disabled: bool = False
    is_locked: bool = False
    last_fired_at: datetime | None = None
    next_fire_at: datetime | None = None
    execution_id: ExecutionId | None = None
    updated_at: datetime | None = None
    backfill: Backfill | None = None


class Sync(Struct, frozen=True, kw_only=True):
    """One look at the source that found something new, or failed. `cause` is watch, poll, webhook, call or start."""

    started_at: datetime
    ended_at: datetime | None
    cause: str
    commit: str | None
    previous_commit: str | None = None
    changed: tuple[FlowKey, ...] = ()
    problems: int = 0
    error: str | None = None
    held: str | None = None  # why the commit is not applied until confirmed


class GitStatus(Struct, frozen=True, kw_only=True):
    """`source` is shown to people: without user name and password. `commit` is the live one."""

    source: str
    branch: str
    commit: str | None
    last_sync: Sync | None = None
    is_syncing: bool = False
    testing: str | None = None  # the commit whose flow tests run now
    problems: tuple[Problem, ...] = ()


class SyncDone(Struct, frozen=True, kw_only=True):
    """The source's head is live (or was already)."""

    commit: str
    changed: tuple[FlowKey, ...]
    problems: tuple[Problem, ...]


class Sample(Struct, frozen=True):
    """One figure of the daemon for /metrics. `kind` is counter or gauge."""

    name: str
    kind: str
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Health(Struct, frozen=True):
    """`parts` names each part of the daemon and how it is: `ok`, or a sentence on what is wrong."""

    is_ready: bool
    parts: Mapping[str, str]

    @property
    def is_healthy(self) -> bool:
        return all(state == "ok" for state in self.parts.values())


class Slots(Struct, frozen=True):
    """The concurrency limit of a flow, and how much of it is taken."""

    flow: FlowKey
    limit: int
    behavior: str
    running: int
    queued: int


class Daemon(Protocol):
    """The running daemon."""

    bells: Doorbells
    version: str

    def now(self) -> datetime:
        """The daemon's clock, in UTC."""

    # Executions.
    async def start(self, request: Start) -> Execution | Refusal: ...
    async def validate_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal: ...
    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        """The checks that would not hold for this start."""

    async def webhook(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal: ...
    async def act(self, execution_id: str, action: Action) -> Execution | Refusal: ...
    async def act_on_many(self, execution_ids: Sequence[str], action: Action) -> int | Refusal:
        """How many; when one of them cannot, nothing is done to any."""

    async def possible_acts(self, execution_id: str) -> frozenset[type[Action]]:
        """What can be done to it now, as far as its state tells: any other act would be refused."""

    def asked_on_resume(self, execution_id: str) -> tuple[Input, ...]:
        """The inputs that a paused execution waits for; none where it can go on without."""

    async def validate_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of them."""

    def open_reviews(self, execution_id: str) -> tuple[OpenReview, ...]:
        """The decisions that its approvals wait for."""

    async def validate_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of the inputs of a decision."""

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal: ...
    async def live_execution(self, execution_id: str) -> Execution | None:
        """As far as it is durable; None if it is over, or what it came to cannot be written now."""

    # Flows and triggers.
    def flows(self) -> Sequence[LiveFlow]: ...
    def flow(self, key: FlowKey) -> LiveFlow | None: ...
    def check(self, text: str, path: str) -> Checked:
        """What is right and wrong with a flow's text. Called from a thread."""

    def read_flow(self, revision: Revision, text: str) -> Flow | None:
        """The flow that a stored text says, of any revision. Called from a thread."""

    def catalogue(self) -> Catalogue:
        """The types that flows can name, and which of them can run here."""

    def slots(self) -> Sequence[Slots]:
        """Of the live flows that have a concurrency limit."""

    def triggers(self) -> Sequence[LiveTrigger]: ...
    async def act_on_trigger(self, key: TriggerKey, action: TriggerAction) -> LiveTrigger | Refusal: ...

    # What was written about executions and triggers.
    async def delete_log_lines(self, ids: Sequence[int]) -> Refusal | None: ...

    # Keys and values.
    async def put_key(self, entry: "KeyValue") -> Refusal | None: ...
    async def delete_key(self, namespace: str, key: str) -> bool | Refusal: ...

    # Git.
    async def sync(self) -> SyncDone | Refusal:
        """Bring the source's head live; answers when it is."""

    def request_sync(self, cause: str) -> None:
        """Ring the sync's doorbell and go on."""

    async def confirm_held(self, commit: str) -> SyncDone | Refusal:
        """Apply the commit that is held because it retires too many flows, or because its flow tests fail."""

    def tested(self) -> Sequence[SuiteResult]:
        """The last result of every suite of flow tests, if they are run at syncs."""

    def git_status(self) -> GitStatus: ...

    # The daemon itself.
    def health(self) -> Health: ...
    def samples(self) -> Sequence[Sample]: ...


# What is stored.


class Field(StrEnum):
    """What lists can be filtered by: Kestra's names. Which list knows which, and how it compares, says `web.filters`."""

    Q = "q"
    ID = "id"
    NAMESPACE = "namespace"
    FLOW_ID = "flowId"
    FLOW_REVISION = "flowRevision"
    STATE = "state"
    LABELS = "labels"
    START_DATE = "startDate"
    END_DATE = "endDate"
    TRIGGER_ID = "triggerId"
    TRIGGER_EXECUTION_ID = "triggerExecutionId"
    PARENT_ID = "parentId"
    CHILD = "childFilter"  # CHILD | MAIN
    KIND = "kind"
    LEVEL = "level"
    EXECUTION_ID = "executionId"
    TASK_ID = "taskId"
    TASK_RUN_ID = "taskRunId"
    ATTEMPT = "attemptNumber"
    TYPE = "type"
    TRIGGER_STATE = "triggerState"  # ENABLED | DISABLED
    ENABLED = "enabled"
    LOCKED = "locked"
    LAST_FIRED = "lastTriggeredDate"
    NEXT_FIRE = "nextExecutionDate"
    CREATED = "created"
    UPDATED = "updated"
    EXPIRES = "expirationDate"


class Filter(Struct, frozen=True):
    """`values` are texts (dates: ISO 8601 in UTC); more than one for IN and NOT_IN alone.

    Of LABELS each value is `key:value`. Of Q, the text is looked for in namespace and flow id.
    """

    field: Field
    op: Op
    values: tuple[str, ...]


class AnyOf(Struct, frozen=True):
    """One of these has to hold, whole."""

    alternatives: tuple[tuple[Filter, ...], ...]


Wanted = Filter | AnyOf


class Order(StrEnum):
    """Columns that executions are sorted by."""

    STARTED = "state.startDate"
    ENDED = "state.endDate"
    DURATION = "state.duration"
    STATE = "state.current"
    NAMESPACE = "namespace"
    FLOW = "flowId"
    ID = "id"


class Search(Struct, frozen=True, kw_only=True):
    filters: tuple[Wanted, ...] = ()
    order: Order = Order.STARTED
    descending: bool = True
    page: int = 1
    size: int = 25


class Page(Struct, Generic[T], frozen=True):
    """Some of `total`. `is_total_exact` is False where counting would cost too much: there are at least as many."""

    results: tuple[T, ...]
    total: int
    is_total_exact: bool = True


class RunMark(Struct, frozen=True):
    """An execution in a row of little bars."""

    id: ExecutionId
    state: State
    started_at: datetime
    ended_at: datetime | None


class Tally(Struct, frozen=True):
    """How many executions that started in this stretch of time are in which state; at least so many where counting
    more would cost too much."""

    starts_at: datetime
    counts: Mapping[State, int]
    is_exact: bool = True


class FlowTally(Struct, frozen=True):
    """The same of one flow; `took` is how long those that succeeded took lately, on average."""

    starts_at: datetime
    counts: Mapping[State, int]
    took: timedelta | None = None
    is_exact: bool = True


class StateCount(Struct, frozen=True):
    """How many; at least so many where counting more would cost too much."""

    number: int
    is_exact: bool = True


class LogEntry(Struct, frozen=True, kw_only=True):
    """`id` grows with time of arrival."""

    id: int
    at: datetime
    level: LogLevel
    message: str
    namespace: str
    flow_id: str
    execution_id: ExecutionId | None = None
    task_id: str | None = None
    task_run_id: TaskRunId | None = None
    attempt: int | None = None  # from 1
    trigger_id: str | None = None


class LogSearch(Struct, frozen=True, kw_only=True):
    """`after` and `before` are ids. `namespace` is itself and all below it. Answers come in the order of their time;
    with `newest` the last `limit` of them."""

    execution_id: str | None = None
    namespace: str | None = None
    flow_id: str | None = None
    task_id: str | None = None
    task_run_id: str | None = None
    attempt: int | None = None
    trigger_id: str | None = None
    min_level: LogLevel = LogLevel.TRACE
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    before: int | None = None
    newest: bool = False
    limit: int = 500


class LookedBack(Struct, frozen=True):
    """Lines in the order of their time. `earlier` is the id before which there may be more; with `reached`, the look
    ended at that time because it had gone through very many lines."""

    entries: tuple[LogEntry, ...]
    earlier: int | None = None
    reached: datetime | None = None


class LogPage(Struct, frozen=True, kw_only=True):
    """A page of all there are, in the order of their arrival."""

    filters: tuple[Wanted, ...] = ()
    descending: bool = True
    page: int = 1
    size: int = 100


class MetricEntry(Struct, frozen=True, kw_only=True):
    """`kind` is counter, timer or gauge."""

    at: datetime
    name: str
    kind: str
    value: float
    tags: Mapping[str, str]
    task_id: str | None = None
    task_run_id: TaskRunId | None = None


class MetricSpan(Struct, frozen=True, kw_only=True):
    """What one metric of a flow (or of a task of it) comes to over time. `aggregation` is sum, avg, min or max."""

    flow: FlowKey
    name: str
    since: datetime
    until: datetime
    aggregation: str = "sum"
    task_id: str | None = None


class KeyValue(Struct, frozen=True, kw_only=True):
    """`kind` is STRING, NUMBER, BOOLEAN, DATETIME, DATE, DURATION or JSON. Expired is as not there."""

    namespace: str
    key: str
    kind: str
    value: Any
    description: str = ""
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None


class Reads(Protocol):
    """What is stored. Executions of lists come without their task runs."""

    def execution(self, execution_id: str) -> Execution | None:
        """With all its task runs."""

    def execution_alone(self, execution_id: str) -> Execution | None:
        """Without its task runs: cheap whatever it weighs."""

    def execution_in_outline(self, execution_id: str) -> Execution | None:
        """With those of its task runs that stand right below the flow."""

    def task_runs(self, execution_id: str, *, offset: int, limit: int) -> Page[TaskRun]:
        """In the order of making."""

    def task_runs_in(self, execution_id: str, state: State, *, limit: int) -> tuple[TaskRun, ...]:
        """The first ones in that state, in the order of making."""

    def task_states(self, execution_id: str) -> Mapping[str, Mapping[State, int]]:
        """How many task runs each task has in each state."""

    def search(self, search: Search) -> Page[Execution]: ...
    def counts_by_state(self, filters: Sequence[Wanted]) -> Mapping[State, StateCount]:
        """How many executions these find in each state; states among the filters are left aside."""

    def recent(self, flows: Sequence[FlowKey], limit: int) -> Mapping[FlowKey, tuple[RunMark, ...]]:
        """The last executions of each flow, oldest first."""

    def tally(self, since: datetime, until: datetime, stretch: timedelta) -> tuple[Tally, ...]: ...
    def flow_tally(
        self, flow: FlowKey, since: datetime, until: datetime, stretch: timedelta
    ) -> tuple[FlowTally, ...]: ...
    def logs(self, search: LogSearch) -> tuple[LogEntry, ...]: ...
    def find_logs(self, search: LogPage) -> Page[LogEntry]: ...
    def counts(self) -> Mapping[FlowKey, Mapping[State, int]]:
        """How many executions there are of each flow, live or not, in each state."""

    def look_back(self, search: LogSearch) -> LookedBack:
        """The last lines of everything that are meant, a page at a time."""

    def metrics(self, execution_id: str, limit: int | None = None) -> tuple[MetricEntry, ...]: ...
    def metric_names(self, flow: FlowKey, task_id: str | None = None) -> tuple[str, ...]: ...
    def metric_tasks(self, flow: FlowKey) -> tuple[str, ...]:
        """The tasks of a flow that metrics are stored of."""

    def metric_over_time(self, wanted: MetricSpan) -> tuple[tuple[datetime, float], ...]:
        """By hour up to two days, by day beyond that; times without values are left out."""

    def revisions(self, flow: FlowKey) -> tuple[Revision, ...]:
        """Newest first."""

    def changes(self, *, limit: int, offset: int = 0) -> tuple[Revision, ...]:
        """The last revisions of all flows, newest first."""

    def syncs(self, limit: int) -> tuple[Sync, ...]:
        """Newest first."""

    def keys(self, namespace: str | None) -> tuple[KeyValue, ...]:
        """Those of a namespace, or with None all there are; by namespace and key."""

    def key(self, namespace: str, key: str) -> KeyValue | None: ...
    def iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[Execution, ...]:
        """Of the task run of a Loop those behind the number `after`, in their order."""

    def last_iterations(self, loop_run_id: str, limit: int) -> tuple[Execution, ...]:
        """Those of the last values that have begun, the last one first."""

    def unfinished_iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[tuple[int, ExecutionId], ...]:
        """The same, only those that did not end well: number and execution."""


class FileEntry(Struct, frozen=True):
    """A namespace file, or a folder of them."""

    name: str
    is_folder: bool
    size: int = 0


class ChangedFile(Struct, frozen=True):
    """`status` is Git's letter: A added, D deleted, M and T changed."""

    path: str
    status: str


class Sources(Protocol):
    """The mirror of the source. Commits and blobs that are not (or no longer) there answer None."""

    def text(self, revision: Revision) -> str | None:
        """The flow's text in that revision."""

    def text_at(self, path: str, commit_id: str) -> str | None:
        """Any text file of the repository, by its path in it: the one that a problem names."""

    def commit(self, commit_id: str) -> Commit | None: ...
    def changes_between(self, older: str, newer: str) -> tuple[ChangedFile, ...] | None:
        """What differs between any two commits, by path."""

    def folder(self, namespace: str, path: str, commit_id: str) -> tuple[FileEntry, ...] | None:
        """Namespace files directly in a folder (`/` is the top)."""

    def all_files(self, namespace: str, commit_id: str) -> tuple[FileEntry, ...]:
        """Every namespace file, its name being its path from the top."""

    def file(self, namespace: str, path: str, commit_id: str) -> bytes | None: ...


class StoredFile(Struct, frozen=True):
    content: BinaryIO
    size: int


class Files(Protocol):
    """Internal storage."""

    def open(self, uri: str) -> StoredFile | None:
        """The caller closes it. None if there is nothing, or it is no address in this storage. Raises `StorageFailure`."""


class Ports(Struct, frozen=True):
    """All four, as `create_app` takes them."""

    daemon: Daemon
    reads: Reads
    sources: Sources
    files: Files
