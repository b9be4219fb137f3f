"""All that an expression may ask of the world, as one protocol, and the two answers this package can give by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Protocol

from segue.expression.errors import ExpressionError, Sealed


class Outside(Protocol):
    """Where clock, chance, secrets, keys, files, logs and HTTP come from. What cannot be given raises `ExpressionError`."""

    @property
    def zone(self) -> str:
        """The name of the time zone that dates are in when the expression names none."""
        ...

    def now(self) -> datetime: ...

    def random_bytes(self, count: int) -> bytes: ...

    def free_port(self) -> int: ...

    def secret(self, key: str, namespace: str | None, subkey: str | None) -> str: ...

    def kv(self, key: str, namespace: str | None, *, error_on_missing: bool) -> Any: ...

    def read(self, path: str, namespace: str | None, revision: int | None) -> str: ...

    def file_size(self, path: str, namespace: str | None) -> int: ...

    def file_exists(self, path: str, namespace: str | None) -> bool: ...

    def is_file_empty(self, path: str, namespace: str | None) -> bool: ...

    def http(self, request: dict[str, Any]) -> Any:
        """The body of the answer; the request has the function's arguments by name, `uri` always."""
        ...

    def subflow(self, request: dict[str, Any]) -> Any: ...

    def error_logs(self) -> list[dict[str, Any]]: ...

    def encrypt(self, key: str, plaintext: str) -> str: ...

    def decrypt(self, key: str, encrypted: str) -> str: ...

    def public_holiday(self, day: date, country: str, subdivision: str | None) -> bool: ...

    def revealed(self, encrypted: dict[str, str]) -> Any:
        """What stands for a value that is encrypted at rest: its text, where that may be known."""
        ...


class Closed:
    """Nothing outside can be reached: dates are in UTC, all else is refused."""

    # ruff: noqa: ARG002 - a refusal needs no arguments

    @property
    def zone(self) -> str:
        return "UTC"

    def now(self) -> datetime:
        raise _refused("now")

    def random_bytes(self, count: int) -> bytes:
        raise _refused("chance")

    def free_port(self) -> int:
        raise _refused("randomPort()")

    def secret(self, key: str, namespace: str | None, subkey: str | None) -> str:
        raise _refused("secret()")

    def kv(self, key: str, namespace: str | None, *, error_on_missing: bool) -> Any:
        raise _refused("kv()")

    def read(self, path: str, namespace: str | None, revision: int | None) -> str:
        raise _refused("read()")

    def file_size(self, path: str, namespace: str | None) -> int:
        raise _refused("fileSize()")

    def file_exists(self, path: str, namespace: str | None) -> bool:
        raise _refused("fileExists()")

    def is_file_empty(self, path: str, namespace: str | None) -> bool:
        raise _refused("isFileEmpty()")

    def http(self, request: dict[str, Any]) -> Any:
        raise _refused("http()")

    def subflow(self, request: dict[str, Any]) -> Any:
        raise _refused("subflow()")

    def error_logs(self) -> list[dict[str, Any]]:
        raise _refused("errorLogs()")

    def encrypt(self, key: str, plaintext: str) -> str:
        raise _refused("encrypt()")

    def decrypt(self, key: str, encrypted: str) -> str:
        raise _refused("decrypt()")

    def public_holiday(self, day: date, country: str, subdivision: str | None) -> bool:
        raise _refused("isPublicHoliday()")

    def revealed(self, encrypted: dict[str, str]) -> Any:
        raise Sealed("The value is encrypted, and can be read only by a task")


def _refused(what: str) -> ExpressionError:
    return ExpressionError(f"{what} is not available here")


class FrozenOutside(Closed):
    """Clock and chance as data, all else refused: for expressions that the main process evaluates."""

    def __init__(self, *, now: datetime, random: Callable[[int], bytes] | None = None, zone: str = "UTC") -> None:
        self._now = now if now.tzinfo else now.replace(tzinfo=UTC)
        self._random = random
        self._zone = zone

    @property
    def zone(self) -> str:
        return self._zone

    def now(self) -> datetime:
        return self._now

    def random_bytes(self, count: int) -> bytes:
        return self._random(count) if self._random is not None else super().random_bytes(count)
