"""The page of all logs: filters, pages, and where a long look ended."""

from datetime import timedelta

from segue.model.flow import Flow
from segue.model.order import LogLevel
from segue.model.state import State
from segue.web.pages.logs import LINES
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon, log_task
from tests.unit.web.conftest import KEY


def test_lines_of_all_executions_are_found_by_level_namespace_text_and_time(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    other = daemon.add_flow(Flow(namespace="company.other", id="x", tasks=(log_task("t"),))).key
    here, there = daemon.add_execution(KEY, [(State.RUNNING, 0)]), daemon.add_execution(other, [(State.RUNNING, 0)])
    daemon.add_log(here, "all is well")
    daemon.add_log(here, "the disk is full", level=LogLevel.ERROR, task_id="greet", task_run_id=f"{here.id}-0")
    daemon.add_log(there, "the disk was full", level=LogLevel.ERROR, at=NOW - timedelta(days=2))
    seen = {
        query: [
            text
            for text in ("all is well", "disk is full", "disk was full")
            if text in client.get(f"/logs?{query}").text
        ]
        for query in ("", "level=ERROR", "namespace=company", "namespace=company.other", "q=WELL", "timeRange=PT24H")
    }
    assert seen == {
        "": ["all is well", "disk is full", "disk was full"],
        "level=ERROR": ["disk is full", "disk was full"],
        "namespace=company": ["all is well", "disk is full", "disk was full"],
        "namespace=company.other": ["disk was full"],
        "q=WELL": ["all is well"],
        "timeRange=PT24H": ["all is well", "disk is full"],
    }
    assert f"/executions/{here.id}?run={here.id}-0#line-2" in client.get("/logs").text


def test_earlier_lines_are_a_page_further(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for number in range(LINES + 1):
        daemon.add_log(execution, f"line {number}.")
    assert "line 0." not in client.get("/logs").text
    assert "/logs?before=2" in client.get("/logs").text
    earlier = client.get("/logs?before=2").text
    assert "line 0." in earlier
    assert "To the latest lines" in earlier


def test_a_look_that_went_through_very_many_lines_says_how_far_it_came(
    client: TestClient, daemon: MemoryDaemon
) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
    for number in range(LINES + 1):
        daemon.add_log(execution, f"line {number}.")
    daemon.looked_back_to = NOW - timedelta(days=1)
    assert "Looked back to 2026-11-21 14:30:00 UTC; look further back" in client.get("/logs?q=line").text


def test_what_makes_no_sense_is_told(client: TestClient) -> None:
    for query in ("level=LOUD", "timeRange=often", "startDate=soon"):
        answer = client.get(f"/logs?{query}")
        assert answer.status_code == 200
        assert 'role="alert"' in answer.text
