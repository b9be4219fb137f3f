"""Looking up one execution: in memory while it is live, else in the database; never further than it is durable."""

import asyncio
from collections.abc import Callable

from segue.model.execution import Execution
from segue.runtime.live import LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.snapshots import snapshot


class Lookups:
    """Finds executions for whoever is outside of the loop."""

    def __init__(self, executions: LiveExecutions, loop: Loop, stored: Callable[[str], Execution | None]) -> None:
        self._executions = executions
        self._loop = loop
        self._stored = stored

    async def live(self, execution_id: str) -> Execution | None:
        """None if it is over, or what it came to cannot be written now."""
        live = self._executions.get(execution_id)
        if live is None or self._loop.is_all_durable:
            return live.execution if live is not None else None
        if self._loop.trouble is not None:
            return None
        seen = snapshot(live.execution)
        await self._loop.durable()
        return seen

    async def stored(self, execution_id: str) -> Execution | None:
        """As stored, if it is not live."""
        if self._executions.get(execution_id) is not None:
            return None
        return await asyncio.to_thread(self._stored, execution_id)
