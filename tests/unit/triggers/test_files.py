"""The watcher on real folders."""

import asyncio
import os
import shutil
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from segue.model.trigger import Files
from segue.triggers.files import Batch, FolderNotAllowed, folder_of, watch

PATIENCE = 20.0
ALL = ("CREATE", "UPDATE", "DELETE")


def files(**changed: Any) -> Files:
    return Files(**{"path": "in", "events": ALL, "debounce": timedelta(milliseconds=100), **changed})


class Watching:
    """A running watcher, what it told and the batches that came."""

    def __init__(self, trigger: Files, folder: Path, known: Any) -> None:
        self.told: list[str] = []
        self._batches = watch(trigger, folder, known, self.told.append)

    async def batch(self) -> Batch:
        return await asyncio.wait_for(anext(self._batches), PATIENCE)

    async def changes(self) -> list[tuple[str, str]]:
        return [(change.path, change.event.value) for change in (await self.batch()).changes]

    async def close(self) -> None:
        await self._batches.aclose()


def watched(
    folder: Path, steps: Callable[[Watching], Coroutine[Any, Any, None]], known: Any = None, **changed: Any
) -> None:
    async def play() -> None:
        watching = Watching(files(**changed), folder, known)
        try:
            await steps(watching)
        finally:
            await watching.close()

    asyncio.run(play())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_the_first_batch_is_what_lies_there_and_no_news(folder: Path) -> None:
    (folder / "old.txt").write_text("old")

    async def steps(watching: Watching) -> None:
        batch = await watching.batch()
        assert batch.changes == ()
        assert set(batch.snapshot) == {"old.txt"}
        (folder / "new.txt").write_text("new")
        batch = await watching.batch()
        [told] = batch.variables["files"]
        assert (told["path"], told["name"], told["event"], told["size"]) == (
            str(folder / "new.txt"),
            "new.txt",
            "CREATE",
            3,
        )
        assert told["modifiedDate"].endswith("Z")
        assert set(batch.snapshot) == {"old.txt", "new.txt"}

    watched(folder, steps)


def test_files_in_new_folders_updates_and_deletions_are_seen(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "x.csv").write_text("1")
        assert await watching.changes() == [("a/b/x.csv", "CREATE")]
        (folder / "a" / "b" / "x.csv").write_text("12")
        assert await watching.changes() == [("a/b/x.csv", "UPDATE")]
        shutil.rmtree(folder / "a")
        assert await watching.changes() == [("a/b/x.csv", "DELETE")]

    watched(folder, steps, known={})


def test_a_rename_into_place_is_one_file(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / ".part").write_text("whole")
        (folder / ".part").rename(folder / "done.csv")
        assert await watching.changes() == [("done.csv", "CREATE")]

    watched(folder, steps, known={})


def test_a_folder_moved_in_brings_its_files(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / "first.csv").write_text("1")
        assert await watching.changes() == [("first.csv", "CREATE")]
        outside = folder.parent / "outside"
        outside.mkdir()
        (outside / "x.csv").write_text("1")
        outside.rename(folder / "inside")
        assert await watching.changes() == [("inside/x.csv", "CREATE")]

    watched(folder, steps, known={})


def test_changes_while_the_daemon_was_down_are_told_once(folder: Path) -> None:
    (folder / "kept.txt").write_text("kept")
    (folder / "changed.txt").write_text("before")
    (folder / "gone.txt").write_text("gone")
    snapshots = []

    async def first(watching: Watching) -> None:
        snapshots.append((await watching.batch()).snapshot)

    watched(folder, first)
    (folder / "changed.txt").write_text("after, longer")
    (folder / "gone.txt").unlink()
    (folder / "new.txt").write_text("new")

    async def second(watching: Watching) -> None:
        batch = await watching.batch()
        snapshots.append(batch.snapshot)
        assert {(each.path, each.event.value) for each in batch.changes} == {
            ("changed.txt", "UPDATE"),
            ("gone.txt", "DELETE"),
            ("new.txt", "CREATE"),
        }

    watched(folder, second, known=snapshots[0])

    async def third(watching: Watching) -> None:
        (folder / "last.txt").write_text("last")
        assert await watching.changes() == [("last.txt", "CREATE")]

    watched(folder, third, known=snapshots[1])


def test_a_missing_folder_is_waited_for_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "later"

    async def steps(watching: Watching) -> None:
        coming = asyncio.create_task(watching.changes())
        while not watching.told:  # noqa: ASYNC110 - a condition, with the batch's deadline
            await asyncio.sleep(0.01)
        folder.mkdir()
        (folder / "a.txt").write_text("a")
        assert await coming == [("a.txt", "CREATE")]
        assert watching.told[0] == f"waits for folder {folder}, which is not there"

    watched(folder, steps, known={})


def test_a_folder_deleted_and_made_anew_is_watched_anew(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / "a.txt").write_text("a")
        assert await watching.changes() == [("a.txt", "CREATE")]
        shutil.rmtree(folder)
        folder.mkdir()  # noqa: ASYNC240
        (folder / "b.txt").write_text("b")
        seen = set(await watching.changes())
        if len(seen) < 2:
            seen |= set(await watching.changes())
        assert seen == {("a.txt", "DELETE"), ("b.txt", "CREATE")}
        (folder / "c.txt").write_text("c")
        assert await watching.changes() == [("c.txt", "CREATE")]

    watched(folder, steps, known={})


def test_only_files_and_events_that_were_asked_for_are_told(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / "a.tmp").write_text("a")
        (folder / "a.csv").write_text("a")
        assert await watching.changes() == [("a.csv", "CREATE")]
        (folder / "a.csv").unlink()
        assert (await watching.batch()).snapshot == {}

    watched(folder, steps, known={}, glob=("*.csv",), events=("CREATE",))


def test_a_flat_watch_does_not_look_below(folder: Path) -> None:
    async def steps(watching: Watching) -> None:
        (folder / "below").mkdir()
        (folder / "below" / "a.csv").write_text("a")
        (folder / "b.csv").write_text("b")
        assert await watching.changes() == [("b.csv", "CREATE")]

    watched(folder, steps, known={}, recursive=False)


def test_ten_thousand_files_come_in_bounded_batches(folder: Path) -> None:
    for number in range(10_000):
        os.close(os.open(folder / f"{number:05}", os.O_CREAT))

    async def steps(watching: Watching) -> None:
        seen: list[str] = []
        while len(seen) < 10_000:
            batch = await watching.batch()
            assert len(batch.changes) == 1_000
            seen += [change.path for change in batch.changes]
        assert len(set(seen)) == 10_000

    watched(folder, steps, known={})


def test_a_folder_that_cannot_be_read_is_said_and_the_others_are_seen(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (folder / "locked").mkdir(mode=0)

    async def steps(watching: Watching) -> None:
        (folder / "a.txt").write_text("a")
        assert await watching.changes() == [("a.txt", "CREATE")]
        assert any("cannot read" in sentence for sentence in watching.told)

    watched(folder, steps, known={})


def test_a_folder_is_relative_to_the_working_folder_and_within_what_is_allowed(tmp_path: Path) -> None:
    assert folder_of(files(path="in"), tmp_path) == tmp_path / "in"
    assert folder_of(files(path=str(tmp_path / "x")), Path("/")) == tmp_path / "x"
    assert folder_of(files(path="in"), tmp_path, [tmp_path]) == tmp_path / "in"
    with pytest.raises(FolderNotAllowed):
        folder_of(files(path="../out"), tmp_path / "work", [tmp_path / "work"])
