import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from segue.git import watch
from segue.git.watch import RefWatch

from tests.support.repositories import Repository

SECONDS_MAX = 10


def rings_after(repository_watch: RefWatch, act: Callable[[], object]) -> bool:
    """Does the bell ring for what `act` does? The ring for the beginning of the watch is heard out first."""

    async def listen() -> bool:
        stop = asyncio.Event()
        rings = repository_watch.rings(stop)
        async with asyncio.timeout(SECONDS_MAX):
            await anext(rings)
        waiting = asyncio.ensure_future(anext(rings))
        try:
            # Nothing says that the kernel watches by now, so act until it is noticed: every time is a real change.
            for _ in range(SECONDS_MAX * 2):
                await asyncio.to_thread(act)
                done, _ = await asyncio.wait({waiting}, timeout=0.5)
                if done:
                    return True
            return False
        finally:
            stop.set()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await rings.aclose()

    return asyncio.run(listen())


def test_a_commit_rings(repository: Repository):
    repository.commit_flow()
    assert rings_after(RefWatch(repository.path), repository.commit)


def test_a_commit_rings_when_refs_are_packed(repository: Repository):
    repository.commit_flow()
    repository.git("pack-refs", "--all")
    assert rings_after(RefWatch(repository.path), repository.commit)


def test_a_push_into_a_bare_repository_rings(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    bare = Repository(tmp_path / "bare.git", bare=True)

    def push() -> None:
        repository.commit()
        repository.git("push", "--quiet", str(bare.path), "main")

    assert rings_after(RefWatch(bare.path), push)


def test_a_commit_in_a_linked_worktree_rings(repository: Repository, tmp_path: Path):
    repository.commit_flow()
    repository.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    linked = Repository.at(tmp_path / "linked")
    assert rings_after(RefWatch(linked.path), linked.commit)


def test_another_branch_checked_out_rings(repository: Repository):
    repository.commit_flow()
    repository.git("branch", "a")
    names = iter(["a", "main"] * 100)
    assert rings_after(RefWatch(repository.path), lambda: repository.git("checkout", "--quiet", next(names)))


def test_polling_instead_of_the_kernel_rings(repository: Repository):
    repository.commit_flow()
    assert rings_after(RefWatch(repository.path, force_polling=True), repository.commit)


def test_where_the_kernel_tells_nothing_git_is_asked(repository: Repository, monkeypatch: pytest.MonkeyPatch):
    def nothing(*_: object, **__: object) -> object:
        raise OSError("no inotify here")

    monkeypatch.setattr(watch, "awatch", nothing)
    repository.commit_flow()
    assert rings_after(RefWatch(repository.path, floor_seconds=0.05), repository.commit)


def test_a_repository_that_is_replaced_is_still_watched(repository: Repository):
    repository.commit_flow()

    async def listen() -> None:
        stop = asyncio.Event()
        rings = RefWatch(repository.path, floor_seconds=0.05).rings(stop)
        first = asyncio.ensure_future(anext(rings))
        await asyncio.wait({first}, timeout=0.2)
        shutil.rmtree(repository.path)
        fresh = Repository(repository.path)
        fresh.commit_flow(message="fresh")
        async with asyncio.timeout(SECONDS_MAX):
            await first
        stop.set()
        await rings.aclose()

    asyncio.run(listen())


def test_it_ends_when_told_to(repository: Repository):
    async def listen() -> int:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, stop.set)
        async with asyncio.timeout(SECONDS_MAX):
            return len([None async for _ in RefWatch(repository.path).rings(stop)])

    assert asyncio.run(listen()) <= 1


def test_a_quiet_repository_rings_only_when_the_watch_begins(repository: Repository):
    """Reading is no change: the daemon's own fetches from a repository must not wake it again."""
    repository.commit_flow()

    async def listen() -> int:
        stop, count = asyncio.Event(), 0
        asyncio.get_running_loop().call_later(0.8, stop.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(lambda: [repository.git("log", "-1") for _ in range(5)]))
            async for _ in RefWatch(repository.path).rings(stop):
                count += 1
        return count

    assert asyncio.run(listen()) == 1
