"""AllowFailure: one after another; a failure ends in WARNING, after the `errors` branch has run."""

from segue.engine.flowables import parts
from segue.model.state import State

question = parts.no_question
opening = parts.open_tasks
due = parts.one_by_one
after = parts.one_by_one_after


def end(worst: State) -> State:
    return State.WARNING if worst is State.FAILED else worst
