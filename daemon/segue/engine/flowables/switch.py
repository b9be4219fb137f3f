"""Switch: the tasks of the case that is named like the value, else the `defaults`. No match and no defaults: none."""

from typing import Any

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Opening, Question
from segue.engine.plan import Node
from segue.model.execution import Failure
from segue.model.task import Switch

due = parts.one_by_one
after = parts.one_by_one_after
end = parts.worst_end


def question(node: Node) -> Question | None:
    assert node.task is not None
    assert isinstance(node.task.body, Switch)
    return Question("value", node.task.body.value)


def opening(node: Node, answer: Any) -> Opening | Failure:
    assert node.task is not None
    assert isinstance(node.task.body, Switch)
    value = "" if answer is None else str(answer)
    matches = value in node.task.body.cases
    return Opening(
        branch=f"cases.{value}" if matches else "defaults",
        outputs={"value": value, "defaults": not matches},
    )
