"""Scene: where in an execution the engine looks - a task run with its node, or the flow itself - and when."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

from msgspec import Struct

from segue.engine.plan import Node, Plan
from segue.model.execution import Attempt, Execution, Progress, TaskRun
from segue.model.names import TaskRunId

_NOTHING_YET = Progress()


class Scene(Struct, frozen=True):
    """`run` is None for the flow itself."""

    plan: Plan
    execution: Execution
    node: Node
    run: TaskRun | None
    at: datetime

    @classmethod
    def of(cls, plan: Plan, execution: Execution, run_id: TaskRunId | None, at: datetime) -> Self | None:
        """None if there is no such task run (news about one that was removed)."""
        if run_id is None:
            return cls(plan, execution, plan.root, None, at)
        run = execution.task_runs.get(run_id)
        node = plan.nodes.get(run.task_id) if run is not None else None
        return None if run is None or node is None else cls(plan, execution, node, run, at)

    @classmethod
    def of_flow(cls, plan: Plan, execution: Execution) -> Self:
        """The flow itself, as of the last that happened to the execution."""
        return cls(plan, execution, plan.root, None, execution.history[-1].at)

    @property
    def id(self) -> TaskRunId | None:
        return self.run.id if self.run is not None else None

    @property
    def progress(self) -> Progress:
        """Not to be changed: only `evolve` does."""
        if self.run is None:
            return self.execution.progress
        return self.run.progress or _NOTHING_YET

    @property
    def attempt(self) -> Attempt | None:
        """The last attempt, if it has not ended."""
        if self.run is None or not self.run.attempts or self.run.attempts[-1].state.is_final:
            return None
        return self.run.attempts[-1]

    def parent(self) -> "Scene":
        assert self.run is not None, "the flow has no parent"
        found = Scene.of(self.plan, self.execution, self.run.parent_id, self.at)
        assert found is not None, self.run
        return found

    def children(self) -> Iterator[TaskRun]:
        """The task runs below, in the order in which they were made."""
        runs = self.execution.task_runs
        return (runs[child] for child in self.execution.children.get(self.id, ()))
