"""Commits that a daemon tests before, or after, they go live."""

from pathlib import Path
from typing import Final

from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

FOLDER = "flows/company.team"
SAY = "id: say\nnamespace: company.team\ntasks:\n  - {{id: say, type: io.kestra.plugin.core.log.Log, message: {}}}\n"
SAYS = """\
id: say-test
flowId: say
testCases:
  - id: says
    fixtures: {tasks: [{id: say, state: WARNING}]}
    assertions: [{value: "{{ execution.state }}", equalTo: WANTED}]
"""


TRIAL_SECONDS: Final = 60.0  # on a machine that does much else


def said(daemon: Daemon) -> list[str]:
    return daemon.logs(daemon.run("say"))


def held(daemon: Daemon) -> str:
    return (daemon.git()["lastSync"] or {}).get("held") or ""


def trials(daemon: Daemon) -> int:
    return daemon.output().count("tests.begin")


def test_a_commit_whose_tests_fail_does_not_go_live_until_it_is_mended_or_confirmed(tmp_path: Path) -> None:
    with running(tmp_path, {f"{FOLDER}/say.yaml": SAY.format("One")}, arguments=["--tests", "veto"]) as daemon:
        wait_until(daemon.flow_ids, what="the first commit, which has no tests, to be live", seen=daemon.output)
        first = daemon.git()["commit"]
        test = f"{FOLDER}/_tests/say.yaml"
        bad = daemon.repository.commit(
            {f"{FOLDER}/say.yaml": SAY.format("Two"), test: SAYS.replace("WANTED", "SUCCESS")}
        )
        wait_until(lambda: held(daemon), what="the commit to be held", seconds=TRIAL_SECONDS, seen=daemon.output)
        assert daemon.git()["commit"] == first
        (problem,) = daemon.problems()
        wanted = 'company.team/say-test/says: expected "{{ execution.state }}" to equal "SUCCESS", but it is "WARNING"'
        assert (problem["path"], problem["line"], problem["message"]) == (test, 6, wanted)
        assert held(daemon).startswith("1 flow test of it fails: company.team/say-test/says; ")
        assert daemon.git()["lastSync"]["to"] == bad
        assert said(daemon) == ["One"]
        assert daemon.http.get("/api/v1/main/executions/search?filters[kind][EQUALS]=TEST").json()["total"] == 0

        begun = trials(daemon)
        daemon.repository.git("branch", "other")  # rings the bell of the watch; the head is the same
        daemon.repository.git("branch", "another")
        assert trials(daemon) == begun

        daemon.restart()
        assert said(daemon) == ["One"], "what was live is live again, whatever the tests of the head come to"
        # The tests of the head are run again, and end when another commit comes.
        mended = daemon.repository.commit({test: SAYS.replace("WANTED", "WARNING")})
        daemon.until_live(mended, seconds=TRIAL_SECONDS)
        assert (said(daemon), held(daemon), daemon.problems()) == (["Two"], "", [])
        assert 'class="icon s-success"' in daemon.http.get("/flows/company.team/say").text

        worse = daemon.repository.commit({test: SAYS.replace("WANTED", "FAILED")})
        wait_until(
            lambda: daemon.git()["testing"] == worse, what="its tests", seconds=TRIAL_SECONDS, seen=daemon.output
        )
        daemon.call("POST", f"/git/confirm/{worse}")
        assert (daemon.git()["commit"], held(daemon)) == (worse, "")


def test_where_tests_are_only_reported_a_commit_goes_live_at_once(tmp_path: Path) -> None:
    files = {f"{FOLDER}/say.yaml": SAY.format("One")}
    with running(tmp_path, files, environment={"SEGUE_TESTS": "report"}) as daemon:
        commit = daemon.repository.commit({f"{FOLDER}/_tests/say.yaml": SAYS.replace("WANTED", "SUCCESS")})
        assert daemon.sync()["commit"] == commit
        found = wait_until(daemon.problems, what="the report", seconds=TRIAL_SECONDS, seen=daemon.output)
        assert [(each["code"], each["severity"]) for each in found] == [("failing-test", "warning")]
        assert held(daemon) == ""
        (suite,) = daemon.http.get("/api/v1/main/tests/search?flowId=say").json()["results"]
        assert (suite["testSuiteId"], suite["state"]) == ("say-test", "FAILED")
