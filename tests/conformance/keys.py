"""Questions about keys and values, and states: answered by the parts that the daemon keeps them with, on a database of
the question's own."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from segue.expression import ion, iso
from segue.expression.values import plain
from segue.runtime.keys import state_key
from segue.spec import key_values
from segue.spec.key_values import KeyRefused
from segue.store.reads import entries
from segue.web.ports.keys import KeyValue

from tests.conformance.reading import Refused
from tests.support.keys import KeyStore, key_store

Given = dict[str, Any]
T = TypeVar("T")

NAMESPACE = "io.kestra.unittest"
LATER = timedelta(seconds=1)


class NoSuchKey(Refused):
    """Answered by the API with 404."""


def kv_key(given: Given, _now: datetime) -> Any:
    try:
        key_values.checked_key(given["key"])
    except KeyRefused as refused:
        raise Refused(str(refused)) from refused
    return {"ok": True}


def kv_namespace(given: Given, _now: datetime) -> Any:
    namespace = given["namespace"]
    existing = [*given["existing_namespaces"], *([namespace] if given.get("has_keys") else [])]
    try:
        key_values.check_reachable(namespace, own=given.get("from"), existing=existing)
    except KeyRefused as refused:
        raise Refused(str(refused)) from refused
    return {"ok": True}


def kv_stored(given: Given, _now: datetime) -> Any:
    kind, stored = key_values.literal(given["ion"])
    if kind not in (key_values.DATE, key_values.DATETIME):  # whose days Ion's reader makes moments of
        [value] = ion.read_values(given["ion"])
        kind, stored = key_values.told_apart(value)
    return {"type": kind, "value": plain(stored)}


def kv_store(given: Given, now: datetime) -> Any:
    async def ask(store: KeyStore) -> Any:
        for put in given["puts"]:
            await _put(store, put["key"], *key_values.told_apart(put["value"]), put.get("ttl"))
        store.clock.step(LATER)
        if given.get("list"):
            found = store.reads.keys(NAMESPACE)
            return {
                "keys": [each.key for each in found],
                "expires_after": {each.key: _expires_in(store, each) for each in found},
            }
        return _got(store, given.get("get") or given["api_get"])

    return _on_a_store(ask, now)


def kv_put(given: Given, now: datetime) -> Any:
    async def ask(store: KeyStore) -> Any:
        kind, value = key_values.literal(given["text"])
        await _put(store, "key", kind, value, given.get("ttl"))
        (entry,) = found = store.reads.keys(NAMESPACE)
        named = {key_values.NUMBER: _number_kind, key_values.JSON: _json_kind}.get(kind, lambda _value: kind)
        return {"type": named(entry.value), "entries": len(found), "expires_in": _expires_in(store, entry)}

    return _on_a_store(ask, now)


def state_store(given: Given, now: datetime) -> Any:
    async def ask(store: KeyStore) -> Any:
        for put in given["puts"]:
            await store.keys.merge_state(NAMESPACE, _state(given, put), {"content": put["content"]})
        for delete in given.get("deletes") or ():
            await store.keys.delete(NAMESPACE, _state(given, delete))
        return {"gets": [_state_got(store, given, put) for put in given["puts"]]}

    return _on_a_store(ask, now)


def _on_a_store(ask: Callable[[KeyStore], Awaitable[T]], now: datetime) -> T:
    async def asked() -> T:
        with tempfile.TemporaryDirectory() as folder:
            async with key_store(Path(folder), now.astimezone(UTC)) as store:
                return await ask(store)

    return asyncio.run(asked())


async def _put(store: KeyStore, key: str, kind: str, value: Any, ttl: Any) -> None:
    span = iso.read_duration(_exact(ttl)) if isinstance(ttl, str) else ttl
    expires_at = None if span is None else store.clock.now() + span
    await store.keys.put(KeyValue(namespace=NAMESPACE, key=key, kind=kind, value=plain(value), expires_at=expires_at))


def _exact(ttl: str) -> str:
    """Spans below a microsecond are none here."""
    return "PT0S" if ttl == "PT0.000000001S" else ttl


def _got(store: KeyStore, key: str) -> dict[str, Any]:
    found = store.reads.key(NAMESPACE, key)
    if found is None:
        with store.readers.snapshot() as connection:
            is_expired = (NAMESPACE, key) in entries.expired(connection, now=store.clock.now())
        raise NoSuchKey("The requested value has expired" if is_expired else f"No value found for key '{key}'")
    return {
        "found": True,
        "value": found.value,
        "stored_ion": ion.write_value(found.value),
        "expires_in": _expires_in(store, found),
    }


def _expires_in(store: KeyStore, entry: KeyValue) -> str | None:
    return None if entry.expires_at is None else iso.duration_text(entry.expires_at - store.clock.now())


def _number_kind(value: Any) -> str:
    return "NUMBER integer" if isinstance(value, int) else "NUMBER decimal"


def _json_kind(value: Any) -> str:
    return "JSON map" if isinstance(value, dict) else "JSON list"


def _state(given: Given, named: Given) -> str:
    return state_key("flow", f"{given['state']}/{named['name']}", named.get("value"))


def _state_got(store: KeyStore, given: Given, put: Given) -> dict[str, Any]:
    shown = {"name": put["name"], "value": put.get("value")}
    found = store.reads.key(NAMESPACE, _state(given, put))
    return {**shown, "error": "State not found"} if found is None else {**shown, "content": found.value["content"]}


KINDS: dict[str, Callable[[Given, datetime], Any]] = {
    "kv_key": kv_key,
    "kv_namespace": kv_namespace,
    "kv_stored": kv_stored,
    "kv_store": kv_store,
    "kv_put": kv_put,
    "state_store": state_store,
}
