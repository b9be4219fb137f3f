"""The one who follows the source: three doorbells and a call, all of which mean "fetch the followed ref now".

Callers that come while a fetch runs share the next one: what they ask for is that everything pushed before their call
is live, and only a fetch that began after it can say so.

Flow tests, where they are asked for, stand between a look and its application (`veto`), or follow it (`report`). They run
elsewhere, and a head that moves ends them: what counts is the newest commit.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.engine.revisions import Standing
from segue.git.blobs import BlobMissing, BlobReader
from segue.git.mirror import Mirror, NotARepository, RefMissing
from segue.git.runner import GitError
from segue.git.sync import Brakes, Checkpoint, Survey
from segue.git.watch import RefWatch
from segue.model.flow_test import SuiteResult
from segue.model.problem import Problem
from segue.model.revision import FlowKey, Revision
from segue.runtime.clock import Clock
from segue.runtime.commit_tests import CommitTests, Outcome
from segue.runtime.deployed import Deployment, Revisions
from segue.runtime.looks import Known, Looked, Looks
from segue.runtime.loop import Busy, Loop
from segue.runtime.round import Round
from segue.runtime.worlds import FlowReader
from segue.store import records
from segue.web.live import FLOWS, GIT, TRIGGERS
from segue.web.ports.git import Sync, SyncDone

TESTS: Final = "tests"
"""The setting under which the database remembers results of flow tests."""

_JITTER: Final = 0.1
_UNASKED: Final = frozenset({"poll", "watch"})
_BACK_OFF_MAX: Final = timedelta(minutes=10)

_log = logging.getLogger("segue.git")


class SyncRules(Struct, frozen=True, kw_only=True):
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
        tests: CommitTests | None = None,
    ) -> None:
        """`tests`: of commits, if they are run at all."""
        brakes = Brakes(is_prune_allowed=rules.is_prune_allowed, is_rewind_allowed=not rules.is_fast_forward_required)
        self._looks = Looks(mirror, reader, revisions, brakes, flow_reader, older)
        self._tests = tests
        self._mirror = mirror
        self._revisions = revisions
        self._loop = loop
        self._clock = clock
        self._rules = rules
        self._flow_reader = flow_reader
        self._checkpoint: Checkpoint | None = None
        self._flows: FlowReader | None = None
        self._wanted = 0
        self._causes: set[str] = set()
        self._bell = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[SyncDone]]] = []
        self._confirmed: str | None = None
        self._overruled: str | None = None  # a commit that goes live whatever its tests say
        self._vetoed: Looked | None = None
        self._restored: str | None = None  # the head that was live when the daemon ended
        self._reporting: asyncio.Task[None] | None = None
        self._applied: list[Callable[[Round], None]] = []
        self.is_syncing = False
        self.last: Sync | None = None
        self.failures = 0
        self.syncs = 0

    def on_applied(self, hook: Callable[[Round], None]) -> None:
        """Call this in the round after another world became the live one."""
        self._applied.append(hook)

    @property
    def followed(self) -> str | None:
        """The branch or tag that is followed, once the source was seen."""
        return self._looks.followed

    @property
    def flows(self) -> FlowReader:
        """Reads flows as repository-wide settings of the live commit say."""
        return self._flows or self._flow_reader("")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong at the source's head: with its flows, and with what was tested of it."""
        return (*self._revisions.live.problems, *(self._tests.problems if self._tests is not None else ()))

    @property
    def tested(self) -> tuple[SuiteResult, ...]:
        """The last result of every suite of flow tests."""
        return tuple(self._tests.record.results.values()) if self._tests is not None else ()

    @property
    def testing(self) -> str | None:
        """The commit whose tests run now."""
        return self._tests.running if self._tests is not None else None

    def restore(self, head: str, standings: Iterable[Standing]) -> None:
        """Begin from what the database knows, rather than from the first commit."""
        self._checkpoint = Checkpoint.restored(head, standings)
        self._restored = head

    # Asking for a sync.

    def ring(self, cause: str) -> None:
        """Have the source looked at soon."""
        self._wanted += 1
        self._causes.add(cause)
        self._bell.set()

    async def sync(self, cause: str) -> SyncDone:
        """Have it looked at; gives what is live once everything pushed before this call is.

        Raises GitError, RefMissing, NotARepository, or `Busy`.
        """
        done: asyncio.Future[SyncDone] = asyncio.get_running_loop().create_future()
        self.ring(cause)
        self._waiting.append((self._wanted, done))
        return await done

    def confirm(self, commit: str) -> None:
        """Allow this commit to go live as it is: to retire as many flows as it does, or, if it was kept for its tests,
        with them as they are."""
        is_tested = commit == self.testing or (self._vetoed is not None and commit == self._vetoed.found.head)
        if is_tested:
            self._overruled = commit
        else:
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
            await self._stop_reporting()
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

    async def begin(self) -> None:
        """The first look. Where tests may keep a commit from going live, what was live when the daemon ended is live
        again first, and whatever came since is looked at by who follows the source: nobody waits for tests to start."""
        if self._tests is None or not self._tests.vetoes:
            await self.step()
            return
        known = self._checkpoint.head if self._checkpoint is not None else None
        if known is not None:
            await self._apply_known(known, "start")
        self.ring("start")

    async def step(self) -> None:
        """One sync, with its answer to all who asked before it began."""
        answered_up_to = self._wanted
        is_asked = not self._causes <= _UNASKED
        cause = ",".join(sorted(self._causes)) or "call"
        self._causes.clear()
        started = self._clock.now()
        self.is_syncing = True
        self.syncs += 1
        try:
            looked = await asyncio.to_thread(self._looks.fresh, self._known())
            while (judged := await self._judged(looked, is_asked=is_asked)) is None:
                answered_up_to, is_asked = self._wanted, True
                looked = await asyncio.to_thread(self._looks.fresh, self._known())
            changed = await self._apply(judged, cause, started)
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
        if not self._revisions.live.commit and head is not None:
            await self._apply_known(head, f"{cause},mirror", started)

    async def _apply_known(self, head: str, cause: str, started: datetime | None = None) -> None:
        """Make a commit live that the mirror has."""
        try:
            looked = await asyncio.to_thread(self._looks.at, head, self._known())
            await self._apply(looked, cause, started or self._clock.now())
        except (GitError, BlobMissing, OSError, Busy) as error:
            _log.warning("git.mirror_unreadable error=%s", error)

    # Testing.

    async def _judged(self, looked: Looked, *, is_asked: bool) -> Looked | None:
        """What was looked at, with the veto of its tests if there is one; None if meanwhile another commit is the head.

        A commit that was kept from going live is tested again only if somebody asks for it.
        """
        tests, live = self._tests, self._revisions.live
        head = looked.found.head
        if tests is None or looked.world is live or looked.found.held or head in {None, self._overruled}:
            return looked
        if not tests.vetoes:
            return looked
        if self._vetoed is not None and self._vetoed.found.head == head and not is_asked:
            return self._vetoed
        trial = await asyncio.to_thread(tests.trial, live, looked.world, looked.flows)
        outcome = await self._unless_moved(tests.run(trial), str(head))
        if outcome is None:
            return None
        await self._loop.call(partial(self._take_down, outcome))
        return looked if outcome.is_good else self._kept_back(looked, outcome)

    async def _unless_moved(self, run: Coroutine[Any, Any, Outcome], head: str) -> Outcome | None:
        """What tests come to; they end early, with None, when the source's head moves or somebody overrules them."""
        running = asyncio.create_task(run)
        try:
            while True:
                ring = asyncio.create_task(self._bell.wait())
                await asyncio.wait({running, ring}, return_when=asyncio.FIRST_COMPLETED)
                ring.cancel()
                if running.done():
                    return running.result()
                self._bell.clear()
                if self._overruled == head or await asyncio.to_thread(self._looks.is_another, head):
                    return None
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _kept_back(self, looked: Looked, outcome: Outcome) -> Looked:
        live = self._revisions.live
        found = replace(
            looked.found,
            revisions=(),
            namespace_files=(),
            checkpoint=self._checkpoint or Checkpoint(),
        )
        self._vetoed = Looked(found, live, self._flows or looked.flows, outcome.why)
        _log.warning("git.vetoed commit=%s why=%s", found.head, outcome.why)
        return self._vetoed

    def _take_down(self, outcome: Outcome, round_: Round) -> None:
        assert self._tests is not None
        self._tests.record.take(outcome)
        round_.batch.put_setting(TESTS, self._tests.record.stored())
        round_.topics |= {GIT, FLOWS}

    def _report(self, before: Deployment, looked: Looked) -> None:
        """Begin to test what went live, without anybody waiting for it. A newer commit ends that."""
        assert self._tests is not None
        if self._reporting is not None:
            self._reporting.cancel()
        self._reporting = asyncio.create_task(self._reported(self._tests, before, looked), name="tests")

    async def _reported(self, tests: CommitTests, before: Deployment, looked: Looked) -> None:
        try:
            trial = await asyncio.to_thread(tests.trial, before, looked.world, looked.flows)
            outcome = await tests.run(trial)
            await self._loop.call(partial(self._take_down, outcome))
        except (GitError, BlobMissing, OSError, Busy) as error:
            _log.warning("tests.failed commit=%s error=%s", looked.world.commit, error)

    async def _stop_reporting(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)

    def _known(self) -> Known:
        return Known(self._checkpoint, self._flows, self._confirmed)

    async def _apply(self, looked: Looked, cause: str, started: datetime) -> tuple[FlowKey, ...]:
        """Make what was found the live world; the flows that are live at another revision than before."""
        found, world, before = looked.found, looked.world, self._revisions.live
        held = _held(found)
        if looked.veto is not None:
            held = f"{looked.veto}; mend it with another commit, or confirm this one {_ways(found)}"
        is_news = world is not before or held is not None or self.last is None or self.last.error is not None
        entry = Sync(
            started_at=started,
            ended_at=self._clock.now(),
            cause=cause,
            commit=found.head if held else world.commit or None,
            previous_commit=before.commit or None,
            changed=tuple(sorted(_changed(before, world))),
            problems=len(world.problems) + (len(self._tests.problems) if self._tests is not None else 0),
            held=held,
        )
        if held is not None and self.last is not None and self.last.held == held and world is before:
            is_news = self.last.commit != entry.commit
        if is_news:
            await self._loop.call(partial(self._write, looked, entry))
        self._checkpoint = found.checkpoint
        self._flows = looked.flows
        self.last = entry if is_news else replace(self.last or entry, ended_at=entry.ended_at)
        if held is None:
            self._vetoed = None
        is_known = not before.commit and world.commit == self._restored
        if self._tests is not None and not self._tests.vetoes and world is not before and not is_known:
            self._report(before, looked)
        return entry.changed

    def _write(self, looked: Looked, entry: Sync, round_: Round) -> None:
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
        self.last = Sync(
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

    def _write_failure(self, round_: Round, entry: Sync) -> None:
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
                done.set_result(SyncDone(commit=world.commit, changed=outcome, problems=self.problems))


def _held(found: Survey) -> str | None:
    """Why the commit is held, and how it can be let through."""
    if found.held is None:
        return None
    trailer = "the commit trailer Segue-Allow-Prune: true, " if found.is_trailer_heard else ""
    return f"{found.held}; confirm with {trailer}{_ways(found)}"


def _ways(found: Survey) -> str:
    return f"on the page, or by POST /api/v1/main/git/confirm/{found.head}"


def _changed(before: Deployment, after: Deployment) -> set[FlowKey]:
    """Flows that are live in one world at another revision than in the other, or not at all."""
    keys = before.flows.keys() | after.flows.keys()
    return {key for key in keys if before.flows.get(key) is not after.flows.get(key)}


def _stored(entry: Sync) -> records.Sync:
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
