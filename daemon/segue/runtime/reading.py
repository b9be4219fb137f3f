"""Reading for pages and API: the `Reads`, `Sources` and `Files` of `web.ports`, answered from the store, the mirror
and internal storage. Nothing here decides or writes; all of it is called from threads.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from segue.git.blobs import BlobMissing, BlobReader, BlobTooLarge
from segue.git.history import changes_between, read_commit
from segue.git.mirror import Mirror
from segue.git.names import BadName
from segue.git.namespace_files import NamespaceFiles
from segue.git.runner import GitError
from segue.model.execution import Execution, Kind, TaskRun
from segue.model.names import ExecutionId
from segue.model.order import LogLevel
from segue.model.revision import Commit, FlowKey, Revision
from segue.model.state import State
from segue.runtime.clock import Clock
from segue.runtime.worlds import TEXT_BYTES_MAX
from segue.storage.address import AddressRefused
from segue.storage.storage import FileMissing, Storage
from segue.store.reads import entries, executions, logs, metrics, revisions
from segue.store.reads import search as searching
from segue.store.reads.matching import Match, Op, equals, within
from segue.store.reads.readers import Readers
from segue.store.records import Entry, StoredLogLine
from segue.store.records import Sync as StoredSync
from segue.web.ports.executions import FlowTally, Order, RunMark, Search, StateCount, Tally
from segue.web.ports.git import Sync
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import AnyOf, Field, Filter, Page, Wanted
from segue.web.ports.logs import LogEntry, LogPage, LogSearch, LookedBack
from segue.web.ports.metrics import MetricEntry, MetricSpan
from segue.web.ports.sources import ChangedFile, FileEntry
from segue.web.ports.storage import StoredFile

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
        filters = _log_filters(search)
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
            found = logs.look_back(connection, _log_filters(search), limit=search.limit)
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
            return tuple(map(key_value, entries.of_namespace(connection, namespace, now=self._clock.now())))

    def key(self, namespace: str, key: str) -> KeyValue | None:
        with self._readers.snapshot() as connection:
            found = entries.get(connection, namespace, key, now=self._clock.now())
        return None if found is None else key_value(found)

    def iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[Execution, ...]:
        with self._readers.snapshot() as connection:
            return executions.iterations(connection, loop_run_id, after=after, limit=limit)

    def last_iterations(self, loop_run_id: str, limit: int) -> tuple[Execution, ...]:
        with self._readers.snapshot() as connection:
            return executions.last_iterations(connection, loop_run_id, limit=limit)

    def unfinished_iterations(self, loop_run_id: str, *, after: int, limit: int) -> tuple[tuple[int, ExecutionId], ...]:
        with self._readers.snapshot() as connection:
            return executions.unfinished_iterations(connection, loop_run_id, after=after, limit=limit)


class GitSources:
    """The `Sources` of `web.ports` over the mirror."""

    def __init__(self, mirror: Mirror, reader: BlobReader) -> None:
        self._mirror = mirror
        self._reader = reader
        self._files = NamespaceFiles(mirror.git_dir, reader)

    def text(self, revision: Revision) -> str | None:
        try:
            return self._reader.read(revision.blob, size_max=TEXT_BYTES_MAX).decode("utf-8-sig", "replace")
        except (BlobMissing, BlobTooLarge):
            return None

    def text_at(self, path: str, commit_id: str) -> str | None:
        try:
            return self._reader.read_path(commit_id, path, size_max=TEXT_BYTES_MAX).decode("utf-8-sig", "replace")
        except (BlobMissing, BlobTooLarge, BadName):
            return None

    def commit(self, commit_id: str) -> Commit | None:
        try:
            return read_commit(self._mirror.git_dir, commit_id)
        except (GitError, BadName):
            return None

    def changes_between(self, older: str, newer: str) -> tuple[ChangedFile, ...] | None:
        try:
            found = changes_between(self._mirror.git_dir, older, newer)
        except (GitError, BadName):
            return None
        return tuple(ChangedFile(each.path, each.status) for each in found)

    def folder(self, namespace: str, path: str, commit_id: str) -> tuple[FileEntry, ...] | None:
        within = path.strip("/")
        prefix = f"{within}/" if within else ""
        found: dict[str, FileEntry] = {}
        for file in self.all_files(namespace, commit_id):
            if file.name.startswith(prefix):
                name, slash, _ = file.name[len(prefix) :].partition("/")
                found[name] = FileEntry(name, bool(slash), 0 if slash else file.size)
        if not found and prefix:
            return None
        return tuple(sorted(found.values(), key=lambda each: (not each.is_folder, each.name)))

    def all_files(self, namespace: str, commit_id: str) -> tuple[FileEntry, ...]:
        try:
            files = self._files.files(commit_id, namespace)
            sizes = self._files.sizes(files)
        except (GitError, BadName):
            return ()
        return tuple(FileEntry(file.path, False, sizes.get(file.blob, 0)) for file in files)

    def file(self, namespace: str, path: str, commit_id: str) -> bytes | None:
        try:
            return self._files.read(commit_id, namespace, path)
        except (BlobMissing, BlobTooLarge, GitError, BadName):
            return None


class StoredFiles:
    """The `Files` of `web.ports` over internal storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, uri: str) -> StoredFile | None:
        try:
            content = self._storage.open(uri)
        except (FileMissing, AddressRefused):
            return None
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        return StoredFile(content, size)


# Filters.


def filters_of(wanted: Iterable[Wanted]) -> searching.Filters:
    """The store's filters of what was asked for; which comparisons there can be says `web.filters`."""
    wanted = tuple(wanted)
    return replace(_all_of(searching.Filters, _filter, wanted), iterations=_iterations(wanted))


def _iterations(wanted: Sequence[Wanted]) -> searching.Iterations:
    """Who asks by kind, for certain executions or for what others started means iterations of loops as well; nobody else
    sees them."""
    named = tuple(_named(wanted))
    if _NO_ITERATIONS in wanted:
        return searching.Iterations.LEFT_OUT
    kinds = {value for each in named if each.field is Field.KIND and each.op is Op.EQUALS for value in each.values}
    if kinds == {Kind.LOOP.value} and all(each in wanted for each in named if each.field is Field.KIND):
        return searching.Iterations.ALONE
    is_meant = any(each.field in _NAMING_ITERATIONS and "MAIN" not in each.values for each in named)
    return searching.Iterations.TOO if is_meant else searching.Iterations.LEFT_OUT


def _named(wanted: Iterable[Wanted]) -> Iterator[Filter]:
    for each in wanted:
        if isinstance(each, AnyOf):
            for alternative in each.alternatives:
                yield from _named(alternative)
        else:
            yield each


def log_filters_of(wanted: Iterable[Wanted]) -> logs.LogFilters:
    return _all_of(logs.LogFilters, _log_filter, wanted)


F = TypeVar("F")


def _all_of(kind: Callable[..., F], read: Callable[[Filter], dict[str, Any]], wanted: Iterable[Wanted]) -> F:
    parts: dict[str, Any] = {}
    for each in wanted:
        if isinstance(each, AnyOf):
            alternatives = tuple(_all_of(kind, read, alternative) for alternative in each.alternatives)
            _add(kind, parts, "any_of", (alternatives,))
            continue
        for name, value in read(each).items():
            _add(kind, parts, name, value)
    return kind(**parts)


def _add(kind: Callable[..., F], parts: dict[str, Any], name: str, value: Any) -> None:
    """Put one more filter to the others, all of which have to hold."""
    if name not in parts:
        parts[name] = value
    elif name in _ALL_OF:
        parts[name] += value
    elif name.endswith(("_from", "since")):
        parts[name] = max(parts[name], value)
    elif name.endswith("before"):
        parts[name] = min(parts[name], value)
    else:  # a second one of what there can be one of: a choice with nothing else to choose
        _add(kind, parts, "any_of", ((kind(**{name: value}),),))


_ALL_OF: Final = frozenset(
    {"namespaces", "flows", "states", "labels", "labels_absent", "labels_of", "columns", "any_of"}
)


def _filter(each: Filter) -> dict[str, Any]:
    match, text = Match(each.op, each.values), each.values[0] if each.values else ""
    match each.field:
        case Field.Q:
            return {"text": text or None}
        case Field.NAMESPACE:
            return {"namespaces": (match,)}
        case Field.FLOW_ID:
            return {"flows": (match,)}
        case Field.STATE:
            return {"states": (match,)}
        case Field.LABELS:
            return _labels(each)
        case Field.START_DATE:
            return _span(each, "started_from", "started_before")
        case Field.END_DATE:
            return _span(each, "ended_from", "ended_before")
        case Field.CHILD:
            return {"is_child": text == "CHILD"}
        case Field.ID if each.op in {Op.EQUALS, Op.IN}:
            return {"ids": each.values}
        case field if each.op is Op.EQUALS and field in _DRIVING:
            return {_DRIVING[field]: text}
        case field:
            return {"columns": ((_COLUMNS[field], match),)}


_NO_ITERATIONS: Final = Filter(Field.KIND, Op.NOT_EQUALS, (Kind.LOOP.value,))
_NAMING_ITERATIONS: Final = frozenset({Field.ID, Field.KIND, Field.CHILD, Field.TRIGGER_EXECUTION_ID})
# Fields by which few executions may be found, and the columns of all that are compared row by row.
_DRIVING: Final = {
    Field.TRIGGER_ID: "trigger_id",
    Field.TRIGGER_EXECUTION_ID: "trigger_execution_id",
    Field.PARENT_ID: "parent_id",
}
_COLUMNS: Final = {
    Field.ID: searching.Column.ID,
    Field.TRIGGER_ID: searching.Column.TRIGGER_ID,
    Field.TRIGGER_EXECUTION_ID: searching.Column.TRIGGER_EXECUTION_ID,
    Field.PARENT_ID: searching.Column.PARENT_ID,
    Field.KIND: searching.Column.KIND,
    Field.FLOW_REVISION: searching.Column.REVISION,
}


def _labels(each: Filter) -> dict[str, Any]:
    pairs = tuple((key, value) for key, _, value in (pair.partition(":") for pair in each.values))
    match each.op:
        case Op.EQUALS:
            return {"labels": pairs}
        case Op.NOT_EQUALS | Op.NOT_IN:
            return {"labels_absent": pairs}
        case Op.IN:
            return {"labels_of": (tuple((key, equals(value)) for key, value in pairs),)}
        case op:
            return {"labels_of": (tuple((key, Match(op, (value,))) for key, value in pairs),)}


def _log_filter(each: Filter) -> dict[str, Any]:
    match, text = Match(each.op, each.values), each.values[0] if each.values else ""
    match each.field:
        case Field.Q:
            return {"text": text or None}
        case Field.NAMESPACE:
            return {"namespaces": (match,)}
        case Field.FLOW_ID:
            return {"flows": (match,)}
        case Field.START_DATE | Field.END_DATE:
            return _span(each, "since", "before")
        case Field.LEVEL if each.op is Op.GREATER_THAN_OR_EQUAL_TO:
            return {"level_min": LogLevel(text)}
        case Field.EXECUTION_ID if each.op is Op.EQUALS:
            return {"execution_id": text}
        case Field.ATTEMPT:  # callers count from 0
            numbers = tuple(str(int(value) + 1) for value in each.values)
            return {"columns": ((logs.Column.ATTEMPT, Match(each.op, numbers)),)}
        case field:
            return {"columns": ((_LOG_COLUMNS[field], match),)}


_LOG_COLUMNS: Final = {
    Field.LEVEL: logs.Column.LEVEL,
    Field.EXECUTION_ID: logs.Column.EXECUTION_ID,
    Field.TRIGGER_ID: logs.Column.TRIGGER_ID,
    Field.TASK_ID: logs.Column.TASK_ID,
    Field.TASK_RUN_ID: logs.Column.TASK_RUN_ID,
}


def _span(each: Filter, first: str, end: str) -> dict[str, Any]:
    """Stored times are whole microseconds, so "after" is "from one microsecond later"."""
    at, tick = datetime.fromisoformat(each.values[0]), timedelta(microseconds=1)
    match each.op:
        case Op.GREATER_THAN_OR_EQUAL_TO:
            return {first: at}
        case Op.GREATER_THAN:
            return {first: at + tick}
        case Op.LESS_THAN:
            return {end: at}
        case Op.LESS_THAN_OR_EQUAL_TO:
            return {end: at + tick}
        case _:
            return {first: at, end: at + tick}


def _log_filters(search: LogSearch) -> logs.LogFilters:
    return logs.LogFilters(
        execution_id=search.execution_id,
        after_id=search.after,
        before_id=search.before,
        level_min=search.min_level,
        task_id=search.task_id,
        task_run_id=search.task_run_id,
        attempt=search.attempt,
        trigger_id=search.trigger_id,
        namespaces=(within(search.namespace),) if search.namespace else (),
        flows=(equals(search.flow_id),) if search.flow_id else (),
        text=search.text or None,
        since=search.since,
        before=search.until,
    )


# Values.


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


def key_value(entry: Entry) -> KeyValue:
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
