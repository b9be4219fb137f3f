"""A copy of the database's files, taken at any moment while they are written, opens and is whole."""

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from segue.store.database import OpenDatabase, open_database
from segue.store.reads import executions
from segue.store.reads.readers import Readers

from tests.support.waiting import wait_until
from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution

IMAGES = 25


def test_every_image_taken_while_writing_opens_and_is_whole(database: OpenDatabase, tmp_path: Path) -> None:
    """What an image holds is complete up to some batch, and at least up to the last that was told durable before it
    was taken."""
    writer = WriterUnderTest(database.path)
    durable: list[int] = []
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(writer, durable, stop))
    feeder.start()
    try:
        images = [image_of(database.path, tmp_path / f"image-{number}", durable) for number in range(IMAGES)]
    finally:
        stop.set()
        feeder.join(20)
        writer.close()
    assert [problem for image, promised in images if (problem := what_is_wrong(image, promised))] == []


def feed(writer: WriterUnderTest, durable: list[int], stop: threading.Event) -> None:
    number = 0
    while not stop.wait(0.002):  # paced, so that the images stay small
        writer.write(a_batch_with(an_execution(number, inputs={"text": "x" * 900})))
        durable.append(number)
        number += 1


def image_of(path: Path, folder: Path, durable: list[int]) -> tuple[Path, int]:
    """Two files cannot be copied in one moment, as a crash would have it. The database first, then the log, is as
    good unless the log was begun anew in between, which its first bytes tell: then once more."""
    seen = len(durable) + 3
    wait_until(lambda: len(durable) >= seen, what="something new for the image")
    promised = len(durable)
    folder.mkdir()
    log = path.with_name(f"{path.name}-wal")
    while True:
        before = head_of(log)
        shutil.copy(path, folder / path.name)
        shutil.copy(log, folder / log.name)
        if before == head_of(log):
            return folder / path.name, promised


def head_of(log: Path) -> bytes:
    with log.open("rb") as opened:
        return opened.read(32)


def what_is_wrong(image: Path, promised: int) -> str | None:
    open_database(image).close()
    with closing(sqlite3.connect(image)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
        (foreign,) = connection.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()
    readers = Readers(image)
    with readers.snapshot() as connection:
        recovered = list(executions.live(connection))
        counted = sum(sum(states.values()) for states in executions.counts(connection).values())
    readers.close()
    is_whole = all(len(execution.task_runs) == 1 for execution in recovered)
    if (verdict, foreign, is_whole, counted) == ("ok", 0, True, len(recovered)) and len(recovered) >= promised:
        return None
    return f"{image}: {verdict}, {foreign} rows without parent, {counted} of {len(recovered)}, {promised} promised"
