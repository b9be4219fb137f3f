"""Orders: what a worker is sent - an attempt of a runnable task, or a template to evaluate - with the variables that its
templates name and no others.

The size of an order does not depend on the size of the execution: of the outputs go only the paths that are named, and
where a path goes on with the run's own value (`outputs.t[taskrun.value]`), only that value's part.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from segue.engine import batches, fixtures, iterations, narrowing
from segue.engine.asking import awaited
from segue.engine.calls import call_question
from segue.engine.flow_outputs import outputs_questions
from segue.engine.flowables import approval, loop, working_directory
from segue.engine.flowables.steering import Question
from segue.engine.flowables.table import steering_of
from segue.engine.plan import SECRET, Plan
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.engine.templates import needs_of
from segue.model.change import EvaluationOrdered
from segue.model.execution import Execution
from segue.model.names import TaskRunId
from segue.model.order import LOOP_ERRANDS, Order
from segue.model.task import Approval, Decision, LoopUntil, Runnable, Sleep, Subflow


def order_for(plan: Plan, execution: Execution, task_run_id: TaskRunId) -> Order | None:
    """The order for the open attempt of a task run; None if there is none (any more)."""
    scene = Scene.of(plan, execution, task_run_id, execution.history[-1].at)
    if scene is None or scene.run is None or scene.attempt is None or scene.node.task is None:
        return None
    task = scene.node.task
    if not isinstance(task.body, Runnable):
        return None
    return Order(
        id=f"{scene.run.id}#{scene.attempt.number}",
        execution_id=execution.id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        revision=execution.revision,
        commit=execution.commit,
        task_run_id=scene.run.id,
        task_id=task.id,
        task_type=task.type,
        attempt=scene.attempt.number,
        properties=task.body.properties,
        keeps_types=task.body.keeps_types,
        variables=_variables(scene),
        run_if=str(task.run_if) if "run_if" in scene.node.elsewhere else None,
        timeout=task.timeout,
        log_level=task.log_level,
        log_to_file=task.log_to_file,
        folder=working_directory.folder_around(plan, execution, scene.run.parent_id),
        reuses=task.reuse is not None,
        reuse_seconds=task.reuse.ttl.total_seconds() if task.reuse is not None and task.reuse.ttl is not None else None,
    )


def evaluation_for(plan: Plan, execution: Execution, ordered: EvaluationOrdered) -> Order | None:
    """The order to evaluate what the engine may not; None if nobody waits for it any more."""
    scene = Scene.of(plan, execution, ordered.id, execution.history[-1].at)
    if scene is None or awaited(scene) != ordered.purpose:
        return None
    task = scene.node.task
    order = Order(
        id=f"{scene.id or execution.id}?{ordered.purpose}",
        execution_id=execution.id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        revision=execution.revision,
        commit=execution.commit,
        task_run_id=scene.id,
        task_id=task.id if task is not None else "",
        task_type=task.type if task is not None else "",
        attempt=1,
        variables=_variables_of(scene, ordered),
        purpose=ordered.purpose,
        template=ordered.template,
        typed=ordered.typed,
        secret_outputs=_secret_outputs(plan) if scene.node.task is None else (),
    )
    return _errand(scene, order) if order.is_errand else order


def _errand(scene: Scene, order: Order) -> Order:
    """Its template are properties, and it works as its task says."""
    task, run = scene.node.task, scene.run
    assert task is not None
    assert run is not None
    if order.purpose in LOOP_ERRANDS:
        return replace(order, properties=order.template, template=None)
    folder = working_directory.folder_name(run)
    return replace(
        order,
        id=f"{folder}?{order.purpose}",
        properties=order.template,
        template=None,
        timeout=task.timeout,
        log_level=task.log_level,
        folder=folder,
    )


def _secret_outputs(plan: Plan) -> tuple[str, ...]:
    return tuple(output.id for output in plan.flow.outputs if output.type == SECRET)


def open_evaluations(plan: Plan, execution: Execution) -> Iterator[EvaluationOrdered]:
    """The evaluations that are still waited for: to be ordered again when the daemon has been away."""
    for run_id in (None, *(run.id for run in execution.task_runs.values() if not run.state.is_final)):
        scene = Scene.of(plan, execution, run_id, execution.history[-1].at)
        purpose = awaited(scene) if scene is not None else None
        question = _question(scene, purpose) if scene is not None and purpose is not None else None
        if question is not None:
            yield EvaluationOrdered(
                id=run_id, purpose=question.purpose, template=question.template, typed=question.typed
            )


def _question(scene: Scene, purpose: str) -> Question | None:
    task = scene.node.task
    if task is None:
        questions = outputs_questions(scene.plan.flow.outputs)
        return next((each for each in questions if each.purpose == purpose), None)
    if batches.is_batches(scene) and (asked := batches.question_of(scene, purpose)) is not None:
        return asked
    if loop.is_loop(scene.node) and (asked := iterations.question_of(scene, purpose)) is not None:
        return asked
    match purpose:
        case "run_if":
            return Question(purpose, task.run_if)
        case "timeout":
            return Question(purpose, task.timeout)
        case "duration" if isinstance(task.body, Sleep):
            return Question(purpose, task.body.duration)
        case "call" if isinstance(task.body, Subflow):
            return call_question(task.body.call)
        case "condition" if isinstance(task.body, LoopUntil):
            return Question(purpose, task.body.condition)
        case "terms" if isinstance(task.body, Approval):
            return approval.terms_question(scene.node)
        case Decision.APPROVED | Decision.DENIED | Decision.EXPIRED if isinstance(task.body, Approval):
            return approval.behavior_question(scene.node, Decision(purpose))
        case fixtures.PURPOSE:
            return fixtures.question_of(scene)
        case "teardown":
            return working_directory.last_question(scene.node)
        case _:
            return steering_of(scene.node).question(scene.node)


def _variables_of(scene: Scene, ordered: EvaluationOrdered) -> Mapping[str, Any]:
    if ordered.purpose == fixtures.PURPOSE:
        return narrowing.narrowed(fixtures.variables_of(scene, ordered.template), needs_of(ordered.template))
    if batches.is_batches(scene) and (variables := batches.variables_of(scene, ordered.purpose)) is not None:
        return narrowing.narrowed(variables, scene.node.needs)
    return _variables(scene)


def _variables(scene: Scene) -> Mapping[str, Any]:
    return narrowing.narrowed(scope_of(scene), scene.node.needs)
