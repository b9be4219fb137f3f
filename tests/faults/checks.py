"""What has to hold after any fault: nothing acknowledged is lost, nothing hangs, nothing ran unannounced."""

import itertools
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from segue.engine.limits import RESUBMITS_MAX

from tests.faults.flows import LISTENER, MARKED, QUEUED, STARTED, TICKING
from tests.support.client import FINAL, NAMESPACE, ShownExecution
from tests.support.daemon import Daemon
from tests.support.waiting import wait_until

_QUIET_SECONDS: Final = 60.0
_PAGE_SIZE: Final = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that a script wrote by itself."""

    kind: str
    execution_id: str
    task_run_id: str
    attempt: int
    at: int


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What was found; `faults` is empty when all is well."""

    executions: int
    lost_attempts: int
    gave_up: int
    ticks: int
    faults: tuple[str, ...]


def until_quiet(daemon: Daemon, seconds: float = _QUIET_SECONDS) -> None:
    """Until no execution is live any more."""
    wait_until(
        lambda: not live(daemon),
        what="all executions to end",
        seconds=seconds,
        seen=lambda: f"{[shown(daemon, each) for each in live(daemon)[:3]]}\n{daemon.output()}",
    )


def look(daemon: Daemon, started: Mapping[str, str], marks: Path, *, policy_fails: bool = False) -> Aftermath:
    """Check everything. With `policy_fails` an execution may fail of a lost worker at once."""
    everything = {each: shown(daemon, each) for each in all_ids(daemon)}
    seen = read_marks(marks)
    allowed = 1 if policy_fails else RESUBMITS_MAX + 1
    faults = [
        *_integrity(daemon),
        *_acknowledged(everything, started, allowed),
        *_side_effects(everything, seen),
        *_ticks(everything),
        *_listeners(everything),
        *_limits(seen, {each.id for each in everything.values() if each.json["flowId"] == QUEUED}),
    ]
    lost = {each.id: lost_attempts(each) for each in everything.values()}
    return Aftermath(
        executions=len(everything),
        lost_attempts=sum(sum(runs) for runs in lost.values()),
        gave_up=sum(max(runs, default=0) >= allowed for runs in lost.values()),
        ticks=sum(each.json["flowId"] == TICKING for each in everything.values()),
        faults=tuple(faults),
    )


# Reading.


def live(daemon: Daemon) -> list[str]:
    return [row[0] for row in _rows(daemon, "SELECT id FROM executions WHERE is_live = 1")]


def all_ids(daemon: Daemon) -> list[str]:
    return [row[0] for row in _rows(daemon, "SELECT id FROM executions ORDER BY id")]


def shown(daemon: Daemon, execution_id: str) -> ShownExecution:
    return ShownExecution(daemon.get(f"/executions/{execution_id}"))


def read_marks(path: Path) -> list[Mark]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        Mark(kind, execution, run, int(attempt), int(at)) for kind, execution, run, attempt, at in map(_words, lines)
    ]


def lost_attempts(execution: ShownExecution) -> list[int]:
    """Of each task run, how many attempts were lost with their worker or the daemon."""
    return [
        sum(attempt.get("failure", {}).get("kind") == "worker-lost" for attempt in run.json["attempts"])
        for run in execution.runs
    ]


def _words(line: str) -> list[str]:
    return line.split()


def _rows(daemon: Daemon, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{daemon.data / 'segue.db'}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


# Judging.


def _integrity(daemon: Daemon) -> Iterable[str]:
    said = _rows(daemon, "PRAGMA quick_check")
    if said != [("ok",)]:
        yield f"the database is damaged: {said}"
    if orphans := _rows(daemon, "PRAGMA foreign_key_check"):
        yield f"rows that belong to nothing: {orphans[:5]}"
    wrong = _rows(
        daemon,
        "SELECT namespace, flow_id, state, number FROM execution_counts WHERE number <> (SELECT count(*) FROM executions e"
        " WHERE (e.is_loop, e.namespace, e.flow_id, e.state)"
        " = (execution_counts.is_loop, execution_counts.namespace, execution_counts.flow_id, execution_counts.state))",
    )
    if wrong:
        yield f"counts that are wrong: {wrong}"


def _acknowledged(
    everything: Mapping[str, ShownExecution], started: Mapping[str, str], lost_allowed: int
) -> Iterable[str]:
    for execution_id, flow in started.items():
        if execution_id not in everything:
            yield f"{flow} {execution_id} was acknowledged and is gone"
    iterations = _iterations(everything)
    for execution in everything.values():
        flow = str(execution.json["flowId"])
        if execution.state not in FINAL:
            yield f"{flow} {execution.id} hangs in {execution.state}"
        if open_runs := [run.id for run in execution.runs if run.state not in FINAL]:
            yield f"{flow} {execution.id} is {execution.state} and has open task runs {open_runs}"
        wanted = STARTED[flow].state if flow in STARTED else "SUCCESS"
        gave_up = any(_gave_up(each, lost_allowed) for each in (execution, *iterations[execution.id]))
        if execution.state != wanted and not (gave_up and execution.state == "FAILED"):
            yield f"{flow} {execution.id} ended in {execution.state}, not {wanted}: {_failures(execution)}"


def _iterations(everything: Mapping[str, ShownExecution]) -> Mapping[str, list[ShownExecution]]:
    """Of the Loops of an execution: each ends as they do."""
    found: defaultdict[str, list[ShownExecution]] = defaultdict(list)
    for execution in everything.values():
        loop = execution.json.get("loopRun")
        if loop:
            found[loop["taskRunId"].partition("-")[0]].append(execution)
    return found


def _gave_up(execution: ShownExecution, lost_allowed: int) -> bool:
    """Its attempts were lost too often; or, where one loss is enough, a worker that did something for a flowable."""
    errand_lost = lost_allowed == 1 and any("was killed by signal" in each for each in _failures(execution))
    return errand_lost or max(lost_attempts(execution), default=0) >= lost_allowed


def _failures(execution: ShownExecution) -> list[str]:
    return [f"{run.task_id}: {sentence}" for run in execution.runs for sentence in run.failures]


def _side_effects(everything: Mapping[str, ShownExecution], marks: Iterable[Mark]) -> Iterable[str]:
    """Each run of a script is an attempt in the list, and an attempt ran at most once."""
    begun: Counter[tuple[str, int]] = Counter()
    ended: Counter[tuple[str, int]] = Counter()
    for mark in marks:
        (begun if mark.kind == "begin" else ended)[mark.task_run_id, mark.attempt] += 1
        if mark.execution_id not in everything:
            yield f"a script of {mark.execution_id} ran, which does not exist"
    attempts = {
        (run.id, number): state
        for execution in everything.values()
        for run in execution.runs
        if run.task_id == "work"
        for number, state in enumerate(run.attempts, 1)
    }
    for key, times in (begun | ended).items():
        if times > 1:
            yield f"attempt {key} ran {times} times"
        if key not in attempts:
            yield f"attempt {key} ran and is in no list"
    for key, state in attempts.items():
        if state == "SUCCESS" and not (begun[key] and ended[key]):
            yield f"attempt {key} is SUCCESS and did not run to its end"


def _ticks(everything: Mapping[str, ShownExecution]) -> Iterable[str]:
    """Each second from the first to the last once."""
    dates = Counter(
        str(each.trigger["date"])
        for each in everything.values()
        if (each.json["namespace"], each.json["flowId"]) == (NAMESPACE, TICKING)
    )
    for date, times in dates.items():
        if times > 1:
            yield f"the schedule fired {times} times for {date}"
    moments = sorted(datetime.fromisoformat(date) for date in dates)
    for before, after in itertools.pairwise(moments):
        if after - before > timedelta(seconds=1):
            yield f"the schedule did not fire between {before} and {after}"


def _listeners(everything: Mapping[str, ShownExecution]) -> Iterable[str]:
    """Each end of the flow that is listened to started the listener once."""
    heard = Counter(str(each.trigger["executionId"]) for each in everything.values() if each.json["flowId"] == LISTENER)
    ends = {each.id for each in everything.values() if each.json["flowId"] == MARKED and each.is_final}
    for execution_id in ends | heard.keys():
        if heard[execution_id] != 1:
            yield f"the end of {execution_id} was heard {heard[execution_id]} times"


def _limits(marks: Iterable[Mark], queued: set[str]) -> Iterable[str]:
    """Of the flow with a limit of one, no two executions worked at once. A run that was cut off has no end to go by."""
    spans: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for mark in marks:
        if mark.execution_id in queued:
            spans[mark.task_run_id, mark.attempt][mark.kind] = mark.at
    whole = sorted((span["begin"], span["end"], key) for key, span in spans.items() if len(span) == 2)
    for before, after in itertools.pairwise(whole):
        if after[0] < before[1]:
            yield f"{before[2]} and {after[2]} worked at the same time"
