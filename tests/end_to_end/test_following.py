"""What commits do to a daemon that runs: it follows them by itself, whatever becomes of files and history."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, running
from tests.support.repositories import Repository, flow_text
from tests.support.waiting import wait_until

READS_A_FILE = """\
id: reader
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Sleep
    duration: PT1S
  - id: read
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    namespaceFiles:
      enabled: true
    commands:
      - cat greeting.txt
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("following")
    with running(folder, {path_of("first"): flow_text("first")}, environment={"SEGUE_POLL_INTERVAL": "600"}) as daemon:
        yield daemon


def path_of(flow_id: str) -> str:
    return f"flows/company.team/{flow_id}.yaml"


def said(daemon: Daemon, flow: str) -> list[str]:
    return daemon.logs(daemon.run(flow))


def test_a_commit_is_live_without_being_asked_for(daemon: Daemon) -> None:
    commit = daemon.repository.commit_flow("committed", message="One")
    daemon.until_live(commit)
    execution = daemon.run("committed")
    assert (execution.commit, execution.revision) == (commit, 1)
    daemon.until_live(daemon.repository.commit_flow("committed", message="Two"))
    assert said(daemon, "committed") == ["Two"]
    assert [each["revision"] for each in daemon.revisions("committed")] == [1, 2]


def test_a_sync_that_was_asked_for_answers_once_the_commit_is_live(daemon: Daemon) -> None:
    commit = daemon.repository.commit_flow("asked")
    answer = daemon.sync()
    assert answer["commit"] == commit
    assert "asked" in daemon.flow_ids()


def test_a_file_that_moves_keeps_its_flow_and_its_revisions(daemon: Daemon) -> None:
    daemon.repository.commit_flow("moved")
    daemon.repository.move(path_of("moved"), "flows/company.team/elsewhere/other-name.yml")
    daemon.sync()
    assert [each["revision"] for each in daemon.revisions("moved")] == [1]
    assert daemon.run("moved").state == "SUCCESS"


def test_a_flow_that_is_deleted_is_gone_and_counts_on_when_it_returns(daemon: Daemon) -> None:
    daemon.repository.commit_flow("gone", message="Before")
    daemon.sync()
    daemon.repository.remove([path_of("gone")])
    daemon.sync()
    assert "gone" not in daemon.flow_ids()
    refusal = daemon.call("POST", "/executions/company.team/gone", status=404)
    assert "company.team.gone" in refusal["message"]
    daemon.repository.commit_flow("gone", message="After")
    daemon.sync()
    assert daemon.run("gone").revision > 1


def test_a_broken_flow_keeps_its_last_good_revision_and_says_where_it_is_broken(daemon: Daemon) -> None:
    daemon.repository.commit_flow("broken", message="Good")
    bad = flow_text("broken") + "    levl: INFO\n"
    broken = daemon.repository.commit({path_of("broken"): bad, path_of("beside"): flow_text("beside")})
    daemon.sync()
    (problem,) = daemon.problems(path_of("broken"))
    assert (problem["line"], problem["column"], problem["code"]) == (7, 5, "unknown-key")
    assert "levl" in problem["message"]
    assert "level" in problem["hint"]
    execution = daemon.run("broken")
    assert (execution.revision, daemon.logs(execution)) == (1, ["Good"])
    assert daemon.run("beside").commit == broken
    daemon.repository.commit_flow("broken", message="Better")
    daemon.sync()
    assert daemon.problems(path_of("broken")) == []
    assert said(daemon, "broken") == ["Better"]


def test_a_forced_push_renumbers_nothing_that_has_run(daemon: Daemon) -> None:
    base = daemon.repository.commit_flow("forced", message="One")
    pushed = daemon.repository.commit_flow("forced", message="Two")
    daemon.sync()
    ran = daemon.run("forced")
    assert ran.revision == 2
    daemon.repository.reset(base)
    daemon.repository.commit_flow("forced", message="Three")
    daemon.sync()
    after = daemon.run("forced")
    assert (after.revision, daemon.logs(after)) == (3, ["Three"])
    assert daemon.execution(ran).commit == pushed
    assert "Two" in daemon.flow("forced", revision=2, source="true")["source"]
    replayed = daemon.ended(daemon.act(ran, "replay")["id"])
    assert (replayed.revision, daemon.logs(replayed)) == (2, ["Two"])


def test_an_execution_reads_files_of_its_own_commit(daemon: Daemon) -> None:
    name = "flows/company.team/_files/greeting.txt"
    commit = daemon.repository.commit({path_of("reader"): READS_A_FILE, name: "before"})
    daemon.sync()
    execution = daemon.start("reader")
    later = daemon.repository.commit({name: "after"})
    daemon.sync()
    ended = daemon.ended(execution)
    assert ended.commit == commit
    assert daemon.logs(ended, "read") == ["before"]
    second = daemon.run("reader")
    assert second.commit == later
    assert daemon.logs(second, "read") == ["after"]


def test_a_commit_that_would_retire_most_flows_is_held_until_it_is_confirmed(tmp_path: Path) -> None:
    names = [f"flow-{number}" for number in range(10)]
    with running(tmp_path, {path_of(name): flow_text(name) for name in names}) as daemon:
        commit = daemon.repository.remove([path_of(name) for name in names[:8]])
        wait_until(lambda: daemon.git()["lastSync"]["held"], what="the commit to be held", seen=daemon.git)
        assert daemon.flow_ids() == names
        assert daemon.run("flow-0").state == "SUCCESS"
        assert daemon.git()["lastSync"]["to"] == commit
        assert f'action="/git/confirm/{commit}"' in daemon.http.get("/git").text
        daemon.call("POST", f"/git/confirm/{commit}")
        assert daemon.flow_ids() == names[8:]


def test_a_force_push_is_held_where_history_has_to_go_on(tmp_path: Path) -> None:
    with running(tmp_path, environment={"SEGUE_REQUIRE_FAST_FORWARD": "true"}) as daemon:
        old = daemon.repository.commit_flow("guarded", message="Old")
        safe = daemon.repository.commit_flow("guarded", message="Safe")
        daemon.until_live(safe)
        daemon.repository.reset(old)
        daemon.sync()
        for _ in range(2):
            held = daemon.git()
            assert held["commit"] == safe
            assert f"{old[:10]} does not descend from {safe[:10]}" in held["lastSync"]["held"]
            assert said(daemon, "guarded") == ["Safe"]
            daemon.restart()  # what was live is remembered
        assert f'action="/git/confirm/{old}"' in daemon.http.get("/git").text
        daemon.call("POST", f"/git/confirm/{old}")
        assert said(daemon, "guarded") == ["Old"]


def test_flows_and_revisions_come_back_from_git_alone(tmp_path: Path) -> None:
    with running(tmp_path, {path_of("kept"): flow_text("kept", message="One")}) as daemon:
        for message in ("Two", "Three"):
            daemon.repository.commit_flow("kept", message=message)
        daemon.repository.remove([path_of("kept")])
        daemon.repository.commit_flow("kept", message="Four")
        daemon.sync()
        before = ledger(daemon)
        daemon.stop()
        shutil.rmtree(daemon.data)
        daemon.start_process()
        assert ledger(daemon) == before
        assert daemon.run("kept").revision == before[-1][0]


def ledger(daemon: Daemon) -> list[tuple[Any, ...]]:
    return [(each["revision"], each["commit"]) for each in daemon.revisions("kept")]


def test_a_source_by_url_is_followed_when_a_sync_is_asked_for(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit_flow("remote", message="One")
    with running(tmp_path, source=repository.path.as_uri(), arguments=["--branch", "main"]) as daemon:
        assert said(daemon, "remote") == ["One"]
        commit = repository.commit_flow("remote", message="Two")
        assert daemon.sync()["commit"] == commit
        assert said(daemon, "remote") == ["Two"]


def test_a_source_by_url_is_polled(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit_flow("remote")
    environment = {"SEGUE_POLL_INTERVAL": "0.2"}
    with running(tmp_path, source=repository.path.as_uri(), environment=environment) as daemon:
        daemon.until_live(repository.commit_flow("remote", message="Two"))


def test_another_branch_than_the_followed_one_changes_nothing(daemon: Daemon) -> None:
    repository = daemon.repository
    repository.git("switch", "--quiet", "--create", "aside")
    repository.commit_flow("aside")
    repository.git("switch", "--quiet", "main")
    daemon.sync()
    assert "aside" not in daemon.flow_ids()
