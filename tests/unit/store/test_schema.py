"""The schema in one piece, the migrations one after another, and the queries agree with each other."""

import sqlite3
from collections.abc import Iterator

import pytest
from segue.store.database import migrations, schema
from segue.store.named_queries import QUERIES, parse
from segue.store.reads.executions import _EXECUTION, _LIVE_EXECUTIONS, _TASK_RUNS
from segue.store.rows import EXECUTION_COLUMNS
from segue.store.transaction import statement_for


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema())
    yield connection
    connection.close()


def objects_of(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {(kind, name): " ".join(sql.split()) for kind, name, sql in rows}


def test_the_schema_is_what_the_migrations_lead_to(connection: sqlite3.Connection) -> None:
    migrated = sqlite3.connect(":memory:")
    for migration in migrations():
        migrated.executescript(migration.script)
    assert objects_of(migrated) == objects_of(connection)
    migrated.close()


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_every_table_is_strict_and_names_its_constraints(connection: sqlite3.Connection) -> None:
    tables = [sql for (kind, _), sql in objects_of(connection).items() if kind == "table"]
    assert tables
    assert [sql for sql in tables if "STRICT" not in sql or "CONSTRAINT" not in sql] == []


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_named_query_is_valid(connection: sqlite3.Connection, name: str) -> None:
    statement = QUERIES[name].replace("COLUMNS", EXECUTION_COLUMNS)
    if "task_runs WHERE execution_id" in statement:
        statement = _TASK_RUNS
    explained = connection.execute(f"EXPLAIN {statement}", parameters_for(statement)).fetchall()
    assert explained


@pytest.mark.parametrize("statement", [_EXECUTION, _TASK_RUNS, _LIVE_EXECUTIONS])
def test_reading_what_recovery_needs_scans_no_table(connection: sqlite3.Connection, statement: str) -> None:
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters_for(statement)).fetchall()
    assert [step[3] for step in plan if step[3].startswith("SCAN") and "INDEX" not in step[3]] == []


@pytest.mark.parametrize("name", sorted(name for name in QUERIES if name.startswith("remove_") and "_all_" not in name))
def test_removing_several_rows_scans_no_table(connection: sqlite3.Connection, name: str) -> None:
    """But that of used fire times, which is cleared once a day."""
    statement = statement_for(name, 2)
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters_for(statement)).fetchall()
    tables = {table for (kind, table) in objects_of(connection) if kind == "table"} - {"fired_slots"}
    assert [step[3] for step in plan if step[3].removeprefix("SCAN ").split()[0] in tables] == []


def test_a_statement_for_many_rows_repeats_the_brackets() -> None:
    assert statement_for("put_settings", 3).count("(?, ?)") == 3
    assert statement_for("remove_settings", 2).count("(?)") == 2


def test_a_query_is_found_by_its_name_without_its_comment() -> None:
    assert parse("-- name: one\n-- Why.\nSELECT 1;\n\n-- name: two\nSELECT\n    2;\n") == {
        "one": "SELECT 1",
        "two": "SELECT\n    2",
    }


class _Anything(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 0


def parameters_for(statement: str) -> tuple[int, ...] | dict[str, int]:
    if "?" not in statement:
        return _Anything()
    return (0,) * (3 if "?3" in statement else statement.count("?"))
