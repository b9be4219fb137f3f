"""Keys and values of namespaces."""

import sqlite3
from datetime import datetime
from typing import Any

from segue.store.columns import microseconds, read_document, time, time_or_none
from segue.store.named_queries import QUERIES
from segue.store.records import Entry


def get(connection: sqlite3.Connection, namespace: str, key: str, *, now: datetime) -> Entry | None:
    """None, too, when it expired."""
    row = connection.execute(QUERIES["entry"], (namespace, key, microseconds(now))).fetchone()
    return None if row is None else _read(row)


def of_namespace(connection: sqlite3.Connection, namespace: str | None, *, now: datetime) -> tuple[Entry, ...]:
    """Those of a namespace, or with None all there are; by namespace and key, without what expired."""
    rows = connection.execute(QUERIES["entries"], {"namespace": namespace, "now": microseconds(now)})
    return tuple(map(_read, rows))


def expired(connection: sqlite3.Connection, *, now: datetime) -> tuple[tuple[str, str], ...]:
    """Namespace and key of what can be removed."""
    return tuple(connection.execute(QUERIES["expired_entries"], (microseconds(now),)).fetchall())


def _read(row: tuple[Any, ...]) -> Entry:
    namespace, key, type_, value, description, version, created_at, updated_at, expires_at = row
    return Entry(
        namespace=namespace,
        key=key,
        type=type_,
        value=read_document(value),
        description=description,
        version=version,
        created_at=time(created_at),
        updated_at=time(updated_at),
        expires_at=time_or_none(expires_at),
    )
