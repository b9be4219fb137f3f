"""Loop: the tasks once for each value, each time as an execution of its own: what opens one, and what its notes hold.

The tasks are no children of the Loop's task run: they are the plan of the iterations (`Plan.loops`), which `iterations`
orders and waits for. `errors` and `finally` are children. They belong to the loop and run once, when all iterations have
ended, in the execution that the loop is a task of: like those of a ForEach, so that a flow that is rewritten from the
one to the other keeps its meaning; what is to be done for one value that failed stands inside, around that value's tasks.

`Progress.values` holds the values, or of a file those lines that are next; in a map each with its key.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from segue.engine.flowables import parts
from segue.engine.flowables.steering import Child, Opening, Question
from segue.engine.plan import Node
from segue.engine.scene import Scene
from segue.model.execution import Failure, Item, TaskRun
from segue.model.state import State
from segue.model.task import Loop

COUNT: Final = "count"
NEXT: Final = "next"  # the number of the next iteration to begin
FIRST: Final = "first"  # the number of the first of the values at hand
IS_MAP: Final = "map"
FILE: Final = "file"  # where the values come from, and how far that has been read: None is to its end
OFFSET: Final = "offset"
OPEN: Final = "open"  # number -> execution; until that is there None, or in brackets the one to set going again
ENDED: Final = "ended"  # state -> how many
AGAIN: Final = "again"  # number -> execution to set going again, None where there never was one
JUDGED: Final = "judged"  # iterations that have ended and that `breakWhen` has not seen
SOUGHT: Final = "sought"  # iterations of an earlier attempt are looked for behind this number
SEEKS: Final = "seeks"  # and that has been asked
BREAKS: Final = "breaks"
FAULT: Final = "fault"  # the loop itself failed

SCHEME: Final = "kestra://"

end = parts.worst_end


def body_of(node: Node) -> Loop:
    assert node.task is not None
    assert isinstance(node.task.body, Loop)
    return node.task.body


def is_loop(node: Node) -> bool:
    return node.task is not None and isinstance(node.task.body, Loop)


def question(node: Node) -> Question | None:
    match body_of(node).values:
        case str() as values:
            return Question("values", values, typed=True)
        case tuple() as values:
            return Question("values", list(values))
        case values:
            return Question("values", dict(values))


def opening(node: Node, answer: Any) -> Opening | Failure:
    if all(task.disabled for task in body_of(node).tasks):
        return _opening([], {IS_MAP: False})
    if isinstance(answer, str) and answer.startswith(SCHEME):
        return _opening([], {IS_MAP: False, FILE: answer, OFFSET: 0})
    values = _read(answer) if isinstance(answer, str) else answer
    match values:
        case list():
            return _opening([item_value(value) for value in values], {IS_MAP: False})
        case dict():
            return _opening([[str(key), item_value(value)] for key, value in values.items()], {IS_MAP: True})
        case Failure():
            return values
        case _:
            return _refused(answer)


def _opening(values: list[Any], notes: Mapping[str, Any]) -> Opening:
    counts = {COUNT: len(values), NEXT: 0, FIRST: 0, OPEN: {}, ENDED: {}, AGAIN: {}}
    return Opening(values=values, notes={**counts, **notes}, outputs=told({**counts, **notes}))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _refused(text)


def _refused(answer: Any) -> Failure:
    found = "null" if answer is None else f"`{str(answer)[:200]}`"
    expected = f"a list, a map, or the address of a file ({SCHEME}...) is expected"
    return Failure(message=f"Invalid values: {expected}, not {found}", kind="expression")


def item_value(value: Any) -> Any:
    """A value as its iteration sees it: a scalar as it is, all else as text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return str(value)


def told(notes: Mapping[str, Any]) -> dict[str, Any]:
    """What the task gives as its outputs at any time."""
    return {
        "iterationCount": notes[COUNT],
        "runningIterations": len(notes[OPEN]),
        "terminatedIterations": dict(notes[ENDED]),
    }


def how_far(run: TaskRun) -> tuple[int, int] | None:
    """Of the task run of a Loop how many iterations have ended, and how many values there are."""
    notes = run.progress.notes if run.progress is not None else {}
    return (sum(notes[ENDED].values()), notes[COUNT]) if IS_MAP in notes else None


def how_many_failed(run: TaskRun) -> int:
    """Of the task run of a Loop how many iterations have failed."""
    notes = run.progress.notes if run.progress is not None else {}
    return notes[ENDED].get(State.FAILED.value, 0) if IS_MAP in notes else 0


def item_of(scene: Scene, number: int) -> Item:
    """The item of an iteration whose value is at hand."""
    progress = scene.progress
    value = progress.values[number - progress.notes[FIRST]]
    if progress.notes[IS_MAP]:
        return Item(index=number, key=value[0], value=value[1])
    return Item(index=number, value=value)


def due(_scene: Scene) -> tuple[Child, ...]:
    return ()


def after(_scene: Scene, _ended: TaskRun) -> tuple[Child, ...]:
    return ()


# What expressions see.


def item_variables(item: Item, parents: tuple[Item, ...]) -> dict[str, Any]:
    around = [_plain(each) for each in parents]
    return {**_plain(item), **({"parent": around[0], "parents": around} if around else {})}


def _plain(item: Item) -> dict[str, Any]:
    plain = {"value": item.value, "index": item.index}
    return plain if item.key is None else {**plain, "key": item.key}


def judged_variables(scene: Scene) -> dict[str, Any]:
    """What `breakWhen` sees beside all that the task does: the iteration that has ended, and its item."""
    waiting = scene.progress.notes.get(JUDGED)
    if not waiting:
        return {}
    index, key, value, execution_id, state, outputs = waiting[0]
    outer = scene.execution.loop_run
    around = (outer.item, *outer.parents) if outer is not None else ()
    return {
        "item": item_variables(Item(index=index, key=key, value=value), around),
        "iteration": {"executionId": execution_id, "state": state, "outputs": outputs},
    }
