"""Parallel: at once, at most `concurrent` of them. After a failure none is started any more; those that run finish."""

from collections.abc import Sequence

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Child
from segue.engine.scene import Scene
from segue.model.execution import TaskRun
from segue.model.task import Parallel

question = parts.no_question
opening = parts.open_tasks
end = parts.worst_end


def due(scene: Scene) -> Sequence[Child]:
    assert scene.node.task is not None
    body = scene.node.task.body
    assert isinstance(body, Parallel)
    return parts.at_once(scene, body.concurrent)


def after(scene: Scene, _ended: TaskRun) -> Sequence[Child]:
    return due(scene)
