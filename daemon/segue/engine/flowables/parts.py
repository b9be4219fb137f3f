"""Parts that several flowables are made of: no question, children one after another, children at once."""

from collections.abc import Sequence
from typing import Any

from segue.engine.flowables.steering import Child, Opening, Question
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.model.execution import Failure, TaskRun
from segue.model.state import State


def no_question(_node: Node) -> Question | None:
    return None


def open_tasks(_node: Node, _answer: Any) -> Opening | Failure:
    return Opening()


def one_by_one(scene: Scene) -> Sequence[Child]:
    """The next child of the list in hand once the one before has ended well."""
    progress = scene.progress
    if progress.running or progress.blocked:
        return ()
    children = scene.node.children(progress.branch)
    return (Child(children[progress.next]),) if progress.next < len(children) else ()


def one_by_one_after(scene: Scene, _ended: TaskRun) -> Sequence[Child]:
    return one_by_one(scene)


def at_once(scene: Scene, limit: int) -> Sequence[Child]:
    """As many children as may run at once (0: no limit), in their order."""
    progress = scene.progress
    if progress.blocked:
        return ()
    children = scene.node.children(progress.branch)
    stop = len(children) if not limit else min(len(children), progress.next + limit - progress.running)
    return [Child(child) for child in children[progress.next : stop]]


def worst_end(worst: State) -> State:
    return worst
