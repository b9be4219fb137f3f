"""Writer: the one thread, and the one connection, that writes.

Theory. `submit` puts a batch into a queue and returns; the thread takes all that waits, merges it and commits it in
one transaction, so that one fsync serves many decisions; then it calls each batch's `on_durable`, in the order in
which the batches came. A batch is durable whole or not at all.

What can go wrong is of three kinds.
- The *batch* is wrong (a fire time that was used before, text that cannot be stored): the group is written again
  batch by batch, the wrong one is told so, the others are not touched by it.
- The *disk* is (full, failing, locked by another process): the group stays at the head of the queue and is tried
  again until it goes through, so that no acknowledged news is lost and none overtakes another. Batches that nobody
  was promised (`is_refusable`) are refused instead. The ballast is dropped at the first sign of it. Meanwhile
  `health` says why, and the daemon takes nothing new in. That lasts until the ballast is back.
- The *database* is damaged: every batch is refused, and `health` says so.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.store import transaction
from segue.store.ballast import BALLAST_BYTES, Ballast
from segue.store.batch import Batch
from segue.store.database import BUSY_TIMEOUT_SECONDS, Durability, connect_to_write
from segue.store.errors import AlreadyFired, BatchRefused, StoreError, StoreFull, WriterClosed

OnDurable = Callable[[StoreError | None], None]

# Batches that wait. At the first number intake is asked to stop; at the second a submit fails.
CONGESTED_AT: Final = 2_000
QUEUE_LENGTH_MAX: Final = 100_000
# Rows in one transaction: about half a second's worth, so that nobody waits long for the first of them.
GROUP_ROWS_MAX: Final = 20_000
RETRY_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 1.0
# The write-ahead log is folded into the database when there is nothing to do (and by SQLite itself when it has
# grown); a file of this size is then cut.
TRUNCATE_BYTES: Final = 64 * 1024 * 1024

_DISK_CODES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk fails",
    sqlite3.SQLITE_BUSY: "another process holds the database locked",
    sqlite3.SQLITE_LOCKED: "another process holds the database locked",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
}
_DAMAGE_CODES: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNIQUE_CODES: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})
_FIRED_TABLES: Final = ("fired_slots", "flow_firings")
# What binding or a constraint says about one batch.
_BATCH_ERRORS: Final = (sqlite3.Error, OverflowError, UnicodeError)


class Health(Struct, frozen=True):
    """`reason` is why the writer is degraded, None when it is well. `waiting` counts batches."""

    reason: str | None
    waiting: int

    @property
    def is_degraded(self) -> bool:
        return self.reason is not None


class _Waiting(Struct, frozen=True):
    batch: Batch
    on_durable: OnDurable


class Writer:
    """Takes batches from one thread or several; tells their fate from its own thread.

    `on_durable` gets None, or the error that says why the batch will never be written. It must be quick and must not
    raise: hand over to a loop with `call_soon_threadsafe`.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: Durability = "full",
        ballast_bytes: int = BALLAST_BYTES,
        busy_timeout: float = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        self._path = path
        self._wal = path.with_name(path.name + "-wal")
        self._durability: Durability = durability
        self._busy_timeout = busy_timeout
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._reason: str | None = None
        self._ended_by: BaseException | None = None
        self._ballast = Ballast(path.with_name("ballast"), ballast_bytes)
        self._has_news = False  # committed since the last checkpoint
        self._connection: sqlite3.Connection | None = connect_to_write(path, durability, busy_timeout=busy_timeout)
        self._thread = threading.Thread(target=self._run, name="segue-store-writer", daemon=True)
        self._thread.start()

    # Asked from other threads.

    def submit(self, batch: Batch, on_durable: OnDurable) -> None:
        with self._changed:
            if self._is_closing or self._ended_by is not None:
                raise WriterClosed("the store's writer is closed") from self._ended_by
            if len(self._queue) >= QUEUE_LENGTH_MAX:
                raise StoreFull(f"{len(self._queue)} batches wait to be written: {self._reason or 'too many at once'}")
            self._queue.append(_Waiting(batch, on_durable))
            if len(self._queue) == 1:
                self._changed.notify()

    @property
    def health(self) -> Health:
        return Health(self._reason, len(self._queue))

    @property
    def is_congested(self) -> bool:
        """More waits than may: take nothing new in until it is less."""
        return len(self._queue) >= CONGESTED_AT

    def close(self, timeout: float | None = None) -> bool:
        """Write all that waits, then end; say whether that was done in time. What cannot be written because of the
        disk is refused rather than waited for."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # The thread.

    def _run(self) -> None:
        try:
            self._ballast.take()
            while self._step():
                pass
        except BaseException as error:  # told to who waits, then raised for the thread's hook to show
            self._ended_by = error
            raise
        finally:
            self._end()

    def _step(self) -> bool:
        """Wait for something, and do it. False when closed and nothing is left."""
        group = self._next_group()
        if group:
            self._commit(group)
        elif self._is_closing:
            return False
        else:
            self._idle()
        return True

    def _next_group(self) -> list[_Waiting]:
        """What waits, up to a bound, in order. It stays in the queue until its fate is known."""
        with self._changed:
            if not self._queue and not self._is_closing:
                self._changed.wait(IDLE_SECONDS)
            group: list[_Waiting] = []
            rows = 0
            for waiting in self._queue:
                group.append(waiting)
                rows += waiting.batch.size
                if rows >= GROUP_ROWS_MAX:
                    break
            return group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            self._write([waiting.batch for waiting in group])
        except _BATCH_ERRORS as error:
            self._roll_back()
            self._on_error(group, error)
            return
        self._settle(group, [None] * len(group))
        self._on_written()

    def _write(self, batches: list[Batch]) -> None:
        connection = self._connect()
        connection.execute("BEGIN IMMEDIATE")
        transaction.write(connection, batches)
        connection.execute("COMMIT")

    def _on_error(self, group: list[_Waiting], error: Exception) -> None:
        code = _primary_code(error)
        if code in _DISK_CODES:
            self._on_disk_trouble(_DISK_CODES[code], error)
        elif code in _DAMAGE_CODES:
            self._reason = f"the database is damaged: {error}"
            self._settle(group, [BatchRefused(self._reason)] * len(group))
        elif len(group) == 1:
            self._settle(group, [_refusal(error)])
        else:
            self._commit_one_by_one(group)

    def _commit_one_by_one(self, group: list[_Waiting]) -> None:
        """In one transaction still, with a savepoint for each batch, so that only the wrong ones are left out."""
        outcomes: list[StoreError | None] = []
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_write_apart(connection, waiting.batch) for waiting in group]
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            code = _primary_code(error)
            self._on_disk_trouble(_DISK_CODES.get(code, str(error)), error)
            return
        self._settle(group, outcomes)
        self._on_written()

    def _settle(self, group: list[_Waiting], outcomes: list[StoreError | None]) -> None:
        with self._changed:
            for _ in group:
                self._queue.popleft()
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.on_durable(outcome)

    def _on_written(self) -> None:
        self._has_news = True
        if self._reason is not None and self._ballast.take():
            self._reason = None

    def _on_disk_trouble(self, reason: str, error: Exception) -> None:
        """Say so, make room, refuse whom nobody promised anything, and try again a little later."""
        self._reason = f"{reason} ({error})"
        self._close_connection()  # after an I/O error only a new one is to be trusted
        had_ballast = self._ballast.is_there
        if _primary_code(error) == sqlite3.SQLITE_FULL:
            self._ballast.drop()
        with self._changed:
            refused = [waiting for waiting in self._queue if self._is_closing or waiting.batch.is_refusable]
            kept = [waiting for waiting in self._queue if not (self._is_closing or waiting.batch.is_refusable)]
            self._queue = deque(kept)
        for waiting in refused:
            waiting.on_durable(StoreFull(self._reason))
        if had_ballast and not self._ballast.is_there:
            return
        with self._changed:
            if not self._is_closing:
                self._changed.wait(RETRY_SECONDS)

    def _idle(self) -> None:
        if self._reason is not None and self._is_writable() and self._ballast.take():
            self._reason = None
        if self._has_news and self._connection is not None:
            self._has_news = False
            self._checkpoint("TRUNCATE" if self._wal_bytes() > TRUNCATE_BYTES else "PASSIVE")
        if self._reason is None and not self._path.exists():
            self._reason = "the database file is gone: restart the daemon, flows come back from Git"

    def _is_writable(self) -> bool:
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._close_connection()
            self._reason = f"{_DISK_CODES.get(_primary_code(error), 'the database fails')} ({error})"
            return False
        return self._path.exists()

    def _checkpoint(self, mode: str) -> None:
        """A reader may be in the way: then the next one does it."""
        try:
            self._connect().execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in _DISK_CODES:
                raise

    def _wal_bytes(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_to_write(self._path, self._durability, busy_timeout=self._busy_timeout)
        return self._connection

    def _roll_back(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:  # SQLite rolled back itself, or the disk fails: a new connection tells
                self._close_connection()

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error:  # nothing was promised by a connection that cannot even close
                self._has_news = True

    def _end(self) -> None:
        with self._changed:
            self._is_closing = True
            left = list(self._queue)
            self._queue.clear()
        for waiting in left:
            waiting.on_durable(WriterClosed("the store's writer ended"))
        self._close_connection()


def _write_apart(connection: sqlite3.Connection, batch: Batch) -> StoreError | None:
    connection.execute("SAVEPOINT batch")
    try:
        transaction.write(connection, [batch])
    except _BATCH_ERRORS as error:
        if _primary_code(error) in _DISK_CODES:
            raise
        connection.execute("ROLLBACK TO batch")
        connection.execute("RELEASE batch")
        return _refusal(error)
    connection.execute("RELEASE batch")
    return None


def _refusal(error: Exception) -> BatchRefused:
    extended = getattr(error, "sqlite_errorcode", 0)
    if extended in _UNIQUE_CODES and any(table in str(error) for table in _FIRED_TABLES):
        refusal: BatchRefused = AlreadyFired(f"it fired for this before: {error}")
    else:
        refusal = BatchRefused(f"the store cannot take this: {error}")
    refusal.__cause__ = error
    return refusal


def _primary_code(error: Exception) -> int:
    code = getattr(error, "sqlite_errorcode", 0)
    return int(code) & 0xFF
