"""Rates: how often something may be asked for, each by its key.

Each key has as many calls as may come in a minute; one that was used comes back in its share of the minute. A key whose
calls have all come back is forgotten, so that what is remembered is bounded by what is called.
"""

import math
from collections.abc import Hashable
from typing import Final

_MINUTE: Final = 60.0


class Rates:
    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        # When all calls of a key will have come back.
        self._full_at: dict[Hashable, float] = {}

    def seconds_to_wait(self, key: Hashable, at: float) -> int:
        """0: it may be called, and has been; else how long until it may, in whole seconds. `at` is by a clock that is
        never set, in seconds."""
        share = _MINUTE / self._a_minute
        full_at = max(self._full_at.get(key, at), at) + share
        if full_at - at > _MINUTE:
            return math.ceil(full_at - at - _MINUTE)
        self._full_at.pop(key, None)
        self._full_at[key] = full_at  # at the end: the first one was called longest ago
        self._forget(at)
        return 0

    def _forget(self, at: float) -> None:
        """At most one each time, so that a call costs what any other does."""
        oldest = next(iter(self._full_at))
        if self._full_at[oldest] <= at:
            del self._full_at[oldest]
