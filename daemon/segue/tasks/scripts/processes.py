"""Processes as Linux shows them under /proc: whose child, of which session and group, since when; and ending them."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.02
_POLL_SECONDS_MAX: Final = 0.2
_STUBBORN_SECONDS: Final = 5.0
_ENVIRONMENT_BYTES_MAX: Final = 1 << 20
# The kernel's flag for a process that is on its way out: none of its program runs any more.
_EXITING: Final = 0x4


class ProcessFacts(Struct, frozen=True):
    """`start_time` is in clock ticks since boot: with the id it names a process for certain. `has_ended`: it is only
    there to be reaped, or the kernel is putting it away."""

    pid: int
    has_ended: bool
    parent: int
    group: int
    session: int
    start_time: int


def facts_of(pid: int) -> ProcessFacts | None:
    """None: there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold spaces and parentheses itself.
    fields = text[text.rindex(")") + 2 :].split()
    return ProcessFacts(
        pid=pid,
        has_ended=fields[0] in "ZX" or bool(int(fields[6]) & _EXITING),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start_time=int(fields[19]),
    )


def all_processes() -> Iterator[ProcessFacts]:
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (facts := facts_of(int(entry.name))) is not None:
            yield facts


def environment_of(pid: int) -> frozenset[bytes]:
    """Its environment's `NAME=value` entries as it was started with; empty where that may not be read."""
    try:
        with (PROC / str(pid) / "environ").open("rb") as file:
            return frozenset(file.read(_ENVIRONMENT_BYTES_MAX).split(b"\0"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return frozenset()


def descendants(ancestor: int) -> list[ProcessFacts]:
    """Children, their children and so on, those that have ended left out."""
    children: dict[int, list[ProcessFacts]] = {}
    for facts in all_processes():
        children.setdefault(facts.parent, []).append(facts)
    found: list[ProcessFacts] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += [facts for facts in below if not facts.has_ended]
        waiting += [facts.pid for facts in below]
    return found


def is_running(facts: ProcessFacts) -> bool:
    now = facts_of(facts.pid)
    return now is not None and now.start_time == facts.start_time and not now.has_ended


def send(found: Collection[ProcessFacts], number: signal.Signals) -> None:
    """To each that is still the process that was found."""
    for facts in found:
        if is_running(facts):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(facts.pid, number)


def end(find: Callable[[], Collection[ProcessFacts]], grace_seconds: float) -> int:
    """SIGTERM to what `find` finds, SIGKILL to what is there after the grace time, until nothing is found.
    How many there were."""
    ended: set[tuple[int, int]] = set()
    pause = _POLL_SECONDS
    until = time.monotonic() + grace_seconds
    while found := find():
        fresh = [facts for facts in found if (facts.pid, facts.start_time) not in ended]
        is_late = time.monotonic() >= until
        send(found if is_late else fresh, signal.SIGKILL if is_late else signal.SIGTERM)
        ended |= {(facts.pid, facts.start_time) for facts in found}
        if time.monotonic() > until + grace_seconds + _STUBBORN_SECONDS:
            break  # in uninterruptible sleep: the kernel ends it when it wakes
        time.sleep(pause)
        pause = min(2 * pause, _POLL_SECONDS_MAX)
    return len(ended)
