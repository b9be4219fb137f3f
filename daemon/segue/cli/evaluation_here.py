"""What an expression may ask of the world when a person evaluates it in a checkout: clock, chance, holidays, and the
namespace files of the work tree. What only a daemon knows is refused, and so are secrets."""

import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from segue.cli.flow_files import Repository
from segue.engine.public_holidays import UnknownCountry, is_public_holiday
from segue.expression.errors import ExpressionError
from segue.expression.outside import Closed
from segue.git.layout import NamespaceFile, is_sound_path

READ_BYTES_MAX: Final = 16 << 20
_FILES: Final = "_files"


class CheckoutOutside(Closed):
    """For one evaluation, at one time."""

    def __init__(self, now: datetime, repository: Repository | None, namespace: str) -> None:
        self._now = now
        self._repository = repository
        self._namespace = namespace

    def now(self) -> datetime:
        return self._now

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def secret(self, key: str, namespace: str | None, subkey: str | None) -> str:  # noqa: ARG002 - none is shown
        raise ExpressionError("secret() is not available here: its value would be shown")

    def public_holiday(self, day: date, country: str, subdivision: str | None) -> bool:
        try:
            return is_public_holiday(day, country, subdivision or "")
        except UnknownCountry as error:
            raise ExpressionError(str(error)) from error

    def revealed(self, encrypted: dict[str, str]) -> Any:
        return encrypted

    def read(self, path: str, namespace: str | None, revision: int | None) -> str:  # noqa: ARG002 - the work tree
        file = self._file(path, namespace)
        if file.stat().st_size > READ_BYTES_MAX:
            raise ExpressionError(f"{path} is longer than the {READ_BYTES_MAX >> 20} MiB that read() takes")
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ExpressionError(f"{path} cannot be read: {error}") from error

    def file_size(self, path: str, namespace: str | None) -> int:
        return self._file(path, namespace).stat().st_size

    def file_exists(self, path: str, namespace: str | None) -> bool:
        return any(True for _ in self._found(path, namespace))

    def is_file_empty(self, path: str, namespace: str | None) -> bool:
        return self.file_size(path, namespace) == 0

    def _file(self, path: str, namespace: str | None) -> Path:
        file = next(self._found(path, namespace), None)
        if file is None:
            raise ExpressionError(f"Namespace file not found: {path}")
        return file

    def _found(self, path: str, namespace: str | None) -> Iterator[Path]:
        """The file, in a folder named like the namespace or in folders named like its parts."""
        if "://" in path:
            raise ExpressionError(f"{path}: files of internal storage are with a daemon, say which --execution")
        if self._repository is None:
            raise ExpressionError(f"{path}: say with --flow whose namespace files to read")
        path, of = path.lstrip("/"), namespace or self._namespace
        flows = self._repository.matcher.layout.flows_folder
        for folder in (of, of.replace(".", "/")):
            inside = f"{flows}/{folder}/{_FILES}/{path}" if flows != "." else f"{folder}/{_FILES}/{path}"
            file = self._repository.root / inside
            is_ours = is_sound_path(inside) and self._repository.matcher.classify(inside) == NamespaceFile(of, path)
            if is_ours and file.is_file() and not file.is_symlink():
                yield file
