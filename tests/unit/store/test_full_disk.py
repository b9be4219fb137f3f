"""A full disk: nothing is damaged, nothing acknowledged is lost, nobody is promised what cannot be kept, and it goes
on by itself when there is room again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from segue.store.batch import Batch
from segue.store.database import connect_to_read, open_database
from segue.store.errors import StoreError, StoreFull
from segue.store.reads import daemon

from tests.support.waiting import wait_until
from tests.unit.store.story import WriterUnderTest

DISK_BYTES = 3 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs rights that this user does not have")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """No byte left on it, until the block ends."""
    filling = disk / "filling"
    descriptor = os.open(filling, os.O_WRONLY | os.O_CREAT)
    for size in (65_536, 4_096):
        try:
            while True:
                os.write(descriptor, bytes(size))
        except OSError:
            pass
    os.close(descriptor)
    yield
    filling.unlink(missing_ok=True)


def a_setting(name: str, *, is_refusable: bool = False) -> Batch:
    batch = Batch(is_refusable=is_refusable)
    batch.put_setting(name, "x" * 20_000)
    return batch


def test_what_was_accepted_is_written_in_order_once_there_is_room(small_disk: Path) -> None:
    told: list[tuple[int, StoreError | None]] = []
    with open_database(small_disk / "segue.db") as database:
        writer = WriterUnderTest(database.path)
        writer.write(a_setting("before"))
        with filled(small_disk):
            for number in range(10):  # more than the ballast has room for
                writer.submit(a_setting(f"s{number}"), lambda error, number=number: told.append((number, error)))
            wait_until(lambda: writer.health.is_degraded, what="the disk to be full", seen=lambda: writer.health)
            assert "the disk is full" in str(writer.health.reason)
        wait_until(lambda: len(told) == 10, what="all to be written", seen=lambda: (told, writer.health), seconds=5)
        wait_until(lambda: not writer.health.is_degraded, what="the ballast to be back", seen=lambda: writer.health)
        writer.close()
        assert told == [(number, None) for number in range(10)]
        with closing(connect_to_read(database.path)) as connection:
            assert set(daemon.settings(connection)) == {"before", *(f"s{number}" for number in range(10))}
            assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_whom_nobody_promised_anything_is_refused_at_once(small_disk: Path) -> None:
    with open_database(small_disk / "segue.db") as database:
        writer = WriterUnderTest(database.path)
        with filled(small_disk):
            kept: list[StoreError | None] = []
            for number in range(10):
                writer.submit(a_setting(f"s{number}"), kept.append)
            wait_until(lambda: writer.health.is_degraded, what="the disk to be full", seen=lambda: writer.health)
            refused = [writer.outcome_of(a_setting(f"r{number}", is_refusable=True)) for number in range(2)]
        assert [type(refusal) for refusal in refused] == [StoreFull, StoreFull]
        wait_until(lambda: kept == [None] * 10, what="the others to be written", seen=lambda: (kept, writer.health))
        writer.close()


def test_closing_on_a_full_disk_ends_and_says_what_was_not_written(small_disk: Path) -> None:
    told: list[StoreError | None] = []
    with open_database(small_disk / "segue.db") as database:
        writer = WriterUnderTest(database.path)
        with filled(small_disk):
            for number in range(10):
                writer.submit(a_setting(f"s{number}"), told.append)
            wait_until(lambda: writer.health.is_degraded, what="the disk to be full", seen=lambda: writer.health)
            assert writer.close(10)
        assert len(told) == 10
        assert {type(error) for error in told} <= {StoreFull, type(None)}
        assert StoreFull in {type(error) for error in told}


def test_a_full_disk_keeps_a_new_daemon_from_starting_with_a_clear_word(small_disk: Path) -> None:
    with (
        filled(small_disk),
        pytest.raises(StoreError, match=r"cannot use the database .*segue\.db: .*(no space left|is full)"),
    ):
        open_database(small_disk / "segue.db")
