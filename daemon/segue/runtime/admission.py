"""Admission: whether anything new is taken in just now, and what whoever asks is told where it is not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from segue.runtime.loop import Busy, Loop, Work
from segue.runtime.measures import Measures
from segue.web.ports.refusals import Refusal

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 3.0


class Admission:
    """Lets requests in to the loop, or refuses them with 503."""

    def __init__(self, loop: Loop, measures: Measures) -> None:
        self._loop = loop
        self._measures = measures

    async def call(self, work: Work[T]) -> T | Refusal:
        """What a piece of work answers once that is durable."""
        return await self.ask(partial(self._loop.call, work))

    async def ask(self, ask: Callable[[], Awaitable[T]]) -> T | Refusal:
        """The same of whatever ends in a piece of work."""
        if not self._measures.is_ready:
            return Refusal(503, "The daemon is starting or stopping: ask again in a moment")
        asked = asyncio.ensure_future(ask())
        try:
            while not (await asyncio.wait({asked}, timeout=_PATIENCE_SECONDS))[0]:
                # Nobody was promised anything yet, and a caller should not wait for a disk to be freed.
                if (trouble := self._loop.trouble) is not None:
                    return Refusal(503, f"Nothing new is taken in at the moment: {trouble}")
            return asked.result()
        except Busy as error:
            return Refusal(503, f"Nothing new is taken in at the moment: {error}")
        except asyncio.CancelledError:
            asked.cancel()
            raise
