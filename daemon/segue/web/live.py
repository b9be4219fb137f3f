"""Doorbells: how the daemon tells open pages that something changed. No data travels, so nothing piles up.

Whoever follows a topic waits until it rings, then reads the present state. Any number of rings while nobody looked
are one. All of it happens on the loop's thread; a ring that nobody waits for costs one look-up in a dict.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Topics. An execution's own topic rings for its task runs, logs and metrics too.
EXECUTIONS: Final = "executions"
FLOWS: Final = "flows"
TRIGGERS: Final = "triggers"
GIT: Final = "git"

FOLLOWERS_MAX: Final = 512  # open event streams; browsers reconnect by themselves when one frees


def execution_topic(execution_id: str) -> str:
    return f"execution/{execution_id}"


class TooManyFollowers(Exception):
    """More event streams are wanted than the daemon keeps open."""


class Subscription:
    """One follower's ear at some topics."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._rung: set[str] = set()
        self._closed = asyncio.Event()

    async def rung(self, timeout_seconds: float | None = None) -> frozenset[str]:
        """The topics that rang since the last call; waits for the first. Empty after the timeout, or when closed."""
        if not self._woken.is_set():
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._woken.wait()
            except TimeoutError:
                return frozenset()
        topics = frozenset(self._rung)
        self._rung.clear()
        if not self.is_closed:
            self._woken.clear()
        return topics

    async def rest(self, seconds: float) -> None:
        """Wait a while, so that many rings make one; ends early when closed."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def wake(self, topic: str) -> None:
        self._rung.add(topic)
        self._woken.set()

    def close(self) -> None:
        self._closed.set()
        self._woken.set()


class Doorbells:
    """All bells of a daemon. Only the loop's thread may use them."""

    def __init__(self) -> None:
        self._followers: dict[str, set[Subscription]] = {}
        self._open: set[Subscription] = set()
        self._is_closed = False

    def ring(self, topic: str) -> None:
        """Tell everybody who follows `topic` that it changed."""
        for subscription in self._followers.get(topic, ()):
            subscription.wake(topic)

    def check_room(self) -> None:
        """Raises `TooManyFollowers` where one more would be refused."""
        if len(self._open) >= FOLLOWERS_MAX:
            raise TooManyFollowers(f"{FOLLOWERS_MAX} event streams are open")

    @contextmanager
    def follow(self, *topics: str) -> Iterator[Subscription]:
        self.check_room()
        subscription = Subscription()
        self._open.add(subscription)
        for topic in topics:
            self._followers.setdefault(topic, set()).add(subscription)
        if self._is_closed:
            subscription.close()
        try:
            yield subscription
        finally:
            self._open.discard(subscription)
            for topic in topics:
                self._leave(topic, subscription)

    def _leave(self, topic: str, subscription: Subscription) -> None:
        followers = self._followers[topic]
        followers.discard(subscription)
        if not followers:
            del self._followers[topic]

    def close(self) -> None:
        """End every stream: the daemon shuts down."""
        self._is_closed = True
        for subscription in self._open:
            subscription.close()
