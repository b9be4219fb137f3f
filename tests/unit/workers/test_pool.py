"""The pool with real processes: orders and their ends, growth, shrinking, kills, deaths."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from segue.model.state import State
from segue.tasks.scripts import processes
from segue.workers.pool import Pool
from segue.workers.reports import OrderEnded, WorkerAsks, WorkerGone, WorkerIdle
from segue.workers.settings import PoolSettings, WorkerSettings

from tests.support.pools import Harness, order_of, running_pool


def in_pool(folder: Path, story: Callable[[Harness], Awaitable[None]], **settings: Any) -> None:
    async def play() -> None:
        async with running_pool(folder, **settings) as harness:
            await story(harness)

    asyncio.run(play())


def test_an_order_is_rendered_run_and_reported_with_its_log(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.log.Log", {"message": "Hello {{ inputs.name }}"}, variables={"inputs": {"name": "Ada"}})
        outcome = await harness.run(order)
        assert outcome.ended.state is State.SUCCESS
        assert [(line.level, line.message) for line in outcome.lines] == [("INFO", "Hello Ada")]

    in_pool(tmp_path, story)


def test_outputs_keep_their_types(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        given = {"n": 5, "list": [1, None, {"a": 1.5}], "text": "5"}
        values = {name: "{{ " + name + " }}" for name in given}
        outcome = await harness.run(order_of("core.output.OutputValues", {"values": values}, variables=given))
        assert outcome.ended.outputs == {"values": given}

    in_pool(tmp_path, story)


def test_what_fails_is_a_value_with_a_line_in_the_log(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        outcome = await harness.run(order_of("core.execution.Fail", {"errorMessage": "no luck"}))
        assert outcome.ended.state is State.FAILED
        assert outcome.ended.failure is not None
        assert outcome.ended.failure.message == "no luck"
        assert [(line.level, line.message) for line in outcome.lines] == [("ERROR", "no luck")]

    in_pool(tmp_path, story)


def test_an_evaluation_answers_with_its_value(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("", purpose="values", template="{{ x }}", typed=True, variables={"x": [1, 2]})
        assert (await harness.run(order)).ended.value == [1, 2]

    in_pool(tmp_path, story)


def test_run_if_that_is_false_skips(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.log.Log", {"message": "no"}, run_if="{{ x }}", variables={"x": False})
        outcome = await harness.run(order)
        assert (outcome.ended.state, outcome.lines) == (State.SKIPPED, [])

    in_pool(tmp_path, story)


def test_a_worker_asks_the_daemon_and_goes_on_with_the_answer(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.debug.Return", {"format": "{{ kv('color') }}"})
        await harness.begin(order)
        asks = await harness.first(WorkerAsks, order_id=order.id)
        assert (asks.kind, asks.arguments["key"]) == ("kv", "color")
        harness.pool.answer(asks.worker, asks.ask_id, value="green")
        assert (await harness.outcome(order)).ended.outputs == {"value": "green"}

    in_pool(tmp_path, story)


def test_secrets_do_not_show_in_the_log(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.log.Log", {"message": "it is {{ secret('TOKEN') }}!"})
        assert (await harness.run(order)).messages == ["it is **masked*****!"]

    in_pool(tmp_path, story, secrets={"TOKEN": "correct horse"})


def test_a_worker_that_is_killed_is_gone_with_its_order(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.debug.Return", {"format": "{{ kv('unanswered') }}"})
        worker = await harness.begin(order)
        await harness.first(WorkerAsks, order_id=order.id)
        pid = {name: pid for name, pid, _ in harness.pool.processes}[worker]
        os.kill(pid, signal.SIGKILL)
        gone = await harness.first(WorkerGone, order_id=order.id)
        assert gone.message == f"{worker} was killed by signal 9 (SIGKILL)"
        assert (await harness.run(order_of("core.log.Log", {"message": "on"}))).messages == ["on"]

    in_pool(tmp_path, story)


def test_an_order_for_a_worker_that_died_meanwhile_is_told_as_lost(tmp_path: Path) -> None:
    """Whenever it died: while it waits to be buried, during, or long before."""

    async def story(harness: Harness) -> None:
        for turns in range(6):
            await harness.run(order_of("core.log.Log", {"message": "warm"}))
            worker = harness.pool.reserve()
            assert worker is not None
            pid = {name: pid for name, pid, _ in harness.pool.processes}[worker]
            os.kill(pid, signal.SIGKILL)
            if turns == 0:
                await harness.first(WorkerGone, worker=worker)
            for _ in range(turns * 3):
                await asyncio.sleep(0)
            order = order_of("core.log.Log", {"message": "on"})
            harness.pool.send(worker, order)
            await harness.first(WorkerGone, order_id=order.id)
            harness.pool.release(worker)
            assert (await harness.run(order_of("core.log.Log", {"message": "on"}))).messages == ["on"]

    in_pool(tmp_path, story)


def test_a_kill_ends_an_order(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.debug.Return", {"format": "{{ kv('unanswered') }}"})
        await harness.begin(order)
        await harness.first(WorkerAsks, order_id=order.id)
        assert harness.pool.kill(order.id)
        assert (await harness.outcome(order)).ended.state is State.KILLED
        assert not harness.pool.kill(order.id)

    in_pool(tmp_path, story)


def test_a_kill_that_overtakes_its_order_ends_it(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of("core.debug.Return", {"format": "{{ kv('unanswered') }}"})
        await harness.begin(order)
        assert harness.pool.kill(order.id)
        assert (await harness.outcome(order)).ended.state is State.KILLED
        assert (await harness.run(order_of("core.log.Log", {"message": "on"}))).ended.state is State.SUCCESS

    in_pool(tmp_path, story)


def test_a_timeout_ends_an_order_and_says_so(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = order_of(
            "core.debug.Return", {"format": "{{ kv('unanswered') }}"}, timeout="PT{{ s }}S", variables={"s": "0.1"}
        )
        outcome = await harness.run(order)
        assert outcome.ended.failure is not None
        assert (outcome.ended.state, outcome.ended.failure.kind) == (State.FAILED, "timeout")
        assert outcome.messages == ["Timeout after 00:00:00.100"]

    in_pool(tmp_path, story)


def test_the_pool_grows_while_orders_wait_and_shrinks_when_idle(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        orders = [order_of("core.debug.Return", {"format": "{{ kv('unanswered') }}"}) for _ in range(4)]
        await asyncio.gather(*(harness.begin(order) for order in orders))
        grown = harness.pool.processes
        assert len(grown) == 4
        for order in orders:
            harness.pool.kill(order.id)
        await asyncio.gather(*(harness.outcome(order) for order in orders))
        await harness.find(lambda _: sum(isinstance(report, WorkerGone) for report in harness.reports) == 3)
        assert len(harness.pool.processes) == 1
        worker = await harness.begin(order_of("core.log.Log", {"message": "on"}))
        assert worker in {name for name, _, _ in grown}, "all have left, and a new one has come"

    in_pool(tmp_path, story, idle_timeout=timedelta(seconds=0.8))


def test_workers_end_when_the_pool_stops(tmp_path: Path) -> None:
    pids: list[int] = []

    async def story(harness: Harness) -> None:
        await harness.first(WorkerIdle)
        pids.extend(pid for _, pid, _ in harness.pool.processes)

    in_pool(tmp_path, story, workers_min=2)
    assert pids
    assert [processes.facts_of(pid) for pid in pids] == [None] * len(pids)


def test_an_order_that_is_not_ended_when_the_pool_stops_is_told(tmp_path: Path) -> None:
    order = order_of("core.debug.Return", {"format": "{{ kv('unanswered') }}"})
    reports: list[object] = []

    async def story(harness: Harness) -> None:
        await harness.begin(order)
        await harness.first(WorkerAsks, order_id=order.id)
        harness.reports = reports  # type: ignore[assignment]

    in_pool(tmp_path, story)
    assert [report.order_id for report in reports if isinstance(report, WorkerGone)] == [order.id]
    assert not [report for report in reports if isinstance(report, OrderEnded)]


def test_the_pool_goes_on_when_the_process_that_starts_workers_dies(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        await harness.find(lambda _: sum(isinstance(report, WorkerIdle) for report in harness.reports) == 2)
        _, pid, _ = harness.pool.processes[0]
        facts = processes.facts_of(pid)
        assert facts is not None
        os.kill(facts.parent, signal.SIGKILL)
        await harness.find(lambda _: sum(isinstance(report, WorkerGone) for report in harness.reports) == 2)
        assert (await harness.run(order_of("core.log.Log", {"message": "on"}))).messages == ["on"]

    in_pool(tmp_path, story, workers_min=2)


def test_a_pool_that_was_not_started_has_no_workers(tmp_path: Path) -> None:
    settings = WorkerSettings(instance="x", storage=tmp_path, work=tmp_path)
    pool = Pool(PoolSettings(worker=settings), lambda _: None)
    assert pool.reserve() is None
    asyncio.run(pool.stop())


def test_what_a_crash_left_in_the_work_folder_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "work" / "task-left"
    left.mkdir(parents=True)
    (left / "file").write_text("x")

    async def story(harness: Harness) -> None:
        assert not left.exists()
        outcome = await harness.run(order_of("scripts.shell.Commands", {"commands": ["pwd"], "outputDirectory": True}))
        assert outcome.ended.state is State.SUCCESS
        assert list((tmp_path / "work").iterdir()) == []

    in_pool(tmp_path, story)


def test_a_worn_worker_is_replaced(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        first = await harness.run(order_of("core.log.Log", {"message": "1"}))
        second = await harness.run(order_of("core.log.Log", {"message": "2"}))
        assert first.ended.worker != second.ended.worker

    in_pool(tmp_path, story, orders_max=1)
