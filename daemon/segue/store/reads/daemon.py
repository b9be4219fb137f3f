"""What the daemon remembers of itself: its settings, and the processes that it started."""

import sqlite3
from typing import Any

from segue.store.columns import read_document, time
from segue.store.named_queries import QUERIES
from segue.store.records import Process


def setting(connection: sqlite3.Connection, name: str) -> Any:
    """The value, or None."""
    row = connection.execute(QUERIES["setting"], (name,)).fetchone()
    return None if row is None else read_document(row[0])


def settings(connection: sqlite3.Connection) -> dict[str, Any]:
    return {name: read_document(value) for name, value in connection.execute(QUERIES["settings"])}


def processes(connection: sqlite3.Connection) -> tuple[Process, ...]:
    """Those that were started and not seen to end: after a crash, perhaps still there."""
    return tuple(
        Process(pid=pid, started=started, group_id=group_id, worker=worker, recorded_at=time(recorded_at))
        for pid, started, group_id, worker, recorded_at in connection.execute(QUERIES["processes"])
    )
