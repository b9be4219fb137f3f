"""`fs.local.*`: files of the machine, as whoever runs the daemon may reach them - scripts reach no more and no less -
or only those below the folders that the setting `allowed_paths` names.

Links in a folder are no files of it: whoever may only put files there must not have others read through it.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from segue.spec.types.plugins.local_files import (
    Copy,
    Delete,
    Download,
    Downloads,
    List,
    Move,
    Transfer,
    Trigger,
    Upload,
    Uploads,
)
from segue.storage import address as addresses
from segue.storage.storage import chunks_of
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.plugins import found_files
from segue.tasks.plugins.found_files import FileTrouble, FoundFile, Mark
from segue.tasks.plugins.stored_files import sources_of

_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe there is not waited for


class LocalPlace:
    """The files of this machine, as a `found_files.Place`."""

    prefix = ""

    def __init__(self, context: TaskContext) -> None:
        self._context = context

    def path(self, text: str) -> str:
        return os.path.normpath(_path(text, self._context))

    def within(self, folder: str) -> str:
        return folder.rstrip("/") + "/"

    def identity(self, folder: str) -> str:
        with _told():
            found = Path(folder).stat()
        return f"{found.st_dev}:{found.st_ino}"

    def files(self, folder: str, *, recursive: bool) -> Iterator[FoundFile]:
        if not Path(folder).is_dir():
            raise TaskFailed(f"{folder} is no folder")
        waiting = [folder]
        while waiting:
            with _told(), os.scandir(waiting.pop()) as entries:
                found = list(entries)
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting += [entry.path] if recursive else []
                elif (file := _found(folder, entry)) is not None:
                    yield file

    def mark(self, path: str) -> Mark | None:
        try:
            return _mark(os.lstat(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileTrouble(_sentence(error)) from error

    def chunks(self, path: str) -> Iterator[bytes]:
        with _told(FileTrouble), os.fdopen(os.open(path, _OPEN_FLAGS), "rb") as file:
            yield from chunks_of(file)

    def delete(self, path: str) -> None:
        with _told(FileTrouble):
            Path(path).unlink(missing_ok=True)

    def move(self, path: str, target: str) -> None:
        with _told(FileTrouble):
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            _move_whole(Path(path), Path(target))

    def where(self, path: str, uri: str | None) -> dict[str, Any]:
        there = Path(path)
        return {"uri": uri or there.as_uri(), "localPath": path, "name": there.name, "parent": str(there.parent)}

    def output_key(self, file: FoundFile) -> str:
        return file.path


def _found(folder: str, entry: "os.DirEntry[str]") -> FoundFile | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None  # gone since the folder was read
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(
        path=entry.path,
        below=os.path.relpath(entry.path, folder),
        mark=_mark(status),
        modified=status.st_mtime,
        told={
            "size": status.st_size,
            # Linux says when a file was born only to who asks by another call than Python's; Java falls back so too.
            "createdDate": _date(status.st_mtime),
            "modifiedDate": _date(status.st_mtime),
            "accessedDate": _date(status.st_atime),
            "isDirectory": False,
        },
    )


def _mark(status: os.stat_result) -> Mark:
    """The inode too: a file that takes another's place may be as large and say that it is as old."""
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def _reach(_properties: Any, context: TaskContext) -> Iterator[LocalPlace]:
    yield LocalPlace(context)


def download(properties: Download, context: TaskContext) -> Result:
    """Outputs `uri` and `size`."""
    path = _path(properties.from_, context)
    with _told():
        kept = context.put_path(path.name, path)
    return Result(outputs={"uri": kept.address, "size": kept.size})


def upload(properties: Upload, context: TaskContext) -> Result:
    """Outputs `uri`, the path."""
    uri = properties.from_.strip()
    target = _target(properties.to, addresses.parts_of(uri)[-1], context)
    _write(uri, target, context, overwrite=properties.overwrite)
    return Result(outputs={"uri": str(target)})


def uploads(properties: Uploads, context: TaskContext) -> Result:
    """Outputs `files`, the URIs of what was written."""
    folder, pattern = _path(properties.to, context), properties.reg_exp
    sources = [
        each for each in sources_of(properties.from_, context) if not pattern or found_files.matches(pattern, each.uri)
    ]
    if len(sources) > properties.max_files:
        context.log("WARN", f"{len(sources)} files are given: the first {properties.max_files} are taken")
    written = []
    for source in sources[: properties.max_files]:
        target = _path(str(folder / source.name), context)
        _write(source.uri, target, context, overwrite=properties.overwrite)
        written.append(target.as_uri())
    return Result(outputs={"files": written})


def _write(uri: str, target: Path, context: TaskContext, *, overwrite: bool) -> None:
    """The file is there as a whole or not at all."""
    with _told(), context.open_file(uri) as stored:
        _make_room(target, overwrite=overwrite)
        with _passing(target) as passing, passing.open("wb") as file:
            shutil.copyfileobj(stored, file)


def _transfer(do: Callable[[Path, Path], None]) -> Callable[[Transfer, TaskContext], Result]:
    def run(properties: Transfer, context: TaskContext) -> Result:
        path = _path(properties.from_, context)
        target = _target(properties.to, path.name, context)
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


def _move_whole(path: Path, target: Path) -> None:
    """A file, in one step for those who look; to another file system by way of a copy."""
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with _passing(target) as passing:
            shutil.copy2(path, passing, follow_symlinks=False)
        path.unlink()


@contextmanager
def _passing(target: Path) -> Iterator[Path]:
    """A path beside the target, whose file takes the target's place in the end, or goes."""
    passing = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield passing
        passing.replace(target)
    except BaseException:
        with suppress(OSError):
            passing.unlink(missing_ok=True)
        raise


def delete(properties: Delete, context: TaskContext) -> Result:
    """Outputs `uri` and `deleted`."""
    path = _path(properties.from_, context)
    with _told():
        is_there = path.exists() or path.is_symlink()
        if not is_there and properties.error_on_missing:
            raise TaskFailed(f"{path} is not there")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path) if properties.recursive else path.rmdir()
        elif is_there:
            path.unlink()
    return Result(outputs={"uri": str(path), "deleted": is_there})


def _path(text: str, context: TaskContext) -> Path:
    path = Path(text.strip().removeprefix("file://"))
    if not path.is_absolute():
        raise TaskFailed(f"{text!r}: paths of the machine begin with a slash")
    allowed = context.surroundings.allowed_paths
    real = Path(os.path.realpath(path))
    if allowed and not any(real.is_relative_to(os.path.realpath(each)) for each in allowed):
        raise TaskFailed(f"{path} is outside the folders that the setting `allowed_paths` names: {', '.join(allowed)}")
    return path


def _target(text: str, name: str, context: TaskContext) -> Path:
    path = _path(text, context)
    return _path(str(path / name), context) if text.strip().endswith("/") else path


def _make_room(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise TaskFailed(f"{target} is there already, and `overwrite` is false")
    target.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _told(failure: type[TaskFailed] = TaskFailed) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failure(_sentence(error)) from error


def _sentence(error: OSError) -> str:
    return f"{error.filename or 'file'}: {error.strerror or error}"


_PREFIX = "io.kestra.plugin.fs.local."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "List", properties=List, run=partial(found_files.list_files, _reach)),
    TaskKind(name=_PREFIX + "Download", properties=Download, run=download),
    TaskKind(name=_PREFIX + "Downloads", properties=Downloads, run=partial(found_files.downloads, _reach)),
    TaskKind(name=_PREFIX + "Upload", properties=Upload, run=upload),
    TaskKind(name=_PREFIX + "Uploads", properties=Uploads, run=uploads, typed=frozenset({"from"})),
    TaskKind(name=_PREFIX + "Copy", properties=Copy, run=_transfer(_copy)),
    TaskKind(name=_PREFIX + "Move", properties=Move, run=_transfer(_move)),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete),
)

POLLS = (found_files.poll_kind(_PREFIX + "Trigger", Trigger, _reach),)
