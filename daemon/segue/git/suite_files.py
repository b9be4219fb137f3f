"""The files with flow tests of a commit, and what changed between two commits that tests may hang on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.git.blobs import BlobReader
from segue.git.history import changes_between, files_at
from segue.git.layout import IGNORE_PATH, SETTINGS_PATH, NamespaceFile, TestFile, is_yaml, refusal
from segue.git.readings import layout_at
from segue.spec.document import BYTES_MAX

FILES_MAX: Final = 5_000


class SuiteFile(Struct, frozen=True, kw_only=True):
    """A file that may hold flow tests; `text` is None if it is too large to be looked at."""

    path: str
    namespace: str | None
    text: bytes | None


class Touched(Struct, frozen=True, kw_only=True):
    """What differs between two commits: files with tests by path, namespaces (None: all) with other files, and whether
    settings that hold for every flow do."""

    tests: frozenset[str] = frozenset()
    namespaces: frozenset[str | None] = frozenset()
    is_everything: bool = False


def suite_files(git_dir: Path, reader: BlobReader, commit: str) -> Iterator[SuiteFile]:
    """All files with flow tests of a commit, the first `FILES_MAX` of them. Raises GitError, BlobMissing."""
    layout, _ = layout_at(git_dir, reader, commit)
    matcher = layout.matcher()
    found: list[tuple[str, str, str | None]] = []
    for file in files_at(git_dir, commit):
        placed = matcher.classify(file.path) if is_yaml(file.path) else None
        if isinstance(placed, TestFile) and refusal(file.path, file.mode) is None and len(found) < FILES_MAX:
            found.append((file.blob, file.path, placed.namespace))
    texts = dict(reader.read_many(dict.fromkeys(blob for blob, _, _ in found), size_max=BYTES_MAX))
    for blob, path, namespace in found:
        yield SuiteFile(path=path, namespace=namespace, text=texts[blob])


def touched_between(git_dir: Path, reader: BlobReader, old: str, new: str) -> Touched:
    """What of all that tests hang on, besides flows, is not the same at two commits."""
    matcher = layout_at(git_dir, reader, new)[0].matcher()
    before = layout_at(git_dir, reader, old)[0].matcher()
    tests: set[str] = set()
    namespaces: set[str | None] = set()
    for change in changes_between(git_dir, old, new):
        if change.path in {SETTINGS_PATH, IGNORE_PATH}:
            return Touched(is_everything=True)
        placed = before.classify(change.path) if change.is_deletion else matcher.classify(change.path)
        if isinstance(placed, TestFile):
            tests.add(change.path)
        elif isinstance(placed, NamespaceFile):
            namespaces.add(placed.namespace)
    return Touched(tests=frozenset(tests), namespaces=frozenset(namespaces))
