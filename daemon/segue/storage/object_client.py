"""The client of object stores, obstore: how it is told where to go, and whole objects both ways, a piece at a time.

An object is written in parts and is there when its last one is; it is read in pieces, each by a request of its own, so
that who reads slowly holds no connection.

obstore is an extra, so nothing imports this module before it is needed (`place.open_storage`, `tasks.plugins.s3`).
It works in threads of its own, which a fork does not have: what used it must not fork to use it again.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import chain
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

import obstore
from msgspec import Struct
from obstore import exceptions
from obstore import store as stores

from segue.storage.object_errors import (
    REASON_LENGTH_MAX,
    ObjectChanged,
    ObjectFailure,
    ObjectMissing,
    code_of,
    is_full,
    reason_of,
)
from segue.storage.storage import COPY_BYTES

PART_BYTES: Final = 8 << 20  # S3 takes 10,000 of them for an object: 78 GiB
PARTS_AT_ONCE: Final = 2
PIECE_BYTES: Final = 4 << 20
CONNECT_SECONDS: Final = 5
REQUEST_SECONDS: Final = 60  # of one piece of a file
RETRIES_MAX: Final = 5
RETRY_SECONDS_MAX: Final = 60

# Those that are for all stores; others are the store's own. obstore takes them apart, and gives up on a mixture.
_FOR_ALL: Final = frozenset(
    {
        "allow_http",
        "allow_invalid_certificates",
        "connect_timeout",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "root_certificate",
        "timeout",
        "user_agent",
    }
)
_CLIENT: Final = {
    "allow_http": "true",  # the endpoint says whether it is; without one all stores are reached by https
    "connect_timeout": f"{CONNECT_SECONDS} seconds",
    "timeout": f"{REQUEST_SECONDS} seconds",
}
_KEYS: Final = frozenset({"access_key_id", "secret_access_key"})
_TOKEN_VARIABLE: Final = "AWS_SESSION_TOKEN"  # noqa: S105 - the name of a variable, not a secret
_PANIC: Final = "PanicException"  # of pyo3; it is no Exception and cannot be imported


def connected(url: str, options: Mapping[str, str]) -> Any:
    """A store, which nothing is asked of yet. What `options` do not say it reads in the environment. Raises
    `ObjectFailure`."""
    endpoint = next((value for name, value in options.items() if name.lower().endswith("endpoint")), None)
    if endpoint is not None and not (urlsplit(endpoint).scheme in {"http", "https"} and urlsplit(endpoint).hostname):
        raise ObjectFailure(f"the endpoint is {endpoint!r}, expected a URL as https://minio.example.com:9000")
    told: dict[str, Any] = _keys_alone(options) | {
        "config": {name: value for name, value in options.items() if name not in _FOR_ALL},
        "client_options": _CLIENT | {name: value for name, value in options.items() if name in _FOR_ALL},
        "retry_config": {"max_retries": RETRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_SECONDS_MAX)},
    }
    try:
        with errors_told():
            return stores.from_url(url, **told)
    except (ValueError, TypeError) as error:
        raise ObjectFailure(str(error)[:REASON_LENGTH_MAX]) from error


def _keys_alone(options: Mapping[str, str]) -> dict[str, Any]:
    """What keeps a token in the environment from going with keys that are not its own."""
    given = {name.lower().removeprefix("aws_"): value for name, value in options.items()}
    if _TOKEN_VARIABLE not in os.environ or "session_token" in given or not given.keys() >= _KEYS:
        return {}
    keys = {name: given[name] for name in _KEYS}
    return {"credential_provider": lambda: {**keys, "token": None, "expires_at": None}}


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """Around calls of obstore. Raises `ObjectMissing` and `ObjectFailure`; an error of the caller's own, which passes
    through obstore where it reads from an iterator, stays what it is."""
    try:
        yield
    except FileNotFoundError as error:
        if error.errno is not None:
            raise  # the system's
        if code_of(str(error)) in {None, "NoSuchKey", "BlobNotFound"}:
            raise ObjectMissing from error
        raise ObjectFailure(reason_of(str(error))) from error
    except exceptions.PreconditionError as error:
        raise ObjectChanged("it was replaced meanwhile") from error
    except exceptions.BaseError as error:
        raise ObjectFailure(reason_of(str(error)), is_full=is_full(str(error))) from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise ObjectFailure(f"its client gave up: {error}"[:REASON_LENGTH_MAX]) from error


# Writing.


class Written(Struct, frozen=True):
    size: int
    tag: str | None
    version: str | None


def written(
    store: Any,
    key: str,
    chunks: Iterable[bytes],
    *,
    attributes: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Written:
    """An object of these chunks. To be called within `errors_told`."""
    given = _Blocks(chunks)
    first = given.up_to(PART_BYTES)
    told: dict[str, Any] = {"attributes": dict(attributes or {}), "tags": dict(tags or {})}
    if given.is_over:
        put = obstore.put(store, key, b"".join(first), use_multipart=False, **told)
    else:
        told |= {"chunk_size": PART_BYTES, "max_concurrency": PARTS_AT_ONCE}
        put = obstore.put(store, key, chain(first, given), **told)
    return Written(given.size, put["e_tag"], put["version"])


class _Blocks:
    """Chunks joined to blocks that are worth an object of their own; `size` is that of all so far."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self.is_over = False
        self._chunks = iter(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        waiting: list[bytes] = []
        length = 0
        for chunk in self._chunks:
            waiting.append(chunk)
            length += len(chunk)
            if length >= COPY_BYTES:
                break
        else:
            self.is_over = True
        if not length:
            raise StopIteration
        self.size += length
        return waiting[0] if len(waiting) == 1 else b"".join(waiting)

    def up_to(self, size: int) -> list[bytes]:
        """Blocks until there are this many bytes, or until there are no more."""
        blocks: list[bytes] = []
        while self.size < size and not self.is_over and (block := next(self, b"")):
            blocks.append(block)
        return blocks


# Reading.


class Opened(Struct, frozen=True):
    """An object to be read from any place in it. `meta` and `attributes` are obstore's."""

    file: BinaryIO
    meta: Mapping[str, Any]
    attributes: Mapping[str, str]


def opened(
    store: Any, key: str, told: Callable[[], AbstractContextManager[None]], *, version: str | None = None
) -> Opened:
    """`told` is what calls of obstore are made within, now and whenever a piece is read: `errors_told`, or one that
    makes the caller's errors of its errors."""
    with told():
        found = obstore.get(store, key, options=_asked(version=version))
        meta: Mapping[str, Any] = {**found.meta}
        if meta["size"] <= PIECE_BYTES:
            return Opened(io.BytesIO(bytes(found.bytes())), meta, found.attributes)
    pieces = _Pieces(store, key, meta, told, version)
    return Opened(io.BufferedReader(pieces, PIECE_BYTES), meta, found.attributes)


def _asked(**options: str | None) -> Any:
    """Obstore takes an option that is None for a mistake."""
    return {name: value for name, value in options.items() if value is not None}


class _Pieces(io.RawIOBase):
    """An object that is read from wherever its reader stands. It stays the same: one that was replaced meanwhile is
    told."""

    def __init__(
        self,
        store: Any,
        key: str,
        meta: Mapping[str, Any],
        told: Callable[[], AbstractContextManager[None]],
        version: str | None,
    ) -> None:
        self._store = store
        self._key = key
        self._size: int = meta["size"]
        self._options: dict[str, Any] = _asked(if_match=meta["e_tag"], version=version)
        self._told = told
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative position {origin + offset}")
        self._at = origin + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        """In pieces like ours: those of the base class are 8 KiB."""
        return b"".join(iter(lambda: self._next(PIECE_BYTES), b""))

    def _next(self, length_max: int) -> memoryview | bytes:
        length = min(length_max, self._size - self._at, PIECE_BYTES)
        if length <= 0:
            return b""
        with self._told():
            options: Any = self._options | {"range": (self._at, self._at + length)}
            piece = memoryview(obstore.get(self._store, self._key, options=options).bytes())
        self._at += len(piece)
        return piece
