"""Tasks on whole files: write, join, turn round, measure, delete; and files of a working directory."""

import codecs
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from segue.spec.types.storage import Concat, Delete, LocalFiles, Reverse, Size, Write
from segue.storage import address as addresses
from segue.storage.storage import chunks_of
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskFailed, TaskKind
from segue.tasks.scripts.files import keep_output_files, write_input_files
from segue.tasks.storage.pieces import backwards, separator_of


def extension_of(path: str) -> str | None:
    """With its dot; None if the name has none."""
    return PurePosixPath(path).suffix or None


def extension_at(address: str) -> str:
    return extension_of(addresses.parts_of(address)[-1]) or ""


def write(properties: Write, context: TaskContext) -> Result:
    extension = properties.extension or ""
    dotted = f".{extension}" if extension and not extension.startswith(".") else extension
    kept = context.put_file(f"content{dotted}", [properties.content.encode("utf-8", "replace")])
    return Result(outputs={"uri": kept.address})


def concat(properties: Concat, context: TaskContext) -> Result:
    """The separator follows the last file too."""
    separator = (properties.separator or "").encode()

    def joined() -> Iterator[bytes]:
        for address in properties.files:
            with context.open_file(address.strip()) as file:
                yield from chunks_of(file)
            yield separator

    return Result(outputs={"uri": context.put_file(f"concat{properties.extension}", joined()).address})


def reverse(properties: Reverse, context: TaskContext) -> Result:
    charset = _charset(properties.charset)
    separator = separator_of(properties.separator)
    encoder = codecs.getincrementalencoder(charset)()
    with context.open_file(properties.from_) as stored, _in_utf_8(stored, charset, context) as file:
        turned = (piece + separator for piece in backwards(file, separator))
        chunks = turned if _is_ascii_based(charset) else (encoder.encode(each.decode()) for each in turned)
        kept = context.put_file(f"reverse{extension_at(properties.from_)}", chunks)
    return Result(outputs={"uri": kept.address})


def _charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise TaskFailed(f"charset: {name!r} is no charset") from error


def _is_ascii_based(charset: str) -> bool:
    """Bytes of a line end are nothing else there, so that the file can be cut as it is."""
    return "\n".encode(charset) == b"\n"


def _in_utf_8(stored: BinaryIO, charset: str, context: TaskContext) -> BinaryIO:
    if _is_ascii_based(charset):
        return stored
    path = context.working_directory / "in-utf-8"
    reader = codecs.getincrementaldecoder(charset)()
    try:
        with path.open("wb") as copy:
            for chunk in chunks_of(stored):
                copy.write(reader.decode(chunk).encode())
            copy.write(reader.decode(b"", final=True).encode())
    except UnicodeDecodeError as error:
        raise TaskFailed(f"The file is no text in {charset}") from error
    return path.open("rb")


def size(properties: Size, context: TaskContext) -> Result:
    return Result(outputs={"size": context.storage.size(properties.uri)})


def delete(properties: Delete, context: TaskContext) -> Result:
    is_deleted = context.storage.delete(properties.uri)
    if not is_deleted and properties.error_on_missing:
        raise TaskFailed(f"Unable to find file '{properties.uri}'")
    return Result(outputs={"uri": properties.uri, "deleted": is_deleted})


def local_files(properties: LocalFiles, context: TaskContext) -> Result:
    folder = context.working_directory
    write_input_files(context, _inputs(properties.inputs), folder)
    return Result(outputs={"uris": keep_output_files(context, properties.outputs or (), folder, None)})


def _inputs(given: Any) -> dict[str, Any]:
    """A map, its JSON, or the address of a file that holds it."""
    if given is None:
        return {}
    try:
        read = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise TaskFailed("inputs: expected a map from file name to text or URI") from error
    if not isinstance(read, dict):
        raise TaskFailed("inputs: expected a map from file name to text or URI")
    return read


def folder_of_execution(context: TaskContext) -> str:
    order = context.order
    return addresses.address_of(addresses.execution_parts(order.namespace, order.flow_id, order.execution_id))


_PREFIX = "io.kestra.plugin.core.storage."

KINDS: tuple[TaskKind[Any], ...] = (
    TaskKind(name=_PREFIX + "Write", properties=Write, run=write),
    TaskKind(name=_PREFIX + "Concat", properties=Concat, run=concat),
    TaskKind(name=_PREFIX + "Reverse", properties=Reverse, run=reverse),
    TaskKind(name=_PREFIX + "Size", properties=Size, run=size),
    TaskKind(name=_PREFIX + "Delete", properties=Delete, run=delete),
    TaskKind(name=_PREFIX + "LocalFiles", properties=LocalFiles, run=local_files),
)
