"""Lists: what they are filtered by, and a page of one."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from segue.store.reads.matching import Op

T = TypeVar("T")


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


class Page(Struct, Generic[T], frozen=True):
    """Some of `total`. `is_total_exact` is False where counting would cost too much: there are at least as many."""

    results: tuple[T, ...]
    total: int
    is_total_exact: bool = True
