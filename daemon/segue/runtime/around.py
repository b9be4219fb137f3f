"""Around: the executions that iterations of Loops belong to. An iteration sees what the one around it has come to; that is
no part of its record, so it is looked up when an iteration is taken in from the database."""

from collections.abc import Callable

from segue.engine.calls import parent_of
from segue.engine.rebuild import restore
from segue.model.execution import Execution
from segue.runtime.deployed import Revisions
from segue.runtime.live import LiveExecutions


class Around:
    """Finds them among the live ones, else among those that are stored."""

    def __init__(
        self, executions: LiveExecutions, revisions: Revisions, stored: Callable[[str], Execution | None]
    ) -> None:
        self._executions = executions
        self._revisions = revisions
        self._stored = stored

    def attach(self, execution: Execution) -> None:
        """Let an iteration see the execution around it, if there still is one."""
        asked_by = parent_of(execution)
        if execution.loop_run is None or execution.outer is not None or asked_by is None:
            return
        live = self._executions.get(asked_by[0])
        execution.outer = self._restored(asked_by[0]) if live is None else live.execution
        if execution.outer is not None:
            self.attach(execution.outer)

    def _restored(self, execution_id: str) -> Execution | None:
        stored = self._stored(execution_id)
        deployed = self._revisions.of(stored) if stored is not None else None
        return None if stored is None or deployed is None else restore(deployed.plan, stored)
