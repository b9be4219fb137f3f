"""Attending: one task of the event loop for each live trigger of a kind, for as long as its flow says the same of it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from segue.model.trigger import TriggerBody
from segue.runtime.deployed import Revisions
from segue.runtime.round import Round
from segue.runtime.trigger_states import TriggerStates, key_of
from segue.store.records import TriggerKey

B = TypeVar("B", bound=TriggerBody)


class Attending(Generic[B]):
    """`attend` is run for each trigger whose body is a `kind`, and cancelled when that is gone or says something else."""

    def __init__(
        self,
        revisions: Revisions,
        states: TriggerStates,
        kind: type[B],
        attend: Callable[[TriggerKey, B], Coroutine[Any, Any, None]],
    ) -> None:
        self._revisions = revisions
        self._states = states
        self._kind = kind
        self._attend = attend
        self._tasks: dict[TriggerKey, tuple[B, asyncio.Task[None]]] = {}

    def __contains__(self, key: TriggerKey) -> bool:
        return key in self._tasks

    def refresh(self, round_: Round) -> None:
        """Attend to the flows that are live now; what was remembered of a trigger goes with it."""
        wanted = dict(self._live())
        for key in self._tasks.keys() - wanted.keys():
            self._leave(key)
            self._states.remove(round_, key)
        for key, body in wanted.items():
            if key in self._tasks and self._tasks[key][0] == body:
                continue
            if key in self._tasks:
                self._leave(key)
            self._tasks[key] = (body, asyncio.get_running_loop().create_task(self._attend(key, body), name=f"{key}"))

    async def stop(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for key in tuple(self._tasks):
            self._leave(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self, key: TriggerKey) -> None:
        _, task = self._tasks.pop(key)
        task.cancel()

    def _live(self) -> Iterator[tuple[TriggerKey, B]]:
        for deployed in self._revisions.live.flows.values():
            if deployed.flow.why_off is None:
                for trigger in deployed.flow.triggers:
                    if isinstance(trigger.body, self._kind) and not trigger.disabled:
                        yield key_of(deployed, trigger.id), trigger.body
