"""Transaction: what a group of batches comes to, and writing it with one connection.

Batches are merged in their order: of a row with a key only the last version is written. Many rows go into one
statement, because Python gives its lock away at each one and, while the main thread is busy, waits some milliseconds
to have it back: what counts for the writer is the number of statements, not of rows.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from segue.store.batch import ADDED, CLEARINGS, KEYED, OPTIONAL_FROM, Batch, Key
from segue.store.named_queries import QUERIES
from segue.store.rows import DocumentKey, Row, merged

# Rows in one statement, largest first: each number is a statement of its own in the connection's cache. SQLite
# takes 32,766 parameters, and the widest row has 24.
_ROWS_A_STATEMENT: Final = (128, 32, 8, 1)
_VALUES: Final = re.compile(r"VALUES (\(\?(?:, \?)*\))")


class Merged:
    """Several batches as one. Made by the writer's thread; the batches themselves stay as they are."""

    __slots__ = ("_added", "_documents", "_keyed")

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._keyed: dict[str, dict[Key, Row | None]] = {}
        self._documents: dict[DocumentKey, Row] = {}
        self._added: dict[str, list[Row]] = {}
        for batch in batches:
            self._take(batch)

    def _take(self, batch: Batch) -> None:
        self._documents.update(batch.documents)
        for table, rows in batch.keyed.items():
            known = self._keyed.setdefault(table, {})
            optional_from = OPTIONAL_FROM.get(table)
            if optional_from is not None and known:
                _overlay(known, rows, optional_from)
            else:
                known.update(rows)
        for table, added in batch.added.items():
            self._added.setdefault(table, []).extend(added)

    def write(self, connection: sqlite3.Connection) -> None:
        removed = {table: [key for key, row in rows.items() if row is None] for table, rows in self._keyed.items()}
        for table in reversed(KEYED):
            if keys := removed.get(table):
                write_rows(connection, f"remove_{table}", keys)
        for table in KEYED:
            if rows := self._keyed.get(table):
                write_rows(connection, f"put_{table}", [row for row in rows.values() if row is not None])
            if table == "executions" and self._documents:
                write_rows(connection, "put_documents", list(self._documents.values()))
        for table in ADDED:
            if added := self._added.get(table):
                write_rows(connection, f"add_{table}", added)


def write(connection: sqlite3.Connection, batches: Sequence[Batch]) -> None:
    """All of `batches`, in order, inside the transaction that is open."""
    for run in _runs(batches):
        _clear(connection, run[0])
        Merged(run).write(connection)


def write_rows(connection: sqlite3.Connection, name: str, rows: Sequence[Row]) -> None:
    """Every row, by as few statements as may be."""
    start = 0
    for number in _ROWS_A_STATEMENT:
        statement = statement_for(name, number)
        while len(rows) - start >= number:
            parameters = tuple(chain.from_iterable(rows[start : start + number]))
            connection.execute(statement, parameters)
            start += number


@cache
def statement_for(name: str, number: int) -> str:
    """The named query with its brackets of values repeated `number` times."""
    query = QUERIES[name]
    if number == 1:
        return query
    return _VALUES.sub(lambda found: "VALUES " + ", ".join([found[1]] * number), query, count=1)


def _runs(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    """A batch that clears begins a run: what was put before it must be there to be cleared."""
    run: list[Batch] = []
    for batch in batches:
        if batch.needs_order and run:
            yield run
            run = []
        run.append(batch)
    if run:
        yield run


def _clear(connection: sqlite3.Connection, batch: Batch) -> None:
    for name in CLEARINGS:
        if keys := batch.clearings.get(name):
            write_rows(connection, name, keys)
    if batch.replaces_revisions:
        connection.execute(QUERIES["remove_all_live_flows"])
        connection.execute(QUERIES["remove_all_revisions"])
    if batch.replaces_problems is not None:
        connection.execute(QUERIES["remove_all_problems"])
        write_rows(connection, "put_problems", batch.replaces_problems)


def _overlay(known: dict[Key, Row | None], rows: dict[Key, Row | None], optional_from: int) -> None:
    for key, row in rows.items():
        older: Any = known.get(key)
        known[key] = row if row is None or older is None else merged(older, row, optional_from)
