"""The one who follows the source: three doorbells and a call, all of which mean "fetch the followed ref now".

Callers that come while a fetch runs share the next one: what they ask for is that everything pushed before their call
is live, and only a fetch that began after it can say so.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from segue.engine.revisions import Standing
from segue.git.blobs import BlobMissing, BlobReader
from segue.git.mirror import Fetched, Mirror, NotARepository, RefMissing
from segue.git.runner import GitError
from segue.git.sync import Brakes, Checkpoint, Survey, survey
from segue.git.watch import RefWatch
from segue.model.revision import FlowKey, Revision
from segue.runtime.clock import Clock
from segue.runtime.deployed import Deployment, Revisions
from segue.runtime.loop import Busy, Loop
from segue.runtime.round import Round
from segue.runtime.worlds import FlowReader, world_of
from segue.store import records
from segue.web import ports
from segue.web.live import FLOWS, GIT, TRIGGERS

_JITTER: Final = 0.1
_BACK_OFF_MAX: Final = timedelta(minutes=10)

_log = logging.getLogger("segue.git")


@dataclass(frozen=True, slots=True)
class _Looked:
    """One look at the source, before it is applied."""

    found: Survey
    world: Deployment
    flows: FlowReader


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRules:
    """What a sync may do and how often it looks."""

    poll_interval: timedelta
    is_prune_allowed: bool = False
    is_fast_forward_required: bool = False
    watches: bool = True


class GitSync:
    """Fetch, survey, apply; one at a time."""

    def __init__(
        self,
        mirror: Mirror,
        reader: BlobReader,
        revisions: Revisions,
        loop: Loop,
        clock: Clock,
        rules: SyncRules,
        flow_reader: Callable[[str], FlowReader],
        older: Callable[[FlowKey], Iterable[Revision]],
    ) -> None:
        self._mirror = mirror
        self._reader = reader
        self._revisions = revisions
        self._loop = loop
        self._clock = clock
        self._rules = rules
        self._flow_reader = flow_reader
        self._older = older
        self._checkpoint: Checkpoint | None = None
        self._flows: FlowReader | None = None
        self._wanted = 0
        self._causes: set[str] = set()
        self._bell = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[ports.SyncDone]]] = []
        self._confirmed: str | None = None
        self._applied: list[Callable[[Round], None]] = []
        self.is_syncing = False
        self.followed: str | None = None  # the branch or tag that is followed, once the source was seen
        self.last: ports.Sync | None = None
        self.failures = 0
        self.syncs = 0

    def on_applied(self, hook: Callable[[Round], None]) -> None:
        """Call this in the round after another world became the live one."""
        self._applied.append(hook)

    @property
    def flows(self) -> FlowReader:
        """Reads flows as repository-wide settings of the live commit say."""
        return self._flows or self._flow_reader("")

    def restore(self, head: str, standings: Iterable[Standing]) -> None:
        """Begin from what the database knows, rather than from the first commit."""
        self._checkpoint = Checkpoint.restored(head, standings)

    # Asking for a sync.

    def ring(self, cause: str) -> None:
        """Have the source looked at soon."""
        self._wanted += 1
        self._causes.add(cause)
        self._bell.set()

    async def sync(self, cause: str) -> ports.SyncDone:
        """Have it looked at; gives what is live once everything pushed before this call is.

        Raises GitError, RefMissing, NotARepository, or `Busy`.
        """
        done: asyncio.Future[ports.SyncDone] = asyncio.get_running_loop().create_future()
        self.ring(cause)
        self._waiting.append((self._wanted, done))
        return await done

    def confirm(self, commit: str) -> None:
        """Allow this commit to retire as many flows as it does."""
        self._confirmed = commit

    # Looking.

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the source until told to stop."""
        watching = asyncio.create_task(self._watch(stop))
        try:
            while not stop.is_set():
                await self._wait()
                if not stop.is_set():
                    await self.step()
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            for _, done in self._waiting:
                done.cancel()

    def wake(self) -> None:
        """End the wait; for stopping."""
        self._bell.set()

    async def _wait(self) -> None:
        """Until a doorbell rings, or the poll is due."""
        interval = self._rules.poll_interval * (2 ** min(self.failures, 10))
        seconds = min(interval, max(_BACK_OFF_MAX, self._rules.poll_interval)).total_seconds()
        seconds *= 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - spreads polls, guards nothing
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            self._causes.add("poll")
        self._bell.clear()

    async def _watch(self, stop: asyncio.Event) -> None:
        location = self._mirror.source.local_path
        if location is None or not self._rules.watches:
            return
        async for _ in RefWatch(location).rings(stop):
            self.ring("watch")

    async def step(self) -> None:
        """One sync, with its answer to all who asked before it began."""
        answered_up_to = self._wanted
        cause = ",".join(sorted(self._causes)) or "call"
        self._causes.clear()
        started = self._clock.now()
        self.is_syncing = True
        self.syncs += 1
        try:
            looked = await asyncio.to_thread(self._look_or_mend)
            changed = await self._apply(looked, cause, started)
        except (GitError, RefMissing, NotARepository, BlobMissing, OSError, Busy) as error:
            self.failures += 1
            await self._begin_with_the_mirror(cause, started)
            await self._failed(error, cause, started)
            self._answer(answered_up_to, error)
        else:
            self.failures = 0
            self._answer(answered_up_to, changed)
        finally:
            self.is_syncing = False

    async def _begin_with_the_mirror(self, cause: str, started: datetime) -> None:
        """A source that cannot be reached when the daemon starts does not stop the flows: the mirror has them as they
        were when it was last seen."""
        head = self._mirror.head
        if self._revisions.live.commit or head is None:
            return
        try:
            looked = await asyncio.to_thread(self._look, Fetched(head=head, previous=head, ref=None))
            await self._apply(looked, f"{cause},mirror", started)
        except (GitError, BlobMissing, OSError, Busy) as error:
            _log.warning("git.mirror_unreadable error=%s", error)

    def _look_or_mend(self) -> _Looked:
        """Look; if what is in the way is a damaged mirror, make it anew from the source and look again. In a thread."""
        try:
            return self._look(self._mirror.fetch())
        except (GitError, BlobMissing) as error:
            is_suspicious = isinstance(error, BlobMissing) or error.is_damage
            if not is_suspicious or not self._mirror.is_damaged():
                raise
            _log.warning("git.mirror_damaged error=%s: it is made anew", error)
        fetched = self._mirror.renew()
        self._reader.close()  # it has the old one open
        return self._look(fetched)

    def _look(self, fetched: Fetched) -> _Looked:
        """Survey and read what a fetch brought."""
        head = fetched.head
        if fetched.ref:
            self.followed = fetched.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
        found = survey(self._mirror.git_dir, self._reader, head, self._checkpoint, self._brakes(head))
        flows = self._flow_reader(found.checkpoint.head or "")
        is_same_rules = self._flows is None or self._flows.settings == flows.settings
        before = self._revisions.live
        if (found.checkpoint.head or "") == before.commit and self._flows is not None:
            return _Looked(found, before, flows)
        surveyed: dict[FlowKey, list[Revision]] = {}
        for revision in found.revisions:
            surveyed.setdefault(revision.key, []).append(revision)

        def older(key: FlowKey) -> Iterable[Revision]:
            yield from reversed(surveyed.get(key, []))
            yield from self._older(key)

        return _Looked(found, world_of(found, before, flows, older, reuse=is_same_rules), flows)

    def _brakes(self, head: str | None) -> Brakes:
        is_confirmed = head is not None and head == self._confirmed
        return Brakes(
            is_prune_allowed=is_confirmed or self._rules.is_prune_allowed,
            is_rewind_allowed=is_confirmed or not self._rules.is_fast_forward_required,
        )

    async def _apply(self, looked: _Looked, cause: str, started: datetime) -> tuple[FlowKey, ...]:
        """Make what was found the live world; the flows that are live at another revision than before."""
        found, world, before = looked.found, looked.world, self._revisions.live
        held = _held(found)
        is_news = world is not before or held is not None or self.last is None or self.last.error is not None
        entry = ports.Sync(
            started_at=started,
            ended_at=self._clock.now(),
            cause=cause,
            commit=found.head if held else world.commit or None,
            previous_commit=before.commit or None,
            changed=tuple(sorted(_changed(before, world))),
            problems=len(world.problems),
            held=held,
        )
        if held is not None and self.last is not None and self.last.held == held and world is before:
            is_news = False
        if is_news:
            await self._loop.call(partial(self._write, looked, entry))
        self._checkpoint = found.checkpoint
        self._flows = looked.flows
        self.last = entry if is_news else replace(self.last or entry, ended_at=entry.ended_at)
        return entry.changed

    def _write(self, looked: _Looked, entry: ports.Sync, round_: Round) -> None:
        found, world, before = looked.found, looked.world, self._revisions.live
        for revision in found.revisions:
            round_.batch.put_revision(revision)
        for key, deployed in world.flows.items():
            known = before.flows.get(key)
            if known is None or known.revision.number != deployed.revision.number:
                round_.batch.put_live_flow(key, deployed.revision.number)
        for key in before.flows.keys() - world.flows.keys():
            round_.batch.retire_flow(key)
        round_.batch.replace_problems(world.problems)
        round_.batch.put_setting("head", world.commit)
        round_.batch.add_sync(_stored(entry))
        self._revisions.switch(world)
        self._flows = looked.flows
        self.last = entry  # with the switch: nobody sees a new world beside an old error
        for hook in self._applied:
            hook(round_)
        round_.topics |= {FLOWS, GIT, TRIGGERS}
        if world is not before:
            _log.info("git.applied commit=%s flows=%d problems=%d", world.commit, len(world.flows), len(world.problems))

    async def _failed(self, error: Exception, cause: str, started: datetime) -> None:
        _log.warning("git.failed cause=%s error=%s", cause, error)
        is_known = self.last is not None and self.last.error == str(error)
        live = self._revisions.live.commit or None
        self.last = ports.Sync(
            started_at=started,
            ended_at=self._clock.now(),
            cause=cause,
            commit=live,
            previous_commit=live,
            error=str(error),
        )
        if not is_known:
            entry = self.last
            with contextlib.suppress(Busy):
                await self._loop.call(lambda round_: self._write_failure(round_, entry))

    def _write_failure(self, round_: Round, entry: ports.Sync) -> None:
        round_.batch.add_sync(_stored(entry))
        round_.topics.add(GIT)

    def _answer(self, up_to: int, outcome: tuple[FlowKey, ...] | Exception) -> None:
        ready = [done for wanted, done in self._waiting if wanted <= up_to]
        self._waiting = [(wanted, done) for wanted, done in self._waiting if wanted > up_to]
        world = self._revisions.live
        for done in ready:
            if done.done():
                continue
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(ports.SyncDone(commit=world.commit, changed=outcome, problems=world.problems))


def _held(found: Survey) -> str | None:
    """Why the commit is held, and how it can be let through."""
    if found.held is None:
        return None
    trailer = "the commit trailer Segue-Allow-Prune: true, " if found.is_trailer_heard else ""
    return f"{found.held}; confirm with {trailer}on the page, or by POST /api/v1/main/git/confirm/{found.head}"


def _changed(before: Deployment, after: Deployment) -> set[FlowKey]:
    """Flows that are live in one world at another revision than in the other, or not at all."""
    keys = before.flows.keys() | after.flows.keys()
    return {key for key in keys if before.flows.get(key) is not after.flows.get(key)}


def _stored(entry: ports.Sync) -> records.Sync:
    assert entry.ended_at is not None
    return records.Sync(
        started_at=entry.started_at,
        ended_at=entry.ended_at,
        reason=entry.cause,
        commit_id=entry.commit,
        previous_commit_id=entry.previous_commit,
        changed=tuple(str(key) for key in entry.changed),
        problem_count=entry.problems,
        error=entry.error or entry.held,
    )
