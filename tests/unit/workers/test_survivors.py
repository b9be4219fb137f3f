"""What a daemon that was killed leaves is found and ended, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.tasks.scripts import processes
from segue.workers import survivors
from segue.workers.settings import INSTANCE_VARIABLE

from tests.support.waiting import wait_until

DAEMON = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.support.pools import order_of, running_pool

async def main():
    async with running_pool(Path({folder!r}), instance={instance!r}) as harness:
        order = order_of("scripts.shell.Commands", {{"commands": ["trap '' TERM HUP", "setsid sleep 1000 & echo $!", "sleep 1001 & echo $!", "echo all; wait"]}})
        await harness.begin(order)
        await harness.line(order, "all")
        lines = [line.message for report in harness.reports for line in getattr(report, "lines", ())]
        print(json.dumps([[[pid, start] for _, pid, start in harness.pool.processes], lines]), flush=True)
        await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    instance = f"survivors-{os.getpid()}"
    program = DAEMON.format(root=str(Path(__file__).parents[3]), folder=str(tmp_path), instance=instance)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        yield process, instance
        process.kill()
        survivors.end_survivors(instance, [], 0.0)


def test_survivors_of_a_killed_daemon_are_ended(daemon: tuple[subprocess.Popen[str], str]) -> None:
    process, instance = daemon
    assert process.stdout is not None
    workers, lines = json.loads(process.stdout.readline())
    scripts = [int(line) for line in lines if line.isdigit()]
    assert len(scripts) == 2
    process.kill()
    process.wait()
    survivors.end_survivors(instance, [tuple(worker) for worker in workers], 0.2)
    left = [facts for pid in scripts if (facts := processes.facts_of(pid)) and not facts.has_ended]
    assert left == []
    assert survivors.survivors(instance, []) == []


def test_workers_leave_by_themselves_when_the_daemon_is_killed(daemon: tuple[subprocess.Popen[str], str]) -> None:
    process, instance = daemon
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    wait_until(
        lambda: not survivors.survivors(instance, []),
        what="the workers to leave",
        seen=lambda: survivors.survivors(instance, []),
    )


def test_a_process_that_took_the_id_of_a_worker_is_spared() -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as other:
        facts = processes.facts_of(other.pid)
        assert facts is not None
        assert survivors.survivors("nobody", [(other.pid, facts.start_time - 1)]) == []
        assert [each.pid for each in survivors.survivors("nobody", [(other.pid, facts.start_time)])] == [other.pid]
        other.kill()


def test_the_daemon_itself_is_spared() -> None:
    child = subprocess.run(
        [sys.executable, "-c", "from segue.workers import survivors; print(survivors.end_survivors('mine', [], 0.0))"],
        env={**os.environ, INSTANCE_VARIABLE: "mine"},
        capture_output=True,
        text=True,
    )
    assert child.stdout == "0\n"


def test_ending_starts_politely() -> None:
    script = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print(1, flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert (
            processes.end(lambda: [each for each in processes.descendants(os.getpid()) if each.pid == process.pid], 5.0)
            == 1
        )
        assert process.wait() == 7
