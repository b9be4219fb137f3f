"""ForEach: the tasks once for each distinct value, some values at once; the tasks of one value one after another.

The task runs of one value are a group; they carry the value, as text, and its number.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Child, Opening, Question
from segue.engine.limits import AT_ONCE_MAX
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.engine.typed import java_text
from segue.model.execution import Failure, TaskRun
from segue.model.task import ForEach

end = parts.worst_end


def _body(node: Node) -> ForEach:
    assert node.task is not None
    assert isinstance(node.task.body, ForEach)
    return node.task.body


def question(node: Node) -> Question | None:
    values = _body(node).values
    if isinstance(values, str):
        return Question("values", values, typed=True)
    return Question("values", list(values))


def opening(_node: Node, answer: Any) -> Opening | Failure:
    elements = _elements(answer)
    if isinstance(elements, Failure):
        return elements
    if nulls := sum(element is None for element in elements):
        message = f"Found '{nulls}' null values on Each, with values={java_text(elements)}"
        return Failure(message=message, kind="expression")
    return Opening(values=list(dict.fromkeys(map(_text, elements))))


def _elements(answer: Any) -> list[Any] | Failure:
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            return Failure(message=f"Invalid values: not a JSON array: {answer[:200]}", kind="expression")
    if not isinstance(answer, list):
        return Failure(message=f"Invalid values: a list is expected, not {_kind(answer)}", kind="expression")
    return answer


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "a map"
        case _:
            return f"`{_text(value)[:200]}`"


def _text(element: Any) -> str:
    if isinstance(element, str):
        return element
    return json.dumps(element, ensure_ascii=False, separators=(",", ":"), default=str)


def after(scene: Scene, ended: TaskRun) -> Sequence[Child]:
    """The next task of the same value; after its last one, the first task of the next value."""
    if scene.progress.blocked:
        return ()
    following = _following(scene, ended)
    return (following,) if following is not None else _groups(scene, 1)


def due(scene: Scene) -> Sequence[Child]:
    if scene.progress.blocked:
        return ()
    last_of_group = {run.iteration: run for run in _of_values(scene.children())}
    ended = [run for run in last_of_group.values() if run.state.is_final]
    following = [child for run in ended if (child := _following(scene, run)) is not None]
    busy = len(last_of_group) - len(ended) + len(following)
    limit = _body(scene.node).concurrency_limit or AT_ONCE_MAX
    return [*following, *_groups(scene, max(0, limit - busy))]


def _of_values(runs: Iterable[TaskRun]) -> Iterator[TaskRun]:
    return (run for run in runs if run.iteration is not None)


def _following(scene: Scene, run: TaskRun) -> Child | None:
    tasks = scene.node.children("tasks")
    position = scene.plan.nodes[run.task_id].position + 1
    return Child(tasks[position], run.value, run.iteration) if position < len(tasks) else None


def _groups(scene: Scene, number: int) -> Sequence[Child]:
    """The first task run of up to `number` further values."""
    tasks = scene.node.children("tasks")
    if not tasks:
        return ()
    first, values = scene.progress.next, scene.progress.values
    stop = min(len(values), first + number)
    return [Child(tasks[0], values[index], index) for index in range(first, stop)]
