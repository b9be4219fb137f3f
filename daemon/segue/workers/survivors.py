"""Ending what a daemon that was killed left running: its workers, and every process of their scripts.

Workers are known by process id and start time; scripts by their session, and by the variable that every process of a
data folder has in its environment (so that one which made a session of its own is found too).
"""

import os
from collections.abc import Collection
from typing import Final

from segue.tasks.scripts import processes
from segue.tasks.scripts.processes import ProcessFacts
from segue.workers.settings import INSTANCE_VARIABLE

GRACE_SECONDS: Final = 5.0


def end_survivors(instance: str, workers: Collection[tuple[int, int]], grace_seconds: float = GRACE_SECONDS) -> int:
    """How many processes were ended. `workers` are (process id, start time) as they were recorded."""
    return processes.end(lambda: survivors(instance, workers), grace_seconds)


def survivors(instance: str, workers: Collection[tuple[int, int]]) -> list[ProcessFacts]:
    """Never this process, nor any of those it stems from."""
    spared = _self_and_ancestors()
    sessions = {pid for pid, start_time in workers if _is_session_of(pid, start_time)}
    mark = f"{INSTANCE_VARIABLE}={instance}".encode()
    return [
        facts
        for facts in processes.all_processes()
        if facts.pid not in spared
        and not facts.has_ended
        and (facts.session in sessions or mark in processes.environment_of(facts.pid))
    ]


def end_attempt(session: int, instance: str, task_run_id: str | None, attempt: int) -> int:
    """Ends at once what a worker that died has left of its session and of the attempt it worked on."""
    return processes.end(lambda: _of_attempt(session, instance, task_run_id, attempt), 0.0)


def _of_attempt(session: int, instance: str, task_run_id: str | None, attempt: int) -> list[ProcessFacts]:
    marks = {
        f"{INSTANCE_VARIABLE}={instance}".encode(),
        f"SEGUE_TASK_RUN_ID={task_run_id}".encode(),
        f"SEGUE_ATTEMPT={attempt}".encode(),
    }
    return [
        facts
        for facts in processes.all_processes()
        if not facts.has_ended
        and facts.pid != os.getpid()
        and (facts.session == session or (task_run_id and marks <= processes.environment_of(facts.pid)))
    ]


def _is_session_of(pid: int, start_time: int) -> bool:
    """Is the session still that of the worker: its leader lives, or has ended and nobody else took the id."""
    leader = processes.facts_of(pid)
    return leader is None or leader.start_time == start_time


def _self_and_ancestors() -> set[int]:
    spared = {os.getpid()}
    facts = processes.facts_of(os.getpid())
    while facts is not None and facts.parent and facts.parent not in spared:
        spared.add(facts.parent)
        facts = processes.facts_of(facts.parent)
    return spared
