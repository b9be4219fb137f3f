"""How the runs of one task are doing, put together: in a loop there are as many as it has values."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from segue.model.state import State
from segue.web.pages.words import count

# What one wants to know of first: what still moves, then what went wrong.
_TELLING: Final = (
    State.RUNNING,
    State.KILLING,
    State.RETRYING,
    State.BREAKPOINT,
    State.PAUSED,
    State.RESTARTED,
    State.CREATED,
    State.QUEUED,
    State.FAILED,
    State.KILLED,
    State.CANCELLED,
    State.WARNING,
    State.SUCCESS,
    State.RETRIED,
    State.SKIPPED,
)


class Share(Struct, frozen=True):
    """A stretch of a bar of length 1."""

    state: State
    x: float
    width: float


class TaskStates(Struct, frozen=True):
    counts: Mapping[State, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def state(self) -> State:
        """The one that tells most."""
        return next(state for state in _TELLING if self.counts.get(state))

    @property
    def words(self) -> str:
        """`Success`, or `18 running, 2 failed, 480 success`."""
        if self.total == 1:
            return self.state.capitalize()
        told = [(state, self.counts[state]) for state in _TELLING if self.counts.get(state)]
        return ", ".join(f"{count(number)} {state.lower()}" for state, number in told)

    @property
    def shares(self) -> tuple[Share, ...]:
        """What has ended stands left, as in any bar of progress."""
        shares, x = [], 0.0
        for state in reversed(_TELLING):
            if self.counts.get(state):
                width = self.counts[state] / self.total
                shares.append(Share(state, x, width))
                x += width
        return tuple(shares)


def task_states_of(counted: Mapping[str, Mapping[State, int]]) -> dict[str, TaskStates]:
    return {task_id: TaskStates(counts) for task_id, counts in counted.items()}
