"""What goes into the database as an execution comes out as the same."""

from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as some
from hypothesis import HealthCheck, given, settings
from segue.model.execution import (
    Attempt,
    Execution,
    Failure,
    Item,
    Kind,
    LoopRun,
    Moved,
    Progress,
    TaskRun,
    TriggeredBy,
)
from segue.model.names import ExecutionId, TaskRunId, task_run_id
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.database import open_database
from segue.store.reads import executions
from segue.store.reads.readers import Readers

from tests.unit.store.story import START, WriterUnderTest, a_batch_with, an_execution, an_id

# Any Python text, lone surrogates and NUL too, where the document is JSON; what UTF-8 can say in plain columns.
texts = some.text(some.characters(), max_size=8)
plain_texts = some.text(some.characters(exclude_categories=("Cs",)), max_size=8)
values: some.SearchStrategy[Any] = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | texts,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
maps = some.dictionaries(texts, values, max_size=3) | some.just({"long": "x" * 700})
times = some.integers(-(10**15), 10**15).map(lambda micros: START + timedelta(microseconds=micros))
histories = some.lists(some.builds(Moved, some.sampled_from(State), times), min_size=1, max_size=4)
progresses = some.builds(
    Progress,
    branch=some.sampled_from(["", "tasks", "cases.ü"]),
    next=some.integers(0, 10),
    running=some.integers(0, 10),
    worst=some.sampled_from(State),
    blocked=some.booleans(),
    values=some.lists(values, max_size=3) | some.just(list(range(400))),
    notes=some.dictionaries(texts, values, max_size=2),
)
attempts = some.builds(
    Attempt,
    number=some.integers(1, 9),
    history=histories,
    worker=some.none() | texts,
    failure=some.none() | some.builds(Failure, message=texts, kind=texts),
)


items = some.builds(Item, index=some.integers(0, 99), value=values, key=some.none() | texts)
loop_runs = some.builds(
    LoopRun,
    task_id=texts,
    task_run_id=some.just(TaskRunId("p-0")),
    item=items,
    parents=some.lists(items, max_size=2).map(tuple),
)


@some.composite
def task_runs(draw: some.DrawFn, execution_id: str) -> dict[TaskRunId, TaskRun]:
    runs = {}
    for sequence in range(draw(some.integers(0, 4))):
        run = TaskRun(
            id=task_run_id(execution_id, sequence),
            sequence=sequence,
            task_id=draw(some.sampled_from(["one", "two"])),
            parent_id=draw(some.none() | some.just(task_run_id(execution_id, 0))),
            history=draw(histories),
            value=draw(some.none() | plain_texts),
            iteration=draw(some.none() | some.integers(0, 99)),
            attempts=draw(some.lists(attempts, max_size=2)),
            outputs=draw(some.none() | maps),
            progress=draw(some.none() | progresses),
        )
        runs[run.id] = run
    return runs


@some.composite
def any_executions(draw: some.DrawFn) -> Execution:
    id_ = draw(some.integers(0, 10**6).map(an_id))
    return Execution(
        id=id_,
        namespace="company.team",
        flow_id="hello",
        revision=draw(some.integers(1, 9)),
        commit=draw(some.sampled_from(["a" * 40, "b" * 64])),
        history=draw(histories),
        labels=draw(some.dictionaries(texts, texts, max_size=3)),
        inputs=draw(maps),
        outputs=draw(some.none() | maps),
        variables=draw(maps),
        trigger=draw(some.none() | some.builds(TriggeredBy, id=plain_texts, type=texts, variables=maps)),
        parent_id=draw(some.none() | some.just(ExecutionId("p"))),
        original_id=draw(some.none() | some.just(ExecutionId("o"))),
        scheduled_at=draw(some.none() | times),
        attempt_number=draw(some.integers(1, 5)),
        kind=draw(some.sampled_from(Kind)),
        loop_run=draw(some.none() | loop_runs),
        progress=draw(progresses),
        task_runs=draw(task_runs(id_)),
        unsettled=deque(),
    )


def read(readers: Readers, execution_id: str) -> Execution | None:
    with readers.snapshot() as connection:
        return executions.get(connection, execution_id)


@given(execution=any_executions())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_execution_comes_back_as_it_was(tmp_path: Path, execution: Execution) -> None:
    with open_database(tmp_path / "segue.db", "normal") as database:
        writer, readers = WriterUnderTest(database.path), Readers(database.path)
        removal = Batch()
        removal.remove_execution(execution.id)
        writer.write(removal)
        writer.write(a_batch_with(execution))
        assert read(readers, execution.id) == execution
        writer.close()
        readers.close()


def test_an_execution_comes_back_with_every_field(writer: WriterUnderTest, readers: Readers) -> None:
    execution = an_execution(labels={"env": "dev"}, inputs={"name": "Ada"}, variables={"a": [1, None]})
    writer.write(a_batch_with(execution))
    assert read(readers, execution.id) == execution
