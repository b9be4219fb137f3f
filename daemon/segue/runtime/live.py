"""The executions that are not over, in memory, and indexes over them. The database has the same, durably."""

from collections.abc import Iterator

from msgspec import Struct

from segue.model.execution import Execution, Kind
from segue.model.names import ExecutionId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.deployed import Deployed


class Live(Struct):
    """One execution that is not over, with the revision it runs."""

    execution: Execution
    deployed: Deployed

    @property
    def key(self) -> FlowKey:
        return self.deployed.key


class LiveExecutions:
    """All of them by id, who holds a slot of a flow and who waits for one. Tests do neither.

    Slots are sets of ids that follow from the executions' states: a slot cannot leak, since who is not live holds
    none. Iterations hold none either: the execution around them has its own.
    """

    def __init__(self) -> None:
        self._by_id: dict[ExecutionId, Live] = {}
        self._holding: dict[FlowKey, set[ExecutionId]] = {}
        self._waiting: dict[FlowKey, dict[ExecutionId, None]] = {}

    def add(self, live: Live) -> None:
        self._by_id[live.execution.id] = live
        self.reindex(live)

    def get(self, execution_id: str) -> Live | None:
        return self._by_id.get(ExecutionId(execution_id))

    def remove(self, execution_id: ExecutionId) -> None:
        live = self._by_id.pop(execution_id, None)
        if live is not None:
            self._leave(self._holding, live)
            self._leave(self._waiting, live)

    def reindex(self, live: Live) -> None:
        """Take note of the state that an execution is in now."""
        execution_id, state = live.execution.id, live.execution.state
        if state.holds_slot and live.execution.kind is Kind.NORMAL:
            self._holding.setdefault(live.key, set()).add(execution_id)
        else:
            self._leave(self._holding, live)
        if state is State.QUEUED:
            self._waiting.setdefault(live.key, {})[execution_id] = None
        else:
            self._leave(self._waiting, live)

    def holding(self, key: FlowKey) -> int:
        """How many executions hold a slot of the flow."""
        return len(self._holding.get(key, ()))

    def waiting(self, key: FlowKey) -> Iterator[Live]:
        """Who waits for a slot of the flow, longest first."""
        return (self._by_id[execution_id] for execution_id in list(self._waiting.get(key, ())))

    def awaited(self) -> list[FlowKey]:
        """The flows for whose slots somebody waits."""
        return list(self._waiting)

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    @staticmethod
    def _leave(index: dict[FlowKey, set[ExecutionId]] | dict[FlowKey, dict[ExecutionId, None]], live: Live) -> None:
        members = index.get(live.key)
        if members is None or live.execution.id not in members:
            return
        if isinstance(members, set):
            members.discard(live.execution.id)
        else:
            del members[live.execution.id]
        if not members:
            del index[live.key]
