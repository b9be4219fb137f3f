"""Iterations: the executions that a Loop has made, one for each value, some at a time; and what their ends mean to it.

While they run the task run has an attempt, as a call of a flow has: another one after each restart. Its notes hold those
iterations that are open and count the others by their end: they stay as short whatever the number of values is. So a
restart, which does those again that did not end well, has to have them looked for (`IterationsSought`), a page at a time.

News is only taken down here (`started`, `ended`, `found`); what follows from it is decided in one place, `going_on`,
which is asked whenever the task run is settled.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.engine import asking
from segue.engine.asking import Answer, Pending
from segue.engine.ending import begins_nothing
from segue.engine.flowables import loop
from segue.engine.flowables.loop import (
    AGAIN,
    BREAKS,
    COUNT,
    ENDED,
    FAULT,
    FILE,
    FIRST,
    JUDGED,
    NEXT,
    OFFSET,
    OPEN,
    SEEKS,
    SOUGHT,
    body_of,
    told,
)
from segue.engine.flowables.steering import Question
from segue.engine.limits import AT_ONCE_MAX, ITERATIONS_AT_ONCE
from segue.engine.notes import OUTCOME
from segue.engine.outcome import worse
from segue.engine.scene import Scene
from segue.expression.template import truthy
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ChildKillOrdered,
    IterationOrdered,
    IterationsSought,
    Logged,
    OutputsSet,
    ProgressMade,
)
from segue.model.event import ChildEnded, ChildStarted, IterationsFound
from segue.model.execution import Attempt, Execution, Failure, Item, TaskRun
from segue.model.names import ExecutionId
from segue.model.order import COLLECT, LINES
from segue.model.state import State

Changes = tuple[Change, ...]
Notes = Mapping[str, Any]

FETCHED_MAX: Final = 100
"""With `fetchType: AUTO`, outputs of more iterations than this go to a file: the task's own outputs are in every answer
about its execution."""

# What an attempt leaves and the next one does not want to know.
_OF_AN_ATTEMPT: Final = frozenset({OUTCOME, FAULT, JUDGED, SEEKS, asking.AWAITS, asking.ANSWERS})


def going_on(scene: Scene) -> Changes | None:
    """What the state of a Loop leads to: `()` while it waits for iterations, None once it has nothing to do with them."""
    if not loop.is_loop(scene.node) or OUTCOME in scene.progress.notes:
        return None
    if scene.attempt is None:
        return _begun(scene)
    if scene.progress.notes.get(JUDGED):
        return _judged(scene)
    if not begins_nothing(scene) and FAULT not in scene.progress.notes:
        orders = _ordered(scene)
        if orders or not _has_all(scene):
            return orders
    return () if scene.progress.notes[OPEN] else _finished(scene)


def _run(scene: Scene) -> TaskRun:
    assert scene.run is not None
    return scene.run


def _attempt(scene: Scene) -> Attempt:
    assert scene.attempt is not None
    return scene.attempt


def _noted(scene: Scene, notes: Notes, **fields: Any) -> ProgressMade:
    return ProgressMade(id=_run(scene).id, fields={"notes": dict(notes), **fields})


def _begun(scene: Scene) -> Changes:
    run = _run(scene)
    number = len(run.attempts) + 1
    return (
        AttemptOpened(at=scene.at, id=run.id, number=number, queued=False),
        AttemptMoved(at=scene.at, id=run.id, number=number, state=State.RUNNING),
        _noted(scene, scene.progress.notes),
    )


# What is begun next.


def _has_all(scene: Scene) -> bool:
    """Nothing is to be begun any more."""
    notes = scene.progress.notes
    if SOUGHT in notes or notes[AGAIN]:
        return False
    return BREAKS in notes or (notes[NEXT] >= _beyond(scene) and notes.get(OFFSET) is None)


def _beyond(scene: Scene) -> int:
    """The number after the last one whose value is at hand."""
    return int(scene.progress.notes[FIRST]) + len(scene.progress.values)


def _ordered(scene: Scene) -> Changes:
    """As many further iterations as there is room for, or what has to be known before; `()`: nothing now."""
    notes = scene.progress.notes
    at_once = min(body_of(scene.node).concurrency_limit or ITERATIONS_AT_ONCE, AT_ONCE_MAX)
    room = at_once - len(notes[OPEN])
    if room <= 0:
        return ()
    if notes[AGAIN]:
        return _ordered_again(scene, notes, room)
    if SOUGHT in notes:
        return _sought(scene, notes)
    if BREAKS in notes:
        return ()
    numbers = range(notes[NEXT], min(_beyond(scene), notes[NEXT] + room))
    if numbers:
        return _begins(scene, {**notes, NEXT: numbers.stop}, dict.fromkeys(map(str, numbers)))
    return _read_on(scene, notes)


def _begins(scene: Scene, notes: Notes, chosen: Mapping[str, str | None]) -> Changes:
    """`chosen` are numbers, with the execution to set going again if there is one."""
    opened = {number: None if child is None else [child] for number, child in chosen.items()}
    notes = {**notes, OPEN: {**notes[OPEN], **opened}}
    orders = (_order(scene, number, child) for number, child in opened.items())
    return (_noted(scene, notes), OutputsSet(id=_run(scene).id, outputs=told(notes)), *orders)


def _order(scene: Scene, number: str, again: list[str] | None) -> IterationOrdered:
    return IterationOrdered(
        id=_run(scene).id,
        attempt=_attempt(scene).number,
        number=int(number),
        item=loop.item_of(scene, int(number)) if again is None else None,
        again=None if again is None else ExecutionId(again[0]),
    )


def _ordered_again(scene: Scene, notes: Notes, room: int) -> Changes:
    chosen = dict(list(notes[AGAIN].items())[:room])
    left = {number: child for number, child in notes[AGAIN].items() if number not in chosen}
    return _begins(scene, {**notes, AGAIN: left}, chosen)


def _sought(scene: Scene, notes: Notes) -> Changes:
    if SEEKS in notes:
        return ()
    sought = IterationsSought(id=_run(scene).id, attempt=_attempt(scene).number, after=notes[SOUGHT])
    return (_noted(scene, {**notes, SEEKS: True}), sought)


def _read_on(scene: Scene, notes: Notes) -> Changes:
    """The next lines of the file. Those at hand are kept until the last of them has its execution: if the daemon ends
    before, that is made from its value."""
    if notes.get(OFFSET) is None or None in notes[OPEN].values():
        return ()
    answer = asking.ask(scene, _lines_question(notes))
    if isinstance(answer, Pending):
        return answer.changes
    notes = asking.without_answers(notes)
    if isinstance(answer, Failure):
        return _failed(scene, notes, answer)
    said = answer.value
    counted = said["count"] if notes[OFFSET] == 0 else notes[COUNT]
    notes = {**notes, FIRST: notes[NEXT], OFFSET: said["next"], COUNT: counted}
    return (_noted(scene, notes, values=list(said["values"])),)


def _lines_question(notes: Notes) -> Question:
    return Question(LINES, {"uri": notes[FILE], "offset": notes[OFFSET], "number": notes[NEXT]})


def _failed(scene: Scene, notes: Notes, failure: Failure) -> Changes:
    """The loop itself fails: no further iteration begins, and what is under way ends by itself."""
    number = _attempt(scene).number
    logged = Logged(at=scene.at, level="ERROR", message=failure.message, id=_run(scene).id, attempt=number)
    return (logged, _noted(scene, {**notes, FAULT: failure.message}))


# breakWhen.


def _judged(scene: Scene) -> Changes:
    """Whether the iteration that ended was the last one. Nothing else begins before that is known."""
    waiting = scene.progress.notes[JUDGED]
    answer = asking.ask(scene, _break_question(scene))
    if isinstance(answer, Pending):
        return answer.changes
    notes = {**asking.without_answers(scene.progress.notes), JUDGED: waiting[1:]}
    if isinstance(answer, Failure):
        return _failed(scene, {**notes, JUDGED: []}, answer)
    return (_noted(scene, {**notes, BREAKS: True, JUDGED: []} if _holds(answer) else notes),)


def _break_question(scene: Scene) -> Question:
    return Question("break_when", body_of(scene.node).break_when)


def _holds(answer: Answer) -> bool:
    value = answer.value
    return value if isinstance(value, bool) else truthy(None if value is None else str(value))


# The end.


def _finished(scene: Scene) -> Changes:
    """All have ended: their outputs are brought together, and the attempt ends as the worst of them did."""
    run, notes = _run(scene), scene.progress.notes
    is_collected = bool(body_of(scene.node).outputs) and notes[COUNT] and not begins_nothing(scene)
    answer = asking.ask(scene, _collect_question(scene)) if is_collected else Answer({})
    if isinstance(answer, Pending):
        return answer.changes
    state = _end(scene)
    failure = Failure(message=notes[FAULT]) if FAULT in notes else None
    logged: Changes = ()
    if isinstance(answer, Failure):
        state, failure = worse(state, State.FAILED), answer
        logged = _failed(scene, notes, answer)[:1]
    collected = answer.value if isinstance(answer, Answer) and isinstance(answer.value, Mapping) else {}
    notes = {**asking.without_answers(notes), OUTCOME: state.value}
    return (
        *logged,
        OutputsSet(id=run.id, outputs={**told(notes), **collected}),
        AttemptMoved(at=scene.at, id=run.id, number=_attempt(scene).number, state=state, failure=failure),
        _noted(scene, notes),
    )


def _collect_question(scene: Scene) -> Question:
    body, count = body_of(scene.node), scene.progress.notes[COUNT]
    fetched_max = {"AUTO": FETCHED_MAX, "FETCH": count, "STORE": -1}[body.fetch_type.value]
    return Question(COLLECT, {"taskRunId": _run(scene).id, "fetched": count <= fetched_max})


def _end(scene: Scene) -> State:
    notes = scene.progress.notes
    worst = State.FAILED if FAULT in notes else State.SUCCESS
    if body_of(scene.node).transmit_failed:
        for state in notes[ENDED]:
            worst = worse(worst, State(state))
    return State.SUCCESS if worst is State.SKIPPED else worst


def question_of(scene: Scene, purpose: str) -> Question | None:
    """What a worker is being asked for, to be asked again; None if it is what every flowable asks."""
    match purpose:
        case "lines":
            return _lines_question(scene.progress.notes)
        case "collect":
            return _collect_question(scene)
        case "break_when":
            return _break_question(scene)
        case _:
            return None


# News of iterations.


def is_awaited(scene: Scene, attempt: int, number: int) -> bool:
    """Is the iteration that was ordered still to be made."""
    is_open = scene.attempt is not None and scene.attempt.number == attempt
    still = scene.progress.notes.get(OPEN, {})
    return is_open and _run(scene).state is State.RUNNING and not _is_there(still.get(str(number), ""))


def _is_there(child: Any) -> bool:
    return isinstance(child, str)


def awaits(scene: Scene, child: Execution) -> bool:
    """Is the end of this execution waited for."""
    if scene.attempt is None or child.loop_run is None:
        return False
    return bool(scene.progress.notes.get(OPEN, {}).get(str(child.loop_run.item.index)) == child.id)


def started(scene: Scene, event: ChildStarted) -> Changes:
    notes, number = scene.progress.notes, str(event.number)
    still = notes.get(OPEN, {})
    is_replaced = event.replaces is not None and scene.attempt is not None and still.get(number) == event.replaces
    if event.number is None or not (is_replaced or is_awaited(scene, event.attempt, event.number)):
        return ()
    return (_noted(scene, {**notes, OPEN: {**still, number: event.execution_id}}),)


def ended(scene: Scene, event: ChildEnded) -> Changes:
    """One less."""
    notes = scene.progress.notes
    still, item = notes.get(OPEN, {}), event.item
    if scene.attempt is None or item is None or not event.state.is_final:
        return ()
    if still.get(str(item.index)) != event.execution_id:
        return ()
    still = {number: child for number, child in still.items() if number != str(item.index)}
    counted = {**notes[ENDED], event.state.value: notes[ENDED].get(event.state.value, 0) + 1}
    notes = {**notes, OPEN: still, ENDED: counted}
    if body_of(scene.node).break_when is not None and BREAKS not in notes and FAULT not in notes:
        seen = [item.index, item.key, item.value, event.execution_id, event.state.value, dict(event.outputs or {})]
        notes = {**notes, JUDGED: [*notes.get(JUDGED, ()), seen]}
    is_killed = _run(scene).state is State.KILLING and not any(map(_is_there, still.values()))
    return (
        OutputsSet(id=_run(scene).id, outputs=told(notes)),
        *(_cut_short(scene) if is_killed else ()),
        _noted(scene, notes),
    )


def found(scene: Scene, event: IterationsFound) -> Changes:
    """What a restart has to do again, or a part of it."""
    notes = scene.progress.notes
    is_open = scene.attempt is not None and scene.attempt.number == event.attempt
    if not is_open or SEEKS not in notes or notes[SOUGHT] != event.after:
        return ()
    kept = {key: value for key, value in notes.items() if key not in {SEEKS, SOUGHT}}
    if not event.is_last and event.found:
        kept[SOUGHT] = event.found[-1][0]
    return (_noted(scene, {**kept, AGAIN: {str(number): child for number, child in event.found}}),)


def taken_up(notes: Notes) -> dict[str, Any]:
    """The notes of a Loop that is restarted: those that did not end well are to be looked for, and those that were never
    made to be made."""
    kept = {key: value for key, value in notes.items() if key not in _OF_AN_ATTEMPT}
    well = {state: number for state, number in notes[ENDED].items() if State(state).is_success}
    unmade = {number: None for number, child in {**notes[AGAIN], **notes[OPEN]}.items() if child is None}
    return {**kept, ENDED: well, OPEN: {}, AGAIN: unmade, SOUGHT: -1}


# The end from outside.


def made(scene: Scene) -> list[ExecutionId]:
    """The executions whose ends it waits for."""
    if not loop.is_loop(scene.node) or scene.attempt is None:
        return []
    return [ExecutionId(child) for child in scene.progress.notes.get(OPEN, {}).values() if _is_there(child)]


def stopped(scene: Scene, *, cascades: bool) -> Iterator[Change]:
    """Have all iterations killed: they are work of the execution itself, so always; with a kill that `cascades` also
    what they wait for."""
    for child in made(scene):
        yield ChildKillOrdered(id=_run(scene).id, execution_id=child, cascades=cascades)


def _cut_short(scene: Scene) -> Changes:
    return (AttemptMoved(at=scene.at, id=_run(scene).id, number=_attempt(scene).number, state=State.KILLED),)


# After the daemon was away.


def item_of_lost(scene: Scene, child: str, stored: Execution | None) -> Item | None:
    """The item of an iteration that ended meanwhile, or that is there no more: of that only the number is known. None if
    it is none."""
    if not loop.is_loop(scene.node):
        return None
    if stored is not None and stored.loop_run is not None:
        return stored.loop_run.item
    still = scene.progress.notes.get(OPEN, {})
    return next((Item(index=int(number), value=None) for number, each in still.items() if each == child), None)


def unmade(scene: Scene) -> Iterator[IterationOrdered | IterationsSought]:
    """What was asked for and has not come: the daemon ended before."""
    notes = scene.progress.notes
    for number, child in notes.get(OPEN, {}).items():
        if not _is_there(child):
            yield _order(scene, number, child)
    if SEEKS in notes:
        yield IterationsSought(id=_run(scene).id, attempt=_attempt(scene).number, after=notes[SOUGHT])
