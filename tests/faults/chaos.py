"""Killing the daemon: at random moments under load, started again at once, over and over. And killing its workers."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from segue.tasks.scripts.processes import ProcessFacts, facts_of, is_running

from tests.faults import flows
from tests.faults.checks import Aftermath, look, until_quiet
from tests.faults.load import Load, load_on
from tests.support.daemon import Daemon, marked_processes
from tests.support.repositories import Repository
from tests.support.waiting import wait_until

RUN_SECONDS_MAX: Final = 0.6  # from being ready to the kill, at most
EARLY_SHARE: Final = 0.25  # so many kills come while the daemon still starts
EARLY_SECONDS_MAX: Final = 0.5
SURVIVAL_SECONDS_MAX: Final = 6.0  # the grace of a script that will not go, and a little
WORKER_PAUSE_SECONDS_MAX: Final = 0.12


@dataclass(slots=True)
class Outcome:
    """What a run of faults came to."""

    seed: int
    kills: int
    load: Load = field(default_factory=Load)
    recoveries: list[float] = field(default_factory=list)  # seconds from start to ready
    aftermath: Aftermath | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def all_faults(self) -> list[str]:
        found = self.aftermath.faults if self.aftermath else ("there was no look at the aftermath",)
        return [*self.faults, *self.load.bugs, *found]

    def rows(self) -> list[tuple[str, str]]:
        """Name and figure, for people."""
        after = self.aftermath
        rows = [
            ("seed", str(self.seed)),
            ("kills", str(self.kills)),
            ("executions acknowledged", str(len(self.load.started))),
            ("executions in all", str(after.executions if after else "?")),
            ("refused with 503", str(self.load.refused[503])),
            ("calls cut off", str(self.load.broken)),
            ("attempts lost and shown so", str(after.lost_attempts if after else "?")),
            ("executions that gave up", str(after.gave_up if after else "?")),
            ("slots of the schedule", str(after.ticks if after else "?")),
        ]
        if self.recoveries:
            ordered = sorted(self.recoveries)
            rows.append(("start to ready, median", f"{ordered[len(ordered) // 2]:.2f} s"))
            rows.append(("start to ready, slowest", f"{ordered[-1]:.2f} s"))
        return [*rows, ("faults", str(len(self.all_faults)))]


@contextmanager
def loaded_daemon(
    folder: Path, *, ticks: bool = True, data: Path | None = None, **environment: str
) -> Iterator[tuple[Daemon, Path]]:
    """A daemon, not yet started, that follows the flows of the load, and the file where their scripts leave marks.
    What still runs in the end is stopped, in time and in order."""
    marks = folder / "marks"
    repository = Repository(folder / "repository")
    repository.commit(flows.files(marks, ticks=ticks))
    daemon = Daemon(repository, folder, environment=environment)
    daemon.data = data or daemon.data
    try:
        yield daemon, marks
        if daemon.is_running:
            daemon.stop()
    finally:
        daemon.discard()
        daemon.http.close()


def kill_daemon(
    daemon: Daemon, marks: Path, *, kills: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Kill it so often, then let it finish and look at what is there."""
    dice, outcome = random.Random(seed), Outcome(seed, kills)
    daemon.start_process()
    with load_on(daemon.url, seed) as outcome.load:
        for number in range(kills):
            if daemon.is_running and dice.random() < EARLY_SHARE and number:
                time.sleep(dice.uniform(0, EARLY_SECONDS_MAX))
            else:
                _until_ready(daemon, outcome)
                time.sleep(dice.uniform(0, RUN_SECONDS_MAX))
            daemon.kill_hard()
            left = _facts(marked_processes(daemon.instance))
            started = time.monotonic()
            daemon.start_process(wait=False)
            outcome.recoveries.append(-started)
            if number % 10 == 0:  # looking takes time in which the daemon is not killed
                _until_ready(daemon, outcome)
                _expect_gone(left, outcome)
            if number % 50 == 49:
                say(f"{number + 1} kills, {len(outcome.load.started)} acknowledged")
        _until_ready(daemon, outcome)
    outcome.recoveries = [seconds for seconds in outcome.recoveries if seconds > 0]
    return _finish(daemon, marks, outcome)


def kill_workers(daemon: Daemon, marks: Path, *, kills: int, seed: int, policy_fails: bool = False) -> Outcome:
    """Kill random workers of a daemon that goes on."""
    dice, outcome = random.Random(seed), Outcome(seed, kills)
    daemon.start_process()
    with load_on(daemon.url, seed) as outcome.load:
        killed = 0
        while killed < kills:
            time.sleep(dice.uniform(0, WORKER_PAUSE_SECONDS_MAX))
            workers = workers_of(daemon)
            if workers:
                os.kill(dice.choice(workers).pid, signal.SIGKILL)
                killed += 1
    return _finish(daemon, marks, outcome, policy_fails=policy_fails)


def workers_of(daemon: Daemon) -> list[ProcessFacts]:
    """Living workers, as the database names them and the kernel confirms: children of a child of this daemon."""
    connection = sqlite3.connect(f"file:{daemon.data / 'segue.db'}?mode=ro", uri=True, timeout=10)
    try:
        recorded = connection.execute("SELECT pid, started FROM processes").fetchall()
    finally:
        connection.close()
    found = []
    for pid, start_time in recorded:
        facts = facts_of(pid)
        parent = facts_of(facts.parent) if facts is not None else None
        if facts is None or parent is None or facts.start_time != start_time or parent.parent != daemon.pid:
            continue
        if not facts.has_ended:
            found.append(facts)
    return found


def _finish(daemon: Daemon, marks: Path, outcome: Outcome, *, policy_fails: bool = False) -> Outcome:
    """Take the schedule away, so that there is an end, and look."""
    ticking = flows.path_of(flows.TICKING)
    if (daemon.repository.path / ticking).exists():
        daemon.repository.remove([ticking])
        daemon.sync()
    until_quiet(daemon)
    outcome.aftermath = look(daemon, outcome.load.started, marks, policy_fails=policy_fails)
    return outcome


def _until_ready(daemon: Daemon, outcome: Outcome) -> None:
    daemon.wait_ready()
    if outcome.recoveries and outcome.recoveries[-1] < 0:
        outcome.recoveries[-1] += time.monotonic()


def _facts(pids: list[int]) -> list[ProcessFacts]:
    return [facts for pid in pids if (facts := facts_of(pid)) is not None]


def _expect_gone(left: list[ProcessFacts], outcome: Outcome) -> None:
    try:
        wait_until(
            lambda: not [each for each in left if is_running(each)],
            what="processes of the killed daemon to end",
            seconds=SURVIVAL_SECONDS_MAX,
        )
    except AssertionError:
        outcome.faults.append(f"survivors of a killed daemon: {[each.pid for each in left if is_running(each)]}")
