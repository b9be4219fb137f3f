"""How flows lead to each other: a task of one calls the other, or the other's trigger waits for executions of it.

Only what is written is looked at: a call whose flow is an expression leads nowhere that could be told.
"""

from enum import StrEnum

from segue.engine.match import may_follow
from segue.model.flow import Flow
from segue.model.task import EachItem, Subflow


class Relation(StrEnum):
    FLOW_TASK = "FLOW_TASK"
    FLOW_TRIGGER = "FLOW_TRIGGER"


def relation(parent: Flow, child: Flow) -> Relation | None:
    """How executions of `parent` lead to executions of `child`, if they do."""
    if calls(parent, child):
        return Relation.FLOW_TASK
    return Relation.FLOW_TRIGGER if may_follow(child, parent) else None


def calls(parent: Flow, child: Flow) -> bool:
    bodies = (task.body for task in parent.all_tasks() if not task.disabled)
    wanted = (child.namespace, child.id)
    return any(
        isinstance(body, Subflow | EachItem) and (body.call.namespace, body.call.flow_id) == wanted for body in bodies
    )
