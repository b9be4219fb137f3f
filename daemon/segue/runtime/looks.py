"""Looks at the source: what a fetch brought, and the world of flows that it would make. A look changes nothing that runs;
whether it is applied is decided by `git_sync`. All of it is called in threads.
"""

import logging
from collections.abc import Callable, Iterable

from msgspec import Struct

from segue.git.blobs import BlobMissing, BlobReader
from segue.git.mirror import Fetched, Mirror, NotARepository, RefMissing
from segue.git.runner import GitError
from segue.git.sync import Brakes, Checkpoint, Survey, survey
from segue.model.revision import FlowKey, Revision
from segue.runtime.deployed import Deployment, Revisions
from segue.runtime.worlds import FlowReader, world_of

_log = logging.getLogger("segue.git")


class Known(Struct, frozen=True):
    """What a look begins from: how far history has been surveyed, how flows of the live commit are read, and the commit
    that somebody has confirmed."""

    checkpoint: Checkpoint | None
    flows: FlowReader | None
    confirmed: str | None


class Looked(Struct, frozen=True):
    """What a look has found. `veto` says why its commit is not to be applied, whatever was found."""

    found: Survey
    world: Deployment
    flows: FlowReader
    veto: str | None = None


class Looks:
    """`brakes` are those of commits that nobody has confirmed; `older` gives the stored revisions of a flow, newest
    first."""

    def __init__(
        self,
        mirror: Mirror,
        reader: BlobReader,
        revisions: Revisions,
        brakes: Brakes,
        flow_reader: Callable[[str], FlowReader],
        older: Callable[[FlowKey], Iterable[Revision]],
    ) -> None:
        self._mirror = mirror
        self._reader = reader
        self._revisions = revisions
        self._brakes = brakes
        self._flow_reader = flow_reader
        self._older = older
        self.followed: str | None = None  # the branch or tag that is followed, once the source was seen

    def fresh(self, known: Known) -> Looked:
        """Of the source as it is now. If what is in the way is a damaged mirror, that is made anew."""
        try:
            return self._look(self._mirror.fetch(), known)
        except (GitError, BlobMissing) as error:
            is_suspicious = isinstance(error, BlobMissing) or error.is_damage
            if not is_suspicious or not self._mirror.is_damaged():
                raise
            _log.warning("git.mirror_damaged error=%s: it is made anew", error)
        fetched = self._mirror.renew()
        self._reader.close()  # it has the old one open
        return self._look(fetched, known)

    def at(self, head: str, known: Known) -> Looked:
        """Of a commit that the mirror has."""
        return self._look(Fetched(head=head, previous=head, ref=None), known)

    def is_another(self, head: str) -> bool:
        """Has the source moved on from that commit, as far as it can be asked."""
        try:
            return self._mirror.fetch().head != head
        except (GitError, RefMissing, NotARepository, OSError):
            return False

    def _look(self, fetched: Fetched, known: Known) -> Looked:
        head = fetched.head
        if fetched.ref:
            self.followed = fetched.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        is_confirmed = head is not None and head == known.confirmed
        brakes = Brakes(is_prune_allowed=True, is_rewind_allowed=True) if is_confirmed else self._brakes
        found = survey(self._mirror.git_dir, self._reader, head, known.checkpoint, brakes)
        flows = self._flow_reader(found.checkpoint.head or "")
        is_same_rules = known.flows is None or known.flows.settings == flows.settings
        before = self._revisions.live
        if (found.checkpoint.head or "") == before.commit and known.flows is not None:
            return Looked(found, before, flows)
        older = self._with_surveyed(found)
        return Looked(found, world_of(found, before, flows, older, reuse=is_same_rules), flows)

    def _with_surveyed(self, found: Survey) -> Callable[[FlowKey], Iterable[Revision]]:
        """Revisions of a flow, those that were just found before those that are stored; newest first."""
        surveyed: dict[FlowKey, list[Revision]] = {}
        for revision in found.revisions:
            surveyed.setdefault(revision.key, []).append(revision)

        def older(key: FlowKey) -> Iterable[Revision]:
            yield from reversed(surveyed.get(key, []))
            yield from self._older(key)

        return older
