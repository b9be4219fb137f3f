"""Purging for tasks: a slice of executions, log lines, metrics or keys at a time, through the loop like everything
else that is written, so that a long purge holds up nobody and can be ended between two slices."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct

from segue.model.execution import Execution
from segue.model.names import ExecutionId, is_within
from segue.runtime.clock import Clock
from segue.runtime.keys import STATE_PREFIX
from segue.runtime.live import LiveExecutions
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.storage.address import address_of, execution_parts
from segue.storage.storage import Storage, StorageFailure
from segue.store.purge import Cursor, Lines, Purged, Weight, next_lines, next_slice, weigh
from segue.store.reads import entries, executions
from segue.store.reads.readers import Readers

ROWS_LOOKED_AT: Final = 20_000

_log = logging.getLogger("segue.storage")


class Parts(Struct, frozen=True, kw_only=True):
    """What of an execution goes."""

    executions: bool
    logs: bool
    metrics: bool
    storage: bool


class Gone(Struct, frozen=True):
    """What was deleted, and where to go on; None when that was all."""

    counts: Mapping[str, int]
    after: Cursor | None


class KeysPurged(Struct, frozen=True, kw_only=True):
    """Which keys go: `namespaces` None is all of them."""

    namespaces: Sequence[str] | None
    namespace_pattern: str | None
    key_pattern: str | None
    with_children: bool
    expired_only: bool

    def holds(self, namespace: str, key: str) -> bool:
        if key.startswith(STATE_PREFIX) or (self.key_pattern is not None and not fnmatchcase(key, self.key_pattern)):
            return False
        if self.namespace_pattern is not None:
            return fnmatchcase(namespace, self.namespace_pattern)
        if self.namespaces is None:
            return True
        is_meant = is_within if self.with_children else str.__eq__
        return any(is_meant(namespace, each) for each in self.namespaces)


class Purges:
    def __init__(self, readers: Readers, live: LiveExecutions, loop: Loop, clock: Clock, storage: Storage) -> None:
        self._readers = readers
        self._live = live
        self._loop = loop
        self._clock = clock
        self._storage = storage

    async def executions(self, purged: Purged, parts: Parts, after: Cursor | None, *, at_once: int) -> Gone:
        """Only executions that are over: one that still runs something after its end stays."""
        found, following, weight = await asyncio.to_thread(self._slice, purged, after, at_once)
        gone = await self._loop.call(lambda round_: self._delete(round_, found, parts))
        files = await asyncio.to_thread(self._delete_files, gone) if parts.storage else 0
        counts = {
            "executions": len(gone) if parts.executions else 0,
            "taskOutputs": weight.task_outputs if parts.executions else 0,
            "logs": weight.logs if parts.logs else 0,
            "metrics": weight.metrics if parts.metrics else 0,
            "storages": files,
        }
        return Gone(counts, following)

    async def lines(self, lines: Lines, after: int) -> tuple[int, int | None]:
        """Of log lines or metrics: how many went, and where to go on."""
        ids, following = await asyncio.to_thread(self._lines, lines, after)
        if ids:
            await self._loop.call(lambda round_: round_.batch.remove_lines(lines.table, ids))
        return len(ids), following

    async def keys(self, purged: KeysPurged) -> int:
        found = await asyncio.to_thread(self._keys, purged)

        def work(round_: Round) -> None:
            for namespace, key in found:
                round_.batch.remove_entry(namespace, key)

        if found:
            await self._loop.call(work)
        return len(found)

    def _slice(
        self, purged: Purged, after: Cursor | None, at_once: int
    ) -> tuple[tuple[Execution, ...], Cursor | None, Weight]:
        with self._readers.snapshot() as connection:
            found = next_slice(connection, purged, after, slice_max=at_once)
            ids = [each for each in found.ids if self._live.get(each) is None]
            return executions.many(connection, ids), found.after, weigh(connection, ids)

    def _delete(self, round_: Round, found: Iterable[Execution], parts: Parts) -> tuple[Execution, ...]:
        over = tuple(each for each in found if self._live.get(each.id) is None)
        for execution in over:
            if parts.executions:
                round_.batch.remove_execution(execution.id, logs=parts.logs, metrics=parts.metrics)
                round_.touch(execution)
                continue
            if parts.logs:
                round_.batch.remove_logs(execution.id)
            if parts.metrics:
                round_.batch.remove_metrics(execution.id)
        return over

    def _delete_files(self, gone: Iterable[Execution]) -> int:
        count = 0
        for each in gone:
            try:
                count += self._storage.delete_folder(address_of(execution_parts(each.namespace, each.flow_id, each.id)))
            except StorageFailure as error:  # nor would the next ones go; PurgeStorage finds them
                _log.warning("storage.files_left execution=%s and those after it: %s", each.id, error)
                break
        return count

    def _lines(self, lines: Lines, after: int) -> tuple[tuple[int, ...], int | None]:
        with self._readers.snapshot() as connection:
            return next_lines(connection, lines, after, rows_max=ROWS_LOOKED_AT)

    def _keys(self, purged: KeysPurged) -> list[tuple[str, str]]:
        now = self._clock.now()
        with self._readers.snapshot() as connection:
            found = list(entries.expired(connection, now=now))
            if not purged.expired_only:
                found += [(each.namespace, each.key) for each in entries.of_namespace(connection, None, now=now)]
        return [each for each in found if purged.holds(*each)]

    async def missing(self, execution_ids: Sequence[str]) -> list[str]:
        """Those of the executions that there are not."""

        def read() -> list[str]:
            with self._readers.snapshot() as connection:
                return executions.missing(connection, execution_ids)

        return [each for each in await asyncio.to_thread(read) if self._live.get(ExecutionId(each)) is None]

    async def count(
        self,
        namespace: str,
        flow_id: str | None,
        states: Sequence[str] | None,
        since: datetime | None,
        until: datetime | None,
    ) -> int:
        def read() -> int:
            with self._readers.snapshot() as connection:
                return executions.count(connection, namespace, flow_id, states=states, since=since, until=until)

        return await asyncio.to_thread(read)
