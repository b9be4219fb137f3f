"""The table of flowables: which module steers which kind of task."""

from typing import Final

from segue.engine.flowables import allow_failure, dag, for_each, if_, parallel, sequential, switch, working_directory
from segue.engine.flowables.steering import Steering
from segue.engine.plan import Node
from segue.model.task import AllowFailure, Dag, ForEach, If, Parallel, Sequential, Switch, WorkingDirectory

STEERINGS: Final[dict[type, Steering]] = {
    Sequential: sequential,
    Parallel: parallel,
    If: if_,
    Switch: switch,
    ForEach: for_each,
    AllowFailure: allow_failure,
    Dag: dag,
    WorkingDirectory: working_directory,
}


def steering_of(node: Node) -> Steering:
    """How a flowable, or the flow itself, goes on."""
    return sequential if node.task is None else STEERINGS[type(node.task.body)]
