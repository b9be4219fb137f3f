"""Reading for pages and API: the `Reads` of `web.ports` answered from the store. Nothing here decides or writes; all of it
is called from threads.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from segue.model.execution import Execution, TaskRun
from segue.model.names import ExecutionId
from segue.model.order import LogLevel
from segue.model.revision import FlowKey, Revision
from segue.model.state import State
from segue.runtime.clock import Clock
from segue.runtime.list_filters import filters_of, filters_of_log_search, log_filters_of
from segue.store.reads import entries, executions, logs, metrics, revisions
from segue.store.reads import search as searching
from segue.store.reads.readers import Readers
from segue.store.records import Entry, StoredLogLine
from segue.store.records import Sync as StoredSync
from segue.web.ports.executions import FlowTally, Order, RunMark, Search, StateCount, Tally
from segue.web.ports.git import Sync
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import AnyOf, Field, Page, Wanted
from segue.web.ports.logs import LogEntry, LogPage, LogSearch, LookedBack
from segue.web.ports.metrics import MetricEntry, MetricSpan

_SORTS: Final = {
    Order.STARTED: searching.Sort.STARTED,
    Order.ENDED: searching.Sort.ENDED,
    Order.DURATION: searching.Sort.DURATION,
    Order.STATE: searching.Sort.STATE,
    Order.NAMESPACE: searching.Sort.NAMESPACE,
    Order.FLOW: searching.Sort.FLOW,
    Order.ID: searching.Sort.ID,
}


class StoreReads:
    """The `Reads` of `web.ports` over the database."""

    def __init__(self, readers: Readers, clock: Clock) -> None:
        self._readers = readers
        self._clock = clock

    def execution(self, execution_id: str) -> Execution | None:
        with self._readers.snapshot() as connection:
            return executions.get(connection, execution_id)

    def execution_alone(self, execution_id: str) -> Execution | None:
        with self._readers.snapshot() as connection:
            return executions.get(connection, execution_id, with_task_runs=False)

    def execution_in_outline(self, execution_id: str) -> Execution | None:
        with self._readers.snapshot() as connection:
            return executions.with_first_task_runs(connection, execution_id)

    def task_runs(self, execution_id: str, *, offset: int, limit: int) -> Page[TaskRun]:
        with self._readers.snapshot() as connection:
            runs, total = executions.task_runs(connection, execution_id, offset=offset, limit=limit)
        return Page(runs, total)

    def task_runs_in(self, execution_id: str, state: State, *, limit: int) -> tuple[TaskRun, ...]:
        with self._readers.snapshot() as connection:
            return executions.task_runs_in(connection, execution_id, state, limit=limit)

    def task_states(self, execution_id: str) -> Mapping[str, Mapping[State, int]]:
        with self._readers.snapshot() as connection:
            return executions.task_states(connection, execution_id)

    def search(self, search: Search) -> Page[Execution]:
        page = searching.Page(
            number=search.page, size=search.size, sort=_SORTS[search.order], descending=search.descending
        )
        with self._readers.snapshot() as connection:
            found = searching.search(connection, filters_of(search.filters), page)
        return Page(found.executions, found.total, found.is_exact)

    def counts_by_state(self, filters: Sequence[Wanted]) -> Mapping[State, StateCount]:
        wanted = filters_of(each for each in filters if isinstance(each, AnyOf) or each.field is not Field.STATE)
        with self._readers.snapshot() as connection:
            found = searching.counts_by_state(connection, wanted)
        return {state: StateCount(number, is_exact) for state, (number, is_exact) in found.items()}

    def recent(self, flows: Sequence[FlowKey], limit: int) -> Mapping[FlowKey, tuple[RunMark, ...]]:
        with self._readers.snapshot() as connection:
            found = executions.last_runs(connection, flows, limit)
        return {
            flow: tuple(RunMark(run.id, run.state, run.started_at, run.ended_at) for run in reversed(runs))
            for flow, runs in found.items()
        }

    def tally(self, since: datetime, until: datetime, stretch: timedelta) -> tuple[Tally, ...]:
        with self._readers.snapshot() as connection:
            counted = executions.tally(connection, since, until, stretch)
        most = executions.TALLY_MAX
        return tuple(Tally(at, counts, max(counts.values()) < most) for at, counts in counted)

    def flow_tally(self, flow: FlowKey, since: datetime, until: datetime, stretch: timedelta) -> tuple[FlowTally, ...]:
        with self._readers.snapshot() as connection:
            counted = executions.flow_tally(connection, flow, since, until, stretch)
        return tuple(_flow_tally(at, ran) for at, ran in counted)

    def logs(self, search: LogSearch) -> tuple[LogEntry, ...]:
        filters = filters_of_log_search(search)
        with self._readers.snapshot() as connection:
            if search.execution_id is not None and not search.newest and search.before is None:
                lines: Iterable[StoredLogLine] = logs.of_execution(
                    connection, search.execution_id, filters, limit=search.limit
                )
            else:
                lines = reversed(logs.latest(connection, filters, limit=search.limit))
        return tuple(map(_log_entry, lines))

    def find_logs(self, search: LogPage) -> Page[LogEntry]:
        with self._readers.snapshot() as connection:
            found = logs.search(
                connection,
                log_filters_of(search.filters),
                offset=(search.page - 1) * search.size,
                limit=search.size,
                descending=search.descending,
            )
        return Page(tuple(map(_log_entry, found.lines)), found.total, found.is_exact)

    def look_back(self, search: LogSearch) -> LookedBack:
        with self._readers.snapshot() as connection:
            found = logs.look_back(connection, filters_of_log_search(search), limit=search.limit)
        return LookedBack(tuple(map(_log_entry, reversed(found.lines))), found.earlier, found.reached)

    def metrics(self, execution_id: str, limit: int | None = None) -> tuple[MetricEntry, ...]:
        with self._readers.snapshot() as connection:
            found = metrics.of_execution(connection, execution_id, limit=limit)
        return tuple(
            MetricEntry(
                at=each.at,
                name=each.name,
                kind=each.kind,
                value=each.value,
                tags=each.tags,
                task_id=each.task_id,
                task_run_id=each.task_run_id,
            )
            for each in found
        )

    def counts(self) -> Mapping[FlowKey, Mapping[State, int]]:
        with self._readers.snapshot() as connection:
            return executions.counts(connection)

    def metric_names(self, flow: FlowKey, task_id: str | None = None) -> tuple[str, ...]:
        with self._readers.snapshot() as connection:
            return metrics.names(connection, flow.namespace, flow.flow_id, task_id=task_id)

    def metric_tasks(self, flow: FlowKey) -> tuple[str, ...]:
        with self._readers.snapshot() as connection:
            return metrics.tasks(connection, flow.namespace, flow.flow_id)

    def metric_over_time(self, wanted: MetricSpan) -> tuple[tuple[datetime, float], ...]:
        with self._readers.snapshot() as connection:
            points = metrics.over_time(
                connection,
                wanted.flow.namespace,
                wanted.flow.flow_id,
                wanted.name,
                since=wanted.since,
                before=wanted.until,
                aggregation=metrics.Aggregation(wanted.aggregation),
                task_id=wanted.task_id,
            )
        return tuple((point.at, point.value) for point in points)

    def revisions(self, flow: FlowKey) -> tuple[Revision, ...]:
        with self._readers.snapshot() as connection:
            found = revisions.of_flow(connection, flow)
        return tuple(sorted(found, key=lambda revision: -revision.number))

    def changes(self, *, limit: int, offset: int = 0) -> tuple[Revision, ...]:
        with self._readers.snapshot() as connection:
            return revisions.latest(connection, limit=limit, offset=offset)

    def syncs(self, limit: int) -> tuple[Sync, ...]:
        with self._readers.snapshot() as connection:
            return tuple(map(_sync, revisions.syncs(connection, limit)))

    def keys(self, namespace: str | None) -> tuple[KeyValue, ...]:
        with self._readers.snapshot() as connection:
            return tuple(map(_key_value, entries.of_namespace(connection, namespace, now=self._clock.now())))

    def key(self, namespace: str, key: str) -> KeyValue | None:
        with self._readers.snapshot() as connection:
            found = entries.get(connection, namespace, key, now=self._clock.now())
        return None if found is None else _key_value(found)

    def iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[Execution, ...]:
        with self._readers.snapshot() as connection:
            return executions.iterations(connection, loop_run_id, after=after, limit=limit)

    def last_iterations(self, loop_run_id: str, limit: int) -> tuple[Execution, ...]:
        with self._readers.snapshot() as connection:
            return executions.last_iterations(connection, loop_run_id, limit=limit)

    def unfinished_iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[tuple[int, ExecutionId], ...]:
        with self._readers.snapshot() as connection:
            return executions.unfinished_iterations(connection, loop_run_id, after=after, limit=limit)


def _flow_tally(at: datetime, ran: Mapping[State, executions.Ran]) -> FlowTally:
    """What went wrong may have ended early or late: it says nothing about how long the work takes."""
    counts = {state: each.number for state, each in ran.items()}
    good = [each for state, each in ran.items() if state.is_success and each.took is not None]
    weight = sum(each.number for each in good)
    whole = sum((each.took * each.number for each in good if each.took is not None), timedelta(0))
    is_exact = max(counts.values()) < executions.FLOW_TALLY_MAX
    return FlowTally(at, counts, whole / weight if weight else None, is_exact)


def _log_entry(line: StoredLogLine) -> LogEntry:
    return LogEntry(
        id=line.id,
        at=line.at,
        level=LogLevel(line.level),
        message=line.message,
        namespace=line.namespace,
        flow_id=line.flow_id,
        execution_id=line.execution_id,
        task_id=line.task_id,
        task_run_id=line.task_run_id,
        attempt=line.attempt,
        trigger_id=line.trigger_id,
    )


def _sync(stored: StoredSync) -> Sync:
    return Sync(
        started_at=stored.started_at,
        ended_at=stored.ended_at,
        cause=stored.reason,
        commit=stored.commit_id,
        previous_commit=stored.previous_commit_id,
        changed=tuple(FlowKey(*name.split("/", 1)) for name in stored.changed),
        problems=stored.problem_count,
        error=stored.error,
    )


def _key_value(entry: Entry) -> KeyValue:
    return KeyValue(
        namespace=entry.namespace,
        key=entry.key,
        kind=entry.type,
        value=entry.value,
        description=entry.description,
        version=entry.version,
        created_at=entry.created_at,
        updated_at=entry.updated_at,
        expires_at=entry.expires_at,
    )
