"""If: the `then` or the `else` tasks, one after another. Evaluated once; `evaluationResult` tells how it went."""

from typing import Any

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Opening, Question
from segue.engine.plan import Node
from segue.expression.template import truthy
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
    holds = answer if isinstance(answer, bool) else truthy(None if answer is None else str(answer))
    return Opening(branch="then" if holds else "else", outputs={"evaluationResult": holds})
