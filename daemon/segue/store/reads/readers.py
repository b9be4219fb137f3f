"""Readers: a small pool of read-only connections, for use from any thread, each for a moment."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from segue.store.database import connect_to_read
from segue.store.errors import ReadTooLong

CONNECTIONS_MAX: Final = 8
READ_SECONDS_MAX: Final = 5.0
# SQLite asks whether to go on each so many steps of its machine: about a millisecond.
_STEPS_BETWEEN_LOOKS: Final = 20_000


class Readers:
    """Connections are made when first needed and kept. A ninth reader waits for one to come back."""

    def __init__(self, path: Path, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self._path = path
        self._places = threading.Semaphore(connections_max)
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @contextmanager
    def snapshot(self, *, seconds_max: float = READ_SECONDS_MAX) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database, whatever is written meanwhile."""
        with self._places:
            connection = self._take()
            try:
                with _bounded(connection, seconds_max):
                    connection.execute("BEGIN")
                    yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return connect_to_read(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()


@contextmanager
def _bounded(connection: sqlite3.Connection, seconds_max: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds_max
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise ReadTooLong(f"reading took longer than {seconds_max:g} s: ask for less at once") from error
        raise
    finally:
        connection.set_progress_handler(None, 0)
