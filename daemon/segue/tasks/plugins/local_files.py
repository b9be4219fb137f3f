"""`fs.local.*`: files of the machine, as whoever runs the daemon may reach them - scripts reach no more and no less."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from segue.spec.types.plugins.local_files import Copy, Delete, Download, List, Move, Transfer, Upload
from segue.storage import address as addresses
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind


def list_files(properties: List, _context: TaskContext) -> Result:
    """Outputs `files` in the order of their paths, and their `count`."""
    folder = _path(properties.from_)
    try:
        pattern = re.compile(properties.reg_exp) if properties.reg_exp else None
    except re.error as error:
        raise TaskFailed(f"regExp: {properties.reg_exp!r} is no pattern: {error}") from error
    with _told():
        if not folder.is_dir():
            raise TaskFailed(f"{folder} is no folder")
        paths = sorted(folder.rglob("*") if properties.recursive else folder.iterdir())
        wanted = (path for path in paths if path.is_file() and (not pattern or pattern.fullmatch(str(path))))
        found = [_told_of(path) for path in islice(wanted, properties.max_files)]
    return Result(outputs={"files": found, "count": len(found)})


def _told_of(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "uri": path.as_uri(),
        "localPath": str(path),
        "name": path.name,
        "parent": str(path.parent),
        "size": status.st_size,
        "modifiedDate": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(),
        "isDirectory": False,
    }


def download(properties: Download, context: TaskContext) -> Result:
    """Outputs `uri` and `size`."""
    path = _path(properties.from_)
    with _told():
        kept = context.put_path(path.name, path)
    return Result(outputs={"uri": kept.address, "size": kept.size})


def upload(properties: Upload, context: TaskContext) -> Result:
    """Outputs `uri`, the path. The file is there as a whole or not at all."""
    target = _target(properties.to, addresses.parts_of(properties.from_.strip())[-1])
    with _told():
        _make_room(target, overwrite=properties.overwrite)
        passing = target.with_name(f".{target.name}.part")
        with context.open_file(properties.from_.strip()) as stored, passing.open("wb") as file:
            shutil.copyfileobj(stored, file)
        passing.replace(target)
    return Result(outputs={"uri": str(target)})


def _transfer(do: Callable[[Path, Path], None]) -> Callable[[Transfer, TaskContext], Result]:
    def run(properties: Transfer, _context: TaskContext) -> Result:
        path = _path(properties.from_)
        target = _target(properties.to, path.name)
        with _told():
            if not path.exists():
                raise TaskFailed(f"{path} is not there")
            _make_room(target, overwrite=properties.overwrite)
            do(path, target)
        return Result(outputs={"uri": str(target)})

    return run


def _copy(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(path, target)


def _move(path: Path, target: Path) -> None:
    shutil.move(path, target)


def delete(properties: Delete, _context: TaskContext) -> Result:
    """Outputs `uri` and `deleted`."""
    path = _path(properties.from_)
    with _told():
        is_there = path.exists() or path.is_symlink()
        if not is_there and properties.error_on_missing:
            raise TaskFailed(f"{path} is not there")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path) if properties.recursive else path.rmdir()
        elif is_there:
            path.unlink()
    return Result(outputs={"uri": str(path), "deleted": is_there})


def _path(text: str) -> Path:
    path = Path(text.strip().removeprefix("file://"))
    if not path.is_absolute():
        raise TaskFailed(f"{text!r}: paths of the machine begin with a slash")
    return path


def _target(text: str, name: str) -> Path:
    path = _path(text)
    return path / name if text.strip().endswith("/") else path


def _make_room(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise TaskFailed(f"{target} is there already, and `overwrite` is false")
    target.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TaskFailed(f"{error.filename or 'file'}: {error.strerror or error}") from error


_PREFIX = "io.kestra.plugin.fs.local."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "List", properties=List, run=list_files),
    TaskKind(name=_PREFIX + "Download", properties=Download, run=download),
    TaskKind(name=_PREFIX + "Upload", properties=Upload, run=upload),
    TaskKind(name=_PREFIX + "Copy", properties=Copy, run=_transfer(_copy)),
    TaskKind(name=_PREFIX + "Move", properties=Move, run=_transfer(_move)),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete),
)
