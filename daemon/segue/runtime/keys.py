"""Keys and values written: each change sees the one before it, whoever makes them - the API or tasks.

States of `core.state.*` are kept here too, under keys that no author can write (they begin with a colon), so that no
listing shows them.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakValueDictionary

from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.spec.key_values import JSON
from segue.store.records import Entry
from segue.web.ports.keys import KeyValue
from segue.web.ports.reads import Reads

STATE_PREFIX: Final = ":state:"

Change = Callable[[KeyValue | None], KeyValue | None]


class KeyTaken(Exception):
    """The key exists, and is not to be overwritten."""

    def __init__(self, key: str) -> None:
        super().__init__(f"Cannot set value for key '{key}'. Key already exists and `overwrite` is set to `false`.")


def state_key(flow_id: str | None, name: str, value: str | None) -> str:
    """Where a state is kept in its namespace; without a flow it is the namespace's."""
    return STATE_PREFIX + ":".join(quote(part or "", safe="") for part in (flow_id, name, value))


class Keys:
    """Changes of keys, one at a time for each key. Reading is `Reads`'."""

    def __init__(self, reads: Reads, loop: Loop) -> None:
        self._reads = reads
        self._loop = loop
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def put(self, entry: KeyValue, *, overwrite: bool = True) -> None:
        """Raises `KeyTaken`, and `Busy` when nothing is taken in."""

        def change(known: KeyValue | None) -> KeyValue:
            if known is not None and not overwrite:
                raise KeyTaken(entry.key)
            return entry

        await self.change(entry.namespace, entry.key, change)

    async def delete(self, namespace: str, key: str) -> bool:
        """Was there one?"""
        return await self.change(namespace, key, lambda _known: None) is not None

    async def merge_state(self, namespace: str, key: str, data: Mapping[str, Any]) -> int:
        """Puts the data into the state; how many entries it has then."""
        merged: dict[str, Any] = {}

        def change(known: KeyValue | None) -> KeyValue:
            merged.update({**(known.value if known is not None else {}), **data})
            return KeyValue(namespace=namespace, key=key, kind=JSON, value=merged)

        await self.change(namespace, key, change)
        return len(merged)

    async def change(self, namespace: str, key: str, change: Change) -> KeyValue | None:
        """Makes of what is under the key (None: nothing) what shall be (None: nothing). Gives what was, once that is
        durable."""
        lock = self._locks.setdefault((namespace, key), asyncio.Lock())
        async with lock:
            known = await asyncio.to_thread(self._reads.key, namespace, key)
            wanted = change(known)
            if wanted is not None or known is not None:
                await self._loop.call(partial(_write, namespace, key, known, wanted))
            return known


def _write(namespace: str, key: str, known: KeyValue | None, wanted: KeyValue | None, round_: Round) -> None:
    if wanted is None:
        round_.batch.remove_entry(namespace, key)
        return
    round_.batch.put_entry(
        Entry(
            namespace=namespace,
            key=key,
            type=wanted.kind,
            value=wanted.value,
            created_at=(known.created_at if known else None) or round_.at,
            updated_at=round_.at,
            description=wanted.description,
            version=(known.version if known else 0) + 1,
            expires_at=wanted.expires_at,
        )
    )
