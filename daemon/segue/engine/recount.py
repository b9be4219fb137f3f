"""Recount: what a node's `Progress` says when it is worked out anew from the children, rather than kept in step.

For what happens by hand (restart, replay, change of state) and for recovery; it looks at all children of the node.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from segue.engine.outcome import is_blocking, worse
from segue.engine.plan import Plan
from segue.model.execution import TaskRun
from segue.model.names import TaskRunId
from segue.model.state import State


def recounted(
    plan: Plan, branch: str, children: Iterable[TaskRun], states: Mapping[TaskRunId, State]
) -> dict[str, Any]:
    """The derived fields, with `branch` as the list in hand. `states` overrides those of the children."""
    running, blocked, worst, following = 0, False, State.SUCCESS, 0
    for child in children:
        state = states.get(child.id, child.state)
        if not state.is_final:
            running += 1
        else:
            worst = worse(worst, state)
        if plan.nodes[child.task_id].branch != branch:
            continue
        blocked = blocked or is_blocking(state)
        following = following + 1 if child.iteration is None else max(following, child.iteration + 1)
    return {"branch": branch, "next": following, "running": running, "worst": worst, "blocked": blocked}
