"""What holds for every flow and every course of events: random trees of tasks, answered at random, late, twice, by a
person in between, with the daemon away in between."""

import itertools
import os
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segue.engine import breakpoints, calls, iterations
from segue.engine.advance import advance
from segue.engine.create import replay_of
from segue.engine.evolve import evolve
from segue.engine.flowables import loop, waiting
from segue.engine.orders import evaluation_for, open_evaluations, order_for
from segue.engine.plan import Plan
from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.engine.standing import is_held
from segue.model.change import (
    AttemptOpened,
    Change,
    ChildOrdered,
    EvaluationOrdered,
    IterationOrdered,
    IterationsSought,
    TimerCleared,
    TimerSet,
)
from segue.model.event import (
    AttemptEnded,
    AttemptStarted,
    BreakpointPassed,
    ChildEnded,
    ChildRefused,
    ChildStarted,
    Evaluated,
    Event,
    ExitWanted,
    Held,
    IterationsFound,
    KillWanted,
    LabelsSet,
    LabelsWanted,
    PauseWanted,
    Refused,
    RestartWanted,
    ResumeWanted,
    ReviewWanted,
    Started,
    StateWanted,
    TimerFired,
    VariablesWanted,
    WhenLost,
    Wish,
    WorkerLost,
)
from segue.model.execution import Breakpoint, Execution, Failure, Item
from segue.model.flow import Flow
from segue.model.names import ExecutionId, TaskRunId
from segue.model.state import EXECUTION_MOVES, TASK_RUN_MOVES, State
from segue.model.task import Approval, Decision, Pause

from tests.support.engine import START, execution_of
from tests.support.flow_trees import flows

EVENTS_MAX = 5_000
"""Far more than any of these flows needs: an execution that takes more is one that never ends."""

CHILD_ENDS = [State.SUCCESS, State.FAILED, State.WARNING, State.KILLED, State.CANCELLED]
ENDS = [State.SUCCESS, State.FAILED, State.FAILED, State.WARNING, State.SKIPPED, State.KILLED, State.CREATED]
WISHES: list[tuple[Wish, ...]] = [
    (),
    (),
    (LabelsWanted(labels={"a.b": "c"}),),
    (VariablesWanted(set={"x": {"y": 1}}),),
    (ExitWanted(state=State.WARNING),),
    (ExitWanted(state=State.KILLED),),
]
ANSWERS: list[Any] = [True, False, "true", ["p", "q"], "[1]", "PT1S", {"o": 1}, None, Failure(message="no")]

OF_MAPS: dict[str, Any] = {
    "loop": {"interval": "PT1S", "maxIterations": 2},
    "call": {"namespace": "company.team", "flowId": "other", "wait": True, "transmitFailed": True},
    "pause": {"duration": "PT1S"},
    "approval": {"autoApprove": False, "url": "/"},
    "terms": {"approve": "Yes", "deny": "No", "commentRequired": "ON_DENY", "timeout": "PT9S"},
}
"""What a worker says of templates that are maps: it renders the values, and the keys stay."""
FOUND_AT_ONCE = 2


def said(purpose: str, choice: int) -> Any:
    """What a worker says; of errands also that they failed."""
    if purpose == "lines" and choice % 4:
        return {"values": ["v", "w"], "next": 10 if choice % 3 == 0 else None, "count": 4}
    if purpose == "collect" and choice % 4:
        return {"outputs": []}
    if purpose in {"lines", "collect"}:
        return Failure(message="the file is gone")
    return OF_MAPS.get(purpose, ANSWERS[choice % len(ANSWERS)])


class World:
    """One execution and all that is under way for it. Every event is checked as it is sent."""

    def __init__(self, flow: Flow) -> None:
        self.plan = Plan.of(flow)
        self.now = START
        self.take(execution_of(flow))
        self.sent: list[Event] = []
        self.count = 0

    def take(self, execution: Execution) -> None:
        self.execution = execution
        self.mirror = deepcopy(execution)
        self.orders: list[tuple[Any, int]] = []
        self.evaluations: list[EvaluationOrdered] = []
        self.timers: dict[tuple[Any, Any], Any] = {}
        self.wanted: list[ChildOrdered | IterationOrdered] = []
        self.sought: list[IterationsSought] = []
        self.children: list[tuple[Any, ExecutionId]] = []
        self.items: dict[ExecutionId, Item] = {}
        self.ends: dict[TaskRunId, dict[int, tuple[ExecutionId, State]]] = {}

    def send(self, event: Event) -> None:
        changes = advance(self.plan, self.execution, event)
        for change in changes:
            evolve(self.mirror, change)
            self.note(change)
        self.check(event)
        self.sent.append(event)
        self.count += 1
        assert self.count < EVENTS_MAX, "the execution does not end"

    def check(self, event: Event) -> None:
        self.mirror.unsettled.clear()
        self.mirror.unsettled.extend(self.execution.unsettled)
        assert self.mirror == self.execution, "folding the changes gives another state"
        assert derived(self.mirror) == derived(self.execution)
        assert advance(self.plan, self.execution, event) == (), f"decided again: {event}"
        restored = restore(self.plan, deepcopy(self.execution))
        assert restored == self.execution, "what is rebuilt differs from what was kept in step"
        assert derived(restored) == derived(self.execution)

    def note(self, change: Change) -> None:
        match change:
            case AttemptOpened(queued=True):
                self.orders.append((change.id, change.number))
            case EvaluationOrdered():
                self.evaluations.append(change)
            case ChildOrdered() | IterationOrdered():
                self.wanted.append(change)
            case IterationsSought():
                self.sought.append(change)
            case TimerSet():
                self.timers[change.kind, change.id] = change.due
            case TimerCleared():
                self.timers.pop((change.kind, change.id), None)
            case _:
                pass

    def tick(self) -> Any:
        self.now += timedelta(milliseconds=100)
        return self.now

    # What the world may do, each with a number for what is open in it.

    def let_go(self, _choice: int) -> None:
        self.send(Started(at=self.tick()))

    def hold(self, _choice: int) -> None:
        self.send(Held(at=self.tick()))

    def refuse(self, choice: int) -> None:
        if choice % 3 == 0:
            self.send(Refused(at=self.tick(), state=State.CANCELLED, message="no place"))

    def begin(self, choice: int) -> None:
        if self.orders:
            run_id, number = self.orders[choice % len(self.orders)]
            order_for(self.plan, self.execution, run_id)
            self.send(AttemptStarted(at=self.tick(), task_run_id=run_id, attempt=number, worker="w"))

    def end(self, choice: int) -> None:
        if self.orders:
            run_id, number = self.orders.pop(choice % len(self.orders))
            state = ENDS[choice % len(ENDS)]
            self.send(
                AttemptEnded(
                    at=self.tick(),
                    task_run_id=run_id,
                    attempt=number,
                    state=state,
                    outputs={"x": choice % 2 == 0} if choice % 3 else None,
                    failure=Failure(message="failed") if state is State.FAILED else None,
                    wishes=WISHES[choice // 7 % len(WISHES)],
                    chance=choice % 10 / 10,
                )
            )
            if not state.is_final:
                self.orders.append((run_id, number))  # no end that a worker may report: it is still to come

    def lose(self, choice: int) -> None:
        if self.orders:
            run_id, number = self.orders.pop(choice % len(self.orders))
            policy = WhenLost.RESUBMIT if choice % 3 else WhenLost.FAIL
            self.send(WorkerLost(at=self.tick(), task_run_id=run_id, attempt=number, message="gone", policy=policy))

    def evaluate(self, choice: int) -> None:
        if self.evaluations:
            order = self.evaluations.pop(choice % len(self.evaluations))
            evaluation_for(self.plan, self.execution, order)
            value = said(order.purpose, choice)
            failure = value if isinstance(value, Failure) else None
            given = None if failure else value
            self.send(
                Evaluated(at=self.tick(), task_run_id=order.id, purpose=order.purpose, value=given, failure=failure)
            )

    def fire(self, choice: int) -> None:
        if self.timers:
            kind, run_id = sorted(self.timers, key=str)[choice % len(self.timers)]
            self.now = max(self.now, self.timers.pop((kind, run_id)))
            self.send(TimerFired(at=self.now, kind=kind, task_run_id=run_id))

    def make_child(self, choice: int) -> None:
        """The execution that is asked for is made, or cannot be; its end is news of its own."""
        if not self.wanted:
            return
        order = self.wanted.pop(choice % len(self.wanted))
        if isinstance(order, IterationOrdered):
            self.make_iteration(order)
            return
        if choice % 5 == 0:
            refused = ChildRefused(at=self.tick(), task_run_id=order.id, attempt=order.attempt, message="no such flow")
            self.send(refused)
            return
        child = order.again or ExecutionId(f"child{self.count}")
        self.children.append((order.id, child))
        self.send(ChildStarted(at=self.tick(), task_run_id=order.id, attempt=order.attempt, execution_id=child))

    def make_iteration(self, order: IterationOrdered) -> None:
        child = order.again or ExecutionId(f"child{self.count}")
        assert order.again is not None or order.item is not None, order
        self.items[child] = self.items[child] if order.item is None else order.item
        self.ends.setdefault(order.id, {})[order.number] = (child, State.RUNNING)
        self.children.append((order.id, child))
        self.send(
            ChildStarted(
                at=self.tick(),
                task_run_id=order.id,
                attempt=order.attempt,
                execution_id=child,
                number=order.number,
            )
        )

    def end_child(self, choice: int) -> None:
        if not self.children:
            return
        run_id, child = self.children.pop(choice % len(self.children))
        state, item = CHILD_ENDS[choice % len(CHILD_ENDS)], self.items.get(child)
        if item is not None:
            self.ends[run_id][item.index] = (child, state)
        self.send(
            ChildEnded(at=self.tick(), task_run_id=run_id, execution_id=child, state=state, outputs={"o": 1}, item=item)
        )

    def look(self, _choice: int) -> None:
        """Which iterations did not end well."""
        if not self.sought:
            return
        asked = self.sought.pop()
        ends = sorted(self.ends.get(asked.id, {}).items())
        found = [(number, child) for number, (child, state) in ends if number > asked.after and not state.is_success]
        self.send(
            IterationsFound(
                at=self.tick(),
                task_run_id=asked.id,
                attempt=asked.attempt,
                after=asked.after,
                found=tuple(found[:FOUND_AT_ONCE]),
                is_last=len(found) < FOUND_AT_ONCE,
            )
        )

    def kill(self, choice: int) -> None:
        if choice % 4 == 0:
            if choice % 8 and not self.execution.state.is_final and self.execution.state is not State.KILLING:
                self.evaluations.clear()  # whoever was to answer is not asked any more
            self.send(KillWanted(at=self.tick(), cascades=choice % 3 > 0))

    def pause(self, _choice: int) -> None:
        self.send(PauseWanted(at=self.tick()))

    def resume(self, _choice: int) -> None:
        waits = [] if is_held(self.execution) else waiting.scenes(self.plan, self.execution, Pause)
        self.send(ResumeWanted(at=self.tick(), task_run_id=waits[0].id if waits else None, inputs={"a": "x"}))

    def review(self, choice: int) -> None:
        waits = waiting.scenes(self.plan, self.execution, Approval)
        if waits:
            run_id = waits[choice % len(waits)].id
            assert run_id is not None
            decision = list(Decision)[choice // 3 % 3]
            comment = "because" if choice % 2 else ""
            self.send(ReviewWanted(at=self.tick(), task_run_id=run_id, decision=decision, comment=comment))

    def stop_before(self, choice: int) -> None:
        """Half of all executions have a breakpoint from the beginning."""
        tasks = sorted(self.plan.nodes) or ["none"]
        if choice % 2:
            notes = breakpoints.noted((Breakpoint(tasks[choice // 2 % len(tasks)]),))
            self.take(execution_of(self.plan.flow, notes=notes))

    def pass_breakpoint(self, choice: int) -> None:
        """And stop before another task next, or before none, or as before."""
        tasks = sorted(self.plan.nodes) or ["none"]
        others = [None, (), (Breakpoint(tasks[choice % len(tasks)]),)]
        self.send(BreakpointPassed(at=self.tick(), breakpoints=others[choice % 3]))

    def restart(self, _choice: int) -> None:
        self.send(RestartWanted(at=self.tick()))

    def set_state(self, choice: int) -> None:
        runs = [None, *self.execution.task_runs]
        run_id = runs[choice % len(runs)]
        state = [State.SUCCESS, State.FAILED, State.WARNING, State.KILLED][choice % 4]
        self.send(StateWanted(at=self.tick(), state=state, task_run_id=run_id))

    def label(self, choice: int) -> None:
        self.send(LabelsSet(at=self.tick(), labels={"number": str(choice)}))

    def crash(self, _choice: int) -> None:
        """The daemon comes back, reads the execution and orders anew what was asked."""
        self.execution = restore(self.plan, deepcopy(self.execution))
        self.evaluations = list(open_evaluations(self.plan, self.execution))
        self.wanted, self.sought = [], []
        for run_id in [run.id for run in self.execution.task_runs.values() if not run.state.is_final]:
            scene = Scene.of(self.plan, self.execution, run_id, self.now)
            assert scene is not None
            if loop.is_loop(scene.node) and scene.attempt is not None:
                for asked in iterations.unmade(scene):
                    self.note(asked)
            for lost, child in calls.lost_children(iter([scene])):
                if child is None and lost.run is not None:
                    number = len(lost.run.attempts)
                    gone = WorkerLost(at=self.tick(), task_run_id=lost.run.id, attempt=number, message="gone")
                    self.send(gone)

    def say_again(self, choice: int) -> None:
        """News of an attempt that came before comes once more."""
        attempts = [event for event in self.sent if isinstance(event, AttemptStarted | AttemptEnded | WorkerLost)]
        if attempts:
            event = attempts[choice % len(attempts)]
            before = deepcopy(self.execution)
            changes = advance(self.plan, self.execution, event)
            is_stale = before.task_runs.get(event.task_run_id) is None or _has_ended(before, event)
            assert not (is_stale and changes), f"late news was acted on: {event}"
            for change in changes:
                evolve(self.mirror, change)
                self.note(change)

    def replay(self, choice: int) -> None:
        if self.execution.is_over and self.execution.task_runs and choice % 3 == 0:
            run_ids = list(self.execution.task_runs)
            copy = replay_of(
                self.plan,
                self.execution,
                id=ExecutionId(f"r{self.count}"),
                at=self.tick(),
                revision=1,
                commit="c" * 40,
                task_run_id=run_ids[choice % len(run_ids)],
            )
            if copy is not None:
                assert copy.state is State.RESTARTED
                self.take(copy)
                self.sent = []

    def settle_down(self) -> None:
        """Everything that is asked is answered, until nothing is."""
        for choice in range(EVENTS_MAX):
            if self.execution.state in {State.CREATED, State.QUEUED, State.RESTARTED}:
                self.let_go(0)
            elif self.execution.state is State.PAUSED and not self.timers:
                self.resume(0)
                self.review(choice)
            elif self.execution.state is State.BREAKPOINT:
                self.pass_breakpoint(0)
            elif self.evaluations:
                self.evaluate(choice)
            elif self.wanted:
                self.make_child(choice)
            elif self.sought:
                self.look(choice)
            elif self.children:
                self.end_child(choice)
            elif self.orders:
                self.end(choice % 2)
            elif self.timers:
                self.fire(0)
            else:
                return


def _has_ended(execution: Execution, event: AttemptStarted | AttemptEnded | WorkerLost) -> bool:
    attempts = execution.task_runs[event.task_run_id].attempts
    return len(attempts) >= event.attempt and attempts[event.attempt - 1].state.is_final


def derived(execution: Execution) -> tuple[Any, ...]:
    return (
        execution.outputs_tree,
        execution.children and {key: kept for key, kept in execution.children.items() if kept},
        execution.next_sequence,
        execution.open_attempts,
        execution.retrying,
        execution.pausing,
        execution.stopped,
    )


DEEDS: list[Callable[[World, int], None]] = [
    *([World.end] * 6),
    *([World.begin] * 3),
    *([World.fire, World.evaluate, World.make_child, World.end_child, World.look] * 2),
    World.lose,
    World.kill,
    World.pause,
    World.resume,
    World.pass_breakpoint,
    World.review,
    World.review,
    World.restart,
    World.let_go,
    World.hold,
    World.refuse,
    World.set_state,
    World.label,
    World.crash,
    World.say_again,
    World.replay,
]

EXAMPLES = int(os.environ.get("SEGUE_TEST_EXAMPLES", "150"))
"""How many courses are played; 5,000 take some minutes and belong to a night."""

courses = st.lists(st.tuples(st.integers(0, len(DEEDS) - 1), st.integers(0, 500)), max_size=40)
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def played(flow: Flow, course: list[tuple[int, int]]) -> World:
    world = World(flow)
    world.stop_before(course[0][1] if course else 0)
    world.let_go(0)
    for deed, choice in course:
        DEEDS[deed](world, choice)
    world.settle_down()
    return world


@given(flow=flows(), course=courses)
@thorough
def test_every_execution_that_keeps_getting_answers_ends_and_leaves_nothing_running(
    flow: Flow, course: list[tuple[int, int]]
) -> None:
    world = played(flow, course)
    assert world.execution.is_over, world.execution
    assert all(run.state.is_final for run in world.execution.task_runs.values())
    assert all(attempt.state.is_final for run in world.execution.task_runs.values() for attempt in run.attempts)
    assert (world.execution.open_attempts, world.execution.retrying) == (0, 0)


@given(flow=flows(), course=courses)
@settings(
    max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_every_move_is_in_the_tables_and_time_never_runs_back(flow: Flow, course: list[tuple[int, int]]) -> None:
    execution = played(flow, course).execution
    histories = [(EXECUTION_MOVES, execution.history)]
    histories += [(TASK_RUN_MOVES, run.history) for run in execution.task_runs.values()]
    for table, history in histories:
        for before, after in itertools.pairwise(history):
            assert after.state in table[before.state]
            assert after.at >= before.at
