"""Dag: each task once all that it depends on has ended, at most `concurrent` at once."""

from collections.abc import Sequence

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Child
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.model.execution import TaskRun
from segue.model.task import Dag

question = parts.no_question
opening = parts.open_tasks
end = parts.worst_end


def due(scene: Scene) -> Sequence[Child]:
    """Looks at all tasks of the dag: their number is the author's, not the data's."""
    assert scene.node.task is not None
    body = scene.node.task.body
    assert isinstance(body, Dag)
    if scene.progress.blocked:
        return ()
    tasks = scene.node.children("tasks")
    made = {run.task_id: run.state for run in scene.children()}
    enabled = {node.id for node in tasks}

    def is_ready(node: Node) -> bool:
        awaited = (name for name in body.depends_on.get(node.id, ()) if name in enabled)
        return node.id not in made and all(name in made and made[name].is_final for name in awaited)

    ready = [Child(node) for node in tasks if is_ready(node)]
    return ready[: max(0, body.concurrent - scene.progress.running)] if body.concurrent else ready


def after(scene: Scene, _ended: TaskRun) -> Sequence[Child]:
    return due(scene)
