"""Flow: what a YAML file says once read, checked and completed with its defaults. Immutable.

Keys keep Kestra's meaning; names are ours (snake case). Texts that may hold expressions are kept unrendered.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from segue.model.input import DependsOn, Input
from segue.model.output import Output
from segue.model.task import Retry, Task, walk
from segue.model.trigger import Trigger

__all__ = [
    "Check",
    "CheckBehavior",
    "Concurrency",
    "ConcurrencyBehavior",
    "DependsOn",
    "Flow",
    "Input",
    "Output",
    "PluginDefault",
    "Sla",
    "SlaBehavior",
]


class ConcurrencyBehavior(StrEnum):
    QUEUE = "QUEUE"
    CANCEL = "CANCEL"
    FAIL = "FAIL"


class Concurrency(Struct, frozen=True, kw_only=True):
    """At most `limit` executions of the flow hold a slot; what becomes of one more is `behavior`."""

    limit: int
    behavior: ConcurrencyBehavior = ConcurrencyBehavior.QUEUE


class SlaBehavior(StrEnum):
    """What becomes of an execution that breaks an agreement."""

    FAIL = "FAIL"
    CANCEL = "CANCEL"
    NONE = "NONE"


class Sla(Struct, frozen=True, kw_only=True):
    """An agreement: the execution takes no longer than `duration`, or `assertion` holds all the time."""

    id: str
    behavior: SlaBehavior
    duration: timedelta | None = None
    assertion: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


class CheckBehavior(StrEnum):
    """What becomes of a start whose check does not hold."""

    BLOCK_EXECUTION = "BLOCK_EXECUTION"
    FAIL_EXECUTION = "FAIL_EXECUTION"
    CREATE_EXECUTION = "CREATE_EXECUTION"


class Check(Struct, frozen=True, kw_only=True):
    """What must hold for an execution to be made. `style` is how `message` is shown."""

    when: str
    message: str
    style: str = "INFO"
    behavior: CheckBehavior = CheckBehavior.BLOCK_EXECUTION


class PluginDefault(Struct, frozen=True, kw_only=True):
    """Values for every object whose type is `type` or lies below it."""

    type: str
    values: Mapping[str, Any]
    forced: bool = False


class Flow(Struct, frozen=True, kw_only=True):
    """An authored flow. `extra` holds keys that are accepted and shown but steer nothing yet."""

    namespace: str
    id: str
    tasks: tuple[Task, ...]
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[Task, ...] = ()
    finally_: tuple[Task, ...] = ()
    after_execution: tuple[Task, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    plugin_defaults: tuple[PluginDefault, ...] = ()
    concurrency: Concurrency | None = None
    retry: Retry | None = None
    sla: tuple[Sla, ...] = ()
    checks: tuple[Check, ...] = ()
    disabled: bool = False
    draft: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def why_off(self) -> str | None:
        """Why nothing starts it: what it is. None if it can be started."""
        return "disabled" if self.disabled else "a draft" if self.draft else None

    def all_tasks(self) -> Iterator[Task]:
        """Every task anywhere in the flow, parents before their children."""
        for tasks in (self.tasks, self.errors, self.finally_, self.after_execution):
            yield from walk(tasks)

    def task(self, task_id: str) -> Task | None:
        return next((task for task in self.all_tasks() if task.id == task_id), None)

    def trigger(self, trigger_id: str) -> Trigger | None:
        return next((trigger for trigger in self.triggers if trigger.id == trigger_id), None)
