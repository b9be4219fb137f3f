"""Snapshot: a work tree as it is at this moment, uncommitted changes included, or one commit of a mirror, as the only
commit in a repository of our own.

The repository that the work tree belongs to is read - its index and its ignore files say what belongs to it - and never
written to: index, objects and refs of the snapshot are its own.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.git.environment import local_environment, trusted_folders
from segue.git.names import checked_commit_id
from segue.git.runner import run_git

BRANCH: Final = "main"
FILES_MAX: Final = 200_000
BYTES_MAX: Final = 4 << 30
# A folder in no repository holds whatever lies around there; a home folder should not be read by mistake.
LOOSE_FILES_MAX: Final = 2_000
LOOSE_BYTES_MAX: Final = 256 << 20

_TIMEOUT_SECONDS: Final = 300.0
_SHA256_LENGTH: Final = 64
_IDENTITY: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "work tree"), ("EMAIL", "work-tree@localhost"))
}


class TooMuch(Exception):
    """The folder holds more than a snapshot takes."""

    def __init__(self, folder: Path, what: str, *, is_repository: bool) -> None:
        advice = (
            "ignore what no flow needs (.gitignore)"
            if is_repository
            else "put the flows into a folder of their own, or make it a repository (git init)"
        )
        super().__init__(f"{folder} holds {what}: {advice}")


class Snapshot(Struct, frozen=True, kw_only=True):
    """A bare repository with one commit on its branch."""

    git_dir: Path
    commit_id: str


def take_snapshot(
    work_tree: Path, git_dir: Path, *, is_repository: bool, added: Mapping[str, bytes] | None = None
) -> Snapshot:
    """Commit the work tree into a new bare repository. `added` are files that it shall have besides, by their paths.

    What Git would ignore stays out, unless it is tracked. Raises GitError, TooMuch, OSError.
    """
    run_git(None, "init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}", "--", str(git_dir))
    here = _Here(work_tree, git_dir)
    paths = _tracked_and_new(work_tree) if is_repository else here.not_ignored()
    here.add(_bounded(work_tree, paths, is_repository=is_repository))
    here.add_contents(added or {})
    return Snapshot(git_dir=git_dir, commit_id=here.commit())


def snapshot_of(repository: Path, commit_id: str, git_dir: Path) -> Snapshot:
    """A commit of a bare repository as the only one of another, which reads the objects of the first. Raises GitError,
    OSError."""
    kind = "sha256" if len(checked_commit_id(commit_id)) == _SHA256_LENGTH else "sha1"
    options = ("--quiet", "--bare", "--template=", f"--object-format={kind}", f"--initial-branch={BRANCH}")
    run_git(None, "init", *options, "--", str(git_dir))
    (git_dir / "objects" / "info" / "alternates").write_text(f"{repository.resolve() / 'objects'}\n")
    environment = local_environment() | _IDENTITY
    made = run_git(
        git_dir, "commit-tree", f"{commit_id}^{{tree}}", stdin=f"{commit_id}\n".encode(), environment=environment
    )
    run_git(git_dir, "update-ref", f"refs/heads/{BRANCH}", made.decode().strip())
    return Snapshot(git_dir=git_dir, commit_id=made.decode().strip())


class _Here:
    """The snapshot's repository, its index, and the work tree that goes in."""

    def __init__(self, work_tree: Path, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._place = ("-C", str(work_tree), f"--work-tree={work_tree}")
        self._environment = local_environment() | _IDENTITY | {"GIT_INDEX_FILE": str(git_dir / "snapshot.index")}

    def not_ignored(self) -> list[bytes]:
        """All files below a folder that is in no repository."""
        return _paths(self._git("ls-files", "-z", "--others", "--exclude-standard"))

    def add(self, paths: Iterable[bytes]) -> None:
        # --remove: a file that goes away meanwhile is no error.
        self._git("update-index", "-z", "--add", "--remove", "--stdin", stdin=b"".join(path + b"\0" for path in paths))

    def add_contents(self, contents: Mapping[str, bytes]) -> None:
        for path, content in contents.items():
            blob = self._git("hash-object", "-w", "--stdin", stdin=content).decode().strip()
            self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")

    def commit(self) -> str:
        tree = self._git("write-tree").decode().strip()
        commit_id = self._git("commit-tree", tree, stdin=b"The work tree as it was\n").decode().strip()
        self._git("update-ref", f"refs/heads/{BRANCH}", commit_id)
        return commit_id

    def _git(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        return run_git(
            self._git_dir,
            *(*self._place, *arguments),
            timeout=_TIMEOUT_SECONDS,
            stdin=stdin,
            environment=self._environment,
        )


def _tracked_and_new(work_tree: Path) -> list[bytes]:
    """Files of a repository's work tree: those it tracks, and new ones that it does not ignore."""
    environment = local_environment(trusted=trusted_folders())
    listing = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
    return _paths(run_git(None, "-C", str(work_tree), *listing, environment=environment, timeout=_TIMEOUT_SECONDS))


def _paths(listed: bytes) -> list[bytes]:
    return [path for path in listed.split(b"\0") if path]


def _bounded(work_tree: Path, paths: list[bytes], *, is_repository: bool) -> list[bytes]:
    """The files among the paths. Deleted ones are gone already; folders are repositories inside the repository."""
    files_max, bytes_max = (FILES_MAX, BYTES_MAX) if is_repository else (LOOSE_FILES_MAX, LOOSE_BYTES_MAX)
    if len(paths) > files_max:
        raise TooMuch(work_tree, f"more than {files_max} files", is_repository=is_repository)
    root, found, size = os.fsencode(work_tree), [], 0
    for path in paths:
        file = os.path.join(root, path)  # noqa: PTH118 - names that are no text stay bytes
        if os.path.lexists(file) and (os.path.islink(file) or not os.path.isdir(file)):  # noqa: PTH112, PTH114
            found.append(path)
            size += os.lstat(file).st_size
    if size > bytes_max:
        raise TooMuch(work_tree, f"more than {bytes_max >> 20} MiB", is_repository=is_repository)
    return found
