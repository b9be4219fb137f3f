"""Standing: whether an execution goes on by itself, and the state that shows what it waits for.

RUNNING, RETRYING, BREAKPOINT and PAUSED follow from its task runs: work is open, or attempts wait for their time, or
nothing is left but breakpoints or pauses. A person's pause is something else: nothing new begins until it is lifted.
"""

from datetime import datetime
from typing import Final

from segue.engine.notes import HELD
from segue.model.change import Change, ExecutionMoved
from segue.model.execution import Execution
from segue.model.state import State

_SHOWN: Final = frozenset({State.RUNNING, State.RETRYING, State.BREAKPOINT, State.PAUSED})
_WAITING: Final = frozenset({State.CREATED, State.QUEUED, State.RESTARTED})


def is_held(execution: Execution) -> bool:
    return execution.state is State.PAUSED and HELD in execution.progress.notes


def stands_still(execution: Execution) -> bool:
    """It waits to be let go: nothing that could follow from its state is done."""
    return execution.state in _WAITING or is_held(execution)


def can_settle(execution: Execution) -> bool:
    """Is there something that goes on by itself."""
    return bool(execution.unsettled) and not stands_still(execution)


def rest(execution: Execution, at: datetime) -> tuple[Change, ...]:
    """Once all is settled: the state that shows what is waited for."""
    if execution.state not in _SHOWN or is_held(execution):
        return ()
    shown = _shown(execution)
    return (ExecutionMoved(at=at, state=shown),) if shown is not execution.state else ()


def _shown(execution: Execution) -> State:
    if execution.open_attempts:
        return State.RUNNING
    if execution.retrying:
        return State.RETRYING
    if execution.stopped:
        return State.BREAKPOINT
    return State.PAUSED if execution.pausing else State.RUNNING
