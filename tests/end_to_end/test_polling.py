"""Polling triggers in the running daemon: a server and a database on this machine are looked at again and again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.http_server import HttpServer, http_server
from tests.support.waiting import wait_until

HEAD = """\
id: {id}
namespace: company.team
tasks:
  - {{id: say, type: io.kestra.plugin.core.log.Log, message: "{message}"}}
triggers:
  - id: look
    interval: PT0.2S
"""
HTTP = """\
    type: io.kestra.plugin.core.http.Trigger
    uri: "{url}"
    responseCondition: "{{{{ response.statusCode == 200 and response.body.ready }}}}"
    stopAfter: [SUCCESS]
"""
ROWS = """\
    type: io.kestra.plugin.jdbc.sqlite.Trigger
    url: "jdbc:sqlite:{path}"
    sql: SELECT id FROM news ORDER BY id
    afterSQL: DELETE FROM news
    fetchType: {fetch}
"""
SCRIPT = """\
    type: io.kestra.plugin.scripts.shell.CommandsTrigger
    exitCondition: exit 0
    commands: ["cat {path}"]
"""
WRONG = """\
    type: io.kestra.plugin.jdbc.sqlite.Trigger
    url: "jdbc:sqlite:{path}"
    sql: SELECT * FROM nowhere
    fetchType: FETCH
"""


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with http_server() as server:
        yield server


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("news") / "news.db"
    add(path)
    return path


def add(path: Path, *ids: int) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS news (id INTEGER)")
        connection.executemany("INSERT INTO news VALUES (?)", [(each,) for each in ids])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, server: HttpServer, database: Path) -> Iterator[Daemon]:
    def flow(name: str, message: str, trigger: str) -> str:
        return HEAD.format(id=name, message=message) + trigger

    flows = {
        "site": flow("site", "{{ trigger.code }} {{ trigger.uri }}", HTTP.format(url=f"{server.url}/state")),
        "rows": flow("rows", "{{ trigger.rows }}", ROWS.format(path=database, fetch="FETCH")),
        "script": flow(
            "script", "{{ trigger.exitCode }} {{ trigger.condition }}", SCRIPT.format(path=f"{database}.flag")
        ),
        "wrong": flow("wrong", "never", WRONG.format(path=database)),
        "told": flow(
            "told", "never", WRONG.format(path=database) + "    failOnTriggerError: true\n    disabled: false\n"
        ),
    }
    files = {f"flows/company.team/{name}.yaml": text for name, text in flows.items()}
    with running(tmp_path_factory.mktemp("polling"), files) as daemon:
        yield daemon


def ended(daemon: Daemon, flow: str, count: int = 1) -> list[ShownExecution]:
    def look() -> list[ShownExecution] | None:
        found = daemon.executions(flow)
        return found if len(found) >= count and all(each.is_final for each in found) else None

    return wait_until(look, what=f"{count} executions of {flow}", seen=daemon.output)


def test_an_answer_that_meets_the_condition_starts_one_execution_and_the_trigger_stops(
    daemon: Daemon, server: HttpServer
) -> None:
    asked = len(server.asked)
    wait_until(lambda: len(server.asked) > asked + 2, what="looks at the site", seen=daemon.output)
    assert daemon.executions("site") == []
    server.serve("/state", '{"ready": true}', "application/json")
    execution = ended(daemon, "site")[0]
    assert daemon.logs(execution) == [f"200 {server.url}/state"]
    assert execution.trigger["body"] == '{"ready": true}'
    wait_until(lambda: daemon.triggers("site")[0]["triggerContext"]["disabled"], what="the trigger to stop")
    assert len(daemon.executions("site")) == 1


def test_rows_start_an_execution_and_no_rows_start_none(daemon: Daemon, database: Path) -> None:
    add(database, 1, 2)
    first = ended(daemon, "rows")[0]
    assert first.trigger == {"rows": [{"id": 1}, {"id": 2}], "size": 2}
    add(database, 3)
    assert [each.trigger["size"] for each in ended(daemon, "rows", 2)] == [2, 1]


def test_a_script_that_ends_as_wanted_starts_one_execution_and_what_it_says_is_in_the_triggers_log(
    daemon: Daemon, database: Path
) -> None:
    wait_until(lambda: daemon.trigger_logs("script", "look"), what="a look", seen=daemon.output)
    assert daemon.executions("script") == []
    Path(f"{database}.flag").write_text("here I am")
    assert daemon.logs(ended(daemon, "script")[0]) == ["0 exit 0"]
    assert "here I am" in daemon.trigger_logs("script", "look")
    Path(f"{database}.flag").unlink()
    told = len(daemon.trigger_logs("script", "look"))
    wait_until(lambda: len(daemon.trigger_logs("script", "look")) > told, what="one more look", seen=daemon.output)
    assert len(daemon.executions("script")) == 1


def test_a_look_that_fails_is_told_in_the_log_or_by_a_failed_execution(daemon: Daemon) -> None:
    failed = ended(daemon, "told")[0]
    assert failed.state == "FAILED"
    assert "no such table: nowhere" in str(daemon.logs(failed) or failed.json)
    assert daemon.executions("wrong") == []
