"""Opening the database: making it, bringing it up to date, refusing what cannot be right. One folder, one daemon.

Connections of the writer and of readers are made here too, so that their settings stand in one place.
"""

import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import quote

from msgspec import Struct

from segue.store.errors import DatabaseUnusable, NewerDatabase
from segue.store.folder_lock import FolderLock
from segue.store.library import Database

Durability = Literal["full", "normal"]

# A foreign process (a backup, a person's shell) may hold the lock for a moment.
BUSY_TIMEOUT_SECONDS: Final = 5.0
# The write-ahead log is folded into the database when so many pages of it are not yet: 16 MiB.
CHECKPOINT_PAGES: Final = 4_096
# What SQLite leaves of the write-ahead log after a checkpoint that emptied it.
JOURNAL_SIZE_LIMIT: Final = 64 * 1024 * 1024
# 3.7.0 to 3.51.2 can damage a database when two connections write or checkpoint at the same moment.
_WAL_RESET_FIRST: Final = (3, 7, 0)
_WAL_RESET_FIXED: Final = (3, 51, 3)
_DATABASE_CODES: Final = {
    sqlite3.SQLITE_FULL: ("there is no space left", "free some space and start again"),
    sqlite3.SQLITE_IOERR: ("its disk fails or is full", "look at the disk and start again"),
    sqlite3.SQLITE_NOTADB: ("it is not a database", "move it away, or give another data folder with --data"),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "restore a copy, or move it away: flows come back from Git"),
    sqlite3.SQLITE_READONLY: ("it is read-only", "give the daemon's user the right to write to it and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "give the daemon's user the right to write to its folder"),
    sqlite3.SQLITE_BUSY: ("another process holds it locked", "end that process and start again"),
}


class Migration(Struct, frozen=True):
    number: int
    name: str
    script: str


def migrations() -> tuple[Migration, ...]:
    """In their order. The number of the last is the schema's version."""
    folder = resources.files("segue.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(
        Migration(int(file.name.split("_")[0]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in files
    )


def schema() -> str:
    return (resources.files("segue.store") / "schema.sql").read_text("utf-8")


class OpenDatabase:
    """A database that is up to date and that no other daemon holds. `warnings` are for the log."""

    def __init__(self, path: Path, durability: Durability, lock: FolderLock, warnings: tuple[str, ...]) -> None:
        self.path = path
        self.durability = durability
        self.warnings = warnings
        self._lock = lock

    def close(self) -> None:
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_database(path: Path, durability: Durability = "full") -> OpenDatabase:
    """Make or bring up to date the database at `path` and hold its folder until it is closed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(path.parent)
    except OSError as error:
        raise DatabaseUnusable(
            path, f"its folder: {error.strerror}", "give the daemon's user the right to write there, or another --data"
        ) from error
    try:
        _bring_up_to_date(path, durability)
    except sqlite3.DatabaseError as error:
        lock.release()
        raise _unusable(path, error) from error
    except BaseException:
        lock.release()
        raise
    return OpenDatabase(path, durability, lock, version_warnings(sqlite3.sqlite_version_info))


def version_warnings(version: tuple[int, int, int]) -> tuple[str, ...]:
    if not _WAL_RESET_FIRST <= version < _WAL_RESET_FIXED:
        return ()
    number = ".".join(map(str, version))
    warning = (
        f"SQLite {number} has the write-ahead log reset bug (fixed in 3.51.3): let no other program write to "
        "the database while the daemon runs"
    )
    return (warning,)


def connect_to_write(
    path: Path, durability: Durability, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS
) -> sqlite3.Connection:
    """The writing connection. It begins and commits by its own statements."""
    connection = sqlite3.connect(
        path, isolation_level=None, timeout=busy_timeout, check_same_thread=False, cached_statements=512
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, nor checkpoint, and that any one thread at a time may use."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_SECONDS,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA cache_size = -8192")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _bring_up_to_date(path: Path, durability: Durability) -> None:
    known = migrations()
    with closing(connect_to_write(path, durability)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > known[-1].number:
            raise NewerDatabase(path, version, known[-1].number)
        if version == 0:
            _apply(connection, schema(), known[-1].number)
        for migration in known:
            if 0 < version < migration.number:
                _apply(connection, migration.script, migration.number)
        # A database that cannot be written is better found now than by the first execution.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def _apply(connection: sqlite3.Connection, script: str, version: int) -> None:
    """All of a script, and the version it leads to, or nothing."""
    database = Database(connection)
    try:
        database.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _unusable(path: Path, error: sqlite3.DatabaseError) -> DatabaseUnusable:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reason, what_to_do = _DATABASE_CODES.get(code, (str(error), "see the message, and SQLite's documentation of it"))
    return DatabaseUnusable(path, reason, what_to_do)
