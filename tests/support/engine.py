"""Builders for flows and executions, and a `Player` that plays the rest of the daemon for the engine: it answers what is
ordered, by a script, until nothing is left to answer."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from segue.engine.advance import advance
from segue.engine.create import new_execution
from segue.engine.plan import Plan
from segue.model.change import AttemptOpened, Change, EvaluationOrdered, KillOrdered, TimerCleared, TimerSet
from segue.model.event import AttemptEnded, AttemptStarted, Evaluated, Event, Started, TimerFired, TimerKind, Wish
from segue.model.execution import Execution, Failure, TaskRun
from segue.model.flow import Flow
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import State
from segue.model.task import Body, Runnable, Task

SURROUNDINGS = {"envs": {"home": "x"}, "globals": {"g": 1}, "kestra": {"url": "https://segue.example"}}
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def task(task_id: str, body: Body | None = None, **common: Any) -> Task:
    """A runnable task unless a body is given."""
    return Task(id=task_id, type=f"test.{type(body).__name__}", body=body or Runnable(properties={}), **common)


def tasks(*ids: str) -> tuple[Task, ...]:
    return tuple(map(task, ids))


def flow(*listed: Task | str, **keys: Any) -> Flow:
    """A flow of these tasks; a text is the id of a runnable one."""
    found = tuple(task(one) if isinstance(one, str) else one for one in listed)
    return Flow(namespace="company.team", id="flow", tasks=found, **keys)


def execution_of(flow: Flow, **keys: Any) -> Execution:
    return new_execution(id=ExecutionId("e"), flow=flow, revision=1, commit="c" * 40, at=START, **keys)


@dataclass(frozen=True, slots=True)
class Says:
    """How an attempt ends."""

    state: State = State.SUCCESS
    outputs: Mapping[str, Any] | None = None
    message: str = "failed"
    wishes: tuple[Wish, ...] = ()


SUCCEEDS = Says()
FAILS = Says(State.FAILED)

_UNMADE = execution_of(flow())

Script = Callable[[TaskRun, int], Says]


@dataclass
class Player:
    """An execution, and the orders and timers that wait to be answered.

    `script` says how attempts end: by task id (one answer, or one an attempt, the last one for all that follow), or a
    function of the task run and the number of the attempt.
    """

    flow: Flow
    script: Mapping[str, Says | list[Says]] | Script = field(default_factory=dict)
    answers: Mapping[str, Any] = field(default_factory=dict)
    execution: Execution = field(default_factory=lambda: _UNMADE)
    now: datetime = START
    changes: list[Change] = field(default_factory=list)
    orders: deque[tuple[TaskRunId, int]] = field(default_factory=deque)
    evaluations: deque[EvaluationOrdered] = field(default_factory=deque)
    timers: dict[tuple[TimerKind, TaskRunId | None], datetime] = field(default_factory=dict)
    kills: list[KillOrdered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = Plan.of(self.flow, SURROUNDINGS)
        if self.execution is _UNMADE:
            self.execution = execution_of(self.flow)

    def send(self, event: Event) -> tuple[Change, ...]:
        changes = advance(self.plan, self.execution, event)
        self.changes.extend(changes)
        for change in changes:
            self._take(change)
        return changes

    def _take(self, change: Change) -> None:
        match change:
            case AttemptOpened(queued=True):
                self.orders.append((change.id, change.number))
            case EvaluationOrdered():
                self.evaluations.append(change)
            case TimerSet():
                self.timers[change.kind, change.id] = change.due
            case TimerCleared():
                self.timers.pop((change.kind, change.id), None)
            case KillOrdered():
                self.kills.append(change)
            case _:
                pass

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def start(self) -> "Player":
        self.send(Started(at=self.tick()))
        return self

    def run(self) -> "Player":
        """Start, and answer everything until nothing is asked any more."""
        return self.start().finish()

    def finish(self) -> "Player":
        while self.step():
            pass
        return self

    def step(self) -> bool:
        """Answer one order, evaluation or timer; False if there is none."""
        if self.evaluations:
            self.evaluate()
        elif self.orders:
            self.answer(*self.orders.popleft())
        elif self.timers:
            self.fire()
        else:
            return False
        return True

    def begin(self, task_id: str) -> TaskRun:
        """Let a worker take the order of this task."""
        order = next(order for order in self.orders if self.execution.task_runs[order[0]].task_id == task_id)
        self.orders.remove(order)
        self.send(AttemptStarted(at=self.tick(), task_run_id=order[0], attempt=order[1], worker="w"))
        return self.execution.task_runs[order[0]]

    def end(self, run: TaskRun, says: Says) -> tuple[Change, ...]:
        """The last attempt of a run ends so."""
        failure = Failure(message=says.message) if says.state is State.FAILED else None
        return self.send(
            AttemptEnded(
                at=self.tick(),
                task_run_id=run.id,
                attempt=len(run.attempts),
                state=says.state,
                outputs=says.outputs,
                failure=failure,
                wishes=says.wishes,
            )
        )

    def answer(self, run_id: TaskRunId, number: int) -> None:
        run = self.execution.task_runs.get(run_id)
        self.send(AttemptStarted(at=self.tick(), task_run_id=run_id, attempt=number, worker="w"))
        if run is not None and len(run.attempts) == number:
            self.end(run, self._says(run, number))

    def _says(self, run: TaskRun, number: int) -> Says:
        if callable(self.script):
            return self.script(run, number)
        says = self.script.get(run.task_id, SUCCEEDS)
        return says if isinstance(says, Says) else says[min(number, len(says)) - 1]

    def evaluate(self) -> None:
        order = self.evaluations.popleft()
        value = self.answers[order.purpose]
        failure = value if isinstance(value, Failure) else None
        event = Evaluated(
            at=self.tick(),
            task_run_id=order.id,
            purpose=order.purpose,
            value=None if failure else value,
            failure=failure,
        )
        self.send(event)

    def fire(self) -> None:
        """The next timer is due."""
        (kind, run_id), due = min(self.timers.items(), key=lambda item: item[1])
        del self.timers[kind, run_id]
        self.now = max(self.now, due)
        self.send(TimerFired(at=self.now, kind=kind, task_run_id=run_id))

    def runs(self, task_id: str) -> list[TaskRun]:
        return [run for run in self.execution.task_runs.values() if run.task_id == task_id]

    def only(self, task_id: str) -> TaskRun:
        (run,) = self.runs(task_id)
        return run

    @property
    def state(self) -> State:
        return self.execution.state

    @property
    def order(self) -> list[str]:
        """The task runs in the order in which they were made; in a loop with their value."""
        return [
            run.task_id if run.value is None else f"{run.task_id}[{run.value}]"
            for run in sorted(self.execution.task_runs.values(), key=lambda run: run.sequence)
        ]

    @property
    def states(self) -> dict[str, str]:
        """How each task ended (the last of its runs)."""
        return {run.task_id: run.state.value for run in self.execution.task_runs.values()}


def histories(run: TaskRun | Execution) -> list[str]:
    return [moved.state.value for moved in run.history]
