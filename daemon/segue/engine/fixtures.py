"""Fixtures: what stands in for task runs of an execution that is a test.

They hang on the execution as a note, so that they last as long as it does. A run that has one is neither asked for its
`runIf` nor given to a worker, a child or its own children: it ends at once, as the fixture says, whatever kind of task
it is of - so does Kestra. Which one: that of the run's task and value, both as they are written. A fixture's state is
what the task came to, so `allowFailure` and `allowWarning` apply to it; no retry does.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.engine import asking
from segue.engine.asking import Answer, Pending
from segue.engine.ending import fail
from segue.engine.flowables.steering import Question
from segue.engine.notes import FIXTURES
from segue.engine.outcome import allowed_end
from segue.engine.scene import Scene
from segue.engine.scope import scope_of, task_states
from segue.engine.templates import needs_of
from segue.model.change import Change, Logged, OutputsSet, TaskRunMoved
from segue.model.execution import Failure
from segue.model.flow_test import TaskFixture
from segue.model.state import State

PURPOSE: Final = "fixture"


def noted(tasks: tuple[TaskFixture, ...], files: Mapping[str, str]) -> dict[str, Any]:
    """The note of an execution with these; `files` are addresses by name. The first of two for one run counts."""
    by_task: dict[str, list[dict[str, Any]]] = {}
    for each in tasks:
        entry = {"value": each.value, "state": each.state.value, "outputs": dict(each.outputs)}
        by_task.setdefault(each.id, []).append(entry)
    return {FIXTURES: {"tasks": by_task, "files": dict(files)}}


def stands_in(scene: Scene) -> tuple[Change, ...] | None:
    """What a fixture makes of a run that would start; None if there is none for it."""
    fixture = _fixture(scene)
    if fixture is None:
        return None
    assert scene.run is not None
    outputs = _outputs(scene, fixture)
    if isinstance(outputs, Pending):
        return outputs.changes
    if isinstance(outputs, Failure):
        said = f"The outputs of its fixture cannot be rendered: {outputs.message}"
        return fail(scene, Failure(message=said, kind=outputs.kind))
    state = State(fixture["state"])
    return (
        *_told(scene, state),
        *((OutputsSet(id=scene.run.id, outputs=outputs.value),) if outputs.value else ()),
        TaskRunMoved(at=scene.at, id=scene.run.id, state=allowed_end(scene.node.task, state)),
    )


def _fixture(scene: Scene) -> Mapping[str, Any] | None:
    of_all = scene.execution.progress.notes.get(FIXTURES)
    if of_all is None or scene.run is None:
        return None
    entries = of_all["tasks"].get(scene.run.task_id, ())
    return next((each for each in entries if each["value"] == scene.run.value), None)


def _outputs(scene: Scene, fixture: Mapping[str, Any]) -> Answer | Failure | Pending:
    question = Question(PURPOSE, fixture["outputs"])
    return asking.ask_with(scene, question, variables_of(scene, question.template))


def question_of(scene: Scene) -> Question | None:
    """What a worker was asked for, to ask again."""
    fixture = _fixture(scene)
    return Question(PURPOSE, fixture["outputs"]) if fixture is not None else None


def variables_of(scene: Scene, template: Any) -> dict[str, Any]:
    """What expressions of a test see: what the flow's own do there, and the addresses of the test's files."""
    variables = scope_of(scene)
    if needs_of(template).name("tasks"):
        variables["tasks"] = task_states(scene.execution)
    note = scene.execution.progress.notes.get(FIXTURES, {})
    return {**variables, "files": note.get("files", {})}


def _told(scene: Scene, state: State) -> Iterator[Change]:
    if not state.is_success:
        yield Logged(at=scene.at, level="ERROR", message=f"{state} by a fixture of the test", id=scene.id)
