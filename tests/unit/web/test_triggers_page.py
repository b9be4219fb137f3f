"""What can be done to triggers from their list and from a flow's page; and to a commit that is held."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from segue.web import actions
from segue.web.ports.git import Sync
from segue.web.ports.triggers import TriggerKey
from starlette.testclient import TestClient

from tests.support.web import HEAD, NOW, MemoryDaemon
from tests.unit.web.conftest import KEY

NIGHT = TriggerKey(KEY, "night")
ACTS = "/triggers/company.team/hello/night"


def test_a_schedule_is_backfilled_from_its_form(client: TestClient, daemon: MemoryDaemon) -> None:
    form = {"start": "2026-11-01T00:00", "end": "2026-11-03T12:30", "labels": "reason:late, team:data"}
    answer = client.post(f"{ACTS}/backfill", data=form, follow_redirects=False)
    assert answer.headers["location"] == "/triggers"
    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 3, 12, 30, tzinfo=UTC)
    labels = {"reason": "late", "team": "data"}
    assert daemon.asked[-1] == (NIGHT, actions.CreateBackfill(start, end, labels=labels))
    assert "Backfill 2026-11-01 00:00:00 UTC to 2026-11-03 12:30:00 UTC" in client.get("/triggers").text


@pytest.mark.parametrize("form", [{}, {"start": "soon"}, {"start": "2026-11-01T00:00", "labels": "x"}], ids=str)
def test_a_backfill_that_makes_no_sense_is_refused(
    client: TestClient, daemon: MemoryDaemon, form: dict[str, str]
) -> None:
    assert client.post(f"{ACTS}/backfill", data=form).status_code == 422
    assert daemon.asked == []


def test_a_backfill_is_paused_goes_on_and_is_ended(client: TestClient, daemon: MemoryDaemon) -> None:
    client.post(f"{ACTS}/backfill", data={"start": "2026-11-01T00:00"})
    for act, offered in (("pause", "Go on with backfill"), ("go-on", "Pause backfill"), ("delete", "Start backfill")):
        answer = client.post(f"{ACTS}/{act}-backfill", data={"back": "flow"}, follow_redirects=False)
        assert answer.headers["location"] == "/flows/company.team/hello/triggers"
        assert offered in client.get(answer.headers["location"]).text
        assert offered in client.get("/triggers").text


def test_a_webhook_leads_to_what_it_started(client: TestClient) -> None:
    found = "/executions?namespace=company.team&amp;flowId=hello&amp;triggerId=hook"
    for address in ("/triggers", "/flows/company.team/hello/triggers"):
        assert f'<a href="{found}">executions</a>' in client.get(address).text


def test_only_schedules_have_a_past(client: TestClient) -> None:
    text = client.get("/triggers").text
    assert f"{ACTS}/backfill" in text
    assert "/triggers/company.team/hello/hook/backfill" not in text


def test_a_trigger_that_waits_is_unlocked_from_the_list(client: TestClient, daemon: MemoryDaemon) -> None:
    assert "Unlock" not in client.get("/triggers").text
    daemon.trigger_states[NIGHT] = replace(daemon.trigger_states[NIGHT], is_locked=True)
    assert f"{ACTS}/unlock" in client.get("/triggers").text
    client.post(f"{ACTS}/unlock")
    assert daemon.asked[-1] == (NIGHT, actions.Unlock())


def test_a_commit_that_is_held_is_applied_from_the_page(client: TestClient, daemon: MemoryDaemon) -> None:
    sync = Sync(started_at=NOW, ended_at=NOW, cause="poll", commit=HEAD, held="it would retire 9 of 10 flows")
    daemon.all_syncs = [sync]
    text = client.get("/git").text
    assert "it would retire 9 of 10 flows" in text
    assert f"/git/confirm/{HEAD}" in text
    answer = client.post(f"/git/confirm/{HEAD}", follow_redirects=False)
    assert answer.headers["location"] == "/git"
    assert f"/git/confirm/{HEAD}" not in client.get("/git").text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"held": "it would retire 9 of 10 flows; confirm it"}, "</b>: it would retire 9 of 10 flows</span>"),
        ({"error": "no branch 'nope'"}, "<b>The source cannot be followed</b>: no branch"),
        ({}, None),
    ],
    ids=["held", "failed", "good"],
)
def test_home_says_that_the_newest_commit_is_not_live(
    client: TestClient, daemon: MemoryDaemon, said: dict[str, str], told: str | None
) -> None:
    part = '<div id="banners" data-live>'
    daemon.all_syncs = [Sync(started_at=NOW, ended_at=NOW, cause="poll", commit=HEAD, **said)]
    banners = client.get("/").text.partition(part)[2].partition('<div class="columns">')[0]
    assert told in banners if told else "banner" not in banners
