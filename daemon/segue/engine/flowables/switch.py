"""Switch: the tasks of the case that is named like the value, else the `defaults`. Without either it fails, as in Kestra:
a value that nobody thought of is a mistake."""

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
    body = node.task.body
    assert isinstance(body, Switch)
    value = "" if answer is None else str(answer)
    matches = value in body.cases
    if not matches and not body.defaults:
        return Failure(message=f"No case is named `{value}`, and there are no defaults")
    return Opening(
        branch=f"cases.{value}" if matches else "defaults",
        outputs={"value": value, "defaults": not matches},
    )
