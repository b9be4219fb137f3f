"""What a start after a kill takes up, one thing at a time."""

from pathlib import Path

import pytest

from tests.support.daemon import running
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

QUEUED = """\
id: queued
namespace: company.team
concurrency: {limit: 1, behavior: QUEUE}
inputs:
  - {id: seconds, type: STRING, defaults: "0"}
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: sleep {{ inputs.seconds }}
"""
STUBBORN = """\
id: stubborn
namespace: company.team
tasks:
  - id: work
    type: scripts.shell.Script
    taskRunner: {type: core.runner.Process}
    script: |
      echo "begin $SEGUE_ATTEMPT $$" >> MARKS
      test "$SEGUE_ATTEMPT" -ge 2 && exit 0
      trap '' TERM HUP
      while true; do sleep 0.1; echo "alive $SEGUE_ATTEMPT $$" >> MARKS; done
"""


def test_who_waits_for_a_slot_gets_it_when_its_holder_was_lost(tmp_path: Path) -> None:
    files = {"flows/company.team/queued.yaml": QUEUED}
    with running(tmp_path, files, environment={"SEGUE_WORKER_LOST": "fail"}) as daemon:
        holder = daemon.start("queued", {"seconds": "60"})
        daemon.until_run(holder, "work", "RUNNING")
        waiting = [daemon.start("queued") for _ in range(3)]
        assert {daemon.execution(each).state for each in waiting} == {"QUEUED"}
        daemon.kill_hard()
        daemon.start_process()
        assert daemon.ended(holder).state == "FAILED"
        assert [daemon.ended(each).state for each in waiting] == ["SUCCESS"] * 3


def test_who_waits_for_a_slot_goes_when_the_limit_is_lifted_meanwhile(tmp_path: Path) -> None:
    path = "flows/company.team/queued.yaml"
    with running(tmp_path, {path: QUEUED}) as daemon:
        holder = daemon.start("queued", {"seconds": "60"})
        daemon.until_run(holder, "work", "RUNNING")
        waiting = daemon.start("queued")
        daemon.kill_hard()
        daemon.repository.commit({path: QUEUED.replace("concurrency: {limit: 1, behavior: QUEUE}\n", "")})
        daemon.start_process()
        assert daemon.ended(waiting).state == "SUCCESS"
        daemon.act(holder, "kill", status=200)
        assert daemon.ended(holder).state == "KILLED"


def test_a_script_that_survives_two_daemons_is_ended_before_its_attempt_is_tried_again(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    files = {"flows/company.team/stubborn.yaml": STUBBORN.replace("MARKS", str(marks))}
    with running(tmp_path, files) as daemon:
        execution = daemon.start("stubborn")
        wait_until(lambda: marks.exists() and "alive" in marks.read_text(), what="the script to run")
        for _ in range(2):
            daemon.kill_hard()
            daemon.start_process()  # and is killed again before the script's time is over
        ended = daemon.ended(execution)
        assert ended.state == "SUCCESS"
        run = ended.run_of("work")
        assert run.attempts == ["FAILED", "SUCCESS"]
        lines = [line.split() for line in marks.read_text().splitlines()]
        assert lines[-1][:2] == ["begin", "2"], "the first attempt went on beside the second"
