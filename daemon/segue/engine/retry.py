"""Retry: when the next attempt is due, if there is to be one."""

from datetime import datetime, timedelta
from typing import Final, assert_never

from segue.engine.limits import DELAY_MAX, RESUBMITS_MAX
from segue.model.execution import Attempt
from segue.model.task import Retry, RetryKind

WORKER_LOST: Final = "worker-lost"


def next_attempt_at(retry: Retry, attempts: list[Attempt], *, at: datetime, chance: float) -> datetime | None:
    """The date of the next attempt when the last one failed `at`; None if there is none. `chance` is in [0, 1)."""
    number = counted(attempts)
    if retry.attempts_max is not None and number >= retry.attempts_max:
        return None
    due = at + delay(retry, number, chance)
    first = attempts[0].history[0].at if attempts else at
    if retry.duration_max is not None and due > first + min(retry.duration_max, DELAY_MAX):
        return None
    return due


def counted(attempts: list[Attempt]) -> int:
    """The attempts that count against a policy. Those whose worker was lost say nothing about the task; but no more of
    them are passed over than are resubmitted, so that a task that ends its worker each time comes to its end."""
    lost = sum(attempt.failure is not None and attempt.failure.kind == WORKER_LOST for attempt in attempts)
    return len(attempts) - min(lost, RESUBMITS_MAX)


def delay(retry: Retry, number: int, chance: float) -> timedelta:
    """The wait after failed attempt `number` (from 1)."""
    match retry.kind:
        case RetryKind.CONSTANT:
            wait = retry.interval
        case RetryKind.EXPONENTIAL:
            wait = _exponential(retry, number)
        case RetryKind.RANDOM:
            span = (retry.interval_max or retry.interval_min) - retry.interval_min
            wait = retry.interval_min + span * min(max(chance, 0.0), 1.0)
        case _:
            assert_never(retry.kind)
    return min(max(wait, timedelta(0)), DELAY_MAX)


def _exponential(retry: Retry, number: int) -> timedelta:
    """As documented: interval * factor ^ (number - 1). Growth beyond all dates is the longest delay."""
    try:
        wait = retry.interval * retry.factor ** (max(number, 1) - 1)
    except (OverflowError, ValueError):
        wait = DELAY_MAX
    return wait if retry.interval_max is None else min(wait, retry.interval_max)
