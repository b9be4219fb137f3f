"""One look at the source's head: what is new since the last look, and which revisions that makes.

`survey` reads the history from the last known commit to the head, reads those flow texts it has not seen, and lets
the planner number them. It writes nothing and knows nothing of what flows mean: whoever calls it parses the texts,
stores what is to be stored, and hands the survey's checkpoint to the next one. Without a checkpoint the whole history
is read, which is how everything comes back when the database is gone.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from segue.engine.revisions import (
    Claim,
    Credit,
    Duplicate,
    Ledger,
    Plan,
    Standing,
    Step,
    allows_prune,
    duplicates,
    plan_history,
    plan_rewrite,
    prune_held,
)
from segue.git.blobs import BlobReader
from segue.git.history import (
    MODE_NONE,
    CommitChanges,
    TreeFile,
    files_at,
    first_parent_history,
    has_commit,
    is_ancestor,
    read_commit,
)
from segue.git.layout import IGNORE_PATH, SETTINGS_PATH, Layout, NamespaceFile, PathMatcher, may_be_namespace_file
from segue.git.readings import Reading, layout_at, layout_with, needs_text, read_identities, reading
from segue.model.problem import Problem
from segue.model.revision import Commit, FlowKey, Revision


class Checkpoint(Struct, frozen=True, kw_only=True):
    """Where a survey ended. One that was `restored` holds no readings: the next survey reads the files of its head again."""

    head: str | None = None
    ledger: Ledger = field(default_factory=Ledger)
    layout: Layout = field(default_factory=Layout)
    layout_problems: tuple[Problem, ...] = ()
    readings: Mapping[str, Reading] | None = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def restored(cls, head: str, standings: Iterable[Standing]) -> "Checkpoint":
        """The checkpoint at a head, from the latest revision and present path of every flow there ever was."""
        known = {standing.revision.key: standing for standing in standings}
        return cls(head=head, ledger=Ledger(MappingProxyType(known)), readings=None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with files at the head, by path."""
        found = [problem for each in (self.readings or {}).values() for problem in each.problems]
        found += [_duplicate_problem(each) for each in duplicates(self.ledger)]
        return tuple(sorted((*self.layout_problems, *found), key=lambda problem: (problem.path, problem.line)))


class NamespaceFileChange(Struct, frozen=True):
    """A namespace file that the surveyed commits wrote or deleted."""

    namespace: str | None
    path: str
    is_deleted: bool


class Survey(Struct, frozen=True, kw_only=True):
    """What a look at the head found. While `held` gives a reason, nothing has changed: revisions are none, `live` and
    `checkpoint` are those of before, and `retired` says what would be retired. `is_trailer_heard`: whether a trailer of a
    commit could have said that all is meant; a history that was rewritten says nothing about itself that counts."""

    head: str | None
    commits: tuple[Commit, ...]
    revisions: tuple[Revision, ...]
    live: Mapping[FlowKey, Standing]
    retired: tuple[FlowKey, ...]
    problems: tuple[Problem, ...]
    namespace_files: tuple[NamespaceFileChange, ...]
    is_rewritten: bool
    held: str | None
    checkpoint: Checkpoint
    is_trailer_heard: bool = True


class Brakes(Struct, frozen=True, kw_only=True):
    """What is not held: that most flows are retired, and that the new head does not descend from the last one."""

    is_prune_allowed: bool = False
    is_rewind_allowed: bool = True


BRAKES: Final = Brakes()


def survey(
    git_dir: Path,
    reader: BlobReader,
    head: str | None,
    checkpoint: Checkpoint | None = None,
    brakes: Brakes = BRAKES,
) -> Survey:
    """What is new at `head` since the checkpoint. Raises GitError when the repository cannot be read."""
    before = _complete(git_dir, reader, checkpoint or Checkpoint())
    if head is None or head == before.head:
        return _unchanged(before)
    base = before.head if before.head and has_commit(git_dir, before.head) else None
    history = tuple(first_parent_history(git_dir, head, since=base))
    follows = before.head is None or (bool(history) and history[0].commit.parents[:1] == (before.head,))
    look = _advance if follows else _rewrite
    plan, after = look(git_dir, reader, head, before, history)
    rewound = None if brakes.is_rewind_allowed or follows else _rewound(git_dir, base, head)
    return _judged(before, after, plan, history, is_rewritten=not follows, brakes=brakes, rewound=rewound)


def _rewound(git_dir: Path, base: str | None, head: str) -> str | None:
    """Why the head must not be followed without a word, if it does not descend from the last one."""
    if base is not None and is_ancestor(git_dir, base, head):
        return None  # another branch was merged the other way round: nothing is lost
    was = base[:10] if base else "what was followed so far"
    return f"commit {head[:10]} does not descend from {was}: the history was rewritten"


def _judged(
    before: Checkpoint,
    after: Checkpoint,
    plan: Plan,
    history: tuple[CommitChanges, ...],
    *,
    is_rewritten: bool,
    brakes: Brakes,
    rewound: str | None,
) -> Survey:
    """The survey of a plan, which one of the brakes may hold."""
    commits = tuple(each.commit for each in history)
    was, will = before.ledger.live, plan.ledger.live
    held = rewound or prune_held(was, will, allowed=brakes.is_prune_allowed or allows_prune(commits))
    return Survey(
        head=after.head,
        commits=commits,
        revisions=() if held else plan.revisions,
        live=MappingProxyType(was if held else will),
        retired=tuple(sorted(was.keys() - will.keys())),
        problems=(before if held else after).problems,
        namespace_files=() if held else _namespace_files(history, after.layout),
        is_rewritten=is_rewritten,
        held=held,
        checkpoint=before if held else after,
        is_trailer_heard=rewound is None,
    )


def _unchanged(checkpoint: Checkpoint) -> Survey:
    return Survey(
        head=checkpoint.head,
        commits=(),
        revisions=(),
        live=MappingProxyType(checkpoint.ledger.live),
        retired=(),
        problems=checkpoint.problems,
        namespace_files=(),
        is_rewritten=False,
        held=None,
        checkpoint=checkpoint,
    )


class _Visit(Struct, frozen=True):
    """A commit with the files to look at: those it changed, or all, because it moved where flows lie."""

    commit: Commit
    files: tuple[TreeFile, ...]
    matcher: PathMatcher
    is_whole: bool = False


def _advance(
    git_dir: Path, reader: BlobReader, head: str, before: Checkpoint, history: tuple[CommitChanges, ...]
) -> tuple[Plan, Checkpoint]:
    """Follow the commits one by one. All their texts are read at once, between two passes over them."""
    route = _Route(git_dir, reader, before)
    visits = [route.visit(each) for each in history]
    wanted = (
        file.blob for visit in visits for file in visit.files if _is_there(file) and needs_text(file, visit.matcher)
    )
    identities = read_identities(reader, wanted)
    readings = dict(before.readings or {})

    def step(visit: _Visit) -> Step:
        files = visit.files
        if visit.is_whole:
            there = {file.path for file in files}
            files += tuple(TreeFile(path, "", MODE_NONE) for path in readings if path not in there)
        touched: dict[str, tuple[Claim, ...]] = {}
        for file in files:
            had = readings.pop(file.path, None)
            had_claims = had.claims if had else ()
            now = reading(file, visit.matcher, identities, had_claims) if _is_there(file) else None
            if now is not None and (now.claims or now.problems):
                readings[file.path] = now
            claims = now.claims if now else ()
            if claims != had_claims:
                touched[file.path] = claims
        return Step(visit.commit, touched)

    plan = plan_history(before.ledger, map(step, visits))
    return plan, Checkpoint(
        head=head,
        ledger=plan.ledger,
        layout=route.matcher.layout,
        layout_problems=route.problems,
        readings=MappingProxyType(readings),
    )


def _rewrite(
    git_dir: Path, reader: BlobReader, head: str, before: Checkpoint, history: tuple[CommitChanges, ...]
) -> tuple[Plan, Checkpoint]:
    """Compare the files at the head with those that were, whatever the way between."""
    layout, problems = layout_at(git_dir, reader, head)
    known = before.readings if layout == before.layout else {}
    readings = _read_files(git_dir, reader, head, layout, claims=before.ledger.files, known=known or {})
    files = {path: each.claims for path, each in readings.items() if each.claims}
    plan = plan_rewrite(before.ledger, read_commit(git_dir, head), files, _credit(history))
    return plan, Checkpoint(
        head=head, ledger=plan.ledger, layout=layout, layout_problems=problems, readings=MappingProxyType(readings)
    )


def _complete(git_dir: Path, reader: BlobReader, checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with its readings, which a restored one lacks."""
    if checkpoint.readings is not None or checkpoint.head is None:
        return checkpoint
    last_claims = _last_claims(checkpoint.ledger.live.values())
    if not has_commit(git_dir, checkpoint.head):
        ledger = Ledger(checkpoint.ledger.standings, MappingProxyType(last_claims))
        return Checkpoint(head=checkpoint.head, ledger=ledger)
    layout, problems = layout_at(git_dir, reader, checkpoint.head)
    readings = _read_files(git_dir, reader, checkpoint.head, layout, claims=last_claims, known={})
    files = {path: each.claims for path, each in readings.items() if each.claims}
    return Checkpoint(
        head=checkpoint.head,
        ledger=Ledger(checkpoint.ledger.standings, MappingProxyType(files)),
        layout=layout,
        layout_problems=problems,
        readings=MappingProxyType(readings),
    )


class _Route:
    """The layout as it changes along the history."""

    def __init__(self, git_dir: Path, reader: BlobReader, start: Checkpoint) -> None:
        self._git_dir = git_dir
        self._reader = reader
        self._problems = {path: _of_path(start.layout_problems, path) for path in (SETTINGS_PATH, IGNORE_PATH)}
        self.matcher = start.layout.matcher()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for problems in self._problems.values() for problem in problems)

    def visit(self, changed: CommitChanges) -> _Visit:
        files = tuple(TreeFile(change.path, change.blob, change.mode) for change in changed.changes)
        layout = self.matcher.layout
        for file in files:
            if file.path in self._problems:
                now = file if _is_there(file) else None
                layout, self._problems[file.path] = layout_with(self._reader, layout, file.path, now)
        if layout == self.matcher.layout:
            return _Visit(changed.commit, files, self.matcher)
        self.matcher = layout.matcher()
        everything = tuple(files_at(self._git_dir, changed.commit.commit_id))
        return _Visit(changed.commit, everything, self.matcher, is_whole=True)


def _read_files(
    git_dir: Path,
    reader: BlobReader,
    commit_id: str,
    layout: Layout,
    *,
    claims: Mapping[str, tuple[Claim, ...]],
    known: Mapping[str, Reading],
) -> dict[str, Reading]:
    """The readings of all files of a commit; those whose blob is known are not read again."""
    matcher = layout.matcher()
    files = tuple(files_at(git_dir, commit_id))
    kept = {file.path: known[file.path] for file in files if _is_same(file, known.get(file.path))}
    new = [file for file in files if file.path not in kept]
    identities = read_identities(reader, (file.blob for file in new if needs_text(file, matcher)))
    read = partial(reading, matcher=matcher, identities=identities)
    found = {file.path: read(file, before=claims.get(file.path, ())) for file in new}
    return kept | {path: each for path, each in found.items() if each is not None and (each.claims or each.problems)}


def _is_same(file: TreeFile, known: Reading | None) -> bool:
    return known is not None and (known.blob, known.mode) == (file.blob, file.mode)


def _is_there(file: TreeFile) -> bool:
    return file.mode != MODE_NONE


def _last_claims(standings: Iterable[Standing]) -> dict[str, tuple[Claim, ...]]:
    """The claims of files as the ledger knows them, for files that cannot be read now."""
    claims: dict[str, tuple[Claim, ...]] = {}
    for standing in standings:
        last = standing.revision
        claim = Claim(last.key, standing.path, last.document, last.blob, last.content)
        claims[standing.path] = (*claims.get(standing.path, ()), claim)
    return claims


def _credit(history: Iterable[CommitChanges]) -> Credit:
    """Which commit last brought a path to a blob, or took it away."""
    credit: dict[tuple[str, str | None], Commit] = {}
    for each in history:
        for change in each.changes:
            credit[change.path, None if change.is_deletion else change.blob] = each.commit
    return credit


def _namespace_files(history: Iterable[CommitChanges], layout: Layout) -> tuple[NamespaceFileChange, ...]:
    matcher = layout.matcher()
    last: dict[NamespaceFile, bool] = {}
    for each in history:
        for change in each.changes:
            if may_be_namespace_file(change.path):
                placed = matcher.classify(change.path)
                if isinstance(placed, NamespaceFile):
                    last[placed] = change.is_deletion
    return tuple(NamespaceFileChange(file.namespace, file.path, is_gone) for file, is_gone in last.items())


def _duplicate_problem(duplicate: Duplicate) -> Problem:
    return Problem(
        path=duplicate.claim.path,
        line=0,
        column=0,
        code="duplicate-flow",
        message=f"the flow {duplicate.claim.key} is also in {duplicate.holder}, which is the one that counts",
        hint="give one of them another id, or delete it",
    )


def _of_path(problems: Iterable[Problem], path: str) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.path == path)
