"""Our bare copy of the source: all the history of the followed ref, and nothing of the source's configuration.

Refs in it are ours alone:

    refs/segue/source/<branch>   the followed ref as of the last fetch: always a commit
    refs/segue/keep/<commit>     a commit that an execution ran at, or that a force push took out of the history
    refs/segue/incoming          where a fetch lands before it is looked at

The mirror can always be made again from the source, so whatever is wrong with it is answered by a fresh one; only
kept commits that the source has forgotten are lost then. One process at a time uses a mirror (the data folder's lock
sees to that); within it any thread may call.
"""

import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from msgspec import Struct

from segue.git.environment import local_environment, trusted_folders, trusting_configuration
from segue.git.history import has_commit
from segue.git.names import Source, checked_commit_id
from segue.git.runner import GitError, GitTimeout, run_git
from segue.git.transfer import FETCH_TIMEOUT_SECONDS, ProgressListener, RemoteRefs, fetch_ref, list_refs

SOURCE_REFS: Final = "refs/segue/source/"
KEEP_REFS: Final = "refs/segue/keep/"
INCOMING_REF: Final = "refs/segue/incoming"

_MAINTENANCE_TIMEOUT_SECONDS: Final = 3600.0
_BRANCHES_SHOWN_MAX: Final = 10
_FSCK_DAMAGE: Final = 2 | 4


class RefMissing(Exception):
    """The source answers, but has no such branch or tag (any more)."""

    def __init__(self, source: Source, there_are: Iterable[str]) -> None:
        names = sorted(there_are)
        known = ", ".join(names[:_BRANCHES_SHOWN_MAX]) + (", ..." if len(names) > _BRANCHES_SHOWN_MAX else "")
        wanted = f"branch or tag {source.branch!r}" if source.branch else "commit at its HEAD"
        super().__init__(f"{source.location} has no {wanted}; its branches: {known or 'none'}")
        self.source = source
        self.branches = tuple(names)


class NotARepository(Exception):
    """The folder that should be the source is missing, or holds no Git repository."""

    def __init__(self, location: object, why: str) -> None:
        super().__init__(
            f"{location} is not a Git repository: {why} (give the folder of one, or make one: segue init {location})"
        )


class Fetched(Struct, frozen=True, kw_only=True):
    """What a fetch found. `head` is None while the source has no commit yet; `previous` is the head before."""

    head: str | None
    previous: str | None
    ref: str | None
    is_rewritten: bool = False

    @property
    def is_new(self) -> bool:
        return self.head != self.previous


def repository_around(folder: Path) -> Path:
    """The work tree, or the bare repository, that the folder lies in."""
    environment = local_environment(trusted=trusted_folders())
    # safe.bareRepository=explicit is for repositories that git would stumble over; here one is looked for on purpose.
    look = ("-c", "safe.bareRepository=all", "-C", str(folder.absolute()), "rev-parse", "--path-format=absolute")
    try:
        is_bare = run_git(None, *look, "--is-bare-repository", environment=environment).strip() == b"true"
        question = "--git-dir" if is_bare else "--show-toplevel"
        answer = run_git(None, *look, question, environment=environment)
    except GitError as error:
        raise NotARepository(folder, str(error)) from error
    return Path(os.fsdecode(answer.rstrip(b"\n")))


def open_mirror(folder: Path, source: Source) -> "Mirror":
    """The mirror below the folder, sound: left-over locks are removed, and a damaged or half-made one is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "trusted.gitconfig"
    configuration.write_text(trusting_configuration(trusted_folders()), "utf-8", "surrogateescape")
    mirror = Mirror(folder / "source.git", source, configuration)
    mirror.recover()
    return mirror


class Mirror:
    def __init__(self, git_dir: Path, source: Source, global_config: Path) -> None:
        self.git_dir = git_dir
        self.source = source
        self._global_config = global_config
        self._writing = threading.RLock()
        self._head: str | None = None
        # Held in memory because every git process is a good part of the time from a commit to its flow being live.
        self._followed: str | None = None
        self._object_format = ""

    @property
    def head(self) -> str | None:
        """The commit of the followed ref as of the last fetch."""
        return self._head

    def recover(self) -> None:
        """Make the mirror usable after whatever happened to it, and read where its head is."""
        with self._writing:
            if not self.git_dir.exists():
                self._create("sha1")
            _remove_leftovers(self.git_dir)
            try:
                self._read()
            except GitTimeout:
                raise  # a slow disk is no damage
            except GitError as error:
                if error.is_refusal:
                    raise
                self.recreate()

    def recreate(self, object_format: str = "sha1") -> None:
        """Put the mirror aside (one such copy is kept, for who wants to look) and begin an empty one."""
        with self._writing:
            aside = self.git_dir.with_name(self.git_dir.name + ".broken")
            shutil.rmtree(aside, ignore_errors=True)
            self.git_dir.rename(aside)
            self._create(object_format)
            self._read()

    def is_damaged(self) -> bool:
        """Are objects of it broken or gone? Reads all of them: for when there is a reason to ask."""
        try:
            run_git(self.git_dir, "fsck", "--full", "--no-dangling", timeout=_MAINTENANCE_TIMEOUT_SECONDS)
        except GitTimeout:
            return False  # a slow disk is no damage
        except GitError as error:
            # Exit code 1 alone may be an old commit that is written oddly; 2 and 4 are what is missing or broken.
            return not error.is_refusal and (error.is_damage or bool(error.exit_code & _FSCK_DAMAGE))
        return False

    def renew(self) -> Fetched:
        """Begin an empty mirror and fetch it from the source, which has to answer first. Commits that were kept are kept
        again as far as the source still has them."""
        with self._writing:
            self._check_folder()
            self._ask()
            try:
                kept = self.kept()
            except GitError:
                kept = frozenset()
            self.recreate(self._object_format or "sha1")
            fetched = self.fetch()
            self.keep(each for each in kept if self.has_commit(each))
            return fetched

    def fetch(self, listener: ProgressListener | None = None, *, timeout: float = FETCH_TIMEOUT_SECONDS) -> Fetched:
        """Bring the followed ref here. Does nothing but ask when it has not moved.

        Raises NotARepository, RefMissing or GitError; the mirror then still is as it was.
        """
        with self._writing:
            self._check_folder()
            refs = self._ask()
            previous = self._head
            wanted = _wanted_ref(self.source, refs)
            if wanted is None:
                return self._unborn(previous)
            commit_id = refs.ids.get(f"{wanted}^{{}}", refs.ids[wanted])
            if commit_id == previous:
                return Fetched(head=previous, previous=previous, ref=_named(wanted, refs.head_ref))
            if object_format_of(commit_id) != self._object_format:
                self.recreate(object_format_of(commit_id))
                previous = None
            _remove_leftovers(self.git_dir)
            self._bring(wanted, listener, timeout)
            return self._settle(wanted, refs.head_ref, previous)

    def keep(self, commit_ids: Iterable[str]) -> None:
        """Hold on to these commits, whatever becomes of the source."""
        self._update_refs(f"update {KEEP_REFS}{checked_commit_id(each)} {each}" for each in commit_ids)

    def release(self, commit_ids: Iterable[str]) -> None:
        self._update_refs(f"delete {KEEP_REFS}{checked_commit_id(each)}" for each in commit_ids)

    def kept(self) -> frozenset[str]:
        return frozenset(self._refs(KEEP_REFS).values())

    def has_commit(self, commit_id: str) -> bool:
        return has_commit(self.git_dir, commit_id)

    def maintain(self) -> None:
        """Pack what many small fetches left loose. Never prunes. For a quiet hour: it can take a while."""
        with self._writing:
            run_git(self.git_dir, "pack-refs", "--all")
            run_git(self.git_dir, "repack", "-d", "--geometric=2", "--quiet", timeout=_MAINTENANCE_TIMEOUT_SECONDS)

    def _create(self, object_format: str) -> None:
        """Make it beside its place and move it there: a kill leaves no half-made mirror."""
        made = self.git_dir.with_name(self.git_dir.name + ".new")
        shutil.rmtree(made, ignore_errors=True)
        run_git(None, "init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", "--", str(made))
        made.rename(self.git_dir)

    def _read(self) -> None:
        """Learn what is there, which also tells whether the repository can be read at all."""
        self._object_format = run_git(self.git_dir, "rev-parse", "--show-object-format").decode().strip()
        refs = self._refs(SOURCE_REFS)
        self._followed, self._head = next(iter(refs.items()), (None, None))
        if self._head is not None:
            run_git(self.git_dir, "cat-file", "-e", f"{self._head}^{{tree}}")

    def _check_folder(self) -> None:
        folder = self.source.local_path
        if folder is not None and not folder.is_dir():
            raise NotARepository(folder, "it is a file" if folder.exists() else "there is no such folder")

    def _ask(self) -> RemoteRefs:
        try:
            return list_refs(self.source, *_patterns(self.source), global_config=self._global_config)
        except GitError as error:
            if self.source.local_path is not None and "does not appear to be a git repository" in error.stderr:
                raise NotARepository(self.source.local_path, "it holds no .git folder") from error
            raise

    def _unborn(self, previous: str | None) -> Fetched:
        """No such ref. In a source without any commit that is how things begin; else it is an error."""
        everything = list_refs(self.source, global_config=self._global_config)
        if previous is None and (not everything.ids or self.source.branch is None):
            return Fetched(head=None, previous=None, ref=None)
        raise RefMissing(self.source, _branches(everything))

    def _bring(self, ref: str, listener: ProgressListener | None, timeout: float) -> None:
        refspec = f"+{ref}:{INCOMING_REF}"
        try:
            fetch_ref(
                *(self.git_dir, self.source, refspec),
                listener=listener,
                global_config=self._global_config,
                timeout=timeout,
            )
        except GitError:
            _remove_leftovers(self.git_dir)
            raise

    def _settle(self, wanted: str, head_ref: str | None, previous: str | None) -> Fetched:
        """Look at what came in, then move our refs to it."""
        head = self._resolve(INCOMING_REF)
        followed = SOURCE_REFS + _short_name(_named(wanted, head_ref))
        is_rewritten = previous is not None and not self._is_ancestor(previous, head)
        if self._followed not in (None, followed):
            # Beforehand, because the ref `a` has to be gone before `a/b` can be made.
            self._update_refs([f"update {KEEP_REFS}{previous} {previous}", f"delete {self._followed}"])
        kept = [f"update {KEEP_REFS}{previous} {previous}"] if is_rewritten else []
        self._update_refs([*kept, f"update {followed} {head}"])
        self._followed, self._head = followed, head
        return Fetched(head=head, previous=previous, ref=_named(wanted, head_ref), is_rewritten=is_rewritten)

    def _resolve(self, ref: str) -> str:
        return run_git(self.git_dir, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}").decode().strip()

    def _is_ancestor(self, older: str, newer: str) -> bool:
        try:
            run_git(self.git_dir, "merge-base", "--is-ancestor", older, newer)
        except GitError as error:
            if error.exit_code == 1:
                return False
            raise
        return True

    def _refs(self, prefix: str) -> dict[str, str]:
        output = run_git(self.git_dir, "for-each-ref", "--format=%(refname) %(objectname)", prefix)
        pairs = (line.rpartition(" ") for line in output.decode("utf-8", "surrogateescape").splitlines())
        return {name: commit_id for name, _, commit_id in pairs}

    def _update_refs(self, commands: Iterable[str]) -> None:
        text = "".join(f"{command}\n" for command in commands)
        if text:
            with self._writing:
                run_git(self.git_dir, "update-ref", "--stdin", stdin=text.encode("utf-8", "surrogateescape"))


def object_format_of(object_id: str) -> str:
    return "sha256" if len(object_id) == 64 else "sha1"


def _patterns(source: Source) -> tuple[str, ...]:
    if source.branch is None:
        return ("HEAD",)
    return tuple(name for ref in _candidates(source.branch) for name in (ref, f"{ref}^{{}}"))


def _candidates(branch: str) -> tuple[str, ...]:
    return (branch,) if branch.startswith("refs/") else (f"refs/heads/{branch}", f"refs/tags/{branch}")


def _wanted_ref(source: Source, refs: RemoteRefs) -> str | None:
    """The ref to fetch: a branch before a tag of the same name; None when there is none."""
    wanted = ("HEAD",) if source.branch is None else _candidates(source.branch)
    return next((ref for ref in wanted if ref in refs.ids), None)


def _short_name(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/", "refs/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def _named(wanted: str, head_ref: str | None) -> str:
    """The ref by its own name: HEAD stands for another one."""
    return head_ref if wanted == "HEAD" and head_ref else wanted


def _branches(refs: RemoteRefs) -> list[str]:
    return [name.removeprefix("refs/heads/") for name in refs.ids if name.startswith("refs/heads/")]


def _remove_leftovers(git_dir: Path) -> None:
    """Lock files and half-written packs of a git that was killed. Nobody else uses this repository, so none is live."""
    for folder in (git_dir, git_dir / "objects" / "info", git_dir / "reftable"):
        for lock in folder.glob("*.lock"):
            lock.unlink(missing_ok=True)
    for lock in (git_dir / "refs").rglob("*.lock"):
        lock.unlink(missing_ok=True)
    for half in (git_dir / "objects" / "pack").glob("tmp_*"):
        half.unlink(missing_ok=True)
