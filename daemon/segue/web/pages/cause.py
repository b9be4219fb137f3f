"""Why an execution went wrong: the task that did, what it said, and what is different from when it last went well."""

from typing import Final

from msgspec import Struct

from segue.engine.flowables.loop import how_far, how_many_failed
from segue.model.execution import Execution, TaskRun
from segue.model.order import LogLevel
from segue.model.state import State
from segue.store.reads.matching import Op
from segue.web.context import Web
from segue.web.dates import iso
from segue.web.ports.executions import Search
from segue.web.ports.lists import Field, Filter
from segue.web.ports.logs import LogEntry, LogSearch

RUNS_LOOKED_AT: Final = 100
LINES: Final = 6
_WRONG: Final = (State.FAILED, State.WARNING)
_GOOD: Final = (State.SUCCESS, State.WARNING)


class Cause(Struct, frozen=True, kw_only=True):
    """`run` is the one that went wrong first; None if no task did (what the flow asks of its inputs or outputs). `lines`
    are its last errors. `called` is the execution that it waited for, and that went wrong in its turn. `last_good` is the
    execution before this one that went well."""

    run: TaskRun | None
    message: str
    lines: tuple[LogEntry, ...]
    others: int
    called: str | None
    last_good: Execution | None


async def cause_of(web: Web, execution: Execution) -> Cause | None:
    if execution.state not in _WRONG:
        return None
    wrong = await _wrong_runs(web, execution)
    run = min(wrong, key=lambda each: each.history[-1].at, default=None)
    wanted = LogSearch(
        execution_id=execution.id,
        task_run_id=None if run is None else run.id,
        attempt=len(run.attempts) if run is not None and run.attempts else None,
        min_level=LogLevel.ERROR if execution.state is State.FAILED else LogLevel.WARN,
        newest=True,
        limit=LINES,
    )
    lines = await web.read(web.reads.logs, wanted)
    message = "" if run is None else _message(run)
    return Cause(
        run=run,
        message=message,
        lines=tuple(line for line in lines if line.message.strip() != message.strip()),
        others=max(len(wrong) - 1, 0),
        called=None if run is None else _called_by(run),
        last_good=await _last_good(web, execution) if execution.state is State.FAILED else None,
    )


async def _wrong_runs(web: Web, execution: Execution) -> list[TaskRun]:
    """Those at whose level it went wrong: a flowable only passes on what happened inside."""
    for state in _WRONG:
        runs = await web.read(web.reads.task_runs_in, execution.id, state, limit=RUNS_LOOKED_AT)
        if runs:
            passing = {run.parent_id for run in runs}
            return [run for run in runs if run.id not in passing]
    return []


def _message(run: TaskRun) -> str:
    failures = [attempt.failure.message for attempt in run.attempts if attempt.failure is not None]
    return failures[-1] if failures else _of_iterations(run)


def _of_iterations(run: TaskRun) -> str:
    failed, far = how_many_failed(run), how_far(run)
    return f"{failed} of {far[1]} iterations failed" if failed and far is not None else ""


def _called_by(run: TaskRun) -> str | None:
    called = (run.outputs or {}).get("executionId")
    return called if isinstance(called, str) and run.progress is not None else None


async def _last_good(web: Web, execution: Execution) -> Execution | None:
    wanted = Search(
        filters=(
            Filter(Field.NAMESPACE, Op.EQUALS, (execution.namespace,)),
            Filter(Field.FLOW_ID, Op.EQUALS, (execution.flow_id,)),
            Filter(Field.STATE, Op.IN, _GOOD),
            Filter(Field.START_DATE, Op.LESS_THAN, (iso(execution.started_at),)),
        ),
        size=1,
    )
    found = await web.read(web.reads.search, wanted)
    return next(iter(found.results), None)
