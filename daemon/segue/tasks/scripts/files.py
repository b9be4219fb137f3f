"""Files of a script task: what comes into its working directory, and what of it is kept in the end."""

import glob
import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from segue.model.order import LogLevel
from segue.spec.types.scripts import NamespaceFiles
from segue.storage import address as addresses
from segue.tasks.context import FOLDER_PREFIX, TaskContext
from segue.tasks.kind import TaskFailed

OUTPUT_FILES_MAX: Final = 10_000
_ADDRESS: Final = re.compile(r"kestra:///[^\s'\"`<>|;&)\]}]+")
_GLOB: Final = re.compile(r"[*?\[{]")


def safe_path(folder: Path, name: str) -> Path:
    """Where the file of this name lies below the folder; refuses names that lead elsewhere."""
    parts = addresses.file_parts(name)
    if name.startswith("/") or not parts or ".." in parts or "\0" in name:
        raise TaskFailed(f"{name!r} is no path below the working directory")
    return folder.joinpath(*parts)


def write_input_files(context: TaskContext, files: Mapping[str, Any], folder: Path) -> None:
    for name, content in files.items():
        if content is None:
            continue
        path = safe_path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(context, path, content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))


def _write(context: TaskContext, path: Path, content: str) -> None:
    scheme = content[:9].partition(":")[0]
    if scheme == "kestra" and addresses.is_address(content.strip()):
        fetch(context, content.strip(), path)
    elif scheme == "nsfile":
        parsed = urlsplit(content.strip())
        namespace = parsed.netloc or context.order.namespace
        path.write_bytes(context.namespace_files.read(namespace, parsed.path.lstrip("/")))
    elif content.startswith("file://"):
        raise TaskFailed(f"{content.strip()!r}: files of the daemon's machine cannot be input files")
    else:
        path.write_text(content, encoding="utf-8", errors="replace")


def fetch(context: TaskContext, address: str, path: Path) -> None:
    with context.open_file(address) as stored, path.open("wb") as file:
        shutil.copyfileobj(stored, file)


def copy_namespace_files(context: TaskContext, wanted: NamespaceFiles, folder: Path) -> None:
    """Those of each namespace in turn; a later one wins, as `ifExists` allows."""
    for namespace in wanted.namespaces or [context.order.namespace]:
        into = folder / namespace if wanted.folder_per_namespace else folder
        with tempfile.TemporaryDirectory(prefix=f"{FOLDER_PREFIX}files-", dir=context.surroundings.work) as staged:
            include, exclude = tuple(wanted.include or ()), tuple(wanted.exclude or ())
            for path in context.namespace_files.copy(namespace, Path(staged), include, exclude):
                _place(context, Path(staged) / path, safe_path(into, path), str(wanted.if_exists))


def _place(context: TaskContext, staged: Path, target: Path, if_exists: str) -> None:
    if target.exists():
        match if_exists:
            case "FAIL":
                raise TaskFailed(f"The namespace file {target.name!r} exists already in the working directory")
            case "WARN":
                context.log(LogLevel.WARN, f"The namespace file {target.name!r} exists already and is not copied")
                return
            case "IGNORE":
                return
    target.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(target)


def with_local_paths(context: TaskContext, text: str, folder: Path) -> str:
    """The text with each `kestra:///` address in it replaced by the path of a copy in the working directory."""

    def local(match: re.Match[str]) -> str:
        address = match[0].rstrip(".,:")
        path = _free(folder, addresses.parts_of(address)[-1])
        fetch(context, address, path)
        return f"{path}{match[0][len(address) :]}"

    return _ADDRESS.sub(local, text)


def _free(folder: Path, name: str) -> Path:
    names = itertools.chain([name], (f"{number}-{name}" for number in itertools.count(1)))
    return next(path for path in (folder / each for each in names) if not path.exists())


def named_output_files(patterns: Iterable[str], folder: Path) -> dict[str, str]:
    """Those that are names rather than globs, with their paths: what `{{ outputFiles['x'] }}` gives."""
    return {name: str(safe_path(folder, name)) for name in patterns if not _GLOB.search(name)}


def keep_output_files(
    context: TaskContext, patterns: Iterable[str], folder: Path, unless: Path | None
) -> dict[str, str]:
    """The addresses of the files that match, by relative path."""
    kept: dict[str, str] = {}
    for pattern in patterns:
        found = [name for name in _matching(pattern, folder) if unless is None or folder / name != unless]
        if not found:
            context.log(LogLevel.WARN, f"outputFiles: no file matches {pattern!r}")
        for name in found:
            if name in kept:
                continue
            if len(kept) >= OUTPUT_FILES_MAX:
                raise TaskFailed(f"outputFiles: more than {OUTPUT_FILES_MAX:,} files")
            kept[name] = context.put_path(name, folder / name).address
    return kept


def _matching(pattern: str, folder: Path) -> Iterator[str]:
    root = folder.resolve()
    for name in names_matching(pattern, folder):
        path = folder / name
        # A link that the script made may lead anywhere.
        if path.is_file() and path.resolve().is_relative_to(root):
            yield name


def names_matching(pattern: str, folder: Path) -> Iterator[str]:
    """Of files, folders and links, by relative path."""
    for choice in _choices(pattern.removeprefix("./")):
        if choice.startswith("/") or ".." in choice.split("/"):
            raise TaskFailed(f"{pattern!r} leads out of the working directory")
        for name in sorted(glob.glob(choice, root_dir=folder, recursive=True, include_hidden=True)):  # noqa: PTH207 - hidden ones too
            yield os.path.normpath(name)


def _choices(pattern: str) -> list[str]:
    """`{a,b}` written out."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    return [
        each
        for choice in match[1].split(",")
        for each in _choices(pattern[: match.start()] + choice + pattern[match.end() :])
    ]
