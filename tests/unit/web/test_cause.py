"""An execution that went wrong says at its top what did, why, and what is different from when it last went well."""

from datetime import timedelta

import pytest
from segue.model.execution import Attempt, Execution, Failure, Moved
from segue.model.order import LogLevel
from segue.model.state import State
from segue.web.ports.sources import ChangedFile
from starlette.testclient import TestClient

from tests.support.web import HEAD, NOW, OLD, MemoryDaemon
from tests.unit.web.conftest import KEY


def failed(daemon: MemoryDaemon) -> Execution:
    """`greet` went wrong inside `part`, after a first try; then `told` went wrong too."""
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.FAILED, 9)])
    part = daemon.add_run(execution, "part", [(State.FAILED, 8)])
    tries = [
        Attempt(number=number, history=[Moved(State.FAILED, NOW)], failure=Failure(message=f"exit code {number}"))
        for number in (1, 2)
    ]
    run = daemon.add_run(execution, "greet", [(State.FAILED, 7)], parent_id=part.id, attempts=tries)
    daemon.add_run(execution, "told", [(State.FAILED, 8.5)])
    for attempt, text in ((1, "first try"), (2, "row 3811 has 7 columns"), (2, "exit code 2")):
        daemon.add_log(execution, text, level=LogLevel.ERROR, task_id="greet", task_run_id=run.id, attempt=attempt)
    return execution


def cause(client: TestClient, execution: Execution) -> str:
    text = client.get(f"/executions/{execution.id}").text
    return text.partition('<section id="cause"')[2].partition("</section>")[0]


def test_it_names_the_task_its_message_and_its_last_errors(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = failed(daemon)
    told = cause(client, execution)
    assert "Failed at <b>greet</b>" in told
    assert "after 2 attempts" in told
    assert "and 1 more task run" in told
    assert told.count("exit code 2") == 1
    assert "row 3811" in told
    assert f"?run={execution.id}-1#line-2" in told or "#line-2" in told
    assert "It has never gone well before" in told


def test_a_link_leads_to_the_line_itself(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = failed(daemon)
    assert 'id="line-2"' in client.get(f"/executions/{execution.id}?run={list(execution.task_runs)[1]}").text


@pytest.mark.parametrize(
    ("commit", "revision", "said"),
    [
        (HEAD, 1, "The repository is the same since"),
        (OLD, 1, f"/git/changes?from={OLD}&amp;to={HEAD}"),
        (OLD, 0, "revisions?from=0&amp;to=1"),
    ],
    ids=["the same", "other files", "another revision"],
)
def test_it_tells_what_changed_since_it_last_went_well(
    client: TestClient, daemon: MemoryDaemon, commit: str, revision: int, said: str
) -> None:
    good = daemon.add_execution(KEY, [(State.SUCCESS, 0)], started=NOW - timedelta(hours=1))
    good.commit, good.revision = commit, revision
    told = cause(client, failed(daemon))
    assert good.id in told
    assert said in told


def test_what_no_task_is_to_blame_for_is_told_from_the_log(client: TestClient, daemon: MemoryDaemon) -> None:
    execution = daemon.add_execution(KEY, [(State.RUNNING, 0), (State.FAILED, 1)])
    daemon.add_log(execution, "an output cannot be rendered", level=LogLevel.ERROR)
    told = cause(client, execution)
    assert "none of its tasks did" in told
    assert "an output cannot be rendered" in told


def test_what_went_well_says_nothing(client: TestClient, daemon: MemoryDaemon) -> None:
    assert 'class="card' not in cause(client, daemon.add_execution(KEY, [(State.SUCCESS, 0)]))


def test_changes_between_commits_are_shown_file_by_file(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.changed_files = (ChangedFile("flows/a.yaml", "A"), ChangedFile("logo.png", "D"))
    daemon.repository_texts = {"flows/a.yaml": "id: a\n", "logo.png": "\0"}
    text = client.get(f"/git/changes?from={OLD}&to={HEAD}").text
    assert '<li class="d-added">+id: a</li>' in text
    assert "Not a text." in text
    daemon.changed_files = None
    assert client.get("/git/changes?from=x&to=y").status_code == 404
