"""Properties of the tasks and triggers on databases: one set of tasks for each database, put together from how it is
reached and what is asked of it."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field, create_model

from segue.spec.fields import Dynamic, PositiveInt, Span, Spec, Text, TextOrTexts, Texts, Values

FetchType = Literal["NONE", "FETCH", "FETCH_ONE", "STORE"]


class Connection(Spec):
    """How a database is reached."""

    url: Dynamic[Text] = Field(description="Its address: `jdbc:<database>:...`.")
    username: Dynamic[Text] | None = Field(default=None, description="User.")
    password: Dynamic[Text] | None = Field(default=None, description="Password.")
    time_zone_id: Dynamic[Text] | None = Field(
        default=None, description="Time zone that times with a zone are given in; default: the one they come with."
    )


class FileConnection(Connection):
    """How a database in a file is reached."""

    input_files: Dynamic[Values] | None = Field(
        default=None, description="Files to write into the working directory: name -> text or URI."
    )
    output_files: Dynamic[TextOrTexts] | None = Field(
        default=None, description="Names or globs of files to store in the end; `{{ outputFiles.x }}` is its path."
    )
    output_db_file: Dynamic[bool] = Field(default=False, description="Store the database itself: `databaseUri`.")


class SqliteConnection(FileConnection):
    """How a SQLite database is reached."""

    url: Dynamic[Text] = Field(default="jdbc:sqlite:", description="`jdbc:sqlite:<file>`; without a file: in memory.")
    sqlite_file: Dynamic[Text] | None = Field(default=None, description="URI of a stored database to work on.")


class DuckdbConnection(FileConnection):
    """How a DuckDB database is reached."""

    url: Dynamic[Text] = Field(default="jdbc:duckdb:", description="`jdbc:duckdb:<file>`; without a file: in memory.")
    database_file: Dynamic[Text] | None = Field(default=None, description="Path of a database file.")
    database_uri: Dynamic[Text] | None = Field(default=None, description="URI of a stored database to work on.")


class PostgresqlConnection(Connection):
    """How a PostgreSQL database is reached."""

    ssl: Dynamic[bool] | None = Field(default=None, description="Encrypt; false: do not.")
    ssl_mode: Dynamic[Literal["DISABLE", "ALLOW", "PREFER", "REQUIRE", "VERIFY_CA", "VERIFY_FULL"]] | None = Field(
        default=None, description="How far to insist on encryption."
    )


class MysqlConnection(Connection):
    """How a MySQL database is reached."""


class Fetching(Spec):
    """What becomes of the rows."""

    sql: Dynamic[Text] = Field(description="The SQL.")
    fetch_type: Dynamic[FetchType] = Field(
        default="NONE", description="FETCH: all rows as output; FETCH_ONE: the first; STORE: a file of items."
    )
    fetch: Dynamic[bool] | None = Field(default=None, description="Older spelling of `fetchType: FETCH`.")
    fetch_one: Dynamic[bool] | None = Field(default=None, description="Older spelling of `fetchType: FETCH_ONE`.")
    store: Dynamic[bool] | None = Field(default=None, description="Older spelling of `fetchType: STORE`.")
    fetch_size: Dynamic[PositiveInt] = Field(default=10_000, description="Rows to fetch at a time.")
    parameters: Dynamic[dict[str, Any]] | None = Field(default=None, description="Values of `:name` in the SQL.")
    after_sql: Dynamic[Text] | None = Field(
        default=None, alias="afterSQL", description="SQL to run after the rows were fetched, in the same transaction."
    )

    @property
    def wanted(self) -> FetchType:
        if self.fetch_one:
            return "FETCH_ONE"
        if self.fetch:
            return "FETCH"
        return "STORE" if self.store else self.fetch_type


class Query(Fetching):
    """Runs SQL; the rows of the last statement that has some are the output."""

    auto_commit: Dynamic[bool] = Field(default=True, description="Accepted: all is committed at the end.")


class Queries(Fetching):
    """Runs several statements; the rows of each that has some are an entry of the output."""

    transaction: Dynamic[bool] = Field(default=True, description="All in one transaction; false: each in its own.")


class Batch(Spec):
    """Writes items into a table, many at a time."""

    from_: Dynamic[Text] = Field(alias="from", description="URI of a file with one item in a line.")
    sql: Dynamic[Text] | None = Field(default=None, description="The statement, with `?` for values.")
    table: Dynamic[Text] | None = Field(default=None, description="The table to insert into, instead of `sql`.")
    columns: Dynamic[Texts] | None = Field(
        default=None, description="Which fields of an item, in the order of the values; default: all."
    )
    chunk: Dynamic[PositiveInt] = Field(default=1_000, description="Items to write at a time.")


class Trigger(Fetching):
    """Runs SQL again and again; fires when there are rows."""

    interval: Span = Field(default="PT60S", validate_default=True, description="Time between two looks.")


CONNECTIONS: Final[Mapping[str, type[Connection]]] = {
    "sqlite": SqliteConnection,
    "duckdb": DuckdbConnection,
    "postgresql": PostgresqlConnection,
    "mysql": MysqlConnection,
}


def _models(body: type[Spec]) -> dict[str, type[Spec]]:
    """The body for each database, by type name."""
    return {
        f"jdbc.{database}.{body.__name__}": create_model(
            f"{database.capitalize()}{body.__name__}", __base__=(connection, body), __doc__=body.__doc__
        )
        for database, connection in CONNECTIONS.items()
    }


TYPES: Final[Mapping[str, type[Spec]]] = {
    **_models(Query),
    **_models(Queries),
    **_models(Batch),
    **_models(Trigger),
}
