"""SIGTERM at random moments under load: the daemon goes in time, loses no result, and the next start continues."""

import random
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from tests.faults.chaos import loaded_daemon
from tests.faults.checks import look, until_quiet
from tests.faults.load import load_on
from tests.faults.test_kills import seed
from tests.support.daemon import STOP_SECONDS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

STOPS: Final = 5
RUN_SECONDS_MAX: Final = 0.5


def test_stops_at_random_moments_are_in_time_and_lose_nothing(tmp_path: Path) -> None:
    number = seed()
    print(f"seed {number}")
    dice = random.Random(number)
    with loaded_daemon(tmp_path, ticks=False) as (daemon, marks):
        daemon.start_process()
        with load_on(daemon.url, number, clients=1) as load:
            for _ in range(STOPS):
                time.sleep(dice.uniform(0, RUN_SECONDS_MAX))
                daemon.restart()  # within 5 s, with exit code 0, and no process left behind
        until_quiet(daemon)
        aftermath = look(daemon, load.started, marks)
    assert not load.bugs, load.bugs[:5]
    assert not aftermath.faults, "\n".join([f"seed {number}", *aftermath.faults[:10]])


def test_a_stop_while_the_daemon_still_starts_is_in_time(tmp_path: Path) -> None:
    dice = random.Random(1)
    with loaded_daemon(tmp_path, ticks=False) as (daemon, _):
        daemon.start_process()
        execution = daemon.start("slow")
        daemon.kill_hard()
        for _ in range(4):
            process = daemon.start_process(wait=False).process
            assert process is not None
            time.sleep(dice.uniform(0.02, 0.2))  # it takes so long from its first step to its first request
            process.terminate()
            # The signal itself ends it before it has begun with anything that wants an end.
            assert process.wait(STOP_SECONDS) in {0, -signal.SIGTERM}
        daemon.start_process()
        assert daemon.ended(execution).state == "SUCCESS"
