"""Event streams: they tell what happens, and they end."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from segue.model.state import State
from segue.web import streams
from segue.web.live import EXECUTIONS, FLOWS, FOLLOWERS_MAX, Doorbells, TooManyFollowers
from segue.web.streams import EventStream, Sent

from tests.support.web import MemoryDaemon, app_of
from tests.unit.web.conftest import KEY

SECONDS = 60


class Caller:
    """A client of the ASGI application that reads as slowly as the test wants."""

    def __init__(self, app: Any, path: str, headers: dict[str, str] | None = None) -> None:
        path, _, query = path.partition("?")
        pairs = {"host": "localhost", **(headers or {})}
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "server": ("localhost", 80),
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }
        self._app = app
        self._gone = asyncio.Event()
        self._asked = False
        self.text = ""
        self.status = 0
        self.changed = asyncio.Event()

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    def leave(self) -> None:
        self._gone.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"the stream said only: {self.text}") from None

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.text += message.get("body", b"").decode()
        self.changed.set()

    @property
    def data(self) -> list[Any]:
        return [json.loads(line[6:]) for line in self.text.splitlines() if line.startswith("data: ")]


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(SECONDS * 2):
            await story()

    asyncio.run(bounded())


def test_following_an_execution_shows_each_change_and_ends_with_it(daemon: MemoryDaemon) -> None:
    async def story() -> None:
        execution = daemon.add_execution(KEY, [(State.CREATED, 0)])
        caller = Caller(app_of(daemon), f"/api/v1/main/executions/{execution.id}/follow")
        following = asyncio.create_task(caller.run())
        await caller.until(lambda: len(caller.data) == 1)
        daemon.move(execution, State.RUNNING)
        await caller.until(lambda: caller.data[-1]["state"]["current"] == "RUNNING")
        daemon.move(execution, State.SUCCESS)
        await following
        assert caller.data[-1]["state"]["current"] == "SUCCESS"
        ids = [line for line in caller.text.splitlines() if line.startswith("id: ")]
        assert (ids[0], ids[-1]) == ("id: start", "id: end")

    play(story)


def test_many_changes_at_once_are_one_picture(daemon: MemoryDaemon) -> None:
    async def story() -> None:
        execution = daemon.add_execution(KEY, [(State.CREATED, 0)])
        caller = Caller(app_of(daemon), f"/api/v1/main/executions/{execution.id}/follow")
        following = asyncio.create_task(caller.run())
        await caller.until(lambda: len(caller.data) == 1)
        for _ in range(500):
            daemon.move(execution, State.RUNNING)
        daemon.move(execution, State.FAILED)
        await following
        assert len(caller.data) <= 3

    play(story)


def test_logs_are_followed_from_where_one_left_off(daemon: MemoryDaemon) -> None:
    async def story() -> None:
        execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
        first = daemon.add_log(execution, "one")
        daemon.add_log(execution, "two\nlines")
        path = f"/api/v1/main/logs/{execution.id}/follow"
        caller = Caller(app_of(daemon), path, {"last-event-id": str(first.id)})
        following = asyncio.create_task(caller.run())
        await caller.until(lambda: len(caller.data) == 1)
        daemon.add_log(execution, "three")
        await caller.until(lambda: len(caller.data) == 2)
        daemon.move(execution, State.SUCCESS)
        await following
        assert [each.get("message") for each in caller.data] == ["two\nlines", "three", None]
        assert "event: end" in caller.text

    play(story)


def test_a_page_hears_its_topics_and_no_others(daemon: MemoryDaemon) -> None:
    async def story() -> None:
        caller = Caller(app_of(daemon), "/events?topics=executions,git")
        following = asyncio.create_task(caller.run())
        await caller.until(lambda: "event: listening" in caller.text)
        daemon.bells.ring(FLOWS)
        daemon.bells.ring(EXECUTIONS)
        await caller.until(lambda: "event: changed" in caller.text)
        assert caller.data[-1] == {"topics": ["executions"]}
        caller.leave()
        await following

    play(story)


def test_streams_end_when_the_daemon_does(daemon: MemoryDaemon) -> None:
    async def story() -> None:
        execution = daemon.add_execution(KEY, [(State.RUNNING, 0)])
        app = app_of(daemon)
        paths = [f"/api/v1/executions/{execution.id}/follow", f"/api/v1/logs/{execution.id}/follow", "/events"]
        callers = [Caller(app, path) for path in paths]
        following = [asyncio.create_task(caller.run()) for caller in callers]
        for caller in callers:
            await caller.until(lambda caller=caller: caller.text != "")
        daemon.bells.close()
        await asyncio.gather(*following)
        late = Caller(app, "/events")
        await late.run()

    play(story)


def test_a_client_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS_MAX", 0.01)

    async def story() -> None:
        closed = asyncio.Event()

        async def events() -> AsyncGenerator[Sent]:
            try:
                while True:
                    yield Sent(b"x")
            finally:
                closed.set()

        async def stuck(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Event().wait()

        async def connected() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        await EventStream(events())({}, connected, stuck)
        assert closed.is_set()

    play(story)


def test_only_so_many_streams_stay_open() -> None:
    bells = Doorbells()
    open_ones = [bells.follow("a") for _ in range(FOLLOWERS_MAX)]
    for each in open_ones:
        each.__enter__()
    with pytest.raises(TooManyFollowers), bells.follow("a"):
        pass
    open_ones[0].__exit__(None, None, None)
    with bells.follow("a"):
        pass


def test_a_bell_that_nobody_follows_leaves_nothing_behind() -> None:
    async def story() -> None:
        bells = Doorbells()
        with bells.follow("a", "b") as subscription:
            bells.ring("a")
            bells.ring("a")
            bells.ring("c")
            assert await subscription.rung() == {"a"}
            assert await subscription.rung(0.001) == frozenset()
        bells.ring("a")
        assert bells._followers == {}

    play(story)
