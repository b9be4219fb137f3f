"""Files for pages and API: the `Sources` of `web.ports` answered from the mirror, its `Files` from internal storage. All of
it is called from threads.
"""

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Final

from segue.git.blobs import BlobMissing, BlobReader, BlobTooLarge
from segue.git.history import changes_between, read_commit, read_commits
from segue.git.mirror import Mirror
from segue.git.names import BadName
from segue.git.namespace_files import NamespaceFiles
from segue.git.runner import GitError
from segue.model.revision import Commit, Revision
from segue.runtime.worlds import TEXT_BYTES_MAX
from segue.storage.address import AddressRefused
from segue.storage.storage import FileMissing, Storage
from segue.web.ports.sources import ChangedFile, FileEntry
from segue.web.ports.storage import StoredFile

COMMITS_KEPT: Final = 256


class GitSources:
    """The `Sources` of `web.ports` over the mirror."""

    def __init__(self, mirror: Mirror, reader: BlobReader) -> None:
        self._mirror = mirror
        self._reader = reader
        self._files = NamespaceFiles(mirror.git_dir, reader)
        # A page of what runs asks for the same commit at each look; a commit never changes, and one that is missing is
        # not kept.
        self._commit = lru_cache(COMMITS_KEPT)(partial(read_commit, mirror.git_dir))

    def text(self, revision: Revision) -> str | None:
        try:
            return self._reader.read(revision.blob, size_max=TEXT_BYTES_MAX).decode("utf-8-sig", "replace")
        except (BlobMissing, BlobTooLarge):
            return None

    def text_at(self, path: str, commit_id: str) -> str | None:
        try:
            return self._reader.read_path(commit_id, path, size_max=TEXT_BYTES_MAX).decode("utf-8-sig", "replace")
        except (BlobMissing, BlobTooLarge, BadName):
            return None

    def commit(self, commit_id: str) -> Commit | None:
        try:
            return self._commit(commit_id)
        except (GitError, BadName):
            return None

    def commits_of(self, commit_ids: Iterable[str]) -> Mapping[str, Commit]:
        try:
            return read_commits(self._mirror.git_dir, commit_ids)
        except (GitError, BadName):
            return {}

    def changes_between(self, older: str, newer: str) -> tuple[ChangedFile, ...] | None:
        try:
            found = changes_between(self._mirror.git_dir, older, newer)
        except (GitError, BadName):
            return None
        return tuple(ChangedFile(each.path, each.status) for each in found)

    def folder(self, namespace: str, path: str, commit_id: str) -> tuple[FileEntry, ...] | None:
        within = path.strip("/")
        prefix = f"{within}/" if within else ""
        found: dict[str, FileEntry] = {}
        for file in self.all_files(namespace, commit_id):
            if file.name.startswith(prefix):
                name, slash, _ = file.name[len(prefix) :].partition("/")
                found[name] = FileEntry(name, bool(slash), 0 if slash else file.size)
        if not found and prefix:
            return None
        return tuple(sorted(found.values(), key=lambda each: (not each.is_folder, each.name)))

    def all_files(self, namespace: str, commit_id: str) -> tuple[FileEntry, ...]:
        try:
            files = self._files.files(commit_id, namespace)
            sizes = self._files.sizes(files)
        except (GitError, BadName):
            return ()
        return tuple(FileEntry(file.path, False, sizes.get(file.blob, 0)) for file in files)

    def file(self, namespace: str, path: str, commit_id: str) -> bytes | None:
        try:
            return self._files.read(commit_id, namespace, path)
        except (BlobMissing, BlobTooLarge, GitError, BadName):
            return None


class StoredFiles:
    """The `Files` of `web.ports` over internal storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def open(self, uri: str) -> StoredFile | None:
        try:
            content = self._storage.open(uri)
        except (FileMissing, AddressRefused):
            return None
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        return StoredFile(content, size)
