"""Waiting for a condition, with a deadline that says what was seen. The only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_SECONDS = 0.01


def wait_until(
    look: Callable[[], T | None],
    *,
    what: str,
    seconds: float = 60,
    seen: Callable[[], object] | None = None,
) -> T:
    """What `look` gives as soon as it is truthy. Fails with `what` was waited for and what `seen` (or the last
    look) shows."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s for {what}; saw: {seen() if seen else found!r}")
        time.sleep(_PAUSE_SECONDS)
