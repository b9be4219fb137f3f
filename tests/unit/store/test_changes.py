"""What the engine decided reaches the database by way of its changes: only what they touched is written, and what
is read then is the execution as it is in memory."""

from collections.abc import Callable

import pytest
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    ExecutionMoved,
    KillOrdered,
    LabelsChanged,
    Logged,
    OutputsSet,
    ProgressMade,
    TaskRunCreated,
    TaskRunMoved,
    TaskRunRemoved,
    TimerCleared,
    TimerSet,
    VariablesChanged,
)
from segue.model.event import TimerKind
from segue.model.execution import Attempt, Execution, Moved, Progress, TaskRun
from segue.model.names import task_run_id
from segue.model.state import State
from segue.store.batch import Batch
from segue.store.reads import executions, logs, triggers
from segue.store.reads.readers import Readers

from tests.unit.store.story import WriterUnderTest, a_batch_with, an_execution, an_id, at

FIRST = task_run_id(an_id(0), 0)
SECOND = task_run_id(an_id(0), 1)

Fold = Callable[[Execution], None]


def create(execution: Execution) -> None:
    history = [Moved(State.CREATED, at(1))]
    execution.task_runs[SECOND] = TaskRun(
        id=SECOND,
        sequence=1,
        task_id="b",
        parent_id=FIRST,
        history=history,
        value="ü",
        progress=Progress(values=[1, 2]),
    )


def open_attempt(execution: Execution) -> None:
    execution.task_runs[FIRST].attempts.append(Attempt(number=2, history=[Moved(State.CREATED, at(1))]))


CASES: dict[str, tuple[Change, Fold]] = {
    "execution moved": (
        ExecutionMoved(at=at(1), state=State.SUCCESS),
        lambda e: e.history.append(Moved(State.SUCCESS, at(1))),
    ),
    "task run created": (
        TaskRunCreated(at=at(1), id=SECOND, sequence=1, task_id="b", parent_id=FIRST, value="ü"),
        create,
    ),
    "task run moved": (
        TaskRunMoved(at=at(1), id=FIRST, state=State.SUCCESS),
        lambda e: e.task_runs[FIRST].history.append(Moved(State.SUCCESS, at(1))),
    ),
    "task run removed": (TaskRunRemoved(id=FIRST), lambda e: e.task_runs.clear()),
    "attempt opened": (AttemptOpened(at=at(1), id=FIRST, number=2), open_attempt),
    "attempt moved": (
        AttemptMoved(at=at(1), id=FIRST, number=1, state=State.FAILED),
        lambda e: e.task_runs[FIRST].attempts[0].history.append(Moved(State.FAILED, at(1))),
    ),
    "progress of the execution": (
        ProgressMade(id=None, fields={"next": 1}),
        lambda e: setattr(e.progress, "next", 1),
    ),
    "values of a task run": (
        ProgressMade(id=FIRST, fields={"values": [1]}),
        lambda e: setattr(e.task_runs[FIRST], "progress", Progress(values=[{"a": "x" * 600}])),
    ),
    "outputs of a task run": (
        OutputsSet(id=FIRST, outputs={"a": 1}),
        lambda e: setattr(e.task_runs[FIRST], "outputs", {"a": 1}),
    ),
    "outputs of a task run taken back": (
        OutputsSet(id=FIRST, outputs=None),
        lambda e: setattr(e.task_runs[FIRST], "outputs", None),
    ),
    "outputs of the flow": (OutputsSet(id=None, outputs={"a": 1}), lambda e: setattr(e, "outputs", {"a": 1})),
    "labels": (LabelsChanged(labels={"a": "b"}), lambda e: setattr(e, "labels", {"a": "b"})),
    "variables": (VariablesChanged(variables={"a": [1]}), lambda e: setattr(e, "variables", {"a": [1]})),
}


@pytest.mark.parametrize(("change", "fold"), CASES.values(), ids=CASES)
def test_a_change_is_stored(writer: WriterUnderTest, readers: Readers, change: Change, fold: Fold) -> None:
    execution = an_execution(0, outputs={"old": 1}, labels={"old": "label"}, variables={"old": "x" * 600})
    execution.task_runs[FIRST].outputs = {"old": "y" * 600}
    writer.write(a_batch_with(execution))
    fold(execution)
    batch = Batch()
    batch.add_changes(execution, [change])
    writer.write(batch)
    with readers.snapshot() as connection:
        assert executions.get(connection, execution.id) == execution


def test_progress_alone_does_not_write_the_values_again() -> None:
    """A ForEach's values may be a hundred thousand; each child's end makes progress."""
    execution = an_execution(0)
    execution.task_runs[FIRST].progress = Progress(values=list(range(10_000)))
    batch = Batch()
    batch.add_changes(execution, [ProgressMade(id=FIRST, fields={"running": 3})])
    assert batch.documents == {}
    assert batch.size == 1


def test_what_is_acted_on_is_not_stored() -> None:
    batch = Batch()
    batch.add_changes(an_execution(0), [KillOrdered(id=FIRST, attempt=1)])
    assert not batch


def test_timers_are_set_and_cleared(writer: WriterUnderTest, readers: Readers) -> None:
    execution = an_execution(0)
    batch = a_batch_with(execution)
    set_both = [
        TimerSet(kind=TimerKind.RETRY, due=at(60), id=FIRST),
        TimerSet(kind=TimerKind.START, due=at(30)),
    ]
    batch.add_changes(execution, set_both)
    writer.write(batch)
    with readers.snapshot() as connection:
        assert [(timer.task_run_id, timer.due) for timer in triggers.timers(connection)] == [
            (None, at(30)),
            (FIRST, at(60)),
        ]
        assert [timer.kind for timer in triggers.timers(connection, due_before=at(31))] == [TimerKind.START]
    clearing = Batch()
    clearing.add_changes(execution, [TimerCleared(kind=TimerKind.RETRY, id=FIRST), TimerCleared(kind=TimerKind.START)])
    writer.write(clearing)
    with readers.snapshot() as connection:
        assert triggers.timers(connection) == ()


def test_a_line_the_engine_logs_says_what_it_is_about(writer: WriterUnderTest, readers: Readers) -> None:
    execution = an_execution(0)
    batch = a_batch_with(execution)
    batch.add_changes(execution, [Logged(at=at(1), level="ERROR", message="no", id=FIRST, attempt=1)])
    writer.write(batch)
    with readers.snapshot() as connection:
        (line,) = logs.of_execution(connection, execution.id)
    assert (line.flow_id, line.task_id, line.task_run_id, line.attempt, line.message) == (
        "hello",
        "hello",
        FIRST,
        1,
        "no",
    )


def test_recovery_reads_what_has_not_ended_and_what_still_runs_after_the_end(
    writer: WriterUnderTest, readers: Readers
) -> None:
    running, over, winding_down = (
        an_execution(1),
        an_execution(2, state=State.SUCCESS),
        an_execution(3, state=State.FAILED, progress=Progress(running=1)),
    )
    writer.write(a_batch_with(running, over, winding_down))
    with readers.snapshot() as connection:
        assert list(executions.live(connection)) == [running, winding_down]


def test_an_execution_whose_last_task_after_the_end_has_ended_is_live_no_more(
    writer: WriterUnderTest, readers: Readers
) -> None:
    execution = an_execution(0, state=State.SUCCESS, progress=Progress(running=1))
    writer.write(a_batch_with(execution))
    execution.progress.running = 0
    execution.task_runs[FIRST].history.append(Moved(State.SUCCESS, at(9)))
    batch = Batch()
    batch.add_changes(execution, [TaskRunMoved(at=at(9), id=FIRST, state=State.SUCCESS)])
    writer.write(batch)
    with readers.snapshot() as connection:
        assert list(executions.live(connection)) == []
