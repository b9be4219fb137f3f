"""Calls: a task that has another flow run as an execution of its own, its child, and what the child's end means to it.

The task run has an attempt, as work in a worker has: it begins with the order of the child and ends with the child.
Which child an attempt waits for stands in the run's notes, so that news of any other child says nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any, Final

from segue.engine import asking, attempts
from segue.engine.asking import Answer, Pending
from segue.engine.ending import fail
from segue.engine.flowables.steering import Question
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.engine.templates import evaluate, holds, is_pure
from segue.engine.zones import NotADate, parse_moment
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ChildKillOrdered,
    ChildOrdered,
    ChildWanted,
    OutputsSet,
    ProgressMade,
    TaskRunMoved,
    TimerCleared,
    TimerSet,
)
from segue.model.event import ChildEnded, ChildRefused, ChildStarted, TimerKind
from segue.model.execution import Execution, Failure, TaskRun
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.task import Call, RestartBehavior, Subflow

Changes = tuple[Change, ...]

CHILD: Final = "child"
_WAITS: Final = "waits"
_TRANSMITS: Final = "transmits"
_A_MOMENT: Final = timedelta(seconds=1)


def call_question(call: Call) -> Question:
    """Everything of a call that may be an expression, as one template."""
    return Question("call", call.template, typed=True)


def wanted_of(call: Call, answer: Any) -> ChildWanted | Failure:
    """The child that the evaluated call asks for, or what is wrong with it."""
    if not isinstance(answer, Mapping) or not {"namespace", "flowId"} <= answer.keys():
        return Failure(message="The call does not say which flow", kind="expression")
    inputs, labels = answer.get("inputs") or {}, _labels(answer.get("labels") or {})
    if not isinstance(inputs, Mapping):
        return Failure(message=f"The inputs are no map: {str(inputs)[:200]}", kind="expression")
    if labels is None:
        return Failure(message=f"The labels are no map: {str(answer['labels'])[:200]}", kind="expression")
    try:
        date = answer.get("scheduleDate")
        scheduled_at = parse_moment(str(date), UTC).astimezone(UTC) if date else None
    except NotADate as error:
        return Failure(message=f"scheduleDate: {error}", kind="expression")
    return ChildWanted(
        namespace=str(answer["namespace"]),
        flow_id=str(answer["flowId"]),
        revision=call.revision,
        inputs=dict(inputs),
        labels=labels,
        inherits_labels=holds(answer.get("inheritLabels")),
        scheduled_at=scheduled_at,
    )


def _labels(given: Any) -> dict[str, str] | None:
    if isinstance(given, Mapping):
        return {str(key): _text(value) for key, value in given.items()}
    if not isinstance(given, list) or not all(isinstance(each, Mapping) and "key" in each for each in given):
        return None
    return {str(each["key"]): _text(each.get("value")) for each in given}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


# A Subflow begins.


def called(scene: Scene) -> Changes:
    """The order of the child, or why there can be none."""
    run, call = _run(scene), _body(scene).call
    answer = asking.ask(scene, call_question(call))
    if isinstance(answer, Pending):
        return answer.changes
    if isinstance(answer, Failure):
        return fail(scene, answer)
    wanted = wanted_of(call, answer.value)
    if isinstance(wanted, Failure):
        return fail(scene, wanted)
    late = _timeout(scene)
    if isinstance(late, Pending):
        return late.changes
    if isinstance(late, Failure):
        return fail(scene, late)
    notes = {
        _WAITS: holds(answer.value.get("wait")),
        _TRANSMITS: holds(answer.value.get("transmitFailed")),
    }
    number = len(run.attempts) + 1
    return (
        ProgressMade(id=run.id, fields={"notes": notes}),
        AttemptOpened(at=scene.at, id=run.id, number=number, queued=False),
        AttemptMoved(at=scene.at, id=run.id, number=number, state=State.RUNNING),
        TaskRunMoved(at=scene.at, id=run.id, state=State.RUNNING),
        ChildOrdered(id=run.id, attempt=number, wanted=wanted, again=_child_again(scene, call)),
        *((TimerSet(kind=TimerKind.TIMEOUT, due=scene.at + late, id=run.id),) if late is not None else ()),
    )


def _timeout(scene: Scene) -> timedelta | Failure | Pending | None:
    """How long the attempt may take."""
    assert scene.node.task is not None
    if scene.node.task.timeout is None:
        return None
    answer = asking.ask(scene, Question("timeout", scene.node.task.timeout))
    return attempts.span_of(answer) if isinstance(answer, Answer) else answer


def _child_again(scene: Scene, call: Call) -> ExecutionId | None:
    """The child of the attempt before, if a restart is to set that going again."""
    child = scene.progress.notes.get(CHILD)
    is_restart = _run(scene).state is State.RESTARTED and call.restart is RestartBehavior.RETRY_FAILED
    return ExecutionId(child) if is_restart and child is not None else None


def _run(scene: Scene) -> TaskRun:
    assert scene.run is not None
    return scene.run


def _body(scene: Scene) -> Subflow:
    assert scene.node.task is not None
    assert isinstance(scene.node.task.body, Subflow)
    return scene.node.task.body


def is_call(scene: Scene) -> bool:
    return scene.node.task is not None and isinstance(scene.node.task.body, Subflow)


def is_awaited(scene: Scene, attempt: int) -> bool:
    """Is the child that this attempt ordered still to be made."""
    return is_call(scene) and _is_open(scene, attempt) and CHILD not in scene.progress.notes


def _is_open(scene: Scene, attempt: int) -> bool:
    return scene.attempt is not None and scene.attempt.number == attempt


def awaited_child(scene: Scene) -> ExecutionId | None:
    """The child whose end a task run waits for."""
    if not is_call(scene) or scene.attempt is None or CHILD not in scene.progress.notes:
        return None
    return ExecutionId(scene.progress.notes[CHILD])


# News of the child.


def started(scene: Scene, event: ChildStarted) -> Changes:
    """It is there. Nobody waits for it: that is all there is to do."""
    if not is_call(scene) or not _is_open(scene, event.attempt):
        return ()
    run, notes = _run(scene), scene.progress.notes
    if notes.get(CHILD) == event.execution_id:
        return ()
    changes = (
        ProgressMade(id=run.id, fields={"notes": {**notes, CHILD: event.execution_id}}),
        OutputsSet(id=run.id, outputs={"executionId": event.execution_id}),
    )
    if notes.get(_WAITS, True):
        return changes
    return (*changes, *_over(scene, State.SUCCESS))


def refused(scene: Scene, event: ChildRefused) -> Changes:
    """There is no such flow, or not with these inputs. Another attempt may find it."""
    if not is_awaited(scene, event.attempt):
        return ()
    failure = Failure(message=event.message)
    return _over(scene, State.FAILED, failure=failure, chance=event.chance, tells=True)


def ended(scene: Scene, event: ChildEnded) -> Changes:
    """The child ended, and with it the attempt: as the child did, if its failure is to be transmitted."""
    if awaited_child(scene) != event.execution_id or not event.state.is_final:
        return ()
    if isinstance(event.seen, Failure):
        return _over(scene, State.FAILED, failure=event.seen, chance=event.chance, tells=True)
    outputs: dict[str, Any] = {"executionId": event.execution_id, "state": event.state.value}
    given = {**(event.outputs or {}), **(event.seen or {})}
    if given:
        outputs["outputs"] = given
    state = event.state if scene.progress.notes.get(_TRANSMITS, True) else State.SUCCESS
    failure = None
    if state is State.FAILED:
        failure = Failure(message=f"Execution {event.execution_id} of the flow that was called failed")
    return (
        OutputsSet(id=_run(scene).id, outputs=outputs),
        *_over(scene, state, failure=failure, chance=event.chance),
    )


def late(scene: Scene) -> Changes:
    """The time of the attempt is over: what it called is killed. If that is only about to be there, it is waited for."""
    if scene.attempt is None or _run(scene).state is not State.RUNNING:
        return ()
    child = awaited_child(scene)
    if child is None:
        return (TimerSet(kind=TimerKind.TIMEOUT, due=scene.at + _A_MOMENT, id=_run(scene).id),)
    assert scene.node.task is not None
    failure = Failure(message=f"Timeout after {scene.node.task.timeout}", kind="timeout")
    return (
        ChildKillOrdered(id=_run(scene).id, execution_id=child),
        *_over(scene, State.FAILED, failure=failure, tells=True),
    )


def _over(
    scene: Scene, state: State, *, failure: Failure | None = None, chance: float = 0.0, tells: bool = False
) -> Changes:
    """The attempt ends, and nothing times it any more."""
    return (
        *timed_no_more(scene),
        *attempts.ended_here(scene, state, failure=failure, chance=chance, tells=tells),
    )


def timed_no_more(scene: Scene) -> Iterator[Change]:
    if scene.node.task is not None and scene.node.task.timeout is not None:
        yield TimerCleared(kind=TimerKind.TIMEOUT, id=_run(scene).id)


def seen_by(parent: Scene, child: Scene) -> Mapping[str, Any] | Failure | None:
    """What the template of a Subflow's outputs (1.x) comes to in the scope of the child, which has ended."""
    template = _body(parent).outputs if is_call(parent) else None
    if not template:
        return None
    if not is_pure(template):
        message = "The outputs of a Subflow may not ask the world outside; use `outputs` of the flow that is called"
        return Failure(message=message, kind="expression")
    template = dict(template) if isinstance(template, Mapping) else template
    value = evaluate(template, scope_of(child), at=child.at, seed=f"{parent.id}/seen", typed=True, passes=True)
    if isinstance(value, Failure):
        return Failure(message=f"Failed to extract outputs: {value.message}", kind="expression")
    if not isinstance(value, Mapping):
        return Failure(message="The outputs of the Subflow are no map", kind="expression")
    return value


# The end from outside.


def killed(scene: Scene) -> Iterator[Change]:
    """Have the child killed, if there is one."""
    child = awaited_child(scene)
    if child is not None:
        yield ChildKillOrdered(id=_run(scene).id, execution_id=child)


def lost_children(scenes: Iterator[Scene]) -> Iterator[tuple[Scene, ExecutionId | None]]:
    """The calls that are open, each with its child: None if the daemon ended before it was made."""
    for scene in scenes:
        if is_call(scene) and scene.attempt is not None:
            yield scene, awaited_child(scene)


def parent_of(child: Execution) -> tuple[ExecutionId, str] | None:
    """The execution and the task run that asked for this one."""
    variables = child.trigger.variables if child.trigger is not None else {}
    parent, run_id = variables.get("executionId"), variables.get("taskRunId")
    return (ExecutionId(parent), run_id) if isinstance(parent, str) and isinstance(run_id, str) else None


def batch_of(child: Execution) -> int:
    """The number of the batch that this one was called for; 0 where it was not for one."""
    return int((child.trigger.variables if child.trigger is not None else {}).get("taskRunIteration", 0))


def caller_variables(parent: Scene) -> dict[str, Any]:
    """The trigger variables of the child: who called it."""
    execution, run = parent.execution, _run(parent)
    variables: dict[str, Any] = {
        "executionId": execution.id,
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "flowRevision": execution.revision,
        "taskRunId": run.id,
    }
    if run.value is not None:
        variables["taskRunValue"] = run.value
    if run.iteration is not None:
        variables["taskRunIteration"] = run.iteration
    return variables
