"""Lifecycle: builds the daemon, starts it in the right order, and ends it in the reverse.

Start: the data folder is taken, survivors of a killed daemon are ended, the source is looked at, what was left is taken
up, and only then is anything new taken in. Stop: nothing new, workers end, what is decided is written, the folder is
given back.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from segue.engine.revisions import Standing
from segue.git.blobs import BlobMissing, BlobTooLarge
from segue.git.history import is_ancestor
from segue.git.namespace_files import NamespaceFiles
from segue.model.revision import FlowKey, Revision
from segue.runtime.acts import Acts
from segue.runtime.admission import Admission
from segue.runtime.around import Around
from segue.runtime.asked_acts import AskedActs
from segue.runtime.children import Children
from segue.runtime.clock import Clock, Dice, SystemClock
from segue.runtime.commit_tests import CommitTests
from segue.runtime.daemon import Parts, RunningDaemon
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch
from segue.runtime.evaluation import Evaluation
from segue.runtime.firing import Firing
from segue.runtime.foundation import Foundation
from segue.runtime.git_sync import TESTS, GitSync, SyncRules
from segue.runtime.keeper import Keeper
from segue.runtime.keys import Keys
from segue.runtime.live import LiveExecutions
from segue.runtime.live_triggers import LiveTriggers
from segue.runtime.lookups import Lookups
from segue.runtime.loop import Loop
from segue.runtime.measures import Measures
from segue.runtime.nearby import Nearby
from segue.runtime.purging import Purges
from segue.runtime.reading import StoreReads
from segue.runtime.recovery import Left, Recovery
from segue.runtime.round import Round
from segue.runtime.secrets import Secrets
from segue.runtime.settings import Settings, TestsAtSync
from segue.runtime.shared_folders import SharedFolders
from segue.runtime.starts import Starts
from segue.runtime.ticker import Ticker
from segue.runtime.timers import Timers
from segue.runtime.trigger_states import TriggerScopes
from segue.runtime.webhooks import Webhooks
from segue.runtime.workers_asks import WorkersAsks
from segue.runtime.worlds import FlowReader
from segue.spec.catalogue import Catalogue
from segue.spec.settings import SETTINGS_PATH, RepositorySettings, load_settings
from segue.store.reads import daemon as stored_daemon
from segue.store.reads import executions as stored_executions
from segue.store.reads import revisions as stored_revisions
from segue.store.reads import triggers as stored_triggers
from segue.tasks import packages
from segue.tasks.encryption import Cipher
from segue.web.live import Doorbells
from segue.workers.pool import Pool
from segue.workers.settings import PoolSettings, WorkerSettings, inherited_environment
from segue.workers.survivors import end_survivors

_STOP_WORKERS_SECONDS: Final = 2.0

_log = logging.getLogger("segue")


class Segue:
    """A daemon: built, then `start`ed, served, and `stop`ped. Everything it is made of hangs here and nowhere else."""

    def __init__(
        self,
        settings: Settings,
        foundation: Foundation,
        environment: Mapping[str, str],
        clock: Clock | None = None,
        *,
        follows: bool = True,
    ) -> None:
        """`follows`: whether it goes on looking at the source and fires what time and files trigger. Without, it knows
        one commit and runs what it is asked to, and what that sets in motion."""
        self.settings = settings
        self._follows = follows
        self.foundation = foundation
        self.clock = clock or SystemClock()
        self.bells = Doorbells()
        self.surroundings: dict[str, Any] = _surroundings(settings, environment)
        self.catalogue = _catalogue()
        self.dice = Dice()
        self.loop = Loop(self.clock, foundation.writer, self.bells)
        self.executions = LiveExecutions()
        self.timers = Timers()
        self.revisions = Revisions(self._read_revision, self._read_revision_at)
        secrets = Secrets(environment, settings.secrets_folder)
        self._secret_names = frozenset(secrets.values)
        self._namespace_files = NamespaceFiles(foundation.mirror.git_dir, foundation.blobs)
        self.dispatch = Dispatch(self.executions, self.loop, self.dice, settings.worker_lost)
        folders = SharedFolders(settings.data.absolute() / "work")
        self.decisions = Decisions(self.executions, self.revisions, self.dispatch, self.timers, folders, self.dice)
        self.loop.bind(self.decisions)
        self.ticker = Ticker(self.timers, self.loop, self.decisions, self.clock)
        self.loop.after_tick(self.ticker.rearm)
        key = foundation.encryption_key
        self.reads = StoreReads(foundation.readers, self.clock)
        nearby = Nearby(self.reads.key, secrets.values)
        self.starts = Starts(
            self.revisions,
            self.loop,
            self.decisions,
            self.dispatch,
            foundation.storage,
            self.clock,
            self.dice,
            self.surroundings,
            nearby,
            Cipher.of(key) if key else None,
        )
        self.firing = Firing(
            settings,
            foundation.readers,
            self.revisions,
            self.executions,
            self.loop,
            self.dispatch,
            self.starts,
            self.clock,
            self.dice,
            TriggerScopes(self.surroundings, nearby),
        )
        self.commit_tests = self._commit_tests() if follows else None
        self.sync = self._git_sync()
        self.measures = Measures(self.executions, self.loop, self.dispatch, self.sync)
        self.keeper = Keeper(foundation.mirror)
        self._left: Left | None = None
        self._follow_changes()
        around = Around(self.executions, self.revisions, self.reads.execution)
        acts = Acts(self.revisions, self.decisions, around, self.dice)
        self.children = Children(
            self.revisions,
            self.loop,
            self.decisions,
            self.starts,
            self.dice,
            self.reads,
            acts.take_in,
        )
        self.decisions.bind(self.children)
        self.decisions.on_move(self.children.on_move)
        acts.on_removed(self.children.removed)
        self.recovery = Recovery(
            self.revisions,
            self.decisions,
            self.dispatch,
            self.timers,
            self.children,
            around,
            folders,
            self.dice,
            settings.worker_lost,
        )
        self.pool = Pool(self._pool_settings(environment, secrets), self.dispatch.report)
        keys = Keys(self.reads, self.loop)
        purges = Purges(foundation.readers, self.executions, self.loop, self.clock, foundation.storage)
        self.daemon = RunningDaemon(self._parts(acts, around, keys), self.bells)
        self.dispatch.bind(self.pool, self.decisions, WorkersAsks(self.daemon, self.reads, keys, purges))
        self.stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def _git_sync(self) -> GitSync:
        rules = SyncRules(
            poll_interval=self.settings.poll_interval,
            is_prune_allowed=self.settings.allow_prune,
            is_fast_forward_required=self.settings.require_fast_forward,
        )
        return GitSync(
            self.foundation.mirror,
            self.foundation.blobs,
            self.revisions,
            self.loop,
            self.clock,
            rules,
            self._flow_reader,
            self._older_revisions,
            self.commit_tests,
        )

    def _follow_changes(self) -> None:
        """Who hears of it that other flows are live, and that an execution has moved. In this order: nothing may fire
        before what was left is taken up, or limits would not see it."""
        self.sync.on_applied(self._refresh_globals)
        self.sync.on_applied(self.firing.refresh_listeners)
        self.sync.on_applied(self._take_up)
        self.sync.on_applied(self.decisions.release_all)
        if self._follows:
            self.sync.on_applied(self.firing.refresh)
        self.decisions.on_move(self.measures.on_move)
        self.decisions.on_move(self.firing.on_move)
        self.decisions.on_move(self.keeper.on_move)

    def _parts(self, acts: Acts, around: Around, keys: Keys) -> Parts:
        """What pages, API and workers reach through the daemon's face."""
        admission = Admission(self.loop, self.measures)
        lookups = Lookups(self.executions, self.loop, self.reads.execution)
        return Parts(
            clock=self.clock,
            admission=admission,
            lookups=lookups,
            executions=self.executions,
            revisions=self.revisions,
            starts=self.starts,
            acts=AskedActs(
                admission,
                lookups,
                self.reads,
                self.revisions,
                self.decisions,
                acts,
                self.starts,
                self.foundation.storage,
                self.clock,
                self.dice,
            ),
            evaluation=Evaluation(
                self.executions, lookups, self.revisions, around, self.dispatch, self.clock, self.dice
            ),
            webhooks=Webhooks(
                self.revisions,
                self.firing.states,
                self.starts,
                self.firing.starts,
                self.decisions,
                self.loop,
                self.foundation.storage,
                self.clock,
                self.dice,
                self.firing.scopes,
                self.settings.webhook_rate,
            ),
            triggers=LiveTriggers(self.revisions, self.firing.states, self.firing.scheduler),
            trigger_states=self.firing.states,
            sync=self.sync,
            keys=keys,
            measures=self.measures,
            surroundings=self.surroundings,
            source=self.foundation.mirror.source.location,
            branch=self.foundation.mirror.source.branch or "HEAD",
        )

    # Starting.

    async def start(self) -> None:
        """Take up what was left, look at the source, begin to follow it. Ready when this returns."""
        self._tasks.append(asyncio.create_task(self._start_workers(), name="workers"))
        self._restore_sync()
        self._left = await asyncio.to_thread(self._read_left)
        await self.sync.begin()
        await self.loop.call(self._take_up)  # when the source could not be looked at
        if self._follows:
            self.firing.begin()
            self._tasks.append(asyncio.create_task(self.sync.run(self.stopping), name="sync"))
        self.measures.is_ready = True

    async def _start_workers(self) -> None:
        """Workers come up beside the first look at the source; survivors of a crash are ended before, and only then
        forgotten: a daemon that is killed while it does so leaves them to the next."""
        known = tuple((process.pid, process.started) for process in self.foundation.left_processes)
        ended = await asyncio.to_thread(end_survivors, self.foundation.instance, known) if known else 0
        if ended:
            _log.warning("recovery.ended_survivors count=%d", ended)
        self.loop.do(self._forget_processes)
        await self.pool.start()

    def _forget_processes(self, round_: Round) -> None:
        for process in self.foundation.left_processes:
            round_.batch.remove_process(process.pid, process.started)

    def _take_up(self, round_: Round) -> None:
        """Once, in the round that makes the first flows live."""
        left, self._left = self._left, None
        if left is None:
            return
        round_.batch.put_setting("instance", self.foundation.instance)
        self.recovery.take_up(left, round_)

    def _read_left(self) -> Left:
        with self.foundation.readers.snapshot(seconds_max=60) as connection:
            return Left(
                executions=tuple(stored_executions.live(connection)),
                timers=stored_triggers.timers(connection),
            )

    def _restore_sync(self) -> None:
        with self.foundation.readers.snapshot(seconds_max=60) as connection:
            head = stored_daemon.setting(connection, "head")
            last = stored_revisions.last_of_each(connection)
            tested = stored_daemon.setting(connection, TESTS)
        if head:
            self.sync.restore(head, (Standing(revision, revision.path) for revision in last))

        if tested and self.commit_tests is not None:
            self.commit_tests.restore(tested)

    # Stopping.

    def ask_to_stop(self) -> None:
        self.stopping.set()
        self.sync.wake()

    async def stop(self) -> None:
        """End in order: nothing new, workers, writing."""
        self.measures.is_ready = False
        self.ask_to_stop()
        await self.firing.stop()
        self.dispatch.stop()
        self.ticker.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.commit_tests is not None:
            await self.commit_tests.stop()
        await self.pool.stop(_STOP_WORKERS_SECONDS)
        await self._until_idle()
        await asyncio.to_thread(self.foundation.close)

    async def _until_idle(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while not self.loop.is_idle:  # noqa: ASYNC110 - for once at the end, an event would cost every tick
                    await asyncio.sleep(0.005)

    # Reading, for the parts.

    def _flow_reader(self, commit: str) -> FlowReader:
        """Reads flows by the rules of the repository at that commit."""
        return FlowReader(
            reader=self.foundation.blobs,
            catalogue=self.catalogue,
            settings=self._repository_settings(commit),
            files=self._files_of_namespace,
            secrets=self._secret_names,
            surroundings=self.surroundings,
        )

    def _commit_tests(self) -> CommitTests | None:
        if self.settings.tests is TestsAtSync.OFF:
            return None
        return CommitTests(self.foundation.mirror.git_dir, self.foundation.blobs, self.settings)

    def _files_of_namespace(self, commit: str, namespace: str) -> frozenset[str]:
        return frozenset(file.path for file in self._namespace_files.files(commit, namespace))

    def _repository_settings(self, commit: str) -> RepositorySettings:
        if not commit:
            return RepositorySettings()
        try:
            text = self.foundation.blobs.read_path(commit, SETTINGS_PATH)
        except (BlobMissing, BlobTooLarge):
            return RepositorySettings()
        return load_settings(text, catalogue=self.catalogue).settings or RepositorySettings()

    def _refresh_globals(self, _round: Round) -> None:
        repository = self.sync.flows.settings.variables_for(self.settings.env)
        self.surroundings["globals"] = {**repository, **self.settings.variables_globals}

    def _read_revision(self, key: FlowKey, number: int) -> Deployed | None:
        with self.foundation.readers.snapshot() as connection:
            found = stored_revisions.of_flow(connection, key)
        revision = next((each for each in found if each.number == number), None)
        return self.sync.flows.deployed(revision) if revision is not None else None

    def _read_revision_at(self, key: FlowKey, commit: str) -> Deployed | None:
        """The last good revision that there was at a commit which is not the live one any more."""
        for revision in self._older_revisions(key):
            if not is_ancestor(self.foundation.mirror.git_dir, revision.commit_id, commit):
                continue
            found = None if revision.is_deleted else self.sync.flows.deployed(revision)
            if found is not None or revision.is_deleted:
                return found
        return None

    def _older_revisions(self, key: FlowKey) -> Iterable[Revision]:
        with self.foundation.readers.snapshot() as connection:
            found = stored_revisions.of_flow(connection, key)
        return sorted(found, key=lambda revision: -revision.number)

    def _pool_settings(self, environment: Mapping[str, str], secrets: Secrets) -> PoolSettings:
        data = self.settings.data.absolute()
        worker = WorkerSettings(
            instance=self.foundation.instance,
            storage=self.settings.storage_place,
            work=data / "work",
            mirror=self.foundation.mirror.git_dir,
            environment=inherited_environment(environment),
            secrets=secrets.values,
            encryption_key=self.foundation.encryption_key,
            warm_python=self.settings.warm_python,
            kill_grace=self.settings.kill_grace,
            allowed_paths=self.settings.allowed_paths,
            blocked_networks=self.settings.blocked_networks,
        )
        return PoolSettings(
            worker=worker,
            workers_min=min(self.settings.workers_min, self.settings.workers_max),
            workers_max=self.settings.workers_max,
        )


def _catalogue() -> Catalogue:
    for broken in packages.installed().broken:
        _log.error("tasks.broken_package %s", broken)
    return packages.catalogue()


def _surroundings(settings: Settings, environment: Mapping[str, str]) -> dict[str, Any]:
    """Variables that do not come from an execution."""
    prefix = "ENV_"
    return {
        "envs": {
            name.removeprefix(prefix).lower(): value for name, value in environment.items() if name.startswith(prefix)
        },
        "globals": dict(settings.variables_globals),
        "kestra": {"environment": settings.env or "", "url": settings.url or ""},
    }
