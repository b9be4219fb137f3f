"""Git, read only: texts, commits and namespace files. Called from threads."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from msgspec import Struct

from segue.model.revision import Commit, Revision


class ChangedFile(Struct, frozen=True):
    """`status` is Git's letter: A added, D deleted, M and T changed."""

    path: str
    status: str


class FileEntry(Struct, frozen=True):
    """A namespace file, or a folder of them."""

    name: str
    is_folder: bool
    size: int = 0


class Sources(Protocol):
    """The mirror of the source. Commits and blobs that are not (or no longer) there answer None."""

    def text(self, revision: Revision) -> str | None:
        """The flow's text in that revision."""

    def text_at(self, path: str, commit_id: str) -> str | None:
        """Any text file of the repository, by its path in it: the one that a problem names."""

    def commit(self, commit_id: str) -> Commit | None: ...
    def commits_of(self, commit_ids: Iterable[str]) -> Mapping[str, Commit]:
        """Those of many that are there, by their ids."""

    def changes_between(self, older: str, newer: str) -> tuple[ChangedFile, ...] | None:
        """What differs between any two commits, by path."""

    def folder(self, namespace: str, path: str, commit_id: str) -> tuple[FileEntry, ...] | None:
        """Namespace files directly in a folder (`/` is the top)."""

    def all_files(self, namespace: str, commit_id: str) -> tuple[FileEntry, ...]:
        """Every namespace file, its name being its path from the top."""

    def file(self, namespace: str, path: str, commit_id: str) -> bytes | None: ...
