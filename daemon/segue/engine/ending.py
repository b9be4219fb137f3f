"""Ending: how a task run, and the flow, come to their end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from segue.engine import asking
from segue.engine.asking import Answer, Pending
from segue.engine.flow_outputs import outputs_of, outputs_questions
from segue.engine.flowables.steering import Question
from segue.engine.notes import LEAVES, OUTCOME, RERUN, VERDICT
from segue.engine.outcome import allowed_end, is_blocking, worse
from segue.engine.plan import OUTPUTS
from segue.engine.scene import Scene
from segue.model.change import Change, ExecutionMoved, Logged, OutputsSet, ProgressMade, RerunOrdered, TaskRunMoved
from segue.model.execution import Failure
from segue.model.state import State

EXIT: Final = "exit"
"""The note on an execution that a task asked to end, with the state it is to end in."""

_WITH_OUTPUTS: Final = frozenset({State.SUCCESS, State.WARNING})


def begins_nothing(scene: Scene) -> bool:
    """A task wants the whole execution to end, or to be made anew."""
    notes = scene.execution.progress.notes
    return EXIT in notes or RERUN in notes


def fail(scene: Scene, failure: Failure) -> tuple[Change, ...]:
    """A task run fails before any worker had it. No retry: nothing would be different."""
    assert scene.run is not None
    state = allowed_end(scene.node.task, State.FAILED)
    return (
        Logged(at=scene.at, level="ERROR", message=failure.message, id=scene.run.id),
        TaskRunMoved(at=scene.at, id=scene.run.id, state=state),
    )


def verdict(scene: Scene, state: State) -> Change:
    """The node says itself how it ends, whatever its children came to."""
    return ProgressMade(id=scene.id, fields={"notes": {**scene.progress.notes, VERDICT: state.value}})


def fails_with(scene: Scene, message: str) -> tuple[Change, ...]:
    """The node fails, whatever its children came to."""
    return (Logged(at=scene.at, level="ERROR", message=message, id=scene.id), verdict(scene, State.FAILED))


def worst_of(scene: Scene) -> State:
    """The worst that is known of a node: of its children, and what it said of itself."""
    worst = scene.progress.worst
    for name in (OUTCOME, VERDICT):
        if said := scene.progress.notes.get(name):
            worst = worse(worst, State(said))
    return worst


def end_node(scene: Scene, worst: State) -> tuple[Change, ...]:
    """A flowable ends: as its children did, or as the task that wanted the whole execution to end said. It may be that
    task itself."""
    assert scene.run is not None
    notes = scene.execution.progress.notes
    leaves = scene.progress.notes.get(LEAVES)
    if EXIT not in notes and leaves is not None and not is_blocking(worst):
        moved = TaskRunMoved(at=scene.at, id=scene.run.id, state=State(leaves))
        return (ProgressMade(id=None, fields={"notes": {**notes, EXIT: leaves}}), moved)
    state = State(notes[EXIT]) if EXIT in notes else allowed_end(scene.node.task, worst)
    return (TaskRunMoved(at=scene.at, id=scene.run.id, state=state),)


def end_flow(scene: Scene, worst: State) -> tuple[Change, ...]:
    """The execution ends. Outputs that do not render make a good end a FAILED one, unless they may be missing."""
    notes = scene.execution.progress.notes
    if RERUN in notes and worst is not State.KILLED:
        due = datetime.fromisoformat(notes[RERUN])
        return (ExecutionMoved(at=scene.at, state=State.RETRIED), RerunOrdered(due=due))
    state = State(notes[EXIT]) if EXIT in notes and worst is not State.KILLED else worst
    if not scene.plan.flow.outputs or state not in _WITH_OUTPUTS:
        return (ExecutionMoved(at=scene.at, state=state),)
    rendered: dict[str, Any] = {}
    told: list[Change] = []
    for question in outputs_questions(scene.plan.flow.outputs):
        answer = asking.ask(scene, question)
        match answer:
            case Pending():
                return answer.changes
            case Failure() if question.purpose == OUTPUTS:
                return _without_outputs(scene, answer)
            case Failure():
                told.append(Logged(at=scene.at, level="WARN", message=_missing(question, answer)))
            case Answer(value=Mapping() as value):
                rendered |= value
            case Answer():
                return _without_outputs(scene, Failure(message="The outputs are no map", kind="expression"))
    values = outputs_of(scene.plan.flow.outputs, rendered)
    if isinstance(values, Failure):
        return _without_outputs(scene, values)
    return (*told, OutputsSet(id=None, outputs=values), ExecutionMoved(at=scene.at, state=state))


def _without_outputs(scene: Scene, failure: Failure) -> tuple[Change, ...]:
    return (
        Logged(at=scene.at, level="ERROR", message=f"Failed to render the flow's outputs: {failure.message}"),
        ExecutionMoved(at=scene.at, state=State.FAILED),
    )


def _missing(question: Question, failure: Failure) -> str:
    return f"The output `{next(iter(question.template))}`, which may be missing, is: {failure.message}"
