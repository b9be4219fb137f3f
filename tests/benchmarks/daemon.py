"""The figures of the running daemon: throughput and latency of small executions, scripts, loops, commit to live, start,
idle. Each measures a real `segue serve` from outside, over HTTP, with the client in a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.support.daemon import Daemon
from tests.support.repositories import Repository
from tests.support.waiting import wait_until

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
WORKERS_AT_REST = 2  # what `workers_min` is
REST_SHARE = 0.05

WEBHOOK = """
id: hook
namespace: bench
tasks:
  - id: values
    type: io.kestra.plugin.core.output.OutputValues
    values:
      greeting: "Hello {{ trigger.body.name }}"
  - id: log
    type: io.kestra.plugin.core.log.Log
    message: "{{ outputs.values.values.greeting }}"
triggers:
  - id: called
    type: io.kestra.plugin.core.trigger.Webhook
    key: bench-key
    wait: true
"""

SCRIPTS = """
id: scripts
namespace: bench
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, 40) }}"
    concurrencyLimit: 1
    tasks:
      - id: fibo
        type: io.kestra.plugin.scripts.python.Script
        taskRunner:
          type: io.kestra.plugin.core.runner.Process
        script: |
          def fibo(n):
              return n if n < 2 else fibo(n - 1) + fibo(n - 2)
          print(fibo(10))
"""

EACH = """
id: each
namespace: bench
inputs:
  - id: n
    type: INT
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.ForEach
    values: "{{ range(1, inputs.n) }}"
    concurrencyLimit: 0
    tasks:
      - id: log
        type: io.kestra.plugin.core.log.Log
        message: "{{ taskrun.value }}"
"""

LOOP = """
id: loop
namespace: bench
inputs:
  - id: n
    type: INT
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: "{{ range(1, inputs.n) }}"
    tasks:
      - id: log
        type: io.kestra.plugin.core.log.Log
        message: "{{ item.value }}"
"""

FLOWS = {
    "flows/bench/hook.yaml": WEBHOOK,
    "flows/bench/scripts.yaml": SCRIPTS,
    "flows/bench/each.yaml": EACH,
    "flows/bench/loop.yaml": LOOP,
}

Row = tuple[str, str, str]


def load(daemon: Daemon, kind: str, amount: float, seconds: float) -> dict[str, float]:
    """What a client process measured."""
    url = f"{daemon.url}/api/v1/main/executions/webhook/bench/hook/bench-key"
    command = [sys.executable, "-m", "tests.benchmarks.load", kind, url, str(amount), str(seconds)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds * 4 + 60)
    return dict(json.loads(finished.stdout))


def webhooks(daemon: Daemon, seconds: float) -> Iterator[Row]:
    load(daemon, "closed", 8, 1)
    one = load(daemon, "closed", 1, min(seconds, 3))
    yield "webhook -> OutputValues + Log, one caller", _latency(one), "idle: 15 ms"
    many = load(daemon, "closed", 32, seconds)
    yield (
        "the same, 32 callers, closed loop",
        f"{many['per_minute']:,.0f} a minute, {_latency(many)}",
        "15,000 a minute",
    )
    rate = many["per_minute"] / 60 / 2
    half = load(daemon, "open", rate, seconds)
    yield "the same, open loop at half that rate", f"{rate * 60:,.0f} a minute, {_latency(half)}", "p95 250 ms"


def _latency(figures: dict[str, float]) -> str:
    failed = f", {figures['failed']:.0f} failed" if figures["failed"] else ""
    return f"p50 {figures['p50']:.1f} ms, p95 {figures['p95']:.1f} ms{failed}"


def scripts(daemon: Daemon) -> Iterator[Row]:
    best = min(_seconds_of(daemon, "bench/scripts") for _ in range(3))
    yield "40 python Scripts, fibo(10), one after another", f"{best:.2f} s", "0.6 s"


def loops(daemon: Daemon, sizes: tuple[int, ...]) -> Iterator[Row]:
    for name, flow in (("ForEach", "bench/each"), ("Loop", "bench/loop")):
        for size in sizes:
            seconds = _seconds_of(daemon, flow, {"n": str(size)})
            yield f"{name} over {size:,} Logs", f"{seconds:.2f} s, {seconds / size * 1000:.2f} ms each", "flat"


def _seconds_of(daemon: Daemon, flow: str, inputs: dict[str, str] | None = None) -> float:
    began = time.perf_counter()
    execution = daemon.call("POST", f"/executions/{flow}?wait=true", data=inputs or {}, timeout=300)
    seconds = time.perf_counter() - began
    assert execution["state"]["current"] == "SUCCESS", execution["state"]
    return seconds


def commit_to_live(daemon: Daemon, rounds: int) -> Iterator[Row]:
    times = []
    for number in range(rounds):
        text = WEBHOOK.replace("id: hook", "id: live").replace("Hello", f"Hello {number}")
        commit = daemon.repository.commit({"flows/bench/live.yaml": text}, f"round {number}")
        began = time.perf_counter()
        while daemon.get("/git/status")["commit"] != commit:
            assert time.perf_counter() - began < 10, "the commit did not become live"
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    p95 = times[int(len(times) * 0.95) - 1]
    yield "git commit returns -> revision live", f"p50 {statistics.median(times):.0f} ms, p95 {p95:.0f} ms", "150 ms"


def start(folder: Path, repository: Repository, rounds: int) -> Iterator[Row]:
    times = []
    for number in range(rounds):
        daemon = Daemon(repository, folder / f"start-{number}", is_fresh=True)
        began = time.perf_counter()
        daemon.start_process()
        times.append(time.perf_counter() - began)
        daemon.stop()
    yield "start to serving, empty", f"{min(times):.2f} s", "1 s"


def idle(daemon: Daemon, seconds: float) -> Iterator[Row]:
    """Of a daemon that has done nothing yet, once its workers are there and nothing moves in it."""
    processes = wait_until(partial(_at_rest, daemon), what="the daemon to be at rest")
    before = _cpu_seconds(processes)
    time.sleep(seconds)
    share = (_cpu_seconds(processes) - before) / seconds
    yield "idle memory, all processes (proportional)", _memory(processes), "150 MiB"
    yield "idle CPU", f"{share:.2%}", "0.5 %"


def memory_after(daemon: Daemon) -> Iterator[Row]:
    """Once the workers have left that were more than the least."""
    processes = wait_until(partial(_at_rest, daemon), what="the daemon to be at rest again")
    yield "memory after all of this", _memory(processes), ""


def _at_rest(daemon: Daemon) -> list[int] | None:
    """Its processes, if there are as many as at the start and a second takes little of the processor."""
    processes = list(_tree(daemon.pid))
    if sum(_name(pid).startswith("segue-worker") for pid in processes) != WORKERS_AT_REST:
        return None
    before = _cpu_seconds(processes)
    time.sleep(1)  # the span that is measured
    return processes if _cpu_seconds(processes) - before < REST_SHARE else None


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return ""


def _memory(processes: list[int]) -> str:
    return f"{sum(map(_own_bytes, processes)) / 2**20:.0f} MiB in {len(processes)}"


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _cpu_seconds(processes: list[int]) -> float:
    ticks = 0
    for pid in processes:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


def _own_bytes(pid: int) -> int:
    """Memory with what is shared divided among those who share it."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
