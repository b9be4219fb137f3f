"""A load on one address: a small HTTP client of its own process, closed loop or open loop.

    python -m tests.benchmarks.load closed URL CONNECTIONS SECONDS
    python -m tests.benchmarks.load open URL RATE SECONDS

Prints one JSON line: how many calls were answered well, how long it took, and the latencies' percentiles (ms). Bounded
in time and in the number of calls; loopback only.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

BODY = b'{"name": "Ada"}'
CALLS_MAX = 1_000_000


class Connection:
    """Keep-alive, one call at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname in {"127.0.0.1", "localhost"}, "loads talk to loopback only"
        self._host, self._port = parts.hostname, parts.port or 80
        self._request = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.hostname}:{parts.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        ).encode() + BODY
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self) -> bool:
        """One call; was it answered with 2xx."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        assert self._reader is not None
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        await self._reader.readexactly(length)
        return head[9:10] == b"2"


async def closed(url: str, connections: int, seconds: float) -> tuple[list[float], int, float]:
    """Each connection calls again as soon as it was answered."""
    latencies: list[float] = []
    failed = 0
    began = time.perf_counter()
    end = began + seconds

    async def caller() -> None:
        nonlocal failed
        connection = Connection(url)
        while time.perf_counter() < end and len(latencies) < CALLS_MAX:
            started = time.perf_counter()
            if await connection.call():
                latencies.append(time.perf_counter() - started)
            else:
                failed += 1

    await asyncio.gather(*(caller() for _ in range(connections)))
    return latencies, failed, time.perf_counter() - began


async def open_loop(url: str, rate: float, seconds: float) -> tuple[list[float], int, float]:
    """Calls at a steady rate whatever the answers do; latency counts from when a call was due."""
    latencies: list[float] = []
    failed = 0
    idle: list[Connection] = []
    calls: set[asyncio.Task[None]] = set()
    began = time.perf_counter()

    async def one(due: float) -> None:
        nonlocal failed
        connection = idle.pop() if idle else Connection(url)
        if await connection.call():
            latencies.append(time.perf_counter() - due)
        else:
            failed += 1
        idle.append(connection)

    for number in range(min(int(rate * seconds), CALLS_MAX)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(one(due))
        calls.add(task)
        task.add_done_callback(calls.discard)
    await asyncio.gather(*calls)
    return latencies, failed, time.perf_counter() - began


def percentile(latencies: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def main() -> None:
    kind, url, amount, seconds = sys.argv[1:]
    load: Callable[[str, float, float], Awaitable[tuple[list[float], int, float]]] = (
        (lambda url, amount, seconds: closed(url, int(amount), seconds)) if kind == "closed" else open_loop
    )
    latencies, failed, took = asyncio.run(load(url, float(amount), float(seconds)))  # type: ignore[arg-type]
    report = {
        "answered": len(latencies),
        "failed": failed,
        "seconds": took,
        "per_minute": len(latencies) / took * 60,
        "p50": percentile(latencies, 0.5),
        "p95": percentile(latencies, 0.95),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
