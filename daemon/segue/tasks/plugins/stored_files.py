"""Stored files that a task is given many of: by a list, by names, or by a file that lists them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from segue.storage import address as addresses
from segue.tasks.context import TaskContext
from segue.tasks.kind import TaskFailed
from segue.tasks.storage.items import item_lines


class Source(Struct, frozen=True):
    """A stored file, and the name that it is to have where it goes."""

    name: str
    uri: str


def sources_of(given: Sequence[str] | Mapping[str, Any] | str, context: TaskContext) -> list[Source]:
    """What `from` means: URIs, a map from name to URI, either as JSON, a file with one URI in a line, or one URI."""
    match _parsed(given) if isinstance(given, str) else given:
        case Mapping() as named:
            return [Source(_checked(str(name)), str(uri).strip()) for name, uri in named.items()]
        case str() as uri:
            return [_source(each) for each in _listed(uri, context) or [uri]]
        case listed:
            return [_source(str(uri).strip()) for uri in listed]


def _parsed(text: str) -> Any:
    text = text.strip()
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise TaskFailed(f"from: {text[:100]!r} is neither a URI nor JSON: {error}") from error


def _listed(uri: str, context: TaskContext) -> list[str]:
    """The URIs in the file, one in a line as text or as JSON; none if it holds something else."""
    with context.open_file(uri) as file:
        first = _uri_of(file.readline(addresses.ADDRESS_LENGTH_MAX))
        if first is None:
            return []
        return [first, *(each for line in item_lines(file) if (each := _uri_of(line)) is not None)]


def _uri_of(line: bytes) -> str | None:
    try:
        text = line.decode().strip()
        text = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return None
    return text if addresses.is_address(text) else None


def _source(uri: str) -> Source:
    return Source(addresses.parts_of(uri)[-1], uri)


def _checked(name: str) -> str:
    if name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")):
        raise TaskFailed(f"from: {name!r} is no name for a file: expected a relative path below the folder")
    return name
