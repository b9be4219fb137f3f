"""Event streams (server-sent events). A stream ends when its source does, when the daemon goes down, when the client
leaves, or when the client takes too long to read."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from msgspec import Struct
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_SECONDS_MAX: Final = 20.0
HEARTBEAT_SECONDS: Final = 15.0

log: Final = logging.getLogger("segue.web")


class Sent(Struct, frozen=True):
    """One event; an empty one keeps the line open."""

    data: bytes = b""
    id: str = ""
    event: str = ""

    def encode(self) -> bytes:
        if not self.data:
            return b":\n\n"
        head = f"id: {self.id}\n" if self.id else ""
        head += f"event: {self.event}\n" if self.event else ""
        lines = b"".join(b"data: " + line + b"\n" for line in self.data.split(b"\n"))
        return head.encode() + lines + b"\n"


class EventStream(Response):
    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[Sent]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving):
                task.cancel()
            await asyncio.gather(writing, leaving, return_exceptions=True)
        if not writing.cancelled() and (failure := writing.exception()) is not None:
            log.error("web.stream-failed", exc_info=failure)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    async with asyncio.timeout(SEND_SECONDS_MAX):
                        await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        except TimeoutError:
            return  # a client that does not read; it comes back by itself
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
