"""Evaluation: an expression that somebody asks for, in the scope of an execution or of one of its task runs."""

import asyncio
from typing import Final

from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.expression.errors import ExpressionError
from segue.expression.template import compile_template
from segue.model.execution import Execution
from segue.model.names import TaskRunId
from segue.model.order import Order
from segue.runtime.around import Around
from segue.runtime.clock import Clock, Dice
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch, NoAnswer
from segue.runtime.live import LiveExecutions
from segue.runtime.lookups import Lookups
from segue.runtime.refusals import no_execution
from segue.web.ports.executions import Rendered
from segue.web.ports.refusals import Refusal

_SECRET: Final = "secret"  # noqa: S105 - the name of the function


class Evaluation:
    """Has a worker evaluate it: what somebody types may take long, or too much memory."""

    def __init__(
        self,
        executions: LiveExecutions,
        lookups: Lookups,
        revisions: Revisions,
        around: Around,
        dispatch: Dispatch,
        clock: Clock,
        dice: Dice,
    ) -> None:
        self._executions = executions
        self._lookups = lookups
        self._revisions = revisions
        self._around = around
        self._dispatch = dispatch
        self._clock = clock
        self._dice = dice

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal:
        stored = await self._lookups.stored(execution_id)
        live = self._executions.get(execution_id)
        execution = live.execution if live is not None else stored
        deployed = live.deployed if live is not None else self._revisions.of(execution) if execution else None
        if execution is None or deployed is None:
            return no_execution(execution_id)
        if task_run_id is not None and task_run_id not in execution.task_runs:
            return Refusal(404, f"Execution {execution_id} has no task run {task_run_id}")
        if live is None:
            restore(deployed.plan, execution)
            await asyncio.to_thread(self._around.attach, execution)
        if (reason := _why_not(template)) is not None:
            return Rendered(None, reason)
        order = self._order(deployed, execution, task_run_id, template)
        try:
            return Rendered(await self._dispatch.ask(order))
        except NoAnswer as error:
            return Rendered(None, str(error))

    def _order(self, deployed: Deployed, execution: Execution, task_run_id: TaskRunId | None, template: str) -> Order:
        run = execution.task_runs[task_run_id] if task_run_id is not None else None
        scene = Scene.of(deployed.plan, execution, task_run_id, self._clock.now())
        return Order(
            id=f"{execution.id}?eval{self._dice.fraction()}",
            execution_id=execution.id,
            namespace=execution.namespace,
            flow_id=execution.flow_id,
            revision=execution.revision,
            commit=execution.commit,
            task_run_id=task_run_id,
            task_id=run.task_id if run else "",
            task_type="",
            attempt=1,
            variables=scope_of(scene) if scene is not None else {},
            purpose="eval",
            template=template,
        )


def _why_not(template: str) -> str | None:
    """What keeps it from being evaluated at all."""
    try:
        compiled = compile_template(template)
    except ExpressionError as error:
        return str(error)
    if _SECRET in compiled.effects:
        return "secret() is not available here: its value would be shown"
    return None
