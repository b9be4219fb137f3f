"""Outcome: from the ends of children to the end of their parent."""

from typing import Final

from segue.model.state import State
from segue.model.task import Task

_SEVERITY: Final = {
    State.SUCCESS: 0,
    State.SKIPPED: 0,
    State.WARNING: 1,
    State.FAILED: 2,
    State.CANCELLED: 3,
    State.KILLED: 4,
}
_BLOCKING: Final = frozenset({State.FAILED, State.CANCELLED, State.KILLED})


def worse(one: State, other: State) -> State:
    """The end that counts for a parent: KILLED over CANCELLED over FAILED over WARNING over SUCCESS."""
    return other if _SEVERITY.get(other, 0) > _SEVERITY[one] else one


def is_blocking(state: State) -> bool:
    """Ended so that no sibling may start after it."""
    return state in _BLOCKING


def allowed_end(task: Task | None, state: State) -> State:
    """The end as the task's `allowFailure` and `allowWarning` let it pass."""
    if task is None:
        return state
    if state is State.FAILED and task.allow_failure:
        state = State.WARNING
    if state is State.WARNING and task.allow_warning:
        state = State.SUCCESS
    return state
