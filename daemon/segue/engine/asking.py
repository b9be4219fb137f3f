"""Asking: what a template of a task run comes to - evaluated here and now if it is pure and reads nothing encrypted, else
ordered from a worker.

An answer from a worker is kept in the run's notes until the run has opened, so that settling, done again after it has
come, finds it. Never both: what a worker has to say the engine does not try.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from segue.engine import templates
from segue.engine.flowables.steering import Question
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.model.change import Change, EvaluationOrdered, ProgressMade
from segue.model.event import Evaluated
from segue.model.execution import Failure

Notes = Mapping[str, Any]

AWAITS: Final = "awaits"
ANSWERS: Final = "answers"


class Answer(Struct, frozen=True):
    value: Any


class Pending(Struct, frozen=True):
    """A worker has to say. `changes` order it, the first time."""

    changes: tuple[Change, ...]


def ask(scene: Scene, question: Question) -> Answer | Failure | Pending:
    if not _holds_template(question.template):
        return Answer(question.template)
    if question.purpose in scene.node.elsewhere:
        return _from_worker(scene, question)
    return _evaluated(scene, question, scope_of(scene))


def ask_with(
    scene: Scene, question: Question, variables: Mapping[str, Any], *, notes: Notes | None = None
) -> Answer | Failure | Pending:
    """The same of a template that is not the flow's own, so that its plan knows nothing of it, or that sees more than
    the task run does. `notes` are those that the run is about to have, if they are not its present ones."""
    is_pure = templates.is_pure(question.template)
    return _evaluated(scene, question, variables, notes) if is_pure else _from_worker(scene, question, notes)


def _evaluated(
    scene: Scene, question: Question, variables: Mapping[str, Any], notes: Notes | None = None
) -> Answer | Failure | Pending:
    value = templates.evaluate(
        question.template,
        variables,
        at=scene.at,
        seed=f"{scene.id or scene.execution.id}/{question.purpose}",
        typed=question.typed,
    )
    if not isinstance(value, Failure):
        return Answer(value)
    return _from_worker(scene, question, notes) if value.kind == templates.ENCRYPTED else value


def _holds_template(value: Any) -> bool:
    match value:
        case str():
            return "{" in value
        case list() | tuple():
            return any(map(_holds_template, value))
        case dict():
            return True
        case _:
            return False


def _from_worker(scene: Scene, question: Question, notes: Notes | None = None) -> Answer | Failure | Pending:
    notes = scene.progress.notes if notes is None else notes
    answer = notes.get(ANSWERS, {}).get(question.purpose)
    if answer is not None:
        return Failure(message=answer["failure"], kind="expression") if "failure" in answer else Answer(answer["value"])
    if notes.get(AWAITS) == question.purpose:
        return Pending(())
    order = EvaluationOrdered(id=scene.id, purpose=question.purpose, template=question.template, typed=question.typed)
    return Pending((order, ProgressMade(id=scene.id, fields={"notes": {**notes, AWAITS: question.purpose}})))


def awaited(scene: Scene) -> str | None:
    """The purpose of what a worker is to say; None if nothing, or too late."""
    state = scene.run.state if scene.run is not None else scene.execution.state
    purpose = scene.progress.notes.get(AWAITS)
    return None if state.is_final or purpose is None else str(purpose)


def answered(scene: Scene, event: Evaluated) -> tuple[Change, ...]:
    """Take down what a worker said, if that is still awaited."""
    if awaited(scene) != event.purpose:
        return ()
    notes = scene.progress.notes
    said = {"value": event.value} if event.failure is None else {"failure": event.failure.message}
    return (ProgressMade(id=scene.id, fields={"notes": _with_answer(notes, event.purpose, said)}),)


def _with_answer(notes: Mapping[str, Any], purpose: str, said: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in notes.items() if key != AWAITS}
    return {**kept, ANSWERS: {**notes.get(ANSWERS, {}), purpose: dict(said)}}


def without_answer(notes: Notes, purpose: str) -> dict[str, Any]:
    """The notes once this answer has been used, and others have not."""
    kept = {key: value for key, value in notes.get(ANSWERS, {}).items() if key != purpose}
    return {**{key: value for key, value in notes.items() if key != ANSWERS}, **({ANSWERS: kept} if kept else {})}


def without_answers(notes: Mapping[str, Any]) -> dict[str, Any]:
    """The notes once the answers have been used."""
    return {key: value for key, value in notes.items() if key not in {AWAITS, ANSWERS}}
