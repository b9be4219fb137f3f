"""Keys and values on a real database, with a clock that is stepped by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from segue.model.event import Event
from segue.runtime.keys import Keys
from segue.runtime.loop import Loop
from segue.runtime.reading import StoreReads
from segue.runtime.round import Round
from segue.store.database import open_database
from segue.store.reads.readers import Readers
from segue.store.writer import Writer
from segue.web.live import Doorbells


@dataclass(slots=True)
class SteppedClock:
    at: datetime

    def now(self) -> datetime:
        return self.at

    def step(self, span: timedelta) -> None:
        self.at += span


class NoExecutions:
    """What a loop needs that has no executions."""

    def apply(self, _round: Round, _execution_id: str, _event: Event) -> bool:
        return False

    def assign(self, _round: Round) -> None:
        return


@dataclass(frozen=True, slots=True)
class KeyStore:
    keys: Keys
    reads: StoreReads
    readers: Readers
    clock: SteppedClock
    loop: Loop = field(repr=False)


@asynccontextmanager
async def key_store(folder: Path, now: datetime) -> AsyncIterator[KeyStore]:
    """A store of its own, closed in the end."""
    clock = SteppedClock(now)
    with open_database(folder / "segue.db", "normal") as database:
        writer = Writer(database.path, durability="normal", ballast_bytes=1 << 16)
        readers = Readers(database.path)
        loop = Loop(clock, writer, Doorbells())
        loop.bind(NoExecutions())
        reads = StoreReads(readers, clock)
        try:
            yield KeyStore(Keys(reads, loop), reads, readers, clock, loop)
        finally:
            readers.close()
            await asyncio.to_thread(writer.close)
