"""Rows: executions and their task runs as tuples, and back.

Making rows is on the daemon's main thread at every decision, so it serialises only what is asked for: a document
(inputs, outputs, values ...) that did not change is None, and the statement keeps what is stored. A document longer
than INLINE_LENGTH_MAX goes to a row of its own, so that a small change never rewrites a big one.

The order of a tuple is the order of columns in `put_executions` and `put_task_runs` of queries.sql.
"""

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

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
from segue.store.columns import (
    document,
    microseconds,
    microseconds_or_none,
    read_document,
    storable_or_none,
    time_or_none,
)
from segue.store.columns import time as time_of

Row = tuple[Any, ...]
DocumentKey = tuple[str, int, str]  # execution, sequence, name
Fetch = Callable[[str, int, str], str]

# SQLite keeps about 1,000 bytes of such a row in its page; what is longer spills over, and is written again with it.
INLINE_LENGTH_MAX: Final = 512
ELSEWHERE: Final = "@"
OF_EXECUTION: Final = -1  # the sequence of documents that are the execution's own

EXECUTION_DOCUMENTS: Final = ("progress_values", "inputs", "variables", "trigger", "outputs", "loop_run")
TASK_RUN_DOCUMENTS: Final = ("progress_values", "outputs")
# Where the optional part of a row begins: what is None there keeps what was written before. Labels are short
# documents that are searched by, so they are optional but never elsewhere.
EXECUTION_OPTIONAL_FROM: Final = 20
TASK_RUN_OPTIONAL_FROM: Final = 10
EVERYTHING: Final = frozenset({"labels", *EXECUTION_DOCUMENTS})


def execution_row(execution: Execution, changed: frozenset[str], documents: dict[DocumentKey, Row]) -> Row:
    """The row of an execution; of its documents those named in `changed`. Long ones are put into `documents`."""
    trigger = execution.trigger
    state = execution.history[-1].state
    progress = execution.progress
    is_final = state.is_final
    return (
        execution.id,
        execution.namespace,
        execution.flow_id,
        execution.revision,
        execution.commit,
        state.value,
        execution.kind.value,
        execution.attempt_number,
        microseconds(execution.history[0].at),
        microseconds(execution.history[-1].at) if is_final else None,
        microseconds_or_none(execution.scheduled_at),
        execution.parent_id,
        execution.original_id,
        storable_or_none(trigger.id) if trigger else None,
        _caller(trigger) if trigger else None,
        execution.loop_run.task_run_id if execution.loop_run else None,
        execution.loop_run.item.index if execution.loop_run else None,
        0 if is_final and progress.running == 0 else 1,
        _history(execution.history),
        _progress(progress),
        document(execution.labels) if "labels" in changed else None,
        *(
            _document(execution.id, OF_EXECUTION, name, _EXECUTION_VALUES[name](execution), documents)
            if name in changed
            else None
            for name in EXECUTION_DOCUMENTS
        ),
    )


def task_run_row(
    execution_id: str, run: TaskRun, *, with_values: bool, with_outputs: bool, documents: dict[DocumentKey, Row]
) -> Row:
    progress = run.progress
    values = outputs = None
    if with_values:  # also where there are none: the row may have held another task's
        values = _document(
            execution_id, run.sequence, "progress_values", progress.values if progress else [], documents
        )
    if with_outputs:
        outputs = _document(execution_id, run.sequence, "outputs", run.outputs, documents)
    return (
        execution_id,
        run.sequence,
        run.task_id,
        run.parent_id,
        storable_or_none(run.value),
        run.iteration,
        run.history[-1].state.value,
        _history(run.history),
        document([_attempt(attempt) for attempt in run.attempts]) if run.attempts else "[]",
        None if progress is None else _progress(progress),
        values,
        outputs,
    )


def merged(older: Row, newer: Row, optional_from: int) -> Row:
    """The newer row, with the documents that only the older one brought."""
    if older[optional_from:].count(None) == len(older) - optional_from:
        return newer
    kept = (
        new if new is not None else old for old, new in zip(older[optional_from:], newer[optional_from:], strict=True)
    )
    return (*newer[:optional_from], *kept)


def _caller(trigger: TriggeredBy) -> str | None:
    """The execution that asked for this one, or whose end did."""
    caller = trigger.variables.get("executionId")
    return caller if isinstance(caller, str) else None


def _history(history: list[Moved]) -> str:
    # By hand: half the cost of the general way, and a state needs no escapes.
    return "[" + ",".join([f'["{moved.state.value}",{microseconds(moved.at)}]' for moved in history]) + "]"


def _attempt(attempt: Attempt) -> list[Any]:
    failure = attempt.failure
    row = [
        attempt.number,
        [[moved.state.value, microseconds(moved.at)] for moved in attempt.history],
        attempt.worker,
        None if failure is None else [failure.message, failure.kind],
    ]
    return row if attempt.log_file is None else [*row, attempt.log_file]


def _progress(progress: Progress) -> str:
    return document(
        [progress.branch, progress.next, progress.running, progress.worst.value, progress.blocked, progress.notes]
    )


def _document(execution_id: str, sequence: int, name: str, value: Any, documents: dict[DocumentKey, Row]) -> str:
    text = document(value)
    if len(text) <= INLINE_LENGTH_MAX:
        return text
    documents[execution_id, sequence, name] = (execution_id, sequence, name, text)
    return ELSEWHERE


def _trigger(execution: Execution) -> Any:
    trigger = execution.trigger
    return None if trigger is None else [trigger.id, trigger.type, trigger.variables]


def _loop_run(execution: Execution) -> Any:
    loop_run = execution.loop_run
    if loop_run is None:
        return None
    items = [[item.index, item.value, item.key] for item in (loop_run.item, *loop_run.parents)]
    return [loop_run.task_id, loop_run.task_run_id, items]


_EXECUTION_VALUES: Final[dict[str, Callable[[Execution], Any]]] = {
    "progress_values": lambda execution: execution.progress.values,
    "inputs": lambda execution: execution.inputs,
    "variables": lambda execution: execution.variables,
    "trigger": _trigger,
    "outputs": lambda execution: execution.outputs,
    "loop_run": _loop_run,
}


# Back from rows. The order is that of EXECUTION_COLUMNS and TASK_RUN_COLUMNS.

EXECUTION_COLUMNS: Final = (
    "id, namespace, flow_id, revision, commit_id, kind, attempt_number, scheduled_at, parent_id, original_id, history,"
    ' progress, labels, progress_values, inputs, variables, "trigger", outputs, loop_run'
)
TASK_RUN_COLUMNS: Final = "execution_id, sequence, task_id, parent_id, value, iteration, history, attempts, progress, progress_values, outputs"


def read_execution(row: Row, fetch: Fetch) -> Execution:
    """An execution without its task runs. `fetch` gives a document that is kept elsewhere."""
    (id_, namespace, flow_id, revision, commit_id, kind, attempt_number, scheduled_at, parent_id, original_id) = row[
        :10
    ]
    history, progress, labels = row[10:13]
    values, inputs, variables, trigger, outputs, loop_run = (
        _read(id_, OF_EXECUTION, name, text, fetch) for name, text in zip(EXECUTION_DOCUMENTS, row[13:], strict=True)
    )
    return Execution(
        id=ExecutionId(id_),
        namespace=namespace,
        flow_id=flow_id,
        revision=revision,
        commit=commit_id,
        history=read_history(json.loads(history)),
        labels=read_document(labels) or {},
        inputs=inputs or {},
        outputs=outputs,
        variables=variables or {},
        trigger=None if trigger is None else TriggeredBy(id=trigger[0], type=trigger[1], variables=trigger[2]),
        parent_id=parent_id,
        original_id=original_id,
        scheduled_at=time_or_none(scheduled_at),
        attempt_number=attempt_number,
        kind=Kind(kind),
        loop_run=None if loop_run is None else _read_loop_run(*loop_run),
        progress=_read_progress(progress, values),
        task_runs={},
        outputs_tree={},
        unsettled=deque(),
    )


def read_task_run(row: Row, fetch: Fetch) -> TaskRun:
    execution_id, sequence, task_id, parent_id, value, iteration, history, attempts, progress, values, outputs = row
    return TaskRun(
        id=task_run_id(execution_id, sequence),
        sequence=sequence,
        task_id=task_id,
        parent_id=None if parent_id is None else TaskRunId(parent_id),
        history=read_history(json.loads(history)),
        value=value,
        iteration=iteration,
        attempts=[_read_attempt(*attempt) for attempt in json.loads(attempts)],
        outputs=_read(execution_id, sequence, "outputs", outputs, fetch),
        progress=None
        if progress is None
        else _read_progress(progress, _read(execution_id, sequence, "progress_values", values, fetch)),
    )


def _read_loop_run(task_id: str, task_run: str, items: list[tuple[int, Any, str | None]]) -> LoopRun:
    item, *parents = (Item(index=index, value=value, key=key) for index, value, key in items)
    return LoopRun(task_id=task_id, task_run_id=TaskRunId(task_run), item=item, parents=tuple(parents))


def read_history(moves: list[tuple[str, int]]) -> list[Moved]:
    return [Moved(State(state), time_of(at)) for state, at in moves]


def _read(execution_id: str, sequence: int, name: str, text: str | None, fetch: Fetch) -> Any:
    return read_document(fetch(execution_id, sequence, name) if text == ELSEWHERE else text)


def _read_attempt(
    number: int,
    history: list[tuple[str, int]],
    worker: str | None,
    failure: list[str] | None,
    log_file: str | None = None,
) -> Attempt:
    return Attempt(
        number=number,
        history=read_history(history),
        worker=worker,
        failure=None if failure is None else Failure(message=failure[0], kind=failure[1]),
        log_file=log_file,
    )


def _read_progress(text: str, values: list[Any] | None) -> Progress:
    branch, next_, running, worst, blocked, notes = json.loads(text)
    return Progress(
        branch=branch,
        next=next_,
        running=running,
        worst=State(worst),
        blocked=blocked,
        values=values or [],
        notes=notes,
    )
