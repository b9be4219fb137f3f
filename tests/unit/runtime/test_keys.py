"""Keys as the API and tasks change them: each change sees the one before it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from segue.runtime.keys import KeyTaken, state_key
from segue.web.ports.keys import KeyValue

from tests.support.keys import KeyStore, key_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def on_a_store(folder: Path, act: Callable[[KeyStore], Awaitable[None]]) -> None:
    async def acted() -> None:
        async with key_store(folder, NOW) as store:
            await act(store)

    asyncio.run(acted())


def entry(value: object, **more: object) -> KeyValue:
    return KeyValue(namespace="a", key="k", kind="JSON", value=value, **more)  # type: ignore[arg-type]


def test_a_key_keeps_its_date_and_counts_its_versions(tmp_path: Path) -> None:
    async def act(store: KeyStore) -> None:
        await store.keys.put(entry(1))
        store.clock.step(timedelta(minutes=1))
        await store.keys.put(entry(2))
        found = store.reads.key("a", "k")
        assert found is not None
        assert (found.value, found.version) == (2, 2)
        assert (found.created_at, found.updated_at) == (NOW, NOW + timedelta(minutes=1))

    on_a_store(tmp_path, act)


def test_of_changes_made_at_once_none_is_lost(tmp_path: Path) -> None:
    async def act(store: KeyStore) -> None:
        merges = [store.keys.merge_state("a", "k", {str(number): number}) for number in range(20)]
        assert sorted(await asyncio.gather(*merges)) == list(range(1, 21))
        found = store.reads.key("a", "k")
        assert found is not None
        assert len(found.value) == 20

    on_a_store(tmp_path, act)


def test_of_many_who_must_not_overwrite_one_wins(tmp_path: Path) -> None:
    async def act(store: KeyStore) -> None:
        puts = [store.keys.put(entry(number), overwrite=False) for number in range(10)]
        refused = [each for each in await asyncio.gather(*puts, return_exceptions=True) if each is not None]
        assert [type(each) for each in refused] == [KeyTaken] * 9

    on_a_store(tmp_path, act)


def test_an_expired_key_may_be_taken_and_deleting_says_whether_there_was_one(tmp_path: Path) -> None:
    async def act(store: KeyStore) -> None:
        await store.keys.put(entry(1, expires_at=NOW + timedelta(seconds=1)))
        with pytest.raises(KeyTaken):
            await store.keys.put(entry(2), overwrite=False)
        store.clock.step(timedelta(seconds=1))
        await store.keys.put(entry(2), overwrite=False)
        assert await store.keys.delete("a", "k")
        assert not await store.keys.delete("a", "k")

    on_a_store(tmp_path, act)


def test_states_are_shown_in_no_listing(tmp_path: Path) -> None:
    async def act(store: KeyStore) -> None:
        await store.keys.merge_state("a", state_key("flow", "default", None), {"x": 1})
        await store.keys.put(entry(1))
        assert [each.key for each in store.reads.keys("a")] == ["k"]

    on_a_store(tmp_path, act)


def test_states_of_different_names_never_meet() -> None:
    keys = [
        state_key(None, "a", "b"),
        state_key("a", "b", None),
        state_key("a:b", "", None),
        state_key("a", ":b", None),
        state_key("a", "b:", None),
    ]
    assert len(set(keys)) == len(keys)
