"""The ledger of revisions, which of them are live, what is wrong at the source's head, and past syncs."""

import sqlite3
from datetime import timedelta, timezone
from typing import Any, Final

from segue.model.problem import Problem, Severity
from segue.model.revision import Author, FlowKey, Revision
from segue.store.columns import read_document, time
from segue.store.named_queries import QUERIES
from segue.store.records import Sync

SYNCS_MAX: Final = 100


def ledger(connection: sqlite3.Connection) -> tuple[Revision, ...]:
    """Every revision of every flow, by flow and number."""
    return tuple(map(_read_revision, connection.execute(QUERIES["revisions"])))


def of_flow(connection: sqlite3.Connection, key: FlowKey) -> tuple[Revision, ...]:
    rows = connection.execute(QUERIES["revisions_of_flow"], (key.namespace, key.flow_id))
    return tuple(map(_read_revision, rows))


def latest(connection: sqlite3.Connection, *, limit: int, offset: int = 0) -> tuple[Revision, ...]:
    """The last revisions of all flows, newest first."""
    return tuple(map(_read_revision, connection.execute(QUERIES["latest_revisions"], (limit, offset))))


def last_of_each(connection: sqlite3.Connection) -> tuple[Revision, ...]:
    """The latest revision of every flow there ever was: where numbering goes on."""
    return tuple(map(_read_revision, connection.execute(QUERIES["last_of_each_revision"])))


def live(connection: sqlite3.Connection) -> tuple[Revision, ...]:
    """The revision of each flow that new executions run at: its last good one."""
    return tuple(map(_read_revision, connection.execute(QUERIES["live_revisions"])))


def problems(connection: sqlite3.Connection) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            path=path,
            line=line,
            column=column,
            code=code,
            message=message,
            hint=hint,
            severity=Severity(severity),
            where=where,
        )
        for path, line, column, code, message, hint, severity, where in connection.execute(QUERIES["problems"])
    )


def syncs(connection: sqlite3.Connection, limit: int = SYNCS_MAX) -> tuple[Sync, ...]:
    """Latest first."""
    return tuple(map(_read_sync, connection.execute(QUERIES["syncs"], (limit,))))


def _read_revision(row: tuple[Any, ...]) -> Revision:
    namespace, flow_id, number, commit_id, name, email, at, offset, path, blob, document, content, is_deleted = row
    return Revision(
        key=FlowKey(namespace, flow_id),
        number=number,
        commit_id=commit_id,
        author=Author(name, email),
        committed_at=time(at).astimezone(timezone(timedelta(seconds=offset))),
        path=path,
        blob=blob,
        document=document,
        content=content,
        is_deleted=bool(is_deleted),
    )


def _read_sync(row: tuple[Any, ...]) -> Sync:
    id_, started_at, ended_at, reason, commit_id, previous, changed, problem_count, error = row
    return Sync(
        id=id_,
        started_at=time(started_at),
        ended_at=time(ended_at),
        reason=reason,
        commit_id=commit_id,
        previous_commit_id=previous,
        changed=tuple(read_document(changed)),
        problem_count=problem_count,
        error=error,
    )
