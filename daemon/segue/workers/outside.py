"""What expressions may ask of the world while a worker renders them: clock, chance, secrets, files, keys."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from segue.engine.public_holidays import UnknownCountry, is_public_holiday
from segue.expression.errors import ExpressionError
from segue.expression.outside import Closed
from segue.git.blobs import BlobMissing, BlobReader, BlobTooLarge
from segue.git.namespace_files import NamespaceFiles, TooManyFiles
from segue.git.runner import GitError
from segue.model.order import Order
from segue.storage import address as addresses
from segue.storage.address import AddressRefused
from segue.storage.storage import Storage, StorageFailure
from segue.tasks import http
from segue.tasks.encryption import BadKey, CannotDecrypt, Cipher, opened
from segue.tasks.kind import TaskFailed
from segue.tasks.masking import Masker
from segue.workers.channel import AskRefused, Channel
from segue.workers.keeping import EVAL
from segue.workers.settings import no_secret

READ_BYTES_MAX: Final = 16 << 20
_NAMESPACE_FILE: Final = "nsfile"
T = TypeVar("T")


class NoSuchFile(StorageFailure):
    """A namespace file that is not there, or cannot be read."""


class MirrorFiles:
    """Namespace files out of the mirror. Git runs only while something is read."""

    def __init__(self, mirror: Path | None) -> None:
        self._reader = None if mirror is None else BlobReader(mirror)
        self._files = None if mirror is None or self._reader is None else NamespaceFiles(mirror, self._reader)

    def at(self, commit: str) -> "CommitFiles":
        return CommitFiles(self, commit)

    def use(self, act: Callable[[NamespaceFiles], T]) -> T:
        if self._files is None or self._reader is None:
            raise NoSuchFile("There are no namespace files: the flow does not come from Git")
        try:
            return act(self._files)
        except BlobMissing as error:
            raise NoSuchFile(f"Namespace file not found: {error}") from error
        except (BlobTooLarge, TooManyFiles, GitError) as error:
            raise NoSuchFile(f"Namespace files: {error}") from error
        finally:
            self._reader.close()


class CommitFiles:
    """Those of one commit: `segue.tasks.context.NamespaceFiles`."""

    def __init__(self, mirror: MirrorFiles, commit: str) -> None:
        self._mirror = mirror
        self._commit = commit

    def paths(self, namespace: str) -> tuple[str, ...]:
        return self._mirror.use(lambda files: tuple(file.path for file in files.files(self._commit, namespace)))

    def read(self, namespace: str, path: str) -> bytes:
        return self._mirror.use(lambda files: files.read(self._commit, namespace, path))

    def copy(self, namespace: str, into: Path, include: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[str, ...]:
        return self._mirror.use(
            lambda files: files.materialise(self._commit, namespace, into, include=include, exclude=exclude)
        )


class WorkerOutside(Closed):
    """For the expressions of one order."""

    def __init__(
        self,
        order: Order,
        *,
        channel: Channel,
        secrets: Mapping[str, str],
        storage: Storage,
        files: CommitFiles,
        masker: Masker,
        cipher: Cipher | None,
        blocked_networks: tuple[str, ...] = (),
    ) -> None:
        self._order = order
        self._channel = channel
        self._secrets = secrets
        self._storage = storage
        self._files = files
        self._masker = masker
        self._cipher = cipher
        self._blocked_networks = blocked_networks

    def now(self) -> datetime:
        return datetime.now(UTC)

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def secret(self, key: str, namespace: str | None, subkey: str | None) -> str:  # noqa: ARG002 - all share them
        value = self._secrets.get(key.upper())
        if value is None:
            raise ExpressionError(no_secret(key))
        self._masker.hide(value)
        if subkey is None:
            return value
        part = _subkey_of(key, value, subkey)
        self._masker.hide(part)
        return part

    def kv(self, key: str, namespace: str | None, *, error_on_missing: bool) -> Any:
        wanted = {"key": key, "namespace": namespace, "error_on_missing": error_on_missing}
        return self._ask("kv", wanted)

    def error_logs(self) -> list[dict[str, Any]]:
        return list(self._ask("error_logs", {}))

    def subflow(self, request: dict[str, Any]) -> Any:
        return self._ask("subflow", request)

    def http(self, request: dict[str, Any]) -> Any:
        try:
            return http.fetch(request, blocked_networks=self._blocked_networks)
        except (TaskFailed, ValueError) as error:
            raise ExpressionError(f"http(): {error}") from error

    def read(self, path: str, namespace: str | None, revision: int | None) -> str:  # noqa: ARG002 - the commit tells
        return _text_of(path, self._bytes(path, namespace))

    def file_size(self, path: str, namespace: str | None) -> int:
        if _is_stored(path):
            return self._stored(path, self._storage.size)
        return len(self._bytes(path, namespace))

    def file_exists(self, path: str, namespace: str | None) -> bool:
        if _is_stored(path):
            return self._stored(path, self._storage.exists)
        try:
            self._files.read(*self._namespace_path(path, namespace))
        except NoSuchFile:
            return False
        return True

    def is_file_empty(self, path: str, namespace: str | None) -> bool:
        return self.file_size(path, namespace) == 0

    def encrypt(self, key: str, plaintext: str) -> str:
        try:
            return Cipher.of(key).encrypt(plaintext)
        except BadKey as error:
            raise ExpressionError(f"encrypt(): {error}") from error

    def decrypt(self, key: str, encrypted: str) -> str:
        try:
            text = Cipher.of(key).decrypt(encrypted)
        except (BadKey, CannotDecrypt) as error:
            raise ExpressionError(f"decrypt(): {error}") from error
        self._masker.hide(text)
        return text

    def revealed(self, encrypted: dict[str, str]) -> Any:
        """What the order brought was decrypted before; this one was made by an expression. To a person's question
        nothing is."""
        if self._order.purpose == EVAL:
            return encrypted
        try:
            return opened(encrypted, self._cipher, self._masker)
        except CannotDecrypt as error:
            raise ExpressionError(str(error)) from error

    def public_holiday(self, day: date, country: str, subdivision: str | None) -> bool:
        try:
            return is_public_holiday(day, country, subdivision or "")
        except UnknownCountry as error:
            raise ExpressionError(str(error)) from error

    def _bytes(self, path: str, namespace: str | None) -> bytes:
        if _is_stored(path):
            return self._stored(path, self._stored_bytes)
        try:
            return self._files.read(*self._namespace_path(path, namespace))
        except NoSuchFile as error:
            raise ExpressionError(str(error)) from error

    def _stored(self, address: str, read: Callable[[str], T]) -> T:
        try:
            self._check_allowed(address)
            return read(address)
        except (StorageFailure, AddressRefused) as error:
            raise ExpressionError(str(error)) from error

    def _stored_bytes(self, address: str) -> bytes:
        with self._storage.open(address) as file:
            data = file.read(READ_BYTES_MAX + 1)
        if len(data) > READ_BYTES_MAX:
            raise StorageFailure(f"{address} is longer than the {READ_BYTES_MAX >> 20} MiB that read() takes")
        return data

    def _check_allowed(self, address: str) -> None:
        """Files of this execution and of the one that started it, and those whose address the execution was given."""
        parts = addresses.parts_of(address)
        if "executions" not in parts:
            return
        if any(parts[: len(owner)] == owner for owner in self._owners()):
            return
        if address not in json.dumps(self._order.variables, ensure_ascii=False):
            raise StorageFailure(f"Unable to read the file '{address}' as it didn't belong to the current execution")

    def _owners(self) -> Iterator[tuple[str, ...]]:
        order, trigger = self._order, self._order.variables.get("trigger")
        yield addresses.execution_parts(order.namespace, order.flow_id, order.execution_id)
        if isinstance(trigger, Mapping):
            named = [trigger.get(name) for name in ("namespace", "flowId", "executionId")]
            if all(isinstance(name, str) for name in named):
                yield addresses.execution_parts(*map(str, named))

    def _namespace_path(self, path: str, namespace: str | None) -> tuple[str, str]:
        if addresses.is_address(path) and (named := addresses.namespace_file(path)) is not None:
            return named
        parsed = urlsplit(path)
        if parsed.scheme == _NAMESPACE_FILE:
            return parsed.netloc or namespace or self._order.namespace, parsed.path
        if parsed.scheme and "://" in path:
            raise ExpressionError(
                f"{path!r} cannot be read: expected kestra:///, nsfile:/// or a namespace file's path"
            )
        return namespace or self._order.namespace, path

    def _ask(self, kind: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return self._channel.ask(self._order.id, kind, arguments)
        except AskRefused as error:
            raise ExpressionError(str(error)) from error


def _is_stored(path: str) -> bool:
    """Is it the address of a file in internal storage, not of a namespace file."""
    try:
        return addresses.is_address(path) and addresses.namespace_file(path) is None
    except AddressRefused as error:
        raise ExpressionError(str(error)) from error


def _subkey_of(key: str, value: str, subkey: str) -> str:
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise ExpressionError(f"The secret '{key}' is no JSON, so it has no subkey '{subkey}'") from error
    if not isinstance(parsed, dict) or subkey not in parsed:
        raise ExpressionError(f"Cannot find secret sub-key '{subkey}' in secret '{key}'.")
    part = parsed[subkey]
    return part if isinstance(part, str) else json.dumps(part)


def _text_of(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ExpressionError(f"{path} is no text in UTF-8") from error
