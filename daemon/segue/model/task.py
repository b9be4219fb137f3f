"""Task: one step of a flow as its author wrote it. *Runnable* tasks work in a worker, the others only steer.

What all tasks share stands in `Task`; what makes them different is `Task.body`, one frozen class for each kind.
Texts that may hold expressions (`str | ...` fields named so below) are kept unrendered.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from segue.model.input import Input
from segue.model.output import Output


class RetryKind(StrEnum):
    CONSTANT = "constant"
    EXPONENTIAL = "exponential"
    RANDOM = "random"


class RetryBehavior(StrEnum):
    RETRY_FAILED_TASK = "RETRY_FAILED_TASK"
    CREATE_NEW_EXECUTION = "CREATE_NEW_EXECUTION"


class Retry(Struct, frozen=True, kw_only=True):
    """A retry policy. `attempts_max` counts every attempt, the first included; None is no limit."""

    kind: RetryKind
    interval: timedelta = timedelta(0)
    interval_min: timedelta = timedelta(0)
    interval_max: timedelta | None = None
    factor: float = 2.0
    attempts_max: int | None = None
    duration_max: timedelta | None = None
    warning_on_retry: bool = False
    behavior: RetryBehavior = RetryBehavior.RETRY_FAILED_TASK


class Runnable(Struct, frozen=True, kw_only=True):
    """Works in a worker. `properties` are the keys of its type, plugin defaults put in, unrendered. Unless it
    `keeps_types`, all that expressions in them come to are texts."""

    properties: Mapping[str, Any]
    keeps_types: bool = True


class Sleep(Struct, frozen=True, kw_only=True):
    """A timer; no worker waits. `duration` is ISO 8601 or an expression."""

    duration: str


class Sequential(Struct, frozen=True, kw_only=True):
    """One after another."""

    tasks: tuple["Task", ...]
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class Parallel(Struct, frozen=True, kw_only=True):
    """At once, at most `concurrent` of them (0: no limit)."""

    tasks: tuple["Task", ...]
    concurrent: int = 0
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class Dag(Struct, frozen=True, kw_only=True):
    """Each task once all it depends on has ended. `depends_on` maps a task id to the ids it waits for."""

    tasks: tuple["Task", ...]
    depends_on: Mapping[str, tuple[str, ...]]
    concurrent: int = 0
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class If(Struct, frozen=True, kw_only=True):
    """`then` when the rendered condition is truthy, else `otherwise`."""

    condition: str | bool
    then: tuple["Task", ...]
    otherwise: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class Switch(Struct, frozen=True, kw_only=True):
    """The case whose key is the rendered value as text, else `defaults`."""

    value: str
    cases: Mapping[str, tuple["Task", ...]]
    defaults: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class AllowFailure(Struct, frozen=True, kw_only=True):
    """One after another; a failure ends in WARNING."""

    tasks: tuple["Task", ...]
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class ForEach(Struct, frozen=True, kw_only=True):
    """The tasks once for each distinct value, `concurrency_limit` values at once (0: no limit).

    `values` is a list (its texts may be expressions) or an expression that gives one. The tasks of one value run one
    after another.
    """

    values: str | tuple[Any, ...]
    tasks: tuple["Task", ...]
    concurrency_limit: int = 1
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class FetchType(StrEnum):
    """Where the outputs of iterations go: among the task's own, or to a file."""

    AUTO = "AUTO"
    FETCH = "FETCH"
    STORE = "STORE"


class Loop(Struct, frozen=True, kw_only=True):
    """The tasks once for each value (2.0), each time as an execution of its own, `concurrency_limit` of them at once (0:
    no limit but the engine's).

    `values` is a list, a map, or an expression that gives one of them or the address of a file with a value in a line.
    `outputs` are those of each iteration. `errors` and `finally_` are the loop's: they run once, beside it.
    """

    values: str | tuple[Any, ...] | Mapping[str, Any]
    tasks: tuple["Task", ...]
    concurrency_limit: int = 0
    transmit_failed: bool = True
    outputs: tuple[Output, ...] = ()
    fetch_type: FetchType = FetchType.AUTO
    break_when: str | None = None
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class WorkingDirectory(Struct, frozen=True, kw_only=True):
    """One after another, all in one folder. `properties` say what comes into it and what is kept of it, unrendered:
    `inputFiles`, `namespaceFiles`, `outputFiles`, `cache`."""

    tasks: tuple["Task", ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class RestartBehavior(StrEnum):
    """What a restart does with an execution that a task called and that did not end well."""

    RETRY_FAILED = "RETRY_FAILED"
    NEW_EXECUTION = "NEW_EXECUTION"


class Call(Struct, frozen=True, kw_only=True):
    """Which flow to run, and with what. Everything but `revision` and `restart` may be an expression."""

    namespace: str
    flow_id: str
    revision: int | None = None
    inputs: Mapping[str, Any] | str | None = None
    labels: Mapping[str, Any] | list[Any] | str | None = None
    inherit_labels: bool | str = False
    wait: bool | str = True
    transmit_failed: bool | str = True
    schedule_date: str | None = None
    restart: RestartBehavior = RestartBehavior.RETRY_FAILED

    @property
    def template(self) -> Mapping[str, Any]:
        """All that may be an expression."""
        parts = {
            "namespace": self.namespace,
            "flowId": self.flow_id,
            "inputs": self.inputs,
            "labels": self.labels,
            "inheritLabels": self.inherit_labels,
            "wait": self.wait,
            "transmitFailed": self.transmit_failed,
            "scheduleDate": self.schedule_date,
        }
        return {name: part for name, part in parts.items() if part is not None}


class Subflow(Struct, frozen=True, kw_only=True):
    """Runs another flow as an execution of its own. `outputs` (1.x) see what the called execution came to."""

    call: Call
    outputs: Mapping[str, Any] | str | None = None


class EachItem(Struct, frozen=True, kw_only=True):
    """Calls a flow once for each batch that the task `split` has made."""

    call: Call
    split: str


class ForEachItem(Struct, frozen=True, kw_only=True):
    """Splits a file into batches, calls a flow for each, merges their outputs: three tasks, made when it is read."""

    tasks: tuple["Task", ...]
    properties: Mapping[str, Any]
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


class LoopUntil(Struct, frozen=True, kw_only=True):
    """The tasks again and again, until `condition` holds after a pass. Spans are ISO 8601 or expressions."""

    condition: str
    tasks: tuple["Task", ...]
    interval: str = "PT1M"
    iterations_max: int | str | None = None
    duration_max: str | None = None
    fail_on_max_reached: bool | str = False
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()

    @property
    def template(self) -> dict[str, Any]:
        """How often and how long, as one template."""
        limits = {
            "interval": self.interval,
            "maxIterations": self.iterations_max,
            "maxDuration": self.duration_max,
            "failOnMaxReached": self.fail_on_max_reached,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}


class PauseBehavior(StrEnum):
    """How a pause ends when its time is over."""

    RESUME = "RESUME"
    WARN = "WARN"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


class Pause(Struct, frozen=True, kw_only=True):
    """Waits for a person, or for `duration` to pass. `on_pause` runs before; `tasks` (1.x) run after."""

    duration: str | None = None
    behavior: PauseBehavior = PauseBehavior.RESUME
    on_pause: tuple["Task", ...] = ()
    on_resume: tuple[Input, ...] = ()
    tasks: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()

    def template(self, timeout: str | None) -> dict[str, Any]:
        """How long it waits, as one template."""
        spans = {"duration": self.duration, "timeout": timeout}
        return {name: span for name, span in spans.items() if span is not None}


class Decision(StrEnum):
    """How an approval was decided."""

    APPROVED = "APPROVED"
    DENIED = "DENIED"
    EXPIRED = "EXPIRED"


class CommentRequired(StrEnum):
    """When a reviewer has to give a comment."""

    NEVER = "NEVER"
    ALWAYS = "ALWAYS"
    ON_APPROVE = "ON_APPROVE"
    ON_DENY = "ON_DENY"


class ReviewBehavior(StrEnum):
    """What a decision does, once the tasks that follow it have ended: to the task (WARN, FAIL), or to the whole
    execution, which then ends (SUCCEED, CANCEL, KILL)."""

    CONTINUE = "CONTINUE"
    WARN = "WARN"
    FAIL = "FAIL"
    SUCCEED = "SUCCEED"
    CANCEL = "CANCEL"
    KILL = "KILL"


class Approval(Struct, frozen=True, kw_only=True):
    """Waits for a person's decision, or for its time to be over. Everything but the inputs and the lists may be an
    expression; `approve` and `deny` are what people call the two decisions."""

    inputs: tuple[Input, ...] = ()
    approve: str = "Approve"
    deny: str = "Deny"
    comment_required: str = CommentRequired.NEVER
    due: str | None = None
    auto_approve: bool | str = False
    approve_behavior: str = ReviewBehavior.CONTINUE
    deny_behavior: str = ReviewBehavior.CANCEL
    expire_behavior: str = ReviewBehavior.CANCEL
    on_wait: tuple["Task", ...] = ()
    on_approve: tuple["Task", ...] = ()
    on_deny: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()

    @property
    def beginning(self) -> dict[str, Any]:
        """What has to be known before anything else, as one template."""
        return {"autoApprove": self.auto_approve, "url": "{{ kestra.url }}/executions/{{ execution.id }}"}

    def terms(self, timeout: str | None) -> dict[str, Any]:
        """What a reviewer is asked for, and until when, as one template."""
        parts = {
            "approve": self.approve,
            "deny": self.deny,
            "commentRequired": str(self.comment_required),
            "timeout": timeout,
            "due": self.due,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def behavior(self, decision: Decision) -> str:
        match decision:
            case Decision.APPROVED:
                return str(self.approve_behavior)
            case Decision.DENIED:
                return str(self.deny_behavior)
            case Decision.EXPIRED:
                return str(self.expire_behavior)


Body = (
    Runnable
    | Sleep
    | Subflow
    | EachItem
    | ForEachItem
    | Sequential
    | Parallel
    | Dag
    | If
    | Switch
    | AllowFailure
    | ForEach
    | Loop
    | LoopUntil
    | Pause
    | Approval
    | WorkingDirectory
)


class Reuse(Struct, frozen=True, kw_only=True):
    """Outputs of an earlier run with the same properties are used again; without `ttl` however old they are."""

    ttl: timedelta | None = None


class Task(Struct, frozen=True, kw_only=True):
    """One step. `type` is the full name, aliases resolved. `run_if` and `timeout` may be expressions."""

    id: str
    type: str
    body: Body
    description: str = ""
    disabled: bool = False
    run_if: str | bool | None = None
    timeout: str | None = None
    retry: Retry | None = None
    allow_failure: bool = False
    allow_warning: bool = False
    log_level: str | None = None
    log_to_file: bool = False
    reuse: Reuse | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_flowable(self) -> bool:
        return not isinstance(self.body, Runnable | Sleep | Subflow | EachItem)


def branches(body: Body) -> Iterator[tuple[str, tuple[Task, ...]]]:
    """The lists of children of a flowable, by name: `tasks`, `then`, `else`, `cases.<key>`, `defaults`,
    `onPause` and the like, `errors`, `finally`. Nothing for what has no children."""
    match body:
        case Runnable() | Sleep() | Subflow() | EachItem():
            return
        case If():
            yield "then", body.then
            yield "else", body.otherwise
        case Switch():
            for key, tasks in body.cases.items():
                yield f"cases.{key}", tasks
            yield "defaults", body.defaults
        case Pause():
            yield "onPause", body.on_pause
            yield "tasks", body.tasks
        case Approval():
            yield "onWait", body.on_wait
            yield "onApprove", body.on_approve
            yield "onDeny", body.on_deny
        case _:
            yield "tasks", body.tasks
    yield "errors", body.errors
    yield "finally", body.finally_


def walk(tasks: tuple[Task, ...]) -> Iterator[Task]:
    """Every task of a list and below it, parents before their children."""
    for task in tasks:
        yield task
        for _, children in branches(task.body):
            yield from walk(children)
