"""A real pool of real worker processes for tests: orders in, reports out."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from segue.model.order import LogLine, Metric, Order
from segue.workers.pool import Pool
from segue.workers.reports import OrderEnded, OrderLogged, Report
from segue.workers.settings import PoolSettings, WorkerSettings, inherited_environment

DEADLINE_SECONDS = 60.0
R = TypeVar("R")
_numbers = iter(range(1 << 30))


def order_of(task_type: str, properties: dict[str, Any] | None = None, **given: Any) -> Order:
    """An order of a task run of its own. Ours may be given without its prefix."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "id": f"execution-{number}#1",
        "execution_id": "execution",
        "namespace": "company.team",
        "flow_id": "flow",
        "revision": 1,
        "commit": "0" * 40,
        "task_run_id": f"execution-{number}",
        "task_id": "task",
        "task_type": f"io.kestra.plugin.{task_type}" if task_type.startswith(("core.", "scripts.")) else task_type,
        "attempt": 1,
        "properties": properties or {},
    }
    return Order(**values | given)


@dataclass(slots=True)
class Outcome:
    """How an order ended, with all that was told of it."""

    ended: OrderEnded
    lines: list[LogLine]
    metrics: list[Metric]

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self.lines]

    @property
    def text(self) -> str:
        return "\n".join(self.messages)


@dataclass(slots=True)
class Harness:
    settings: WorkerSettings
    pool: Pool = field(init=False)
    reports: list[Report] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, report: Report) -> None:
        self.reports.append(report)
        self.news.set()

    async def find(self, wanted: Callable[[Report], bool], seconds: float = DEADLINE_SECONDS) -> Report:
        """The first report that is wanted; what was heard, should none come."""
        checked = 0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for report in self.reports[checked:]:
                        checked += 1
                        if wanted(report):
                            return report
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            heard = "\n".join(map(str, self.reports[-20:]))
            raise AssertionError(f"not heard within {seconds} s; last heard:\n{heard}") from None

    async def first(self, kind: type[R], **fields: Any) -> R:
        found = await self.find(
            lambda report: (
                isinstance(report, kind) and all(getattr(report, name) == value for name, value in fields.items())
            )
        )
        assert isinstance(found, kind)
        return found

    async def begin(self, order: Order) -> str:
        """Gives the order to a worker, once there is one."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (worker := self.pool.reserve()) is None:
                self.news.clear()
                await self.news.wait()
        self.pool.send(worker, order)
        return worker

    async def outcome(self, order: Order) -> Outcome:
        ended = await self.first(OrderEnded, order_id=order.id)
        told = [each for each in self.reports if isinstance(each, OrderLogged) and each.order_id == order.id]
        return Outcome(
            ended=ended,
            lines=[line for each in told for line in each.lines],
            metrics=[metric for each in told for metric in each.metrics],
        )

    async def run(self, order: Order) -> Outcome:
        await self.begin(order)
        return await self.outcome(order)

    async def line(self, order: Order, text: str) -> LogLine:
        """The first line of the order that holds the text, as soon as it is told."""

        def has_text(report: Report) -> bool:
            return (
                isinstance(report, OrderLogged)
                and report.order_id == order.id
                and any(text in line.message for line in report.lines)
            )

        report = await self.find(has_text)
        assert isinstance(report, OrderLogged)
        return next(line for line in report.lines if text in line.message)


@contextlib.asynccontextmanager
async def running_pool(folder: Path, **given: Any) -> AsyncIterator[Harness]:
    """A pool that is stopped in the end. `given` are fields of PoolSettings or WorkerSettings."""
    worker_fields = {name: given.pop(name) for name in tuple(given) if name in WorkerSettings.__dataclass_fields__}
    worker = WorkerSettings(
        **{
            "instance": f"test-{os.getpid()}-{folder.name}",
            "storage": folder / "storage",
            "work": folder / "work",
            "environment": inherited_environment(os.environ),
            "kill_grace": timedelta(seconds=1),
        }
        | worker_fields
    )
    settings = PoolSettings(worker=worker, **{"workers_min": 1, "workers_max": 4} | given)
    harness = Harness(settings=worker)
    harness.pool = Pool(settings, harness.hear)
    await harness.pool.start()
    try:
        yield harness
    finally:
        await harness.pool.stop(1.0)


class SharedPool:
    """One pool for many tests, on a loop that stands still between them."""

    def __init__(self, folder: Path, **given: Any) -> None:
        self.folder = folder
        self._runner = asyncio.Runner()
        self._pool = running_pool(folder, **given)
        self._harness = self._runner.run(self._pool.__aenter__())

    def run(self, order: Order) -> Outcome:
        return self._runner.run(self._harness.run(order))

    def close(self) -> None:
        self._runner.run(self._pool.__aexit__(None, None, None))
        self._runner.close()
