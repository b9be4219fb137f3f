"""Executions as a CSV file."""

import csv
import io
from datetime import timedelta

import pytest
from segue.model.execution import TriggeredBy
from segue.model.state import State
from starlette.testclient import TestClient

from tests.support.web import HEAD, NOW, MemoryDaemon
from tests.unit.web.conftest import KEY


def rows(client: TestClient, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"/executions/export.csv{query}").text)))


def test_what_the_filters_find_is_exported(client: TestClient, daemon: MemoryDaemon) -> None:
    failed = daemon.add_execution(
        KEY, [(State.RUNNING, 0), (State.FAILED, 2.5)], labels={"a": 'x,"y"'}, trigger=TriggeredBy(id="night", type="t")
    )
    daemon.add_execution(KEY, [(State.SUCCESS, 0)])
    (row,) = rows(client, "?state=FAILED&page=3&size=1")
    assert row == {
        "id": failed.id,
        "namespace": "company.team",
        "flowId": "hello",
        "flowRevision": "1",
        "commit": HEAD,
        "state": "FAILED",
        "startDate": "2026-11-22T14:30:00.000000Z",
        "endDate": "2026-11-22T14:30:02.500000Z",
        "seconds": "2.500",
        "trigger": "night",
        "labels": '{"a": "x,\\"y\\""}',
    }


def test_it_is_a_file_to_download_and_the_list_leads_to_it(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_execution(KEY, [(State.FAILED, 0)])
    text = client.get("/executions?state=FAILED&q=hello").text
    assert 'href="/executions/export.csv?state=FAILED&amp;q=hello"' in text
    headers = client.get("/executions/export.csv").headers
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"] == 'attachment; filename="executions-20261122T143000Z.csv"'


def test_all_pages_are_in_it_and_nothing_that_began_later(client: TestClient, daemon: MemoryDaemon) -> None:
    for number in range(1100):
        daemon.add_execution(KEY, [(State.SUCCESS, 0)], started=NOW - timedelta(seconds=number))
    daemon.add_execution(KEY, [(State.RUNNING, 0)], started=NOW + timedelta(seconds=1))
    found = rows(client)
    assert len(found) == 1100
    assert found[0]["startDate"] > found[-1]["startDate"]


@pytest.mark.parametrize("number", [249, 250, 251, 740])
def test_executions_of_one_moment_are_told_once_each(client: TestClient, daemon: MemoryDaemon, number: int) -> None:
    for seconds, many in ((0, 100), (5, number), (9, 100)):
        for _ in range(many):
            daemon.add_execution(KEY, [(State.SUCCESS, 0)], started=NOW - timedelta(seconds=seconds))
    assert sorted(row["id"] for row in rows(client)) == sorted(daemon.executions)


def test_no_cell_is_a_formula(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.add_execution(KEY, [(State.SUCCESS, 0)], trigger=TriggeredBy(id="=1+1", type="t"))
    daemon.add_execution(KEY, [(State.SUCCESS, 0)], labels={"=a": "\ud800"})
    assert {row["trigger"] for row in rows(client)} == {"", "'=1+1"}
    assert all(row["labels"][:1] in {"", "{"} for row in rows(client))


def test_a_filter_that_makes_no_sense_is_refused(client: TestClient) -> None:
    assert client.get("/executions/export.csv?labels=nonsense").status_code == 422
