"""Files found in a folder, wherever that folder is: listed, stored, and watched by triggers that look again and again.

A `Place` knows how to reach the files; what is made of them is here, once. A trigger fires for files that it has not
given out yet, oldest first and at most `maxFiles` at a time, and remembers only what it gave: so whatever is found late
has its turn. What is to become of the files is done in a second step, when it is written down that the execution
will be (`finish`): neither a crash nor a lost connection leaves a file moved or deleted that no execution has seen.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final, Protocol, Self

from msgspec import Struct
from pydantic import BaseModel

from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.model.order import LogLevel
from segue.spec.types.plugins.found_files import Finding, Taking, Watching
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed
from segue.tasks.polling import Polled, PollKind

Mark = tuple[int, ...]


class FileTrouble(TaskFailed):
    """Something is wrong with this one file; others may do."""


class FoundFile(Struct, frozen=True, kw_only=True):
    """A file at its place. `below` is its path below the folder; `mark` changes whenever the file does."""

    path: str
    below: str
    mark: Mark
    modified: float  # seconds of Unix time
    told: Mapping[str, Any]  # what outputs say of it, but where it is

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Place(Protocol):
    """Where files are. Methods raise `FileTrouble` where it is about one file, `TaskFailed` otherwise."""

    @property
    def prefix(self) -> str:
        """What tells a path of this place from the same path elsewhere."""
        ...

    def path(self, text: str) -> str:
        """The path that an author means, in the one spelling in which paths are compared."""
        ...

    def within(self, folder: str) -> str:
        """What the paths of the folder's files begin with."""
        ...

    def identity(self, folder: str) -> str:
        """Another when something else has taken the folder's place: a file system mounted there, say."""
        ...

    def files(self, folder: str, *, recursive: bool) -> Iterable[FoundFile]: ...

    def mark(self, path: str) -> Mark | None:
        """The file's as it is now; None: it is not there."""
        ...

    def chunks(self, path: str) -> Iterator[bytes]: ...

    def delete(self, path: str) -> None: ...

    def move(self, path: str, target: str) -> None:
        """Makes the folders that it needs; a file that is there gives way."""
        ...

    def where(self, path: str, uri: str | None) -> Mapping[str, Any]:
        """What outputs say of where the file is, and of where it is stored."""
        ...

    def output_key(self, file: FoundFile) -> str:
        """Its name among the `outputFiles` of `Downloads`."""
        ...


# Opens the place that the properties speak of.
Reach = Callable[[Any, TaskContext], AbstractContextManager[Place]]


# Tasks.


def list_files(reach: Reach, properties: Finding, context: TaskContext) -> Result:
    """Outputs `files` in the order of their paths, and their `count`."""
    with reach(properties, context) as place:
        files = _named(place.files(place.path(properties.from_), recursive=properties.recursive), context)
        found = _by_path(_wanted(files, properties))
        told = [_told(place, file, file.path, None) for file in _first(found, properties, context)]
    return Result(outputs={"files": told, "count": len(told)})


def downloads(reach: Reach, properties: Taking, context: TaskContext) -> Result:
    """Outputs `files`, their `count`, and `outputFiles`: where each is stored."""
    _check_action(properties)
    with reach(properties, context) as place:
        files = _named(place.files(place.path(properties.from_), recursive=properties.recursive), context)
        found = _by_path(_not_aside(place, _wanted(files, properties), properties))
        stored = [(file, _keep(place, file, context)) for file in _first(found, properties, context)]
        told = [_told(place, file, _act(place, properties, file), uri) for file, uri in stored]
        output_files = {place.output_key(file): uri for file, uri in stored}
    return Result(outputs={"files": told, "count": len(told), "outputFiles": output_files})


def _by_path(files: Iterable[FoundFile]) -> list[FoundFile]:
    return sorted(files, key=lambda file: file.path)


def _first(files: Sequence[FoundFile], properties: Finding, context: TaskContext) -> Sequence[FoundFile]:
    most = properties.max_files
    if len(files) > most:
        context.log(LogLevel.WARN, f"{len(files)} files were found: the first {most} are taken, as `maxFiles` says")
    return files[:most]


def _named(files: Iterable[FoundFile], context: TaskContext) -> Iterator[FoundFile]:
    """Without those whose names are no text, which nothing here could write down."""
    for file in files:
        if any("\ud800" <= character <= "\udfff" for character in file.path):
            shown = file.path.encode("utf-8", "backslashreplace").decode()
            context.log(LogLevel.WARN, f"{shown} is passed over: its name is no text in UTF-8")
        else:
            yield file


def _wanted(files: Iterable[FoundFile], properties: Finding) -> Iterator[FoundFile]:
    pattern = properties.reg_exp
    return (file for file in files if pattern is None or matches(pattern, file.path))


def matches(pattern: str, text: str) -> bool:
    """Does the whole text, as in Java."""
    try:
        return java_regex.is_full_match(pattern, text, seconds=java_regex.TEMPLATE_MATCH_SECONDS_MAX)
    except ExpressionError as error:
        raise TaskFailed(f"regExp: {error}") from error


def _not_aside(place: Place, files: Iterable[FoundFile], properties: Taking) -> Iterator[FoundFile]:
    """Without what MOVE has put below the same folder."""
    if properties.action != "MOVE" or properties.move_directory is None:
        return iter(files)
    aside = PurePosixPath(place.path(properties.move_directory))
    return (file for file in files if not PurePosixPath(file.path).is_relative_to(aside))


def _check_action(properties: Taking) -> None:
    if properties.action == "MOVE" and not properties.move_directory:
        raise TaskFailed("`action: MOVE` needs `moveDirectory`, the folder that files are moved to")


def _keep(place: Place, file: FoundFile, context: TaskContext) -> str:
    """The address in internal storage that the file has now."""
    return context.put_file(file.below, place.chunks(file.path)).address


def _act(place: Place, properties: Taking, file: FoundFile) -> str:
    """Does what is to become of the file; where it is then."""
    match properties.action:
        case "MOVE":
            target = _target(place, properties, file)
            place.move(file.path, target)
            return target
        case "DELETE":
            place.delete(file.path)
    return file.path


def _target(place: Place, properties: Taking, file: FoundFile) -> str:
    assert properties.move_directory is not None
    return f"{place.path(properties.move_directory).rstrip('/')}/{file.below}"


def _told(place: Place, file: FoundFile, path: str, uri: str | None) -> dict[str, Any]:
    return {**place.where(path, uri), **file.told}


# Triggers.


def poll_kind(name: str, properties: type[BaseModel], reach: Reach) -> PollKind[Any]:
    """A trigger that fires for files which are new or changed."""
    return PollKind(name=name, properties=properties, look=partial(look, reach), finish=partial(finish, reach))


class _Given(Struct, frozen=True, kw_only=True):
    """A file that is given out, stored; `change` is CREATE or UPDATE."""

    file: FoundFile
    uri: str
    change: str

    def told(self, place: Place, path: str) -> dict[str, Any]:
        return {**_told(place, self.file, path, self.uri), "changeType": self.change}

    def as_claim(self) -> dict[str, Any]:
        file = self.file
        return {
            "path": file.path,
            "below": file.below,
            "mark": list(file.mark),
            "modified": file.modified,
            "told": dict(file.told),
            "uri": self.uri,
            "change": self.change,
        }

    @classmethod
    def of_claim(cls, claim: Mapping[str, Any]) -> Self:
        file = FoundFile(
            path=claim["path"],
            below=claim["below"],
            mark=tuple(claim["mark"]),
            modified=claim["modified"],
            told=claim["told"],
        )
        return cls(file=file, uri=claim["uri"], change=claim["change"])


def look(reach: Reach, properties: Watching, context: TaskContext, notes: Mapping[str, Any]) -> Polled:
    """Files that were not given out yet, stored."""
    _check_action(properties)
    with reach(properties, context) as place:
        folder = place.path(properties.from_)
        found = _named(place.files(folder, recursive=properties.recursive), context)
        files = sorted(found, key=lambda file: (file.modified, file.path))
        memory = _Memory(notes, place.prefix, properties)
        memory.forget(place.within(folder), files, place.identity(folder))
        looked_at = list(_not_aside(place, _wanted(files, properties), properties))
        news = list(memory.news(looked_at))
        given = list(islice(_stored(place, news, context), properties.max_files))
        for each in given:
            memory.note(each.file)
        if (left := len(news) - len(given)) > 0:
            context.log(LogLevel.INFO, f"{left} more files are there: the next look gives them")
        outputs = _outputs(each.told(place, each.file.path) for each in given)
    claim = [each.as_claim() for each in given] if properties.action != "NONE" else []
    return Polled(outputs=outputs, notes=memory.notes, claim={"files": claim} if claim else None)


def finish(
    reach: Reach, properties: Watching, context: TaskContext, claim: Mapping[str, Any], notes: Mapping[str, Any]
) -> Polled:
    """Files that are given out are moved or deleted; those which cannot be are not given out yet. It may have been
    done in part before."""
    _check_action(properties)
    done: list[dict[str, Any]] = []
    with reach(properties, context) as place:
        memory = _Memory(notes, place.prefix, properties)
        for each in map(_Given.of_claim, claim["files"]):
            try:
                path = _acted_once(place, properties, each.file, context)
            except FileTrouble as error:
                context.log(LogLevel.ERROR, f"{each.file.path} is not given out: {error}")
                memory.drop(each.file)
            else:
                done.append(each.told(place, path))
    return Polled(outputs=_outputs(done), notes=memory.notes)


def _outputs(told: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    files = list(told)
    return {"files": files, "count": len(files)} if files else None


def _acted_once(place: Place, properties: Watching, file: FoundFile, context: TaskContext) -> str:
    now = place.mark(file.path)
    if now is None:
        return _target(place, properties, file) if properties.action == "MOVE" else file.path
    if now != file.mark:
        context.log(
            LogLevel.INFO, f"{file.path} has changed meanwhile and stays where it is: it will be given out again"
        )
        return file.path
    return _act(place, properties, file)


def _stored(place: Place, news: Iterable[tuple[FoundFile, str]], context: TaskContext) -> Iterator[_Given]:
    """Each as a whole: one that changes while it is read, or cannot be read, is left for a later look."""
    for file, change in news:
        try:
            uri = _keep(place, file, context)
        except FileTrouble as error:
            context.log(LogLevel.WARN, f"{file.path} is passed over: {error}")
            continue
        if place.mark(file.path) == file.mark:
            yield _Given(file=file, uri=uri, change=change)
        else:
            context.log(LogLevel.INFO, f"{file.path} is being written: a later look gives it")
            context.storage.delete(uri)


_FILES: Final = "files"  # the note with the files that were given out: [key, mark, when]
_FOLDERS: Final = "folders"  # the note that says in which folders they were seen: [key, identity]


class _Memory:
    """The files that were given out. Notes have no paths as keys of maps: where a path holds a secret, only values can be
    encrypted."""

    def __init__(self, notes: Mapping[str, Any], prefix: str, properties: Watching) -> None:
        self._prefix = prefix
        self._on = properties.on
        self._is_recursive = properties.recursive
        self._now = time.time()
        since = self._now - properties.state_ttl.total_seconds() if properties.state_ttl is not None else 0.0
        known: list[tuple[str, list[int], float]] = notes.get(_FILES) or []
        self._files = {key: (tuple(mark), at) for key, mark, at in known if at >= since}
        self._folders: dict[str, str] = dict(notes.get(_FOLDERS) or [])

    @property
    def notes(self) -> dict[str, Any]:
        return {
            _FILES: [[key, list(mark), at] for key, (mark, at) in self._files.items()],
            _FOLDERS: [list(entry) for entry in self._folders.items()],
        }

    def forget(self, within: str, files: Sequence[FoundFile], identity: str) -> None:
        """Those that have gone. While another folder is in this one's place - its disk is not mounted - they may only
        seem to."""
        where = self._prefix + within
        if self._folders.get(where) == identity:
            there = {self._prefix + file.path for file in files}
            self._files = {
                key: entry for key, entry in self._files.items() if key in there or not self._is_in(key, where)
            }
        if files or where not in self._folders:
            self._folders[where] = identity

    def _is_in(self, key: str, where: str) -> bool:
        return key.startswith(where) and (self._is_recursive or "/" not in key[len(where) :])

    def news(self, files: Iterable[FoundFile]) -> Iterator[tuple[FoundFile, str]]:
        """Files to give out, and which change that is for; the others are remembered as they are."""
        for file in files:
            known = self._files.get(self._prefix + file.path)
            if known is not None and known[0] == file.mark:
                continue
            change = "CREATE" if known is None else "UPDATE"
            if change in self._on:
                yield file, change
            else:
                self.note(file)

    def note(self, file: FoundFile) -> None:
        self._files[self._prefix + file.path] = (file.mark, self._now)

    def drop(self, file: FoundFile) -> None:
        self._files.pop(self._prefix + file.path, None)
