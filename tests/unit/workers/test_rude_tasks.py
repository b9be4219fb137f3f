"""Tasks that break every rule: a worker may be lost to them, the daemon and its other orders not."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.scripts import processes
from segue.workers.reports import WorkerGone

from tests.support.pools import Harness, order_of
from tests.unit.workers.test_pool import in_pool

RUDE = """
import os, signal, subprocess, sys, time
from pathlib import Path
from pydantic import BaseModel
from segue.tasks.kind import Result, TaskKind
from segue.tasks.scripts.process import Command, run
from segue.tasks.scripts.protocol import Hearing

class Nothing(BaseModel):
    pass

def channel():
    for fd in range(3, 50):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
                yield fd
        except OSError:
            pass

def garbage(_, context):
    for fd in channel():
        os.write(fd, b"\\x00\\x00\\x00\\x05junk!")
    time.sleep(60)

def length(_, context):
    for fd in channel():
        os.write(fd, b"\\xff\\xff\\xff\\xff")
    time.sleep(60)

def half(_, context):
    for fd in channel():
        os.write(fd, b"\\x00\\x00\\xff\\xff{")
    os._exit(0)

def hangs(_, context):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})  # as C code that hangs
    time.sleep(0.06)
    context.log("INFO", "on")
    time.sleep(60)

def swallows(_, context):
    while True:
        try:
            time.sleep(60)
        except Exception:
            pass

def starts(_, context):
    def start(stdout, stderr):
        pid = Command(arguments=["sleep", "60"], folder=Path("/"), environment={}).start(stdout, stderr)
        context.log("INFO", str(pid))
        os.kill(os.getpid(), signal.SIGTERM)  # it is killed just now
        return pid
    run(start, context, Hearing(context))

def forgets(_, context):
    context.log("INFO", str(subprocess.Popen(["sleep", "60"]).pid))
    os.kill(os.getpid(), signal.SIGTERM)

def translates(_, context):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException as error:
        raise RuntimeError("something else") from error

def leaves(_, context):
    os._exit(5)

def exits(_, context):
    sys.exit(3)

def raises(_, context):
    raise RuntimeError("out of order")

def strange(_, context):
    return Result(outputs={"a": object()})

def infinite(_, context):
    return Result(outputs={"a": float("inf")})

def large(_, context):
    return Result(outputs={"a": "x" * (80 << 20)})

def nothing(_, context):
    return None

def looped(_, context):
    a = []
    a.append(a)
    return Result(outputs={"a": a})

KINDS = [
    TaskKind(name=f"rude.{each.__name__}", properties=Nothing, run=each)
    for each in (garbage, length, half, hangs, swallows, leaves, exits, raises, strange, infinite, large, nothing, looped,
                 starts, forgets, translates)
]
"""


def rude_package(folder: Path) -> dict[str, str]:
    """The environment in which it is installed."""
    (folder / "rude.py").write_text(RUDE)
    facts = folder / "rude-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1\n")
    (facts / "entry_points.txt").write_text("[segue.tasks]\nrude = rude:KINDS\n")
    return {"PYTHONPATH": str(folder)}


def rude(name: str, **given: object) -> Order:
    return order_of(f"rude.{name}", **given)


LOST = {
    "garbage": "was ended: it said something that is no message",
    "length": "is longer than",
    "half": "ended with code 0",
    "leaves": "ended with code 5",
}


def test_rude_tasks_cost_their_worker_at_most(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        for name, words in LOST.items():
            order = rude(name)
            await harness.begin(order)
            gone = await harness.first(WorkerGone, order_id=order.id)
            assert words in gone.message, name
        for name, words in FAILED.items():
            outcome = await harness.run(rude(name))
            assert outcome.ended.failure is not None, name
            assert (outcome.ended.state, words in outcome.ended.failure.message) == (State.FAILED, True), outcome.ended
        assert (await harness.run(order_of("core.log.Log", {"message": "on"}))).messages == ["on"]

    in_pool(tmp_path, story, environment=rude_package(tmp_path))


FAILED = {
    "exits": "SystemExit: 3",
    "raises": "RuntimeError: out of order",
    "strange": "The outputs cannot be kept",
    "infinite": "The outputs cannot be kept",
    "large": "The outputs cannot be kept",
    "nothing": "AttributeError",
    "looped": "The outputs cannot be kept",
}


async def killed(harness: Harness) -> None:
    order = rude("hangs")
    await harness.begin(order)
    await harness.line(order, "on")
    harness.pool.kill(order.id)
    assert (await harness.outcome(order)).ended.state is State.KILLED


async def timed_out(harness: Harness) -> None:
    ended = (await harness.run(rude("hangs", timeout="PT0.1S"))).ended
    assert ended.failure is not None
    assert (ended.state, ended.failure.kind) == (State.FAILED, "timeout")


async def killed_politely(harness: Harness) -> None:
    order = rude("swallows")
    await harness.begin(order)
    await asyncio.sleep(0)
    harness.pool.kill(order.id)
    assert (await harness.outcome(order)).ended.state is State.KILLED


ENDS = {"hangs, killed": killed, "hangs, timed out": timed_out, "swallows exceptions, killed": killed_politely}


@pytest.mark.parametrize("story", ENDS.values(), ids=ENDS.keys())
def test_a_task_that_hears_no_signal_is_ended_by_force(tmp_path: Path, story: Callable[[Harness], None]) -> None:
    in_pool(tmp_path, story, environment=rude_package(tmp_path), kill_grace=timedelta(seconds=0.1))


@pytest.mark.parametrize("name", ["starts", "forgets"])
def test_a_kill_while_a_process_is_being_started_ends_that_too(tmp_path: Path, name: str) -> None:
    async def story(harness: Harness) -> None:
        outcome = await harness.run(rude(name))
        assert outcome.ended.state is State.KILLED
        facts = processes.facts_of(int(outcome.text))
        assert facts is None or facts.has_ended, facts

    in_pool(tmp_path, story, environment=rude_package(tmp_path))


def test_a_kill_is_one_whatever_was_made_of_it_on_its_way(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        assert (await harness.run(rude("translates"))).ended.state is State.KILLED
        assert (await harness.run(rude("raises"))).ended.state is State.FAILED

    in_pool(tmp_path, story, environment=rude_package(tmp_path))
