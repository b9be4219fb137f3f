"""States of executions, task runs and attempts: Kestra's words, and the tables of moves that are allowed.

A state's questions are properties here, never lists repeated where they are asked. `evolve` asserts every move
against the tables: a move that is not in them is our bug.
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where an execution, a task run or an attempt is."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"  # waits for a place under the flow's concurrency limit
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    BREAKPOINT = "BREAKPOINT"  # stands still before it starts, for somebody to look
    RESTARTED = "RESTARTED"  # set going again by hand, nothing runs yet
    RETRYING = "RETRYING"  # an attempt failed, the next one waits for its time
    KILLING = "KILLING"  # the kill is decided, what runs has not ended yet
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    KILLED = "KILLED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"  # task runs only: `runIf` was false
    RETRIED = "RETRIED"  # executions only: superseded by a new one

    @property
    def is_final(self) -> bool:
        """No further move but by hand (restart, change of status)."""
        return self in FINAL

    @property
    def is_failed(self) -> bool:
        return self is State.FAILED

    @property
    def is_success(self) -> bool:
        """Ended, and what follows may go on."""
        return self in {State.SUCCESS, State.WARNING, State.SKIPPED}

    @property
    def holds_slot(self) -> bool:
        """Counts against a concurrency limit: a paused execution keeps its place."""
        return self in HOLDS_SLOT


FINAL: Final = frozenset(
    {
        State.SUCCESS,
        State.WARNING,
        State.FAILED,
        State.KILLED,
        State.CANCELLED,
        State.SKIPPED,
        State.RETRIED,
    }
)
HOLDS_SLOT: Final = frozenset(
    {State.RUNNING, State.PAUSED, State.BREAKPOINT, State.RETRYING, State.RESTARTED, State.KILLING}
)

_ENDS: Final = frozenset({State.SUCCESS, State.WARNING, State.FAILED, State.KILLED, State.CANCELLED})
# What a person may do to something that has ended: restart it, or give it another end.
_BY_HAND: Final = _ENDS | {State.RESTARTED, State.RUNNING}

EXECUTION_MOVES: Final[dict[State, frozenset[State]]] = {
    State.CREATED: _ENDS | {State.QUEUED, State.RUNNING, State.KILLING, State.PAUSED},
    State.QUEUED: _ENDS | {State.RUNNING, State.KILLING, State.CREATED},
    State.RUNNING: _ENDS
    | {State.PAUSED, State.BREAKPOINT, State.RETRYING, State.RETRIED, State.KILLING, State.RESTARTED},
    State.PAUSED: _ENDS | {State.RUNNING, State.BREAKPOINT, State.RETRYING, State.RESTARTED, State.KILLING},
    State.BREAKPOINT: _ENDS | {State.RUNNING, State.PAUSED, State.RETRYING, State.KILLING},
    State.RESTARTED: _ENDS | {State.RUNNING, State.PAUSED, State.KILLING, State.QUEUED, State.RETRYING},
    State.RETRYING: _ENDS
    | {State.RUNNING, State.RETRIED, State.KILLING, State.PAUSED, State.BREAKPOINT, State.RESTARTED},
    State.KILLING: frozenset({State.KILLED}),
    State.SUCCESS: _BY_HAND,
    State.WARNING: _BY_HAND,
    State.FAILED: _BY_HAND | {State.RETRIED},
    State.KILLED: _BY_HAND,
    State.CANCELLED: _BY_HAND,
    State.RETRIED: _BY_HAND,
}

TASK_RUN_MOVES: Final[dict[State, frozenset[State]]] = {
    State.CREATED: _ENDS
    | {State.RUNNING, State.SKIPPED, State.KILLING, State.PAUSED, State.BREAKPOINT, State.RETRYING},
    State.RUNNING: _ENDS | {State.PAUSED, State.RETRYING, State.KILLING, State.CREATED, State.SKIPPED},
    State.PAUSED: _ENDS | {State.RUNNING, State.KILLING, State.RESTARTED},
    State.BREAKPOINT: _ENDS | {State.CREATED, State.KILLING},
    State.RETRYING: _ENDS | {State.CREATED, State.RUNNING, State.KILLING},
    State.RESTARTED: _ENDS
    | {State.RUNNING, State.KILLING, State.CREATED, State.SKIPPED, State.PAUSED, State.BREAKPOINT},
    State.KILLING: frozenset({State.KILLED}),
    State.SUCCESS: _BY_HAND,
    State.WARNING: _BY_HAND,
    State.FAILED: _BY_HAND,
    State.KILLED: _BY_HAND,
    State.CANCELLED: _BY_HAND,
    State.SKIPPED: _BY_HAND,
}
