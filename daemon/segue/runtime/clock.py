"""The clock and the dice. No other module of the daemon's process reads either; tests give their own clock."""

import random
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol

from segue.model.names import ExecutionId, execution_id


class Clock(Protocol):
    """Tells the time, aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Dice:
    """Chance: ids that nobody can guess, and delays."""

    def __init__(self, seed: int | None = None) -> None:
        # A seed is for tests, which want the same ids again.
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311
        # Nobody gains from guessing a delay, and the system's chance takes its time.
        self._fractions = random.Random(seed)  # noqa: S311

    def execution_id(self, at: datetime) -> ExecutionId:
        return execution_id(int(at.timestamp() * 1000), self._random.getrandbits(80))

    def fraction(self) -> float:
        """In [0, 1)."""
        return self._fractions.random()


def new_token() -> str:
    """Something nobody can guess, for names of instances and requests."""
    return secrets.token_hex(16)


def monotonic() -> float:
    return time.monotonic()
