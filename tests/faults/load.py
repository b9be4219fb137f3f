"""The load: clients that start executions over HTTP for as long as they are let, and remember which were acknowledged."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx2

from tests.faults.flows import HOOK_KEY, STARTED, Wanted
from tests.support.client import API, NAMESPACE

_TIMEOUT_SECONDS: Final = 10.0
_MEAN_PAUSE_SECONDS: Final = 0.06
_AWAY_SECONDS: Final = 0.03  # nobody answers: the daemon starts


@dataclass(slots=True)
class Load:
    """What clients were told. `refused` counts answers that were no 2xx, by status; `broken` calls without an answer."""

    started: dict[str, str] = field(default_factory=dict)  # execution -> flow
    refused: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    bugs: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, flow: str, answer: httpx2.Response) -> None:
        with self._lock:
            if not answer.is_success:
                self.refused[answer.status_code] += 1
                if answer.status_code != 503:
                    self.bugs.append(f"{flow}: {answer.status_code} {answer.text[:200]}")
                return
            self.started[str(answer.json()["id"])] = flow

    def miss(self) -> None:
        with self._lock:
            self.broken += 1


@contextmanager
def load_on(
    url: str, seed: int, *, clients: int = 2, flows: Mapping[str, Wanted] = STARTED, pause: float = _MEAN_PAUSE_SECONDS
) -> Iterator[Load]:
    """Clients call until the block is left; then all their calls have been answered, or have failed."""
    load, over = Load(), threading.Event()
    arguments = [(url, random.Random(seed + number), load, over, flows, pause) for number in range(clients)]
    threads = [threading.Thread(target=_client, args=each, daemon=True) for each in arguments]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        over.set()
        for thread in threads:
            thread.join(_TIMEOUT_SECONDS + 1)


def _client(
    url: str, dice: random.Random, load: Load, over: threading.Event, flows: Mapping[str, Wanted], pause: float
) -> None:
    names = list(flows)
    weights = [flows[name].weight for name in names]
    with httpx2.Client(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
        while not over.wait(dice.expovariate(1 / pause)):
            (flow,) = dice.choices(names, weights)
            key = f"/{HOOK_KEY}" if flows[flow].is_hook else ""
            path = f"{API}/executions/{'webhook/' if key else ''}{NAMESPACE}/{flow}{key}"
            try:
                load.hear(flow, http.post(path, json={"n": 1}) if key else http.post(path))
            except httpx2.TransportError:
                load.miss()
                over.wait(_AWAY_SECONDS)
