"""What workers ask the daemon for while they render or run: keys and values, and the errors of their execution."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from segue.model.order import LogLevel
from segue.runtime.dispatch import NoAnswer
from segue.web.ports import LogSearch, Reads

ERROR_LOGS_MAX: Final = 100


class WorkersAsks:
    """Answers them from what is stored."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def answer(self, execution_id: str, namespace: str, kind: str, arguments: Mapping[str, Any]) -> Any:
        """Raises `NoAnswer` with the sentence that the task's author is to read."""
        match kind:
            case "kv":
                return await self._key(arguments.get("namespace") or namespace, arguments)
            case "error_logs":
                return await self._error_logs(execution_id)
            case _:
                raise NoAnswer(f"{kind}() is not available to tasks")

    async def _key(self, namespace: str, arguments: Mapping[str, Any]) -> Any:
        key = str(arguments["key"])
        found = await asyncio.to_thread(self._reads.key, namespace, key)
        if found is not None:
            return found.value
        if arguments.get("error_on_missing", True):
            raise NoAnswer(f"The key '{key}' does not exist in the namespace '{namespace}'.")
        return None

    async def _error_logs(self, execution_id: str) -> list[dict[str, Any]]:
        search = LogSearch(execution_id=execution_id, min_level=LogLevel.ERROR, limit=ERROR_LOGS_MAX)
        lines = await asyncio.to_thread(self._reads.logs, search)
        return [
            {
                "taskId": line.task_id,
                "taskRunId": line.task_run_id,
                "level": line.level,
                "message": line.message,
                "timestamp": line.at.isoformat(),
            }
            for line in lines
        ]
