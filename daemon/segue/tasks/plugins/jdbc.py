"""`jdbc.<database>.Query`, `Queries` and `Batch`, and what their triggers look at. One connection and, unless said
otherwise, one transaction each: a failure leaves nothing behind."""

import base64
import json
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from segue.expression.dates import zone_named
from segue.expression.iso import duration_text
from segue.model.order import LogLevel
from segue.spec.types.plugins import jdbc as models
from segue.spec.types.plugins.jdbc import Batch, Connection, Fetching, FileConnection
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins.databases import DATABASES, Database, database_path
from segue.tasks.plugins.item_files import items_in, keep_items
from segue.tasks.plugins.sql_text import UnknownParameter, bound, statements, with_marks
from segue.tasks.polling import Polled, PollKind
from segue.tasks.scripts import files, script

Run = Callable[[Any, TaskContext], Result]


def query(database: Database, properties: Any, context: TaskContext) -> dict[str, Any]:
    """Outputs `size` and `row`, `rows` or `uri`, of the last statement that gives rows."""
    last: dict[str, Any] = {"size": 0}
    with _session(database, properties, context, is_transaction=properties.after_sql is not None) as session:
        for outputs in session.fetched(properties):
            last = outputs
        if properties.after_sql:
            session.run_all(properties.after_sql)
    return last | session.file_outputs


def queries(database: Database, properties: Any, context: TaskContext) -> dict[str, Any]:
    """Outputs `outputs`: what `query` gives, for each statement that gives rows."""
    with _session(database, properties, context, is_transaction=properties.transaction) as session:
        outputs = list(session.fetched(properties, commits_each=not properties.transaction))
        if properties.after_sql:
            session.run_all(properties.after_sql)
    return {"outputs": outputs} | session.file_outputs


def batch(database: Database, properties: Any, context: TaskContext) -> dict[str, Any]:
    """Outputs `rowCount`, the items, and `updatedCount`, the rows that changed as far as the database says."""
    items = items_in(context, properties.from_)
    first = next(items, None)
    counts = {"rowCount": 0, "updatedCount": 0}
    if first is None:
        return counts
    sql = _insert(database, properties, first)
    rows = (_row(number, item, properties.columns) for number, item in enumerate(chain([first], items), 1))
    with _session(database, properties, context) as session:
        while some := list(islice(rows, properties.chunk)):
            with session.cursor() as cursor:
                cursor.executemany(sql, some)
                counts["updatedCount"] += max(cursor.rowcount, 0)
            counts["rowCount"] += len(some)
    context.count("records", counts["rowCount"])
    return counts | session.file_outputs


def _insert(database: Database, properties: Batch, first: Any) -> str:
    if properties.sql is not None:
        return with_marks(properties.sql, database.mark, has_backslashes=database.has_backslashes)
    if properties.table is None:
        raise TaskFailed("A Batch needs `sql` or `table`")
    names = properties.columns or (list(first) if isinstance(first, dict) else [])
    columns = f" ({', '.join(map(database.identifier, names))})" if names else ""
    count = len(names) or (len(first) if isinstance(first, list) else 0)
    table = ".".join(database.identifier(part) for part in properties.table.split("."))
    marks = ", ".join([database.mark] * count)
    return f"INSERT INTO {table}{columns} VALUES ({marks})"  # noqa: S608 - names are quoted, values are marks


def _row(number: int, item: Any, columns: Sequence[str] | None) -> list[Any]:
    match item:
        case dict() if columns is not None:
            if missing := [name for name in columns if name not in item]:
                raise TaskFailed(f"Item {number} has no field {missing[0]!r}")
            return [_given(item[name]) for name in columns]
        case dict():
            return [_given(value) for value in item.values()]
        case list():
            return [_given(value) for value in item]
        case _:
            raise TaskFailed(f"Item {number} is neither a map nor a list of fields")


def _given(value: Any) -> Any:
    """As drivers take it: what has parts goes as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


class _Session:
    """A connection while a task uses it; what the driver raises becomes a failure of the task."""

    def __init__(
        self, database: Database, properties: Connection, context: TaskContext, *, is_transaction: bool
    ) -> None:
        self._is_transaction = is_transaction
        self.file_outputs: dict[str, Any] = {}
        self._database = database
        self._properties = properties
        self._context = context
        self._zone = zone_named(properties.time_zone_id) if properties.time_zone_id else None
        self.connection: Any = None

    @contextmanager
    def errors_told(self) -> Iterator[None]:
        try:
            yield
        except self._database.errors() as error:
            raise TaskFailed(f"{self._database.name}: {str(error).strip()}") from error

    def open(self) -> None:
        if isinstance(self._properties, FileConnection):
            files.write_input_files(self._context, self._properties.input_files or {}, self._context.working_directory)
        with self.errors_told():
            self.connection = self._database.connect(self._properties, self._context)
            self._begin()

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        with self.errors_told():
            if self._database.is_own_cursor:
                yield self.connection
                return
            with closing(self.connection.cursor()) as cursor:
                yield cursor

    def fetched(self, properties: Fetching, *, commits_each: bool = False) -> Iterator[dict[str, Any]]:
        """The outputs of each statement that gives rows."""
        for sql in self._statements(properties.sql):
            outputs = self._run(sql, properties)
            if commits_each:
                self.commit()
            if outputs is not None:
                yield outputs

    def run_all(self, text: str) -> None:
        for sql in self._statements(text):
            with self.cursor() as cursor:
                cursor.execute(sql)

    def commit(self) -> None:
        with self.errors_told():
            if self._is_transaction or not self._database.is_own_cursor:
                self.connection.commit()
                self._begin()

    def _begin(self) -> None:
        if self._is_transaction and self._database.is_own_cursor:
            self.connection.begin()

    def keep_files(self) -> None:
        """What a database in a file leaves behind, once it is closed."""
        properties, context = self._properties, self._context
        if not isinstance(properties, FileConnection):
            return
        if properties.output_db_file and (path := database_path(properties, context, fetch=False)) is not None:
            self.file_outputs["databaseUri"] = context.put_path("database", path).address
        if properties.output_files is not None:
            patterns = script.listed(properties.output_files)
            kept = files.keep_output_files(context, patterns, context.working_directory, None)
            self.file_outputs["outputFiles"] = kept

    def _statements(self, text: str) -> list[str]:
        return statements(text, has_backslashes=self._database.has_backslashes)

    def _run(self, sql: str, properties: Fetching) -> dict[str, Any] | None:
        values: list[Any] | None = None
        if properties.parameters:
            try:
                sql, values = bound(
                    sql, properties.parameters, self._database.mark, has_backslashes=self._database.has_backslashes
                )
            except UnknownParameter as error:
                raise TaskFailed(str(error)) from error
        self._context.log(LogLevel.DEBUG, f"Starting query: {sql}")
        with self.cursor() as cursor:
            cursor.execute(sql, values) if values else cursor.execute(sql)
            return None if cursor.description is None else self._outputs(cursor, properties)

    def _outputs(self, cursor: Any, properties: Fetching) -> dict[str, Any]:
        names = [column[0] for column in cursor.description]
        rows = (dict(zip(names, map(self._plain, row), strict=True)) for row in _rows(cursor, properties.fetch_size))
        match properties.wanted:
            case "FETCH":
                fetched = list(rows)
                return {"rows": fetched, "size": len(fetched)}
            case "FETCH_ONE":
                row = next(rows, None)
                return {"row": row, "size": 0 if row is None else 1}
            case "STORE":
                kept, count = keep_items(self._context, f"rows-{secrets.token_hex(4)}.ion", rows)
                return {"uri": kept.address, "size": count}
            case _:
                return {"size": 0}

    def _plain(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | str():
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case Decimal():
                return int(value) if value == value.to_integral_value() else float(value)
            case datetime():
                return (value.astimezone(self._zone) if self._zone and value.tzinfo else value).isoformat()
            case date() | time():
                return value.isoformat()
            case timedelta():
                return duration_text(value)
            case bytes() | bytearray() | memoryview():
                return base64.b64encode(bytes(value)).decode()
            case dict():
                return {str(name): self._plain(each) for name, each in value.items()}
            case list() | tuple() | set():
                return [self._plain(each) for each in value]
            case _:
                return str(value)


@contextmanager
def _session(
    database: Database, properties: Connection, context: TaskContext, *, is_transaction: bool = True
) -> Iterator[_Session]:
    session = _Session(database, properties, context, is_transaction=is_transaction)
    session.open()
    with closing(session.connection):
        yield session
        session.commit()
    session.keep_files()


def _rows(cursor: Any, at_once: int) -> Iterator[Any]:
    while rows := cursor.fetchmany(at_once):
        yield from rows


def _run(work: Callable[[Database, Any, TaskContext], dict[str, Any]], database: Database) -> Run:
    def run(properties: Any, context: TaskContext) -> Result:
        return Result(outputs=work(database, properties, context))

    return run


def variables(context: TaskContext) -> Mapping[str, Any]:
    """`workingDir`, and `outputFiles.<name>`: the paths that SQL may write files to."""
    return script.variables(context)


def _kinds() -> Iterator[TaskKind[Any]]:
    works = {"Query": query, "Queries": queries, "Batch": batch}
    for database in DATABASES:
        for name, work in works.items():
            task_type = f"jdbc.{database.name}.{name}"
            yield TaskKind(
                name=f"io.kestra.plugin.{task_type}",
                properties=models.TYPES[task_type],
                run=_run(work, database),
                typed=frozenset({"parameters"}),
                variables=variables if database.is_file else None,
            )


def _look(database: Database) -> Callable[[Any, TaskContext, Mapping[str, Any]], Polled]:
    def look(properties: Any, context: TaskContext, _notes: Mapping[str, Any]) -> Polled:
        outputs = query(database, properties, context)
        if outputs["size"]:
            return Polled(outputs=outputs)
        if "uri" in outputs:
            context.storage.delete(outputs["uri"])
        return Polled()

    return look


KINDS: tuple[TaskKind[Any], ...] = tuple(_kinds())

POLLS: tuple[PollKind[Any], ...] = tuple(
    PollKind(
        name=f"io.kestra.plugin.jdbc.{database.name}.Trigger",
        properties=models.TYPES[f"jdbc.{database.name}.Trigger"],
        look=_look(database),
        typed=frozenset({"parameters"}),
    )
    for database in DATABASES
)
