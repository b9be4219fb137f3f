"""Git: how far the daemon follows its source."""

from datetime import datetime

from msgspec import Struct

from segue.model.problem import Problem
from segue.model.revision import FlowKey


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
