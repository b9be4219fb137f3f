"""What store tests tell their stories with: executions with defaults, and a writer that can be waited for."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from segue.model.execution import Attempt, Execution, Moved, TaskRun
from segue.model.names import ExecutionId, execution_id, task_run_id
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.errors import StoreError
from segue.store.writer import Writer

START = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE_SECONDS = 60


class WriterUnderTest(Writer):
    """A writer that tests can wait for."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, durability="normal", ballast_bytes=64 * 1024, **options)

    def write(self, batch: Batch) -> None:
        """Until it is durable; raises the error if it is refused."""
        error = self.outcome_of(batch)
        if error is not None:
            raise error

    def outcome_of(self, batch: Batch) -> StoreError | None:
        outcomes: list[StoreError | None] = []
        is_done = threading.Event()

        def on_durable(error: StoreError | None) -> None:
            outcomes.append(error)
            is_done.set()

        self.submit(batch, on_durable)
        assert is_done.wait(DEADLINE_SECONDS), f"nothing heard of the batch; {self.health}"
        return outcomes[0]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def an_id(number: int) -> ExecutionId:
    return execution_id(int(START.timestamp() * 1000) + number, number)


def an_execution(number: int = 0, /, **fields: Any) -> Execution:
    """In RUNNING since `number` seconds after the start of the story, with one task run; or in `state`."""
    id_ = fields.pop("id", an_id(number))
    state = fields.pop("state", State.RUNNING)
    run = TaskRun(
        id=task_run_id(id_, 0),
        sequence=0,
        task_id="hello",
        parent_id=None,
        history=[Moved(State.CREATED, at(number)), Moved(State.RUNNING, at(number + 0.1))],
        attempts=[Attempt(number=1, history=[Moved(State.RUNNING, at(number + 0.1))], worker="worker-1")],
    )
    given: dict[str, Any] = {
        "id": id_,
        "namespace": "company.team",
        "flow_id": "hello",
        "revision": 1,
        "commit": "c" * 40,
        "history": [Moved(State.CREATED, at(number)), Moved(state, at(number + 0.1))],
        "task_runs": {run.id: run},
        **fields,
    }
    return Execution(**given)


def a_batch_with(*executions: Execution) -> Batch:
    batch = Batch()
    for execution in executions:
        batch.add_execution(execution)
    return batch
