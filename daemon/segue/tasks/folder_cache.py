"""Files of a working directory that are kept from run to run: one ZIP file in internal storage for each flow, task and
value of a loop.

What is in it says its comment: when it was made, and a digest of the names and contents. It is written anew only if
the files have changed. Links are kept as links; one that leads out of the folder is left out.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec import Struct

from segue.model.order import LogLevel
from segue.spec.flowables import Cache
from segue.storage import address as addresses
from segue.storage.storage import FileMissing, chunks_of
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.scripts import files

FILES_MAX: Final = 200_000
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE_SHIFT: Final = 16  # where a ZIP entry has the file's mode


class _Label(Struct, frozen=True, kw_only=True):
    """The comment of the ZIP file."""

    made_at: float = 0.0
    digest: str = ""

    @classmethod
    def of(cls, comment: bytes) -> "_Label":
        try:
            said: Any = json.loads(comment)
            return cls(made_at=float(said["made_at"]), digest=str(said["digest"]))
        except (ValueError, TypeError, KeyError):
            return cls()

    def to_bytes(self) -> bytes:
        return json.dumps({"made_at": self.made_at, "digest": self.digest}).encode()


def restore(context: TaskContext, cache: Cache, folder: Path) -> None:
    """Puts the files that were kept into the folder, unless they are too old."""
    address = _address(context)
    try:
        stored = context.open_file(address)
    except FileMissing:
        context.log(LogLevel.DEBUG, "cache: nothing is kept yet")
        return
    with stored, zipfile.ZipFile(stored) as archive:
        age = time.time() - _Label.of(archive.comment).made_at
        is_old = cache.ttl is not None and age > cache.ttl.total_seconds()
        if not is_old:
            for entry in archive.infolist():
                _extract(archive, entry, folder)
    if is_old:
        context.storage.delete(address)
        context.log(LogLevel.DEBUG, f"cache: what was kept is older than {cache.ttl} and was deleted")


def keep(context: TaskContext, cache: Cache, folder: Path) -> None:
    """Keeps the files that match, if they are others than those kept already."""
    found = sorted(_matching(cache.patterns, folder))
    if len(found) > FILES_MAX:
        context.log(LogLevel.WARN, f"cache: more than {FILES_MAX:,} files match; nothing is kept")
        return
    digest = _digest(folder, found)
    address = _address(context)
    if not found or _kept_digest(context, address) == digest:
        return
    with tempfile.TemporaryFile(prefix=f"{FOLDER_PREFIX}cache-", dir=context.surroundings.work) as file:
        _write(file, folder, found, _Label(made_at=time.time(), digest=digest))
        file.seek(0)
        context.storage.put(address, chunks_of(file))
    context.log(LogLevel.DEBUG, f"cache: {len(found):,} files are kept for the next run")


def _address(context: TaskContext) -> str:
    order = context.order
    value = (order.variables.get("taskrun") or {}).get("value")
    of_value = None if value is None else str(value)
    return addresses.address_of(addresses.cache_parts(order.namespace, order.flow_id, order.task_id, of_value))


def _kept_digest(context: TaskContext, address: str) -> str | None:
    try:
        with context.open_file(address) as stored, zipfile.ZipFile(stored) as archive:
            return _Label.of(archive.comment).digest
    except (FileMissing, zipfile.BadZipFile):
        return None


def _matching(patterns: Iterable[str], folder: Path) -> set[str]:
    root = folder.resolve()
    return {
        name
        for pattern in patterns
        for name in files.names_matching(pattern, folder)
        if (folder / name).is_symlink() or (folder / name).is_file()
        if (folder / name).resolve().is_relative_to(root)
    }


def _digest(folder: Path, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        digest.update(f"{len(os.fsencode(name))}:".encode() + os.fsencode(name))
        if path.is_symlink():
            digest.update(b"link" + os.fsencode(path.readlink()))
        else:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _write(file: BinaryIO, folder: Path, names: Iterable[str], label: _Label) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as archive:
        for name in names:
            path = folder / name
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = path.lstat().st_mode << _MODE_SHIFT
            entry.compress_type = zipfile.ZIP_DEFLATED
            if path.is_symlink():
                archive.writestr(entry, os.fsencode(path.readlink()))
                continue
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
        archive.comment = label.to_bytes()


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = files.safe_path(folder, entry.filename)
    mode = entry.external_attr >> _MODE_SHIFT
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        return  # below a link that leads elsewhere
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    if stat.S_ISLNK(mode):
        path.symlink_to(os.fsdecode(archive.read(entry)))
        return
    with archive.open(entry) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target)
    path.chmod(stat.S_IMODE(mode) | stat.S_IRUSR | stat.S_IWUSR)
