"""What is stored: plain functions, called from threads of a pool, several at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from segue.model.execution import Execution, TaskRun
from segue.model.names import ExecutionId
from segue.model.revision import FlowKey, Revision
from segue.model.state import State
from segue.web.ports.executions import FlowTally, RunMark, Search, StateCount, Tally
from segue.web.ports.git import Sync
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import Page, Wanted
from segue.web.ports.logs import LogEntry, LogPage, LogSearch, LookedBack
from segue.web.ports.metrics import MetricEntry, MetricSpan


class Reads(Protocol):
    """What is stored. Executions of lists come without their task runs."""

    def execution(self, execution_id: str) -> Execution | None:
        """With all its task runs."""

    def execution_alone(self, execution_id: str) -> Execution | None:
        """Without its task runs: cheap whatever it weighs."""

    def execution_in_outline(self, execution_id: str) -> Execution | None:
        """With those of its task runs that stand right below the flow."""

    def task_runs(self, execution_id: str, *, offset: int, limit: int) -> Page[TaskRun]:
        """In the order of making."""

    def task_runs_in(self, execution_id: str, state: State, *, limit: int) -> tuple[TaskRun, ...]:
        """The first ones in that state, in the order of making."""

    def task_states(self, execution_id: str) -> Mapping[str, Mapping[State, int]]:
        """How many task runs each task has in each state."""

    def search(self, search: Search) -> Page[Execution]: ...
    def counts_by_state(self, filters: Sequence[Wanted]) -> Mapping[State, StateCount]:
        """How many executions these find in each state; states among the filters are left aside."""

    def recent(self, flows: Sequence[FlowKey], limit: int) -> Mapping[FlowKey, tuple[RunMark, ...]]:
        """The last executions of each flow, oldest first."""

    def tally(self, since: datetime, until: datetime, stretch: timedelta) -> tuple[Tally, ...]: ...
    def flow_tally(
        self, flow: FlowKey, since: datetime, until: datetime, stretch: timedelta
    ) -> tuple[FlowTally, ...]: ...
    def logs(self, search: LogSearch) -> tuple[LogEntry, ...]: ...
    def find_logs(self, search: LogPage) -> Page[LogEntry]: ...
    def counts(self) -> Mapping[FlowKey, Mapping[State, int]]:
        """How many executions there are of each flow, live or not, in each state."""

    def look_back(self, search: LogSearch) -> LookedBack:
        """The last lines of everything that are meant, a page at a time."""

    def metrics(self, execution_id: str, limit: int | None = None) -> tuple[MetricEntry, ...]: ...
    def metric_names(self, flow: FlowKey, task_id: str | None = None) -> tuple[str, ...]: ...
    def metric_tasks(self, flow: FlowKey) -> tuple[str, ...]:
        """The tasks of a flow that metrics are stored of."""

    def metric_over_time(self, wanted: MetricSpan) -> tuple[tuple[datetime, float], ...]:
        """By hour up to two days, by day beyond that; times without values are left out."""

    def revisions(self, flow: FlowKey) -> tuple[Revision, ...]:
        """Newest first."""

    def changes(self, *, limit: int, offset: int = 0) -> tuple[Revision, ...]:
        """The last revisions of all flows, newest first."""

    def syncs(self, limit: int) -> tuple[Sync, ...]:
        """Newest first."""

    def keys(self, namespace: str | None) -> tuple[KeyValue, ...]:
        """Those of a namespace, or with None all there are; by namespace and key."""

    def key(self, namespace: str, key: str) -> KeyValue | None: ...
    def iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[Execution, ...]:
        """Of the task run of a Loop those behind the number `after`, in their order."""

    def last_iterations(self, loop_run_id: str, limit: int) -> tuple[Execution, ...]:
        """Those of the last values that have begun, the last one first."""

    def unfinished_iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[tuple[int, ExecutionId], ...]:
        """The same, only those that did not end well: number and execution."""
