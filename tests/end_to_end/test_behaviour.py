"""How executions go, with the flows of `behaviour/` (one behaviour each): retries, limits of time and of number, kills,
pauses, restarts and replays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

FLOWS: Final = Path(__file__).parent / "behaviour"


def flow_files(*names: str) -> dict[str, bytes]:
    return {f"flows/company.team/{name}.yaml": (FLOWS / f"{name}.yaml").read_bytes() for name in names}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    names = {path.stem for path in FLOWS.glob("*.yaml")}
    environment = {"SEGUE_KILL_GRACE": "1"}
    with running(tmp_path_factory.mktemp("behaviour"), flow_files(*names), environment=environment) as daemon:
        yield daemon


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# Inputs.


def test_inputs_of_every_type_reach_the_tasks_in_their_type(daemon: Daemon) -> None:
    given = {"text": "x", "count": 9}
    execution = daemon.run("everything-typed", given, files={"table": ("table.csv", b"a\nb\n")}, labels=["who:me"])
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert daemon.logs(execution) == ["2", "2 red 10"]
    assert execution.inputs | {"table": ""} == {
        "text": "x",
        "count": 9,
        "share": 0.5,
        "sure": False,
        "colour": "red",
        "map": {"a": [1, 2]},
        "at": "2026-01-02T03:04:05Z",
        "table": "",
    }
    assert daemon.file(execution, execution.inputs["table"]) == b"a\nb\n"
    assert execution.labels["who"] == "me"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, ["text", "missing required input"], id="missing"),
        pytest.param({"text": "x", "count": "many"}, ["count", "many"], id="no number"),
        pytest.param({"text": "x", "count": 11}, ["count", "10"], id="too large"),
        pytest.param({"text": "x", "count": 1, "colour": "blue"}, ["colour", "red", "green"], id="no such choice"),
        pytest.param({"text": "x", "count": 1, "map": "{"}, ["map", "JSON"], id="no JSON"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_its_name_and_starts_nothing(
    daemon: Daemon, given: dict[str, object], words: list[str]
) -> None:
    before = len(daemon.executions("everything-typed"))
    parts = {name: (None, str(value)) for name, value in given.items()} | {"table": ("t.csv", b"")}
    refusal = daemon.call("POST", "/executions/company.team/everything-typed", files=parts, status=422)
    assert all(word in refusal["message"] for word in words), refusal
    assert len(daemon.executions("everything-typed")) == before


# Scripts.


def test_scripts_print_fail_give_outputs_and_leave_files(daemon: Daemon) -> None:
    execution = daemon.run("scripts")
    assert execution.state == "WARNING"
    assert set(daemon.logs(execution, "shell")) >= {"hello world", "careful"}
    assert execution.run_of("shell").outputs["exitCode"] == 3
    python = execution.run_of("python").outputs
    assert python["vars"] == {"length": 3}
    assert daemon.file(execution, python["outputFiles"]["made.json"]) == b"[1, 2, 3]"


# Retries and time limits.


@pytest.mark.parametrize("kind", ["constant", "exponential", "random"])
def test_each_try_of_a_retry_is_an_attempt(daemon: Daemon, kind: str) -> None:
    execution = daemon.run(f"retry-{kind}")
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.run_of("third-time-lucky").attempts == ["FAILED", "FAILED", "SUCCESS"]


def test_a_retry_ends_with_its_last_attempt(daemon: Daemon) -> None:
    execution = daemon.run("retry-in-vain")
    assert execution.state == "FAILED"
    assert execution.run_of("never").attempts == ["FAILED"] * 3
    assert all("No luck" in failure for failure in execution.run_of("never").failures)


def test_a_task_that_takes_too_long_fails_and_says_so(daemon: Daemon) -> None:
    execution = daemon.run("timeout")
    assert execution.state == "FAILED"
    assert "Timeout after" in " ".join(execution.run_of("too-long").failures), execution.run_of("too-long").json


# Kills.


def test_a_kill_ends_every_process_of_a_script_and_nothing_follows(daemon: Daemon, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    execution = daemon.start("family", {"file": told})
    wait_until(told.exists, what="the script to begin", seen=daemon.output)
    family = [int(pid) for pid in told.read_text().split()]
    assert all(map(is_alive, family))
    daemon.act(execution, "kill")
    killed = daemon.ended(execution)
    assert killed.state == "KILLED"
    assert killed.states[-2:] == ["KILLING", "KILLED"]
    assert killed.task_ids == ["parent"]
    wait_until(lambda: not any(map(is_alive, family)), what=f"processes {family} to be gone")


def test_an_execution_that_has_ended_cannot_be_killed(daemon: Daemon) -> None:
    refusal = daemon.act(daemon.run("retry-in-vain"), "kill", status=409)
    assert "FAILED" in refusal["message"]


# Concurrency.


def test_with_queue_the_second_waits_for_the_first(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "go"
    first = daemon.start("one-at-a-time-queue", {"file": file})
    second = daemon.start("one-at-a-time-queue", {"file": file})
    daemon.until_run(first, "wait", "RUNNING")
    assert daemon.until(second, "QUEUED").runs == []
    file.touch()
    assert daemon.ended(first).state == "SUCCESS"
    assert daemon.ended(second).states == ["CREATED", "QUEUED", "RUNNING", "SUCCESS"]


@pytest.mark.parametrize(("behaviour", "state"), [("cancel", "CANCELLED"), ("fail", "FAILED")])
def test_with_cancel_and_fail_the_second_never_begins(
    daemon: Daemon, tmp_path: Path, behaviour: str, state: str
) -> None:
    file = tmp_path / "go"
    first = daemon.start(f"one-at-a-time-{behaviour}", {"file": file})
    second = daemon.run(f"one-at-a-time-{behaviour}", {"file": file})
    assert (second.state, second.runs) == (state, [])
    file.touch()
    assert daemon.ended(first).state == "SUCCESS"


# Pause and resume, restart, replay.


def test_a_pause_lets_what_runs_end_and_begins_nothing_until_it_is_resumed(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "go"
    execution = daemon.start("two-steps", {"file": file})
    daemon.until_run(execution, "first", "RUNNING")
    daemon.act(execution, "pause")
    file.touch()
    paused = daemon.until_run(execution, "first", "SUCCESS")
    assert (paused.state, paused.task_ids) == ("PAUSED", ["first"])
    daemon.act(execution, "resume")
    ended = daemon.ended(execution)
    assert (ended.state, ended.task_ids) == ("SUCCESS", ["first", "second"])


def test_a_restart_goes_on_from_what_failed(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "missing"
    failed = daemon.run("needs-a-file", {"file": file})
    assert (failed.state, failed.task_ids) == ("FAILED", ["first", "second"])
    file.touch()
    daemon.act(failed, "restart")
    ended = daemon.until(failed, "SUCCESS")
    assert ended.id == failed.id
    assert len(ended.run_of("first").attempts) == 1
    assert daemon.logs(ended, "third") == [f"First said {ended.id}"]


def test_a_replay_from_a_task_keeps_what_came_before_it(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "there"
    file.touch()
    first = daemon.run("needs-a-file", {"file": file})
    replay = daemon.act(first, "replay", taskRunId=first.run_of("second").id)
    ended = daemon.ended(replay["id"])
    assert ended.id != first.id
    assert ended.json["originalId"] == first.id
    assert ended.state == "SUCCESS"
    assert daemon.logs(ended, "third") == [f"First said {first.id}"]


def test_a_replay_from_the_start_does_all_of_it_again(daemon: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "there"
    file.touch()
    first = daemon.run("needs-a-file", {"file": file})
    ended = daemon.ended(daemon.act(first, "replay")["id"])
    assert daemon.logs(ended, "third") == [f"First said {ended.id}"]


# Stops.


def test_what_runs_when_the_daemon_stops_is_taken_up_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "go"
    with running(tmp_path, flow_files("two-steps")) as daemon:
        execution = daemon.start("two-steps", {"file": file})
        daemon.until_run(execution, "first", "RUNNING")
        daemon.restart()
        file.touch()
        ended = daemon.ended(execution)
    assert ended.state == "SUCCESS"
    assert len(ended.run_of("first").attempts) == 2


def test_a_daemon_that_was_killed_leaves_no_script_behind_once_it_is_back(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    with running(tmp_path, flow_files("family")) as daemon:
        execution = daemon.start("family", {"file": told})
        wait_until(told.exists, what="the script to begin", seen=daemon.output)
        family = [int(pid) for pid in told.read_text().split()]
        daemon.kill_hard()
        daemon.start_process()
        wait_until(lambda: not any(map(is_alive, family)), what=f"processes {family} to be gone", seen=daemon.output)
        daemon.act(execution, "kill")
        assert daemon.ended(execution).state == "KILLED"
