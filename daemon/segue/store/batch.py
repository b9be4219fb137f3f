"""Batch: what one round of decisions writes, as plain tuples that are ready for SQL. Made on the main thread, given
to the writer, which commits it with others in one transaction: all of a batch or nothing.

Rows with a key replace one another (the writer needs only the last); rows without are added. A batch is not
changed any more once it was submitted.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ExecutionMoved,
    LabelsChanged,
    Logged,
    OutputsSet,
    ProgressMade,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunRemoved,
    TimerCleared,
    TimerSet,
    VariablesChanged,
)
from segue.model.event import TimerKind
from segue.model.execution import Execution, TaskRun
from segue.model.names import TaskRunId
from segue.model.problem import Problem
from segue.model.revision import FlowKey, Revision
from segue.store.columns import document, microseconds, microseconds_or_none, storable, storable_or_none
from segue.store.records import (
    Entry,
    FiredSlot,
    FlowFiring,
    Process,
    StoredLogLine,
    StoredMetric,
    Sync,
    Timer,
    TriggerKey,
    TriggerState,
)
from segue.store.rows import (
    EVERYTHING,
    EXECUTION_OPTIONAL_FROM,
    TASK_RUN_OPTIONAL_FROM,
    DocumentKey,
    Row,
    execution_row,
    merged,
    task_run_row,
)

Key = tuple[Any, ...]

# Tables whose rows have a key, in the order they are written in (what others refer to first).
KEYED: Final = (
    "executions",
    "task_runs",
    "timers",
    "trigger_states",
    "processes",
    "revisions",
    "live_flows",
    "kv",
    "settings",
)
# Tables that rows are added to.
ADDED: Final = ("slots", "firings", "logs", "metrics", "syncs")
# Whole deletions, done before anything is put: statement -> keys.
CLEARINGS: Final = (
    "remove_executions",
    "remove_logs",
    "remove_metrics",
    "remove_log_lines",
    "remove_metric_values",
    "remove_trigger_logs",
    "remove_execution_timers",
    "remove_firings",
    "remove_old_slots",
)

# Tables in whose rows None means "as it was", from this column on.
OPTIONAL_FROM: Final = {"executions": EXECUTION_OPTIONAL_FROM, "task_runs": TASK_RUN_OPTIONAL_FROM}

# Tables whose keys begin with the id of an execution.
_OF_EXECUTIONS: Final = ("executions", "task_runs", "timers")

_NOTHING: Final[frozenset[str]] = frozenset()


class Batch:
    """Give it what was decided, then `Writer.submit` it.

    `is_refusable` says that nobody was promised anything yet (a webhook that is still to be answered): while the
    disk is full such a batch is refused at once, whereas others wait until they can be written.
    """

    __slots__ = ("added", "clearings", "documents", "is_refusable", "keyed", "replaces_problems", "replaces_revisions")

    def __init__(self, *, is_refusable: bool = False) -> None:
        self.is_refusable = is_refusable
        self.keyed: dict[str, dict[Key, Row | None]] = {}  # None: removed
        self.documents: dict[DocumentKey, Row] = {}  # the long ones of executions and task runs
        self.added: dict[str, list[Row]] = {}
        self.clearings: dict[str, list[Key]] = {}
        self.replaces_revisions = False
        self.replaces_problems: list[Row] | None = None

    def __bool__(self) -> bool:
        return bool(self.keyed or self.added) or self.needs_order

    @property
    def needs_order(self) -> bool:
        """Clears what others may put: it is not merged with batches before it."""
        return bool(self.clearings) or self.replaces_revisions or self.replaces_problems is not None

    @property
    def size(self) -> int:
        """Rows, about."""
        return sum(map(len, self.keyed.values())) + sum(map(len, self.added.values())) + len(self.clearings)

    # Executions.

    def add_execution(self, execution: Execution) -> None:
        """The whole of an execution, with all its task runs (one that is new)."""
        self.put_execution(execution, EVERYTHING)
        for run in execution.task_runs.values():
            self.put_task_run(execution, run, with_values=True, with_outputs=True)

    def add_changes(self, execution: Execution, changes: Iterable[Change]) -> None:
        """What `changes`, folded into `execution` before, touched: its row, its task runs, timers and log lines."""
        touched: dict[TaskRunId, set[str]] = {}
        own: set[str] | None = None
        for change in changes:
            match change:
                case TaskRunCreated(id=id_):
                    touched[id_] = {"progress_values", "outputs"}
                case TaskRunMoved(id=id_) | AttemptOpened(id=id_) | AttemptMoved(id=id_):
                    touched.setdefault(id_, set())
                case TaskRunRemoved(id=id_):
                    touched[id_] = {"progress_values", "outputs"}
                case ProgressMade(id=None, fields=fields):
                    own = (own or set()) | ({"progress_values"} if "values" in fields else set())
                case ProgressMade(id=id_, fields=fields) if id_ is not None:
                    touched.setdefault(id_, set()).update(("progress_values",) if "values" in fields else ())
                case OutputsSet(id=None):
                    own = (own or set()) | {"outputs"}
                case OutputsSet(id=id_) if id_ is not None:
                    touched.setdefault(id_, set()).add("outputs")
                case ExecutionMoved():
                    own = own or set()
                case LabelsChanged():
                    own = (own or set()) | {"labels"}
                case VariablesChanged():
                    own = (own or set()) | {"variables"}
                case TimerSet(kind=kind, due=due, id=id_):
                    self.set_timer(Timer(execution_id=execution.id, task_run_id=id_, kind=kind, due=due))
                case TimerCleared(kind=kind, id=id_):
                    self.clear_timer(execution.id, id_, kind)
                case Logged():
                    self._add_logged(execution, change)
                case _:  # orders are acted on, not stored
                    pass
        if own is None and touched and execution.state.is_final:
            own = set()  # what runs after the end tells by its own end whether the execution is still live
        if own is not None:
            self.put_execution(execution, frozenset(own))
        for task_run_id, changed in touched.items():
            run = execution.task_runs.get(task_run_id)
            if run is None:
                self.remove_task_run(execution, task_run_id)
            else:
                self.put_task_run(
                    execution, run, with_values="progress_values" in changed, with_outputs="outputs" in changed
                )

    def put_execution(self, execution: Execution, changed: frozenset[str] = _NOTHING) -> None:
        """The execution's row; of its documents (`rows.EVERYTHING`) those that changed."""
        row = execution_row(execution, changed, self.documents)
        self._put("executions", (execution.id,), row)

    def put_task_run(self, execution: Execution, run: TaskRun, *, with_values: bool, with_outputs: bool) -> None:
        row = task_run_row(
            execution.id, run, with_values=with_values, with_outputs=with_outputs, documents=self.documents
        )
        self._put("task_runs", (execution.id, run.sequence), row)

    def remove_task_run(self, execution: Execution, task_run_id: TaskRunId) -> None:
        sequence = int(task_run_id.rpartition("-")[2])
        self._put("task_runs", (execution.id, sequence), None)

    def remove_execution(self, execution_id: str, *, logs: bool = True, metrics: bool = True) -> None:
        """The execution with all that hangs on it, what was put of it in this batch too: clearing comes before putting,
        and would not see that."""
        for table in _OF_EXECUTIONS:
            rows = self.keyed.get(table, {})
            for key in [key for key in rows if key[0] == execution_id]:
                del rows[key]
        for long in [key for key in self.documents if key[0] == execution_id]:
            del self.documents[long]
        self._clear("remove_executions", (execution_id,))
        self._clear("remove_execution_timers", (execution_id,))
        self._clear("remove_firings", (execution_id,))
        if logs:
            self._clear("remove_logs", (execution_id,))
        if metrics:
            self._clear("remove_metrics", (execution_id,))

    def set_timer(self, timer: Timer) -> None:
        key = (timer.execution_id, timer.task_run_id or "", timer.kind.value)
        self._put("timers", key, (*key, microseconds(timer.due)))

    def clear_timer(self, execution_id: str, task_run_id: str | None, kind: TimerKind) -> None:
        self._put("timers", (execution_id, task_run_id or "", kind.value), None)

    # What tasks said and measured.

    def add_log(self, line: StoredLogLine) -> None:
        self._add(
            "logs",
            (
                microseconds(line.at),
                line.level,
                line.namespace,
                line.flow_id,
                line.execution_id,
                line.task_run_id,
                line.task_id,
                line.attempt,
                line.trigger_id,
                storable(line.message),
            ),
        )

    def add_metric(self, metric: StoredMetric) -> None:
        self._add(
            "metrics",
            (
                microseconds(metric.at),
                metric.namespace,
                metric.flow_id,
                metric.execution_id,
                metric.task_run_id,
                metric.task_id,
                storable(metric.name),
                metric.kind,
                float(metric.value),
                document(metric.tags),
            ),
        )

    def remove_logs(self, execution_id: str) -> None:
        self._clear("remove_logs", (execution_id,))

    def remove_metrics(self, execution_id: str) -> None:
        self._clear("remove_metrics", (execution_id,))

    def remove_lines(self, table: Literal["logs", "metrics"], ids: Iterable[int]) -> None:
        """Single ones, by their ids."""
        statement = {"logs": "remove_log_lines", "metrics": "remove_metric_values"}[table]
        for id_ in ids:
            self._clear(statement, (id_,))

    def remove_trigger_logs(self, key: TriggerKey) -> None:
        self._clear("remove_trigger_logs", (key.namespace, key.flow_id, key.trigger_id))

    # Triggers.

    def put_trigger_state(self, state: TriggerState) -> None:
        key = (state.key.namespace, state.key.flow_id, state.key.trigger_id)
        row = (
            *key,
            microseconds_or_none(state.next_at),
            microseconds_or_none(state.last_fired_at),
            microseconds_or_none(state.evaluated_at),
            microseconds(state.updated_at),
            int(state.is_disabled),
            state.execution_id,
            None if state.backfill is None else document(state.backfill),
            document(state.notes),
        )
        self._put("trigger_states", key, row)

    def remove_trigger_state(self, key: TriggerKey) -> None:
        self._put("trigger_states", (key.namespace, key.flow_id, key.trigger_id), None)

    def add_fired_slot(self, slot: FiredSlot) -> None:
        """The batch is refused whole (`writer.Refused`) if this fire time was used before."""
        key = slot.key
        self._add(
            "slots",
            (key.namespace, key.flow_id, key.trigger_id, microseconds(slot.fire_time), slot.execution_id),
        )

    def add_flow_firing(self, firing: FlowFiring) -> None:
        """The batch is refused whole (`writer.Refused`) if the trigger fired for this move before."""
        key = firing.key
        self._add(
            "firings",
            (
                firing.source_id,
                firing.state.value,
                firing.occurrence,
                key.namespace,
                key.flow_id,
                key.trigger_id,
                firing.execution_id,
            ),
        )

    def remove_slots_before(self, fire_time: datetime) -> None:
        self._clear("remove_old_slots", (microseconds(fire_time),))

    # Worker processes.

    def put_process(self, process: Process) -> None:
        row = (process.pid, process.started, process.group_id, process.worker, microseconds(process.recorded_at))
        self._put("processes", (process.pid, process.started), row)

    def remove_process(self, pid: int, started: int) -> None:
        self._put("processes", (pid, started), None)

    # Revisions, the source and what is wrong with it.

    def replace_revisions(self) -> None:
        """Forget the ledger: what this batch puts is all of it."""
        self.replaces_revisions = True

    def put_revision(self, revision: Revision) -> None:
        offset = revision.committed_at.utcoffset()
        assert offset is not None, "a commit's time has a zone"
        key = (revision.key.namespace, revision.key.flow_id, revision.number)
        row = (
            *key,
            revision.commit_id,
            storable(revision.author.name),
            storable(revision.author.email),
            microseconds(revision.committed_at),
            int(offset.total_seconds()),
            storable(revision.path),
            revision.blob,
            revision.document,
            revision.content,
            int(revision.is_deleted),
        )
        self._put("revisions", key, row)

    def put_live_flow(self, key: FlowKey, number: int) -> None:
        """Revision `number` is the one that new executions run at."""
        self._put("live_flows", (key.namespace, key.flow_id), (key.namespace, key.flow_id, number))

    def retire_flow(self, key: FlowKey) -> None:
        self._put("live_flows", (key.namespace, key.flow_id), None)

    def replace_problems(self, problems: Iterable[Problem]) -> None:
        """All that is wrong at the source's head."""
        self.replaces_problems = [
            (
                storable(problem.path),
                position,
                problem.line,
                problem.column,
                problem.code,
                storable(problem.message),
                storable_or_none(problem.hint),
                problem.severity.value,
                storable(problem.where),
            )
            for position, problem in enumerate(problems)
        ]

    def add_sync(self, sync: Sync) -> None:
        self._add(
            "syncs",
            (
                microseconds(sync.started_at),
                microseconds(sync.ended_at),
                sync.reason,
                sync.commit_id,
                sync.previous_commit_id,
                document(list(sync.changed)),
                sync.problem_count,
                storable_or_none(sync.error),
            ),
        )

    # Keys and values, settings.

    def put_entry(self, entry: Entry) -> None:
        row = (
            entry.namespace,
            entry.key,
            entry.type,
            document(entry.value),
            storable(entry.description),
            entry.version,
            microseconds(entry.created_at),
            microseconds(entry.updated_at),
            microseconds_or_none(entry.expires_at),
        )
        self._put("kv", (entry.namespace, entry.key), row)

    def remove_entry(self, namespace: str, key: str) -> None:
        self._put("kv", (namespace, key), None)

    def put_setting(self, name: str, value: Any) -> None:
        self._put("settings", (name,), (name, document(value)))

    def put_settings(self, settings: Mapping[str, Any]) -> None:
        for name, value in settings.items():
            self.put_setting(name, value)

    def _add_logged(self, execution: Execution, change: Logged) -> None:
        run = execution.task_runs.get(change.id) if change.id is not None else None
        self.add_log(
            StoredLogLine(
                at=change.at,
                level=change.level,
                namespace=execution.namespace,
                flow_id=execution.flow_id,
                message=change.message,
                execution_id=execution.id,
                task_run_id=change.id,
                task_id=run.task_id if run else None,
                attempt=change.attempt,
            )
        )

    def _put(self, table: str, key: Key, row: Row | None) -> None:
        rows = self.keyed.get(table)
        if rows is None:
            rows = self.keyed[table] = {}
        optional_from = OPTIONAL_FROM.get(table)
        if optional_from is not None and row is not None and (older := rows.get(key)) is not None:
            row = merged(older, row, optional_from)
        rows[key] = row

    def _add(self, table: str, row: Row) -> None:
        self.added.setdefault(table, []).append(row)

    def _clear(self, statement: str, key: Key) -> None:
        self.clearings.setdefault(statement, []).append(key)
