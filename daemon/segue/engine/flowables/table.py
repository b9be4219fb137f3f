"""The table of flowables: which module steers which kind of task."""

from typing import Final

from segue.engine.flowables import (
    allow_failure,
    approval,
    dag,
    for_each,
    if_,
    loop,
    loop_until,
    parallel,
    pause,
    sequential,
    switch,
    working_directory,
)
from segue.engine.flowables.steering import Further, Steering
from segue.engine.plan import Node
from segue.model.task import (
    AllowFailure,
    Approval,
    Dag,
    ForEach,
    ForEachItem,
    If,
    Loop,
    LoopUntil,
    Parallel,
    Pause,
    Sequential,
    Switch,
    WorkingDirectory,
)

STEERINGS: Final[dict[type, Steering]] = {
    Sequential: sequential,
    Parallel: parallel,
    If: if_,
    Switch: switch,
    ForEach: for_each,
    ForEachItem: sequential,
    Loop: loop,
    AllowFailure: allow_failure,
    Dag: dag,
    LoopUntil: loop_until,
    Pause: pause,
    Approval: approval,
    WorkingDirectory: working_directory,
}


FURTHER: Final[dict[type, Further]] = {
    LoopUntil: loop_until.further,
    Pause: pause.further,
    Approval: approval.further,
}


def further_of(node: Node) -> Further | None:
    """What a flowable does when the main list in hand is done; most go on to `finally` and their end."""
    return FURTHER.get(type(node.task.body)) if node.task is not None else None


def steering_of(node: Node) -> Steering:
    """How a flowable, or the flow itself, goes on."""
    return sequential if node.task is None else STEERINGS[type(node.task.body)]
