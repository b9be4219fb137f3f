"""Batches: a task that calls a flow once for each batch of a file, and waits for all of them (the items of a ForEachItem).

It is one attempt with many children, some at a time. Its notes say which of them are open, how many came to which end,
and which failed, so that a restart can set those going again. News of a child costs the same however many there are.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.engine import asking, attempts, templates
from segue.engine.asking import Pending
from segue.engine.calls import CHILD, wanted_of
from segue.engine.ending import fail
from segue.engine.flowables.steering import Question
from segue.engine.outcome import worse
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ChildKillOrdered,
    ChildOrdered,
    EvaluationOrdered,
    OutputsSet,
    ProgressMade,
    TaskRunMoved,
)
from segue.model.event import ChildEnded, ChildRefused, ChildStarted
from segue.model.execution import Failure, TaskRun
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.task import Call, EachItem, RestartBehavior

Changes = tuple[Change, ...]

AT_ONCE_MAX: Final = 50
_NEXT: Final = "next_batch"
_OPEN: Final = "open"  # number of the batch -> its execution, None until that is there
_ENDED: Final = "ended"  # state -> how many
_FAILED: Final = "failed"  # number of the batch -> its execution
_ASKED: Final = "asked"  # number of the batch that a worker is asked for
_BATCH: Final = "batch."
_AGAIN: Final = "again"  # those of the failed ones that are still to be set going again


def _body(scene: Scene) -> EachItem:
    assert scene.node.task is not None
    assert isinstance(scene.node.task.body, EachItem)
    return scene.node.task.body


def is_batches(scene: Scene) -> bool:
    return scene.node.task is not None and isinstance(scene.node.task.body, EachItem)


def _run(scene: Scene) -> TaskRun:
    assert scene.run is not None
    return scene.run


def _uris(scene: Scene) -> list[str]:
    """The batches, as the task that split the file has told."""
    siblings = scene.parent().children()
    split = next((run for run in siblings if run.task_id == _body(scene).split), None)
    return list((split.outputs or {}).get("uris") or ()) if split is not None else []


def begun(scene: Scene) -> Changes:
    """The first batches; without any it has done its work."""
    run, uris = _run(scene), _uris(scene)
    number = len(run.attempts) + 1
    opened: Changes = (
        AttemptOpened(at=scene.at, id=run.id, number=number, queued=False),
        AttemptMoved(at=scene.at, id=run.id, number=number, state=State.RUNNING),
        TaskRunMoved(at=scene.at, id=run.id, state=State.RUNNING),
    )
    if not uris:
        ended = AttemptMoved(at=scene.at, id=run.id, number=number, state=State.SUCCESS)
        return (*opened, ended, TaskRunMoved(at=scene.at, id=run.id, state=State.SUCCESS))
    return (*opened, *_ordered(scene, _first_notes(scene, len(uris)), number))


def _first_notes(scene: Scene, count: int) -> dict[str, Any]:
    before = asking.without_answers(scene.progress.notes)
    is_restart = _run(scene).state is State.RESTARTED and _body(scene).call.restart is RestartBehavior.RETRY_FAILED
    if is_restart and before.get(_FAILED):
        ended = {state: number for state, number in before[_ENDED].items() if State(state).is_success}
        return {**before, _ENDED: ended, _AGAIN: dict(before[_FAILED]), _FAILED: {}, _OPEN: {}}
    return {"count": count, _NEXT: 0, _OPEN: {}, _ENDED: {}, _FAILED: {}, _AGAIN: {}}


def going_on(scene: Scene) -> Changes:
    """A worker has said what the batch is given that was asked for: it follows, and others do."""
    notes = scene.progress.notes
    if _ASKED not in notes or asking.AWAITS in notes or scene.attempt is None:
        return ()
    return _ordered(scene, {key: value for key, value in notes.items() if key != _ASKED}, scene.attempt.number)


def _ordered(scene: Scene, notes: dict[str, Any], attempt: int) -> Changes:
    """As many further batches as there is room for. What one is given may be for a worker to say: nothing follows before
    that is known."""
    orders: list[Change] = []
    while _ASKED not in notes and len(notes[_OPEN]) < AT_ONCE_MAX and (notes[_AGAIN] or notes[_NEXT] < notes["count"]):
        key = next(iter(notes[_AGAIN]), str(notes[_NEXT]))
        order = _order(scene, int(key), attempt, notes)
        if isinstance(order, Failure):
            return _failed(scene, notes, order)
        if isinstance(order, Pending):
            orders += (change for change in order.changes if isinstance(change, EvaluationOrdered))
            notes = {**notes, _ASKED: key, asking.AWAITS: _purpose(int(key))}
            continue
        orders.append(order)
        notes = _with_order(notes, key)
    return (ProgressMade(id=_run(scene).id, fields={"notes": notes}), _told(scene, notes), *orders)


def _with_order(notes: dict[str, Any], key: str) -> dict[str, Any]:
    again = {number: child for number, child in notes[_AGAIN].items() if number != key}
    following = notes[_NEXT] if notes[_AGAIN] else notes[_NEXT] + 1
    return {**notes, _OPEN: {**notes[_OPEN], key: None}, _AGAIN: again, _NEXT: following}


def _failed(scene: Scene, notes: dict[str, Any], failure: Failure) -> Changes:
    """An expression of the call does not render: what is under way goes on by itself."""
    run = _run(scene)
    number = len(run.attempts) if scene.attempt is not None else len(run.attempts) + 1
    moved = AttemptMoved(at=scene.at, id=run.id, number=number, state=State.FAILED, failure=failure)
    return (ProgressMade(id=run.id, fields={"notes": notes}), moved, *fail(scene, failure))


def _order(scene: Scene, number: int, attempt: int, notes: Mapping[str, Any]) -> ChildOrdered | Failure | Pending:
    call, purpose = _body(scene).call, _purpose(number)
    answer = asking.ask_with(scene, _question(call, purpose), _variables(scene, number), notes=notes)
    if isinstance(answer, Pending):
        return answer
    wanted = answer if isinstance(answer, Failure) else wanted_of(call, answer.value)
    if isinstance(wanted, Failure):
        return wanted
    again = notes[_AGAIN].get(str(number))
    child = ExecutionId(again) if again is not None else None
    return ChildOrdered(id=_run(scene).id, attempt=attempt, wanted=wanted, again=child, number=number)


def _purpose(number: int) -> str:
    return f"{_BATCH}{number}"


def _question(call: Call, purpose: str) -> Question:
    return Question(purpose, dict(call.template), typed=True)


def _variables(scene: Scene, number: int) -> dict[str, Any]:
    """What the expressions of one batch see."""
    variables = scope_of(scene)
    return {**variables, "taskrun": {**variables["taskrun"], "items": _uris(scene)[number], "iteration": number}}


def question_of(scene: Scene, purpose: str) -> Question | None:
    """What a worker was asked for, to ask again; None if that was not for a batch."""
    return _question(_body(scene).call, purpose) if purpose.startswith(_BATCH) else None


def variables_of(scene: Scene, purpose: str) -> dict[str, Any] | None:
    """What the expressions of the batch see that a worker is asked for."""
    number = purpose.removeprefix(_BATCH)
    return _variables(scene, int(number)) if number != purpose else None


def _told(scene: Scene, notes: dict[str, Any]) -> OutputsSet:
    """Who does not wait for the batches knows of none that is only created."""
    created = {State.CREATED.value: 0} if templates.holds(_body(scene).call.wait) else {}
    iterations = {**created, State.RUNNING.value: len(notes[_OPEN]), **notes[_ENDED]}
    return OutputsSet(id=_run(scene).id, outputs={"iterations": iterations, "numberOfBatches": notes["count"]})


# News of children.


def is_awaited(scene: Scene, attempt: int, number: int | None) -> bool:
    still = scene.progress.notes.get(_OPEN, {})
    is_open = scene.attempt is not None and scene.attempt.number == attempt
    return is_open and _run(scene).state is State.RUNNING and still.get(str(number), CHILD) is None


def awaits(scene: Scene, child: str) -> bool:
    return scene.attempt is not None and child in scene.progress.notes.get(_OPEN, {}).values()


def started(scene: Scene, event: ChildStarted) -> Changes:
    notes, key = scene.progress.notes, str(event.number)
    if event.replaces is not None and awaits(scene, event.replaces):
        still = {number: _replaced(child, event) for number, child in notes[_OPEN].items()}
        return (ProgressMade(id=_run(scene).id, fields={"notes": {**notes, _OPEN: still}}),)
    if not is_awaited(scene, event.attempt, event.number):
        return ()
    notes = asking.without_answer({**notes, _OPEN: {**notes[_OPEN], key: event.execution_id}}, _purpose(int(key)))
    if not templates.holds(_body(scene).call.wait):
        return _done(scene, notes, key, State.SUCCESS)
    return (ProgressMade(id=_run(scene).id, fields={"notes": notes}),)


def _replaced(child: str | None, event: ChildStarted) -> str | None:
    return event.execution_id if child == event.replaces else child


def refused(scene: Scene, event: ChildRefused) -> Changes:
    if not is_awaited(scene, event.attempt, event.number):
        return ()
    said = attempts.said(scene, Failure(message=event.message))
    return (*said, *_done(scene, scene.progress.notes, str(event.number), State.FAILED))


def ended(scene: Scene, event: ChildEnded) -> Changes:
    if not awaits(scene, event.execution_id) or not event.state.is_final:
        return ()
    notes = scene.progress.notes
    key = next(number for number, child in notes[_OPEN].items() if child == event.execution_id)
    return _done(scene, notes, key, event.state)


def _done(scene: Scene, notes: dict[str, Any], key: str, state: State) -> Changes:
    """One batch less."""
    still = dict(notes[_OPEN])
    child = still.pop(key)
    counted = {**notes[_ENDED], state.value: notes[_ENDED].get(state.value, 0) + 1}
    notes = asking.without_answer({**notes, _OPEN: still, _ENDED: counted}, _purpose(int(key)))
    if not state.is_success:
        notes[_FAILED] = {**notes[_FAILED], key: child}
    made = ProgressMade(id=_run(scene).id, fields={"notes": notes})
    assert scene.attempt is not None
    if _run(scene).state is State.KILLING:
        return (made, *(attempts.ended_here(scene, State.KILLED) if not any(still.values()) else ()))
    if still or notes[_AGAIN] or notes[_NEXT] < notes["count"]:
        return _ordered(scene, notes, scene.attempt.number)
    return (made, _told(scene, notes), *attempts.ended_here(scene, _end(scene, counted)))


def _end(scene: Scene, counted: dict[str, int]) -> State:
    if not templates.holds(_body(scene).call.transmit_failed):
        return State.SUCCESS
    worst = State.SUCCESS
    for state in counted:
        worst = worse(worst, State(state))
    return worst


def unmade(scene: Scene) -> Iterator[ChildOrdered]:
    """The batches that were ordered and have no execution: the daemon ended before. What a worker said of them is kept
    until they have one."""
    assert scene.attempt is not None
    for key, child in scene.progress.notes.get(_OPEN, {}).items():
        order = _order(scene, int(key), scene.attempt.number, scene.progress.notes) if child is None else None
        if isinstance(order, ChildOrdered):
            yield order


def made(scene: Scene) -> list[ExecutionId]:
    """The executions whose ends it waits for."""
    return [ExecutionId(child) for child in scene.progress.notes.get(_OPEN, {}).values() if child is not None]


def killed(scene: Scene) -> Iterator[Change]:
    for child in scene.progress.notes.get(_OPEN, {}).values():
        if child is not None:
            yield ChildKillOrdered(id=_run(scene).id, execution_id=ExecutionId(child))
