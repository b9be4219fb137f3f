"""If: the `then` or the `else` tasks, one after another. Evaluated once; `evaluationResult` tells how it went."""

from typing import Any

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Opening, Question
from segue.engine.plan import Node
from segue.engine.templates import holds
from segue.model.execution import Failure
from segue.model.task import If

due = parts.one_by_one
after = parts.one_by_one_after
end = parts.worst_end


def question(node: Node) -> Question | None:
    assert node.task is not None
    assert isinstance(node.task.body, If)
    return Question("condition", node.task.body.condition)


def opening(_node: Node, answer: Any) -> Opening | Failure:
    result = holds(answer)
    return Opening(branch="then" if result else "else", outputs={"evaluationResult": result})
