"""Log lines, and the ways to look for them."""

from datetime import datetime

from msgspec import Struct

from segue.model.names import ExecutionId, TaskRunId
from segue.model.order import LogLevel
from segue.web.ports.lists import Wanted


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
