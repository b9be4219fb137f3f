"""Settle: what a state by itself leads to.

`evolve` puts on the execution's `unsettled` list whatever a change may have set in motion; `settle` says what follows
for one entry: a task run that was made starts, a flowable opens or makes its next children, a child that ended lets
its parent go on, a list that is done gives way to `errors`, `finally`, and then to the node's end. Done again for an
entry that has been settled it says `()`.

The life of a node's lists: the main list; after a failure in it `errors`; always `finally`; then the end. What has
begun is not stopped by a failure, but nothing new starts beside it.
"""

from collections.abc import Sequence

from segue.engine import asking, attempts, batches, breakpoints, calls, ending, fixtures, iterations, kill
from segue.engine.asking import Answer, Pending
from segue.engine.ending import EXIT
from segue.engine.flowables import parts, working_directory
from segue.engine.flowables.steering import Child, Opening, Question
from segue.engine.flowables.table import further_of, steering_of
from segue.engine.limits import TASK_RUNS_MAX
from segue.engine.notes import VERDICT
from segue.engine.outcome import worse
from segue.engine.plan import AFTER_EXECUTION, ERRORS, FINALLY, SIDE_BRANCHES
from segue.engine.scene import Scene
from segue.engine.templates import holds
from segue.model.change import Change, ExecutionMoved, Logged, OutputsSet, ProgressMade, TaskRunCreated, TaskRunMoved
from segue.model.execution import Failure
from segue.model.names import task_run_id
from segue.model.state import State
from segue.model.task import EachItem, Runnable, Sleep, Subflow

Changes = tuple[Change, ...]


def settle(scene: Scene) -> Changes:
    """What one entry leads to."""
    state = scene.run.state if scene.run is not None else scene.execution.state
    if scene.execution.state is State.KILLING:
        return _settle_killing(scene)
    if scene.run is None:
        return _settle_flow(scene, state)
    if state.is_final:
        return _settle_ended(scene)
    if state is State.CREATED or state is State.RESTARTED:
        return _start(scene)
    if state is State.RUNNING and scene.node.task is not None and scene.node.task.is_flowable:
        return _go_on(scene)
    return batches.going_on(scene) if state is State.RUNNING and batches.is_batches(scene) else ()


def _settle_killing(scene: Scene) -> Changes:
    """Nothing starts any more; a node is KILLED once nothing below it runs."""
    if scene.run is not None and scene.run.state.is_final:
        scene = scene.parent()
    if scene.progress.running or scene.attempt is not None:
        return ()
    if scene.run is None:
        return ending.end_flow(scene, State.KILLED)
    if scene.run.state is State.KILLING:
        return (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.KILLED),)
    return ()


def _settle_flow(scene: Scene, state: State) -> Changes:
    if not state.is_final:
        is_killed = scene.progress.notes.get(EXIT) == State.KILLED
        return tuple(kill.killed(scene)) if is_killed else _go_on(scene)
    if scene.progress.branch == AFTER_EXECUTION:
        return _make(scene, parts.one_by_one(scene))
    if scene.node.children(AFTER_EXECUTION) and not scene.progress.running:
        return _take_up(scene, AFTER_EXECUTION)
    return ()


# A task run starts.


def _start(scene: Scene) -> Changes:
    assert scene.run is not None
    assert scene.node.task is not None
    if scene.attempt is not None:
        return ()
    if breakpoints.stops(scene):
        return (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.BREAKPOINT),)
    ended = fixtures.stands_in(scene)
    if ended is not None:
        return ended
    gate = _gate(scene)
    if isinstance(gate, Pending):
        return gate.changes
    if isinstance(gate, Failure):
        return ending.fail(scene, gate)
    if not gate.value:
        return (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.SKIPPED),)
    match scene.node.task.body:
        case Runnable():
            return attempts.opened(scene)
        case Sleep():
            return attempts.slept(scene)
        case EachItem():
            return batches.begun(scene)
        case Subflow():
            return calls.called(scene)
        case _:
            return (TaskRunMoved(at=scene.at, id=scene.run.id, state=State.RUNNING), *_open(scene))


def _gate(scene: Scene) -> Answer | Failure | Pending:
    """Whether `runIf` lets it start. Asked once, not again for a retry; and left to the worker if one is needed for the
    task anyhow and the engine may not evaluate it."""
    assert scene.run is not None
    assert scene.node.task is not None
    task = scene.node.task
    is_retry = scene.run.state is State.CREATED and bool(scene.run.attempts)
    is_left = isinstance(task.body, Runnable) and "run_if" in scene.node.elsewhere
    if task.run_if is None or task.run_if is True or is_retry or is_left:
        return Answer(value=True)
    answer = asking.ask(scene, Question("run_if", task.run_if))
    return Answer(holds(answer.value)) if isinstance(answer, Answer) else answer


# A flowable opens, and goes on.


def _open(scene: Scene) -> Changes:
    steering = steering_of(scene.node)
    question = steering.question(scene.node)
    answer = asking.ask(scene, question) if question is not None else Answer(None)
    if isinstance(answer, Pending):
        return answer.changes
    opening = answer if isinstance(answer, Failure) else steering.opening(scene.node, answer.value)
    if isinstance(opening, Failure):
        return ending.fail(scene, opening)
    return _opened(scene, opening)


def _opened(scene: Scene, opening: Opening) -> Changes:
    notes = {**asking.without_answers(scene.progress.notes), "main": opening.branch, **opening.notes}
    fields: dict[str, object] = {"branch": opening.branch, "notes": notes}
    if opening.values is not None:
        fields["values"] = list(opening.values)
    progress = ProgressMade(id=scene.id, fields=fields)
    if opening.outputs is None:
        return (progress,)
    return (OutputsSet(id=scene.id, outputs=opening.outputs), progress)


def _go_on(scene: Scene) -> Changes:
    """A node that is open, taken up wherever it stands."""
    if not scene.progress.branch:
        return _open(scene)
    if scene.progress.branch in SIDE_BRANCHES:
        return _with_children(scene, parts.one_by_one(scene))
    return _with_children(scene, steering_of(scene.node).due(scene))


def _settle_ended(scene: Scene) -> Changes:
    """A child ended: its parent goes on."""
    assert scene.run is not None
    parent = scene.parent()
    if parent.run is None:
        return _settle_flow_after(parent, scene)
    return _after(parent, scene) if parent.run.state is State.RUNNING else ()


def _settle_flow_after(flow: Scene, ended: Scene) -> Changes:
    if flow.execution.state.is_final:
        return _settle_flow(flow, flow.execution.state)
    return _after(flow, ended)


def _after(parent: Scene, ended: Scene) -> Changes:
    assert ended.run is not None
    if parent.progress.branch in SIDE_BRANCHES:
        return _with_children(parent, parts.one_by_one(parent))
    return _with_children(parent, steering_of(parent.node).after(parent, ended.run))


def _with_children(scene: Scene, children: Sequence[Child]) -> Changes:
    if ending.begins_nothing(scene) and scene.progress.branch != FINALLY:
        children = ()
    if children:
        return _make(scene, children)
    if scene.progress.running:
        return ()
    waits = iterations.going_on(scene)
    return _next_list(scene) if waits is None else waits


def _make(scene: Scene, children: Sequence[Child]) -> Changes:
    execution = scene.execution
    if len(execution.task_runs) + len(children) > TASK_RUNS_MAX:
        return _refuse(scene, f"More than {TASK_RUNS_MAX} task runs in one execution")
    return tuple(
        TaskRunCreated(
            at=scene.at,
            id=task_run_id(execution.id, sequence),
            sequence=sequence,
            task_id=child.node.id,
            parent_id=scene.id,
            value=child.value,
            iteration=child.iteration,
        )
        for sequence, child in enumerate(children, execution.next_sequence)
    )


def _refuse(scene: Scene, message: str) -> Changes:
    """No room for more task runs: the node fails, once what it has begun has ended."""
    if scene.progress.running or scene.execution.state.is_final:
        return ()
    if scene.run is not None:
        return ending.fail(scene, Failure(message=message))
    return (Logged(at=scene.at, level="ERROR", message=message), ExecutionMoved(at=scene.at, state=State.FAILED))


def _next_list(scene: Scene) -> Changes:
    """The list in hand is done: which comes next, or the end."""
    progress, node = scene.progress, scene.node
    is_main = progress.branch not in SIDE_BRANCHES
    leaves = ending.begins_nothing(scene)
    if is_main and not leaves and VERDICT not in progress.notes:
        further = further_of(node)
        more = further(scene) if further is not None else None
        if more is not None:
            return more
    last = _last_answer(scene)
    if isinstance(last, Pending):
        return last.changes
    told = _told(scene, last) if is_main else ()
    worst = ending.worst_of(scene)
    worst = worse(worst, State.FAILED) if isinstance(last, Failure) else worst
    if is_main and worst is State.FAILED and node.children(ERRORS) and not leaves:
        return (*told, *_take_up(scene, ERRORS))
    if progress.branch != FINALLY and node.children(FINALLY):
        return (*told, *_take_up(scene, FINALLY))
    worst = steering_of(node).end(worst)
    end = ending.end_flow(scene, worst) if scene.run is None else ending.end_node(scene, worst)
    return (*told, *end)


def _last_answer(scene: Scene) -> Answer | Failure | Pending:
    """Of the errand after the last task, for those nodes that have one. Kept in the notes until the node has ended."""
    question = working_directory.last_question(scene.node)
    return Answer(None) if question is None else asking.ask(scene, question)


def _told(scene: Scene, last: Answer | Failure) -> Changes:
    if isinstance(last, Failure):
        return (Logged(at=scene.at, level="ERROR", message=last.message, id=scene.id),)
    return (OutputsSet(id=scene.id, outputs=last.value),) if isinstance(last.value, dict) else ()


def _take_up(scene: Scene, branch: str) -> Changes:
    return (ProgressMade(id=scene.id, fields={"branch": branch, "next": 0, "blocked": False}),)
