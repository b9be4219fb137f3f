"""The daemon, or its workers, killed at random moments under load. The seed is printed; give it again to repeat a run
(`SEGUE_FAULT_SEED`). `python -m tests.faults` is the long version."""

import os
import time
from pathlib import Path

import pytest

from tests.faults.chaos import Outcome, kill_daemon, kill_workers, loaded_daemon

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]


def seed() -> int:
    return int(os.environ.get("SEGUE_FAULT_SEED") or time.time_ns() % 1_000_000)


def expect_well(outcome: Outcome) -> None:
    print(*(f"{name}: {figure}" for name, figure in outcome.rows()), sep="\n")
    assert not outcome.all_faults, "\n".join([f"seed {outcome.seed}", *outcome.all_faults[:10]])


def test_fifty_kills_of_the_daemon_lose_nothing_and_leave_nothing_hanging(tmp_path: Path) -> None:
    with loaded_daemon(tmp_path) as (daemon, marks):
        outcome = kill_daemon(daemon, marks, kills=50, seed=seed())
    expect_well(outcome)


@pytest.mark.parametrize("policy", ["resubmit", "fail"])
def test_killed_workers_are_attempts_that_everybody_sees(tmp_path: Path, policy: str) -> None:
    with loaded_daemon(tmp_path, ticks=False, SEGUE_WORKER_LOST=policy) as (daemon, marks):
        outcome = kill_workers(daemon, marks, kills=20, seed=seed(), policy_fails=policy == "fail")
    expect_well(outcome)
    assert outcome.aftermath is not None
    assert outcome.aftermath.lost_attempts > 0
