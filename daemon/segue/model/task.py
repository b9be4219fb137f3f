"""Task: one step of a flow as its author wrote it. *Runnable* tasks work in a worker, the others only steer.

What all tasks share stands in `Task`; what makes them different is `Task.body`, one frozen class for each kind.
Texts that may hold expressions (`str | ...` fields named so below) are kept unrendered.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class RetryKind(StrEnum):
    CONSTANT = "constant"
    EXPONENTIAL = "exponential"
    RANDOM = "random"


class RetryBehavior(StrEnum):
    RETRY_FAILED_TASK = "RETRY_FAILED_TASK"
    CREATE_NEW_EXECUTION = "CREATE_NEW_EXECUTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """Works in a worker. `properties` are the keys of its type, plugin defaults put in, unrendered."""

    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """A timer; no worker waits. `duration` is ISO 8601 or an expression."""

    duration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """One after another."""

    tasks: tuple["Task", ...]
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """At once, at most `concurrent` of them (0: no limit)."""

    tasks: tuple["Task", ...]
    concurrent: int = 0
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """Each task once all it depends on has ended. `depends_on` maps a task id to the ids it waits for."""

    tasks: tuple["Task", ...]
    depends_on: Mapping[str, tuple[str, ...]]
    concurrent: int = 0
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class If:
    """`then` when the rendered condition is truthy, else `otherwise`."""

    condition: str | bool
    then: tuple["Task", ...]
    otherwise: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """The case whose key is the rendered value as text, else `defaults`."""

    value: str
    cases: Mapping[str, tuple["Task", ...]]
    defaults: tuple["Task", ...] = ()
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowFailure:
    """One after another; a failure ends in WARNING."""

    tasks: tuple["Task", ...]
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """The tasks once for each distinct value, `concurrency_limit` values at once (0: no limit).

    `values` is a list (its texts may be expressions) or an expression that gives one. The tasks of one value run one
    after another.
    """

    values: str | tuple[Any, ...]
    tasks: tuple["Task", ...]
    concurrency_limit: int = 1
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingDirectory:
    """One after another, all in one folder. `properties` say what comes into it and what is kept of it, unrendered:
    `inputFiles`, `namespaceFiles`, `outputFiles`, `cache`."""

    tasks: tuple["Task", ...]
    properties: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple["Task", ...] = ()
    finally_: tuple["Task", ...] = ()


Body = Runnable | Sleep | Sequential | Parallel | Dag | If | Switch | AllowFailure | ForEach | WorkingDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
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
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_flowable(self) -> bool:
        return not isinstance(self.body, Runnable | Sleep)


def branches(body: Body) -> Iterator[tuple[str, tuple[Task, ...]]]:
    """The lists of children of a flowable, by name: `tasks`, `then`, `else`, `cases.<key>`, `defaults`, `errors`,
    `finally`. Nothing for what has no children."""
    match body:
        case Runnable() | Sleep():
            return
        case If():
            yield "then", body.then
            yield "else", body.otherwise
        case Switch():
            for key, tasks in body.cases.items():
                yield f"cases.{key}", tasks
            yield "defaults", body.defaults
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
