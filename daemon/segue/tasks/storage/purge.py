"""Deleting files of internal storage: those of the running execution, and those of executions that are no more."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from segue.model.names import milliseconds_of
from segue.spec.types.storage import PurgeCurrentExecutionFiles, PurgeStorage
from segue.storage import address as addresses
from segue.tasks.context import TaskContext
from segue.tasks.dates import moment_text, optional_moment_text
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.storage.files import folder_of_execution

ASKED_AT_ONCE: Final = 500
_EXECUTIONS: Final = "executions"


def purge_current(_properties: PurgeCurrentExecutionFiles, context: TaskContext) -> Result:
    folder = folder_of_execution(context)
    uris = [stored.address for stored in context.storage.list(folder)]
    context.storage.delete_folder(folder)
    return Result(outputs={"uris": uris})


def purge_storage(properties: PurgeStorage, context: TaskContext) -> Result:
    """Looks at the folders of executions that began in the time asked for; deletes those the daemon knows no more."""
    if properties.flow_id is not None and properties.namespace is None:
        raise TaskFailed("`namespace` should be set when `flowId` is set")
    start = _time(optional_moment_text(properties.start_date, "startDate"))
    end = _time(moment_text(properties.end_date, "endDate"))
    counts = {"scannedCount": 0, "purgedCount": 0, "deletedFilesCount": 0}
    found = _execution_folders(context, _below(properties))
    in_time = ((folder, count) for folder, count in found if _is_between(folder[-1], start, end))
    while some := dict(islice(in_time, ASKED_AT_ONCE)):
        counts["scannedCount"] += len(some)
        missing = frozenset(context.daemon.missing_executions([folder[-1] for folder in some]))
        for folder, files in some.items():
            if folder[-1] in missing:
                counts["purgedCount"] += 1
                counts["deletedFilesCount"] += files
                if not properties.dry_run:
                    context.storage.delete_folder(addresses.address_of(folder))
    return Result(outputs=counts)


def _below(properties: PurgeStorage) -> str:
    if properties.namespace is None:
        return addresses.ROOT
    flow = (properties.flow_id, _EXECUTIONS) if properties.flow_id is not None else ()
    return addresses.address_of((*properties.namespace.split("."), *flow))


def _execution_folders(context: TaskContext, below: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The folders of executions, and how many files each has. Files come in the order of their folders."""
    folder: tuple[str, ...] | None = None
    count = 0
    for parts in _parts(stored.address for stored in context.storage.list(below)):
        if parts != folder:
            if folder is not None:
                yield folder, count
            folder, count = parts, 0
        count += 1
    if folder is not None:
        yield folder, count


def _parts(files: Iterable[str]) -> Iterator[tuple[str, ...]]:
    for address in files:
        parts = addresses.parts_of(address)
        if _EXECUTIONS in parts[:-2]:
            yield parts[: parts.index(_EXECUTIONS) + 2]


def _is_between(execution_id: str, start: datetime | None, end: datetime | None) -> bool:
    milliseconds = milliseconds_of(execution_id)
    if milliseconds is None:
        return False
    at = datetime.fromtimestamp(milliseconds / 1_000, UTC)
    return (start is None or at >= start) and (end is None or at <= end)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_PREFIX = "io.kestra.plugin.core.storage."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "PurgeCurrentExecutionFiles", properties=PurgeCurrentExecutionFiles, run=purge_current),
    TaskKind(name=_PREFIX + "PurgeStorage", properties=PurgeStorage, run=purge_storage),
)
