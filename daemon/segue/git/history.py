"""Reading history: commits with what they changed, the files of a commit, and what differs between two commits.

One git process answers for any number of commits. Paths come as git stores them, bytes that are usually UTF-8;
undecodable ones survive as surrogates and are refused where a path becomes a file or a page.
"""

import difflib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.git.names import checked_commit_id
from segue.git.runner import GitError, run_git, stream_git
from segue.model.revision import Author, Commit

MODE_SYMLINK: Final = "120000"
MODE_SUBMODULE: Final = "160000"
MODE_NONE: Final = "000000"
MODE_EXECUTABLE: Final = "100755"

_LOG_TIMEOUT_SECONDS: Final = 600.0
_RECORD: Final = "\x1e"
# A commit begins with a mark that no raw diff line begins with, and has a fixed number of fields; git cuts a message
# at a NUL, so the fields stay apart whatever the author wrote.
_FORMAT: Final = f"--format=tformat:{_RECORD}%H%x00%P%x00%an%x00%ae%x00%ad%x00%cd%x00%B"
_FIELDS: Final = 7
# Dates raw: git itself would die of a time before 1970, and one such commit must not stop the sync.
_PLAIN: Final = ("--date=raw", "--no-show-signature", "--no-notes", "--no-color")
_DIFF_LINES_MAX: Final = 20_000
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FileChange(Struct, frozen=True):
    """One path that differs. `blob` and `mode` are the new ones (of zeros when deleted); `old_path` names where a
    rename came from, when renames were looked for."""

    status: str
    path: str
    blob: str
    mode: str
    old_path: str | None = None

    @property
    def is_deletion(self) -> bool:
        return self.status == "D"


class CommitChanges(Struct, frozen=True):
    commit: Commit
    changes: tuple[FileChange, ...]


class TreeFile(Struct, frozen=True):
    path: str
    blob: str
    mode: str


def first_parent_history(git_dir: Path, head: str, *, since: str | None = None) -> Iterator[CommitChanges]:
    """The commits of the followed branch, oldest first, each with what it changed against its first parent.

    A merge is one commit that brings all it merges. `since` leaves out all that is reachable from there.
    """
    span = [checked_commit_id(head)] if since is None else [checked_commit_id(head), "^" + checked_commit_id(since)]
    chunks = stream_git(
        git_dir,
        *("log", "--first-parent", "-m", "--reverse", "--topo-order", "--raw", "-z", "--no-abbrev", "--no-renames"),
        *("--encoding=UTF-8", *_PLAIN, _FORMAT, "--end-of-options", *span, "--"),
        timeout=_LOG_TIMEOUT_SECONDS,
    )
    return _parsed_log(_tokens(chunks))


def read_commit(git_dir: Path, commit_id: str) -> Commit:
    """One commit's author, times and message."""
    output = run_git(
        git_dir,
        *("log", "-1", "-z", "--encoding=UTF-8", *_PLAIN, _FORMAT),
        *("--end-of-options", checked_commit_id(commit_id), "--"),
    )
    return _commit(output.decode("utf-8", "surrogateescape").split("\0"))


def read_commits(git_dir: Path, commit_ids: Iterable[str]) -> dict[str, Commit]:
    """Those of many commits that are there, by their ids."""
    asked = "".join(f"{checked_commit_id(each)}\n" for each in commit_ids)
    if not asked:
        return {}  # git would tell of the head
    output = run_git(
        git_dir,
        *("log", "--no-walk=unsorted", "--ignore-missing", "--stdin", "-z", "--encoding=UTF-8", *_PLAIN, _FORMAT),
        stdin=asked.encode(),
    )
    return {each.commit.commit_id: each.commit for each in _parsed_log(_tokens([output]))}


def has_commit(git_dir: Path, commit_id: str) -> bool:
    try:
        run_git(git_dir, "cat-file", "-e", f"{checked_commit_id(commit_id)}^{{commit}}")
    except GitError:
        return False
    return True


def is_ancestor(git_dir: Path, older: str, newer: str) -> bool:
    """Is `older` the commit `newer`, or one that it came after."""
    try:
        run_git(git_dir, "merge-base", "--is-ancestor", older, newer)
    except GitError as error:
        if error.exit_code in {1, 128}:  # 128: one of them is not there any more
            return False
        raise
    return True


def files_at(git_dir: Path, commit_id: str) -> Iterator[TreeFile]:
    """All files of a commit, in git's order: links and submodules too."""
    output = run_git(git_dir, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", checked_commit_id(commit_id))
    for entry in output.decode("utf-8", "surrogateescape").split("\0"):
        if entry:
            meta, _, path = entry.partition("\t")
            mode, _, blob = meta.split(" ")
            yield TreeFile(path, blob, mode)


def file_at(git_dir: Path, commit_id: str, path: str) -> TreeFile | None:
    """The file at this path in a commit, if there is one."""
    arguments = ("ls-tree", "-z", "--full-tree", "--end-of-options", checked_commit_id(commit_id), "--", path)
    output = run_git(git_dir, *arguments).decode("utf-8", "surrogateescape")
    for entry in output.split("\0"):
        meta, _, found = entry.partition("\t")
        if found == path:
            mode, kind, blob = meta.split(" ")
            return None if kind == "tree" else TreeFile(path, blob, mode)
    return None


def changes_between(git_dir: Path, old: str, new: str, *, finds_renames: bool = False) -> tuple[FileChange, ...]:
    """What differs between the trees of any two commits, related or not."""
    renames = "--find-renames" if finds_renames else "--no-renames"
    output = run_git(
        git_dir,
        *("diff-tree", "-r", "-z", "--raw", "--no-abbrev", renames, "--end-of-options"),
        *(checked_commit_id(old), checked_commit_id(new), "--"),
    )
    tokens = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    return tuple(change for line in tokens if (change := _change(line, tokens)) is not None)


def last_commits_touching(git_dir: Path, head: str, path: str, *, count: int) -> tuple[str, ...]:
    """Ids of the newest first-parent commits that changed this path, newest first."""
    output = run_git(
        git_dir,
        *("log", "--first-parent", "-m", "--no-show-signature", f"--max-count={count}", "--format=tformat:%H"),
        *("--end-of-options", checked_commit_id(head), "--", path),
    )
    return tuple(output.decode().split())


def text_diff(old: str, new: str, *, old_name: str, new_name: str, context: int = 3) -> str:
    """A unified diff of two texts, for a page. Texts of absurd length are not compared line by line."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if len(before) + len(after) > _DIFF_LINES_MAX:
        return f"--- {old_name}\n+++ {new_name}\n(too long to compare: {len(before)} and {len(after)} lines)\n"
    lines = difflib.unified_diff(before, after, old_name, new_name, n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _tokens(chunks: Iterable[bytes]) -> Iterator[str]:
    """The NUL-separated parts of what git prints, as it prints."""
    rest = b""
    for chunk in chunks:
        whole, nul, tail = (rest + chunk).rpartition(b"\0")
        rest = tail
        if nul:
            yield from whole.decode("utf-8", "surrogateescape").split("\0")
    if rest:
        yield rest.decode("utf-8", "surrogateescape")


def _parsed_log(tokens: Iterator[str]) -> Iterator[CommitChanges]:
    """Strictly in sequence, because a path or a message may look like anything, the start of a commit included."""
    first = next(tokens, None)
    while first is not None:
        commit = _commit([first, *islice(tokens, _FIELDS - 1)])
        changes = []
        first = next(tokens, None)
        while first is not None and not first.startswith(_RECORD):
            change = _change(first, tokens)
            if change is not None:
                changes.append(change)
            first = next(tokens, None)
        yield CommitChanges(commit, tuple(changes))


def _change(line: str, tokens: Iterator[str]) -> FileChange | None:
    """A raw diff line, `:<old mode> <mode> <old blob> <blob> <status>`, and the one or two paths after it."""
    line = line.lstrip("\n")
    if not line.startswith(":"):
        return None
    _, mode, _, blob, status = line.split(" ")
    path = next(tokens)
    if status[0] in "RC":
        return FileChange(status[0], next(tokens), blob, mode, path)
    return FileChange(status[0], path, blob, mode)


def _commit(fields: list[str]) -> Commit:
    if len(fields) < _FIELDS or not fields[0].startswith(_RECORD):
        raise GitError("log", 0, f"unexpected output: {fields!r:.200}")
    commit_id, parents, name, email, authored, committed, message = fields[:_FIELDS]
    return Commit(
        commit_id=commit_id.removeprefix(_RECORD),
        parents=tuple(parents.split()),
        author=Author(_clean(name), _clean(email)),
        authored_at=_moment(authored),
        committed_at=_moment(committed),
        message=_clean(message).rstrip("\n"),
    )


def _moment(text: str) -> datetime:
    """When, with the zone of whoever it was, from seconds and offset. A commit may claim any time, even one that no
    calendar has."""
    try:
        seconds, offset = text.split()
        zone = timezone(timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[3:])))
        return datetime.fromtimestamp(int(seconds), zone)
    except (ValueError, OverflowError, OSError):
        return _NO_TIME


def _clean(text: str) -> str:
    """Text of an author, for people: what is no UTF-8 is shown as such instead of breaking who encodes it later."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
