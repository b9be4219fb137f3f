"""Running flows of one commit here and now: the daemon's own parts, without a socket and without following anything.

What time, files or calls would trigger stays quiet. What an execution sets in motion - flows that listen for its end -
runs, at the same commit.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from segue.git.names import parse_source
from segue.model.execution import Execution, Kind
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.problem import Problem
from segue.model.state import State
from segue.runtime.foundation import lay_foundation
from segue.runtime.lifecycle import Segue
from segue.runtime.live import Live
from segue.runtime.round import Round
from segue.runtime.settings import load_settings
from segue.web.actions import Kill
from segue.web.live import EXECUTIONS
from segue.web.ports.flows import LiveFlow
from segue.web.ports.logs import LogEntry, LogSearch
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import Start

_LINES_AT_ONCE: Final = 1000
_PAUSE_SECONDS: Final = 0.05
_PAUSE_OF_MANY_SECONDS: Final = 0.5  # a picture of thousands of task runs is not taken many times a second
_MANY_TASK_RUNS: Final = 500
_BEAT_SECONDS: Final = 0.25

_KEPT_FOLDER_MARK: Final = "segue-run"


class NotOurs(Exception):
    """A data folder that something else than such runs may use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty and was not made by `segue run`; give a folder of its own with --data")


class SourceUnreadable(Exception):
    """The commit could not be read."""


class Seen(Struct, frozen=True):
    """An execution and its flow. It may be the living one: look at it before the next `await`."""

    execution: Execution
    flow: Flow


class News(Struct, frozen=True):
    """How all executions of the run are now, oldest first, and the log lines that came since the last news. Iterations
    of a Loop that ended well are told once: there may be very many."""

    seen: tuple[Seen, ...]
    lines: tuple[LogEntry, ...]
    at: datetime

    @property
    def outcome(self) -> Execution:
        """The execution that was started, or the last one that retried it."""
        first = self.seen[0].execution
        return next((each.execution for each in reversed(self.seen) if each.execution.original_id == first.id), first)


@contextlib.asynccontextmanager
async def local_daemon(
    *, source: Path, branch: str, data: Path, flags: Mapping[str, Any], environment: Mapping[str, str]
) -> AsyncIterator["LocalRun"]:
    """A daemon for the one commit of a bare repository, ready to run a flow; gone at the end of the block.

    Raises BadSetting, StorageFailure, StoreError, GitError, OSError, NotOurs, SourceUnreadable.
    """
    async with local_segue(source=source, branch=branch, data=data, flags=flags, environment=environment) as segue:
        run = LocalRun(segue)
        await run.kill()  # what an earlier run in this folder left, if it was killed itself
        yield run


@contextlib.asynccontextmanager
async def local_segue(
    *, source: Path, branch: str, data: Path, flags: Mapping[str, Any], environment: Mapping[str, str]
) -> AsyncIterator[Segue]:
    """The same with all its parts, for who starts executions of many flows."""
    _take(data)
    fixed = {
        "source": str(source),
        "branch": branch,
        "durability": "normal",
        "allow_prune": "true",
        "storage": str(data / "storage"),  # wherever a daemon of the same environment keeps its files
    }
    settings = load_settings({**flags, **fixed}, environment, data)
    foundation = lay_foundation(settings, parse_source(str(source), branch=branch))
    segue = Segue(settings, foundation, environment, follows=False)
    try:
        await segue.start()
        failed = segue.sync.last.error if segue.sync.last is not None else None
        if failed is not None:
            raise SourceUnreadable(failed)
        yield segue
    finally:
        segue.bells.close()
        await segue.stop()


class LocalRun:
    """The executions of one run: `start` one, then `follow` it and what it sets in motion."""

    def __init__(self, segue: Segue) -> None:
        self._segue = segue
        self._flows: dict[ExecutionId, Flow] = {}
        self._ended: dict[ExecutionId, Execution] = {}
        self._read_up_to: dict[ExecutionId, int] = {}
        self._is_following = False
        segue.decisions.on_move(self._remember)

    @property
    def flows(self) -> Sequence[LiveFlow]:
        return self._segue.daemon.flows()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the flows at this commit."""
        return self._segue.revisions.live.problems

    async def start(self, request: Start) -> Execution | Refusal:
        self._is_following = True
        return await self._segue.daemon.start(request)

    async def follow(self) -> AsyncIterator[News]:
        """News as it comes, and every so often without; the last is that all executions have ended.

        A paused execution that something else set in motion is not waited for: nobody could resume it.
        """
        with self._segue.bells.follow(EXECUTIONS) as subscription:
            while not subscription.is_closed:
                news = await self._news()
                yield news
                if not any(self._is_awaited(execution_id) for execution_id in self._flows):
                    return
                many = sum(len(each.execution.task_runs) for each in news.seen) > _MANY_TASK_RUNS
                await subscription.rest(_PAUSE_OF_MANY_SECONDS if many else _PAUSE_SECONDS)
                await subscription.rung(_BEAT_SECONDS)

    async def kill(self) -> None:
        """Kill every execution that has not ended."""
        for live in self._segue.executions:
            await self._segue.daemon.act(live.execution.id, Kill())

    async def _news(self) -> News:
        self._forget_iterations()
        # In this order: what an execution logged is stored before it is over.
        # What is set in motion meanwhile comes with the next news.
        open_ = [each for each in self._flows if each not in self._ended]
        over = [each for each in open_ if self._segue.executions.get(each) is None]
        lines = [line for each in open_ for line in await self._lines_of(each)]
        for execution_id in over:
            stored = await asyncio.to_thread(self._segue.reads.execution, execution_id)
            assert stored is not None
            self._ended[execution_id] = stored
        lines.sort(key=lambda line: line.id)
        seen = tuple(Seen(self._now(each), flow) for each, flow in self._flows.items())
        return News(seen, tuple(lines), self._segue.clock.now())

    def _forget_iterations(self) -> None:
        """Those that have been told for the last time."""
        for each in [*self._ended.values()]:
            if each.kind is Kind.LOOP and each.state.is_success:
                del self._flows[each.id], self._ended[each.id]
                self._read_up_to.pop(each.id, None)

    async def _lines_of(self, execution_id: ExecutionId) -> list[LogEntry]:
        found: list[LogEntry] = []
        while True:
            search = LogSearch(
                execution_id=execution_id, after=self._read_up_to.get(execution_id), limit=_LINES_AT_ONCE
            )
            lines = await asyncio.to_thread(self._segue.reads.logs, search)
            found += lines
            if lines:
                self._read_up_to[execution_id] = lines[-1].id
            if len(lines) < _LINES_AT_ONCE:
                return found

    def _now(self, execution_id: ExecutionId) -> Execution:
        ended = self._ended.get(execution_id)
        if ended is not None:
            return ended
        live = self._segue.executions.get(execution_id)
        return live.execution if live is not None else self._stored(execution_id)

    def _stored(self, execution_id: ExecutionId) -> Execution:
        """One that ended while the news was gathered; the next news tells its last lines."""
        stored = self._segue.reads.execution(execution_id)
        assert stored is not None
        return stored

    def _is_awaited(self, execution_id: ExecutionId) -> bool:
        if execution_id in self._ended:
            return False
        live = self._segue.executions.get(execution_id)
        is_first = execution_id == next(iter(self._flows))
        return is_first or live is None or live.execution.state is not State.PAUSED

    def _remember(self, _round: Round, live: Live, _state: State) -> None:
        if self._is_following:
            self._flows.setdefault(live.execution.id, live.deployed.flow)


@contextlib.contextmanager
def interrupts(interrupted: Callable[[], None]) -> Iterator[None]:
    """Within the block an interrupt of the program is a call, rather than its end."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, interrupted)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _take(folder: Path) -> None:
    """Make the folder, or see that it is one of ours: a daemon's would lose its flows to the commit that is run."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / _KEPT_FOLDER_MARK
    if not mark.exists():
        if any(folder.iterdir()):
            raise NotOurs(folder)
        mark.touch()
        (folder / ".gitignore").write_text("*\n")  # in a checkout it is no part of what is run
