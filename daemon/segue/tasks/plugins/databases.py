"""The databases that `jdbc.*` reaches: how each is connected to by a JDBC address, and where its driver differs.

SQLite's driver is part of Python; the others are extras of the package.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from msgspec import Struct

from segue.spec.types.plugins.jdbc import (
    Connection,
    DuckdbConnection,
    FileConnection,
    PostgresqlConnection,
    SqliteConnection,
)
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.plugins.extras import library
from segue.tasks.scripts import files

CONNECT_SECONDS: Final = 30
DATABASE_FILE: Final = ".segue-database"  # where a stored database is worked on; no glob of authors finds it by chance


class Database(Struct, frozen=True, kw_only=True):
    """One kind of database. `mark` stands for a value in its SQL; `quote` around names.

    `is_own_cursor`: its connection runs statements itself and begins transactions only when it is told to - DuckDB's
    cursors are connections of their own, with settings and a transaction of their own.
    """

    name: str
    connect: Callable[[Any, TaskContext], Any]
    errors: Callable[[], type[Exception]]
    mark: str = "?"
    quote: str = '"'
    has_backslashes: bool = False
    is_file: bool = False
    is_own_cursor: bool = False

    def identifier(self, name: str) -> str:
        return f"{self.quote}{name.replace(self.quote, self.quote * 2)}{self.quote}"


# Databases in a file -----------------------------------------------------------------------------------------------


def database_path(properties: FileConnection, context: TaskContext, *, fetch: bool = True) -> Path | None:
    """The file of the database; None if it is in memory. A stored one is worked on as a copy, which `fetch` makes."""
    stored, named = _named_file(properties)
    folder = context.working_directory
    if stored is not None:
        if fetch:
            files.fetch(context, stored.strip(), folder / DATABASE_FILE)
        return folder / DATABASE_FILE
    if named in ("", ":memory:"):
        return folder / DATABASE_FILE if properties.output_db_file else None
    return folder / named


def _named_file(properties: FileConnection) -> tuple[str | None, str]:
    address = properties.url.strip()
    kind = "duckdb" if isinstance(properties, DuckdbConnection) else "sqlite"
    if not address.startswith(f"jdbc:{kind}:"):
        raise TaskFailed(f"url: expected jdbc:{kind}:<file>, found {address!r}")
    path = address.removeprefix(f"jdbc:{kind}:").partition("?")[0].removeprefix("file:")
    match properties:
        case SqliteConnection(sqlite_file=stored):
            return stored, path
        case DuckdbConnection(database_uri=stored, database_file=named):
            return stored, named or path
        case _:
            return None, path


def _sqlite(properties: SqliteConnection, context: TaskContext) -> Any:
    path = database_path(properties, context)
    return sqlite3.connect(path or ":memory:", timeout=CONNECT_SECONDS, isolation_level="DEFERRED")


def _duckdb(properties: DuckdbConnection, context: TaskContext) -> Any:
    path = database_path(properties, context)
    connection = library("duckdb", "duckdb").connect(str(path or ":memory:"))
    folder = str(context.working_directory).replace("'", "''")
    connection.execute(f"SET file_search_path = '{folder}'")
    return connection


# Databases behind a server -----------------------------------------------------------------------------------------


def _server(properties: Connection, *schemes: str) -> tuple[SplitResult, dict[str, str]]:
    address = properties.url.strip().removeprefix("jdbc:")
    expected = f"url: expected jdbc:{schemes[0]}://<host>:<port>/<database>"
    try:
        parts = urlsplit(address)
        _ = parts.port  # read here, where it may be no number
    except ValueError as error:
        raise TaskFailed(f"{expected}, found {properties.url!r}: {error}") from error
    if parts.scheme not in schemes:
        raise TaskFailed(f"{expected}, found {properties.url!r}")
    return parts, dict(parse_qsl(parts.query))


def _postgresql(properties: PostgresqlConnection, _context: TaskContext) -> Any:
    parts, options = _server(properties, "postgresql", "postgres")
    given: dict[str, Any] = {
        "host": parts.hostname or "localhost",
        "port": parts.port,
        "dbname": unquote(parts.path.strip("/")) or properties.username,
        "user": properties.username or options.get("user"),
        "password": properties.password or options.get("password"),
        "sslmode": _ssl_mode(properties, options),
        "connect_timeout": CONNECT_SECONDS,
        "application_name": options.get("ApplicationName", "segue"),
    }
    if schema := options.get("currentSchema"):
        given["options"] = f"-c search_path={schema}"
    return library("psycopg", "postgresql").connect(**{name: value for name, value in given.items() if value})


def _ssl_mode(properties: PostgresqlConnection, options: dict[str, str]) -> str | None:
    if properties.ssl_mode is not None:
        return properties.ssl_mode.lower().replace("_", "-")
    if properties.ssl is not None:
        return "require" if properties.ssl else "disable"
    return options.get("sslmode")


def _mysql(properties: Connection, _context: TaskContext) -> Any:
    parts, options = _server(properties, "mysql", "mariadb")
    pymysql = library("pymysql", "mysql")
    return pymysql.connect(
        host=parts.hostname or "localhost",
        port=parts.port or 3306,
        database=unquote(parts.path.strip("/")) or None,
        user=properties.username or options.get("user"),
        password=properties.password or options.get("password") or "",
        connect_timeout=CONNECT_SECONDS,
        charset="utf8mb4",
        cursorclass=library("pymysql.cursors", "mysql").SSCursor,  # rows come as they are fetched
    )


def _errors_of(module: str, extra: str) -> Callable[[], type[Exception]]:
    def errors() -> type[Exception]:
        found: type[Exception] = library(module, extra).Error
        return found

    return errors


DATABASES: Final = (
    Database(name="sqlite", connect=_sqlite, errors=lambda: sqlite3.Error, is_file=True),
    Database(
        name="duckdb",
        connect=_duckdb,
        errors=_errors_of("duckdb", "duckdb"),
        is_file=True,
        is_own_cursor=True,
    ),
    Database(name="postgresql", connect=_postgresql, errors=_errors_of("psycopg", "postgresql"), mark="%s"),
    Database(
        name="mysql", connect=_mysql, errors=_errors_of("pymysql", "mysql"), mark="%s", quote="`", has_backslashes=True
    ),
)
