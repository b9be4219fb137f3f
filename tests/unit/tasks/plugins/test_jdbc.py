"""Databases: SQLite and DuckDB in files, PostgreSQL and MariaDB as real servers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import database_servers
from tests.unit.tasks.plugins.conftest import Workbench

TABLE = "CREATE TABLE t (id INTEGER, name VARCHAR(20), price DECIMAL(6,2)); INSERT INTO t VALUES (1, 'a;b', 1.5), (2, NULL, 2)"
ROWS = [{"id": 1, "name": "a;b", "price": 1.5}, {"id": 2, "name": None, "price": 2}]


@pytest.fixture(params=["sqlite", "duckdb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, tmp_path: Path, bench: Workbench) -> str:
    address = f"jdbc:{kind}:{tmp_path / 'db'}"
    bench.outputs(f"jdbc.{kind}.Queries", url=address, sql=TABLE)
    return address


FETCHED = {
    "all": ({"fetchType": "FETCH"}, {"rows": ROWS, "size": 2}),
    "first": ({"fetchType": "FETCH_ONE"}, {"row": ROWS[0], "size": 1}),
    "older spelling": ({"fetchOne": True}, {"row": ROWS[0], "size": 1}),
    "none": ({}, {"size": 0}),
}


@pytest.mark.parametrize(("more", "expected"), FETCHED.values(), ids=FETCHED.keys())
def test_rows_become_outputs(bench: Workbench, kind: str, url: str, more: dict[str, Any], expected: Any) -> None:
    assert bench.outputs(f"jdbc.{kind}.Query", url=url, sql="SELECT * FROM t ORDER BY id", **more) == expected


def test_rows_become_a_file_of_items(bench: Workbench, kind: str, url: str) -> None:
    outputs = bench.outputs(f"jdbc.{kind}.Query", url=url, sql="SELECT * FROM t ORDER BY id", fetchType="STORE")
    assert outputs["size"] == 2
    assert [json.loads(line) for line in bench.text(outputs["uri"]).splitlines()] == ROWS


def test_parameters_are_values_and_never_sql(bench: Workbench, kind: str, url: str) -> None:
    more = {"parameters": {"name": "a;b' OR 1=1", "id": 1}, "fetchType": "FETCH"}
    assert bench.outputs(f"jdbc.{kind}.Query", url=url, sql="SELECT id FROM t WHERE name = :name", **more)["size"] == 0
    assert bench.outputs(f"jdbc.{kind}.Query", url=url, sql="SELECT id FROM t WHERE id = :id", **more)["size"] == 1
    assert "no value for :x" in bench.failure(f"jdbc.{kind}.Query", url=url, sql="SELECT :x", **more)


def test_each_query_has_outputs_of_its_own(bench: Workbench, kind: str, url: str) -> None:
    sql = "SELECT id FROM t WHERE id = 1; SELECT count(*) AS n FROM t;"
    outputs = bench.outputs(f"jdbc.{kind}.Queries", url=url, sql=sql, fetchType="FETCH")
    assert [each["rows"] for each in outputs["outputs"]] == [[{"id": 1}], [{"n": 2}]]


def count(bench: Workbench, kind: str, url: str) -> int:
    sql = "SELECT count(*) AS n FROM t"
    return int(bench.outputs(f"jdbc.{kind}.Query", url=url, sql=sql, fetchType="FETCH_ONE")["row"]["n"])


def test_a_failure_leaves_nothing_of_a_transaction(bench: Workbench, kind: str, url: str) -> None:
    sql = "DELETE FROM t; SELECT nonsense FROM nowhere"
    said = bench.failure(f"jdbc.{kind}.Queries", url=url, sql=sql)
    assert said.startswith(f"{kind}: ")
    assert count(bench, kind, url) == 2
    bench.failure(f"jdbc.{kind}.Queries", url=url, sql=sql, transaction=False)
    assert count(bench, kind, url) == 0


def test_items_are_written_in_batches(bench: Workbench, kind: str, url: str) -> None:
    items = "".join(json.dumps({"id": number, "other": [1], "name": f"n{number}"}) + "\n" for number in range(10, 35))
    more = {"from": bench.put("rows.ion", items), "url": url, "chunk": 10}
    outputs = bench.outputs(f"jdbc.{kind}.Batch", table="t", columns=["id", "name"], **more)
    assert outputs["rowCount"] == 25
    bench.outputs(f"jdbc.{kind}.Batch", sql="INSERT INTO t (id, name) VALUES (?, ?)", columns=["id", "name"], **more)
    assert count(bench, kind, url) == 52
    assert bench.failure(f"jdbc.{kind}.Batch", table="t", columns=["x"], **more) == "Item 1 has no field 'x'"


def test_sql_after_the_rows_is_run_with_them(bench: Workbench, kind: str, url: str) -> None:
    more = {"fetchType": "FETCH", "afterSQL": "DELETE FROM t"}
    assert bench.outputs(f"jdbc.{kind}.Query", url=url, sql="SELECT * FROM t", **more)["size"] == 2
    assert count(bench, kind, url) == 0


def test_a_database_is_stored_and_worked_on_again(bench: Workbench, kind: str) -> None:
    stored = bench.outputs(f"jdbc.{kind}.Queries", sql=TABLE, outputDbFile=True)["databaseUri"]
    given = {"sqlite": "sqliteFile", "duckdb": "databaseUri"}[kind]
    more = {given: stored, "fetchType": "FETCH_ONE"}
    assert bench.outputs(f"jdbc.{kind}.Query", sql="SELECT count(*) AS n FROM t", **more)["row"] == {"n": 2}


def test_duckdb_reads_and_writes_files_of_the_working_directory(bench: Workbench) -> None:
    outputs = bench.outputs(
        "jdbc.duckdb.Queries",
        inputFiles={"data.csv": bench.put("data.csv", "a,b\n1,x\n2,y\n")},
        sql="COPY (SELECT sum(a) AS a FROM read_csv_auto('data.csv')) TO '{{ outputFiles['out.csv'] }}' (HEADER)",
        outputFiles=["out.csv"],
    )
    assert bench.text(outputs["outputFiles"]["out.csv"]) == "a\n3\n"


def test_an_address_of_another_database_is_refused(bench: Workbench, kind: str) -> None:
    said = bench.failure(f"jdbc.{kind}.Query", url="jdbc:oracle:thin:@x", sql="SELECT 1")
    assert said == f"url: expected jdbc:{kind}:<file>, found 'jdbc:oracle:thin:@x'"


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
def test_a_server_that_does_not_answer_is_a_failure(bench: Workbench, server: str) -> None:
    said = bench.failure(f"jdbc.{server}.Query", url=f"jdbc:{server}://127.0.0.1:1/db", username="u", sql="SELECT 1")
    assert said.startswith(f"{server}: ")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with database_servers.postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with database_servers.mariadb(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


def test_postgresql_does_all_of_it(bench: Workbench, postgresql: str) -> None:
    def run(task: str, **more: Any) -> dict[str, Any]:
        return bench.outputs(f"jdbc.postgresql.{task}", url=postgresql, username="ada", **more)

    run("Queries", sql=TABLE)
    assert run("Query", sql="SELECT * FROM t ORDER BY id", fetchType="FETCH")["rows"] == ROWS
    sql = (
        "SELECT '2026-01-02 03:04:05+00'::timestamptz AS at, '{\"a\": [1]}'::jsonb AS doc, 1 AS \"50%\" WHERE 1 = :one"
    )
    row = run("Query", sql=sql, fetchType="FETCH_ONE", parameters={"one": 1}, timeZoneId="UTC")["row"]
    assert row == {"at": "2026-01-02T03:04:05+00:00", "doc": {"a": [1]}, "50%": 1}
    items = bench.put("rows.ion", '{"id": 3, "name": "c"}\n{"id": 4, "name": "d"}\n')
    assert run("Batch", **{"from": items}, table="public.t", columns=["id", "name"])["updatedCount"] == 2
    said = bench.failure(
        "jdbc.postgresql.Queries", url=postgresql, username="ada", sql="DELETE FROM t; SELECT x FROM nowhere"
    )
    assert 'relation "nowhere" does not exist' in said
    assert run("Query", sql="SELECT count(*) AS n FROM t", fetchType="FETCH_ONE")["row"] == {"n": 4}


def test_mysql_does_all_of_it(bench: Workbench, mariadb: str) -> None:
    def run(task: str, **more: Any) -> dict[str, Any]:
        return bench.outputs(f"jdbc.mysql.{task}", url=mariadb, username="ada", **more)

    run("Queries", sql=TABLE)
    assert run("Query", sql="SELECT * FROM t ORDER BY id", fetchType="FETCH")["rows"] == ROWS
    sql = "SELECT TIMESTAMP '2026-01-02 03:04:05' AS at, 'a\\\\b' AS slash, 1 AS `50%` WHERE 1 = :one"
    row = run("Query", sql=sql, fetchType="FETCH_ONE", parameters={"one": 1}, timeZoneId="UTC")["row"]
    assert row == {"at": "2026-01-02T03:04:05", "slash": "a\\b", "50%": 1}
    items = bench.put("rows.ion", '{"id": 3, "name": "c"}\n{"id": 4, "name": "d"}\n')
    assert run("Batch", **{"from": items}, table="shop.t", columns=["id", "name"])["updatedCount"] == 2
    said = bench.failure("jdbc.mysql.Queries", url=mariadb, username="ada", sql="DELETE FROM t; SELECT x FROM nowhere")
    assert "'shop.nowhere' doesn't exist" in said
    assert run("Query", sql="SELECT count(*) AS n FROM t", fetchType="FETCH_ONE")["row"] == {"n": 4}
