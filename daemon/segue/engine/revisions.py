"""Which revisions a history makes: from what each commit did to the flow files, the numbered revisions and what is live.

Pure, and a function of Git alone: the first-parent history from its first commit always gives the same numbers. That
is why a text that is no valid flow gets its number too - what is valid may change with the program, the numbers may
not - as long as it says whose it is. The one who parses flows then asks `newest_valid` which revision is live.

The rules:
- A flow is its key (namespace and id). Where its file lies is no part of it: a moved file is the same flow.
- Each change of a flow's content is a revision, one more than the last. The same content again is none.
- A flow that no file claims any more gets a revision that says it is deleted; when it comes back it counts on.
- Two files that claim one flow: the first path in order has it, the others are duplicates.
- A rewritten history renumbers nothing: what is different at its head is appended.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from segue.model.revision import Commit, FlowKey, Revision

PRUNE_FLOWS_MIN: Final = 10
PRUNE_TRAILER: Final = "Segue-Allow-Prune"


class Claim(Struct, frozen=True):
    """A document of a file that says it is this flow."""

    key: FlowKey
    path: str
    document: int
    blob: str
    content: str


class Step(Struct, frozen=True):
    """What one commit did: for each flow file that it changed, the claims the file holds now (none: gone)."""

    commit: Commit
    files: Mapping[str, tuple[Claim, ...]]


class Standing(Struct, frozen=True):
    """A flow's latest revision, and the path its file has now."""

    revision: Revision
    path: str

    @property
    def is_live(self) -> bool:
        return not self.revision.is_deleted


class Ledger(Struct, frozen=True):
    """All that the next commit is judged against: every flow there ever was, and every flow file there is."""

    standings: Mapping[FlowKey, Standing] = field(default_factory=lambda: MappingProxyType({}))
    files: Mapping[str, tuple[Claim, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def live(self) -> dict[FlowKey, Standing]:
        return {key: standing for key, standing in self.standings.items() if standing.is_live}


class Duplicate(Struct, frozen=True):
    """A claim that came to nothing, because the file at `holder` has the flow."""

    claim: Claim
    holder: str


class Plan(Struct, frozen=True):
    """The new revisions in order, and the ledger after them."""

    revisions: tuple[Revision, ...]
    ledger: Ledger


# Which commit brought a file to a blob (None: took it away). Only a rewrite has to ask.
Credit = Mapping[tuple[str, str | None], Commit]


def plan_history(ledger: Ledger, steps: Iterable[Step]) -> Plan:
    """The revisions that these commits make, which follow the ledger's last one."""
    draft = _Draft(ledger)
    for step in steps:
        draft.apply(step, {})
    return draft.plan()


def plan_rewrite(ledger: Ledger, head: Commit, files: Mapping[str, tuple[Claim, ...]], credit: Credit) -> Plan:
    """The revisions for a head whose history does not contain the ledger's: all that differs, appended.

    `files` are all flow files at the head. A revision is credited to the commit that made it so, when `credit` knows
    one, else to the head.
    """
    changed = {path: claims for path, claims in files.items() if ledger.files.get(path) != claims}
    gone = {path: () for path in ledger.files if path not in files}
    draft = _Draft(ledger)
    draft.apply(Step(head, {**changed, **gone}), credit)
    return draft.plan()


def duplicates(ledger: Ledger) -> tuple[Duplicate, ...]:
    """The claims at the head that another file beat to it, in path order."""
    holders: dict[FlowKey, Claim] = {}
    beaten = []
    for path in sorted(ledger.files):
        for claim in ledger.files[path]:
            holder = holders.setdefault(claim.key, claim)
            if holder is not claim:
                beaten.append(Duplicate(claim, holder.path))
    return tuple(beaten)


def newest_valid(revisions: Iterable[Revision], is_valid: Callable[[Revision], bool]) -> Revision | None:
    """The revision to run, of one flow's revisions given newest first: the last good one. A deletion ends the search: a
    flow that came back broken does not revive what it was before."""
    for revision in revisions:
        if revision.is_deleted:
            return None
        if is_valid(revision):
            return revision
    return None


def prune_held(before: Collection[FlowKey], after: Collection[FlowKey], *, allowed: bool) -> str | None:
    """Why flows that are live before and not after must not be retired without a word, if so.

    Somebody who empties the repository, or moves it all to where we do not look, rarely means to stop everything.
    """
    retired = set(before) - set(after)
    if allowed or not retired:
        return None
    if not after:
        return f"all {len(retired)} flows would be retired"
    if len(before) >= PRUNE_FLOWS_MIN and len(retired) * 2 > len(before):
        return f"{len(retired)} of {len(before)} flows would be retired"
    return None


def allows_prune(commits: Iterable[Commit]) -> bool:
    return any(commit.has_trailer(PRUNE_TRAILER, "true") for commit in commits)


class _Draft:
    """A ledger being written. Never leaves the function that made it."""

    def __init__(self, ledger: Ledger) -> None:
        self._standings = dict(ledger.standings)
        self._files = dict(ledger.files)
        self._claims: dict[FlowKey, dict[tuple[str, int], Claim]] = {}
        self._revisions: list[Revision] = []
        for claims in self._files.values():
            self._add(claims)

    def plan(self) -> Plan:
        ledger = Ledger(MappingProxyType(self._standings), MappingProxyType(self._files))
        return Plan(tuple(self._revisions), ledger)

    def apply(self, step: Step, credit: Credit) -> None:
        touched: set[FlowKey] = set()
        for path, claims in step.files.items():
            touched.update(claim.key for claim in self._replace(path, claims))
            touched.update(claim.key for claim in claims)
        for key in sorted(touched) if len(touched) > 1 else touched:
            self._judge(key, step.commit, credit)

    def _replace(self, path: str, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        """Put the file's claims in place of those it had, which are the answer."""
        before = self._files.pop(path, ())
        for claim in before:
            self._claims[claim.key].pop((path, claim.document), None)
        if claims:
            self._files[path] = claims
            self._add(claims)
        return before

    def _add(self, claims: tuple[Claim, ...]) -> None:
        for claim in claims:
            self._claims.setdefault(claim.key, {})[claim.path, claim.document] = claim

    def _judge(self, key: FlowKey, commit: Commit, credit: Credit) -> None:
        claims = self._claims.get(key)
        standing = self._standings.get(key)
        if not claims:
            if standing is not None and standing.is_live:
                self._retire(standing, credit.get((standing.path, None), commit))
            return
        winner = claims[min(claims)] if len(claims) > 1 else next(iter(claims.values()))
        if standing is None or not standing.is_live or standing.revision.content != winner.content:
            self._revise(winner, standing, credit.get((winner.path, winner.blob), commit))
        elif standing.path != winner.path:
            self._standings[key] = Standing(standing.revision, winner.path)

    def _revise(self, claim: Claim, standing: Standing | None, commit: Commit) -> None:
        self._record(
            Revision(
                key=claim.key,
                number=standing.revision.number + 1 if standing else 1,
                commit_id=commit.commit_id,
                author=commit.author,
                committed_at=commit.committed_at,
                path=claim.path,
                blob=claim.blob,
                document=claim.document,
                content=claim.content,
            )
        )

    def _retire(self, standing: Standing, commit: Commit) -> None:
        last = standing.revision
        self._record(
            Revision(
                key=last.key,
                number=last.number + 1,
                commit_id=commit.commit_id,
                author=commit.author,
                committed_at=commit.committed_at,
                path=standing.path,
                blob=last.blob,
                document=last.document,
                content=last.content,
                is_deleted=True,
            )
        )

    def _record(self, revision: Revision) -> None:
        self._revisions.append(revision)
        self._standings[revision.key] = Standing(revision, revision.path)
