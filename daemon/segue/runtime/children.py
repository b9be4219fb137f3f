"""Children: executions that tasks of others ask for. Made, set going again, killed, and their ends told to who waits.

What a decision asks for is taken down and done at the end of the same tick, so that a parent and its child stand in
one transaction, and chains of them do not nest. A tick makes a bounded number; what is over waits for the next. A
daemon that dies in between has the attempt without its child: recovery has that attempt made again. Iterations of a
Loop, and the flows of a ForEachItem, are ordered once more as they were.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from msgspec import Struct

from segue.engine import batches, calls, iterations
from segue.engine.create import iteration_of
from segue.engine.flowables import loop as loops
from segue.engine.labels import CORRELATION_ID, SYSTEM, without_system
from segue.engine.scene import Scene
from segue.expression.template import effects_of
from segue.model.change import ChildKillOrdered, ChildOrdered, IterationOrdered, IterationsSought
from segue.model.event import ChildEnded, ChildRefused, ChildStarted, IterationsFound, KillWanted, RestartWanted
from segue.model.execution import Execution, Failure, Item, Kind, TriggeredBy
from segue.model.names import ExecutionId, TaskRunId
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.runtime.clock import Dice
from segue.runtime.decisions import AsksOfOthers, Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.live import Live
from segue.runtime.loop import Loop
from segue.runtime.round import Round
from segue.runtime.starts import Prepared, Starts, Wanted
from segue.web.ports.reads import Reads
from segue.web.ports.refusals import Refusal

CHILDREN_PER_TICK_MAX: Final = 100
DEPTH_MAX: Final = 100
"""A flow that calls itself without end is stopped here: it would fill the disk."""
SOUGHT_AT_ONCE: Final = 100

TakeIn = Callable[[Execution], Live | Refusal]


class _Ended(Struct, frozen=True):
    """A child that came to its end. `seen` is what its parent wanted to see of it."""

    parent: ExecutionId
    task_run_id: TaskRunId
    child: ExecutionId
    state: State
    outputs: Mapping[str, Any] | None
    seen: Mapping[str, Any] | Failure | None = None
    item: Item | None = None


_Piece = tuple[ExecutionId, AsksOfOthers] | _Ended


class Children:
    """All parents and children of the daemon."""

    def __init__(
        self,
        revisions: Revisions,
        loop: Loop,
        decisions: Decisions,
        starts: Starts,
        dice: Dice,
        reads: Reads,
        take_in: TakeIn,
    ) -> None:
        self._revisions = revisions
        self._loop = loop
        self._decisions = decisions
        self._starts = starts
        self._dice = dice
        self._reads = reads
        self._take_in = take_in
        self._waiting: deque[_Piece] = deque()
        self._later: set[asyncio.Task[None]] = set()

    def order(self, execution_id: ExecutionId, change: AsksOfOthers) -> None:
        """An execution asks for a child, for the end of one, or after those it has had."""
        self._waiting.append((execution_id, change))

    def on_move(self, _round: Round, live: Live, state: State) -> None:
        """A child ended. One that is followed by another in its place has not: see `replaced`."""
        if state.is_final and state is not State.RETRIED:
            self._take_down(live.execution, state, live)

    def removed(self, execution: Execution) -> None:
        """A child was deleted before it ended."""
        if not execution.state.is_final:
            self._take_down(execution, State.KILLED, None)

    def replaced(self, old: Execution, new: Execution, round_: Round) -> None:
        """A child failed and another takes its place: who waits for the one waits for the other."""
        parent = self._waiting_for(old)
        if parent is not None and parent.attempt is not None and parent.run is not None:
            event = ChildStarted(
                at=round_.at,
                task_run_id=parent.run.id,
                attempt=parent.attempt.number,
                execution_id=new.id,
                number=old.loop_run.item.index if old.loop_run is not None else None,
                replaces=old.id,
            )
            self._decisions.apply(round_, parent.execution.id, event)

    def _take_down(self, child: Execution, state: State, live: Live | None) -> None:
        parent = self._waiting_for(child)
        if parent is None or parent.run is None:
            return
        seen = None
        if live is not None:
            scene = Scene(live.deployed.plan, child, live.deployed.plan.root, None, child.history[-1].at)
            seen = calls.seen_by(parent, scene)
        item = child.loop_run.item if child.loop_run is not None else None
        self._waiting.append(_Ended(parent.execution.id, parent.run.id, child.id, state, child.outputs, seen, item))

    def _waiting_for(self, child: Execution) -> Scene | None:
        """The task run that waits for the end of this execution."""
        asked_by = calls.parent_of(child)
        scene = self._scene(asked_by[0], TaskRunId(asked_by[1])) if asked_by is not None else None
        return scene if scene is not None and _awaits(scene, child) else None

    def _scene(self, execution_id: ExecutionId, run_id: TaskRunId) -> Scene | None:
        live = self._decisions.executions.get(execution_id)
        if live is None:
            return None
        return Scene.of(live.deployed.plan, live.execution, run_id, live.execution.history[-1].at)

    # Doing it, at the end of a tick.

    def settle(self, round_: Round) -> None:
        """All that was asked for in this tick; what is asked for on the way as well, as far as there is room."""
        made = 0
        while self._waiting:
            piece = self._waiting.popleft()
            if isinstance(piece, _Ended):
                self._tell(round_, piece)
                continue
            parent_id, change = piece
            match change:
                case ChildKillOrdered():
                    wanted = KillWanted(at=round_.at, cascades=change.cascades)
                    self._decisions.apply(round_, change.execution_id, wanted)
                    continue
                case IterationsSought():
                    round_.then(partial(self._look_later, parent_id, change))
                    continue
                case IterationOrdered():
                    self._iterate(round_, parent_id, change)
                case ChildOrdered():
                    self._make(round_, parent_id, change)
            made += 1
            if made >= CHILDREN_PER_TICK_MAX and self._waiting:
                self._loop.wake()
                return

    def _tell(self, round_: Round, ended: _Ended) -> None:
        event = ChildEnded(
            at=round_.at,
            task_run_id=ended.task_run_id,
            execution_id=ended.child,
            state=ended.state,
            outputs=ended.outputs,
            seen=ended.seen,
            item=ended.item,
            chance=self._dice.fraction(),
        )
        self._decisions.apply(round_, ended.parent, event)

    def _make(self, round_: Round, parent_id: ExecutionId, change: ChildOrdered) -> None:
        parent = self._scene(parent_id, change.id)
        if parent is None or not _is_awaited(parent, change):
            return
        if change.again is not None and self._set_going(round_, parent, change, change.again):
            return
        wanted = self._wanted(parent, change)
        if isinstance(wanted, str):
            self._refuse(round_, parent_id, change, wanted)
            return
        assert wanted.deployed is not None
        if _needs_worker(wanted.deployed):
            task = asyncio.get_running_loop().create_task(self._make_later(parent_id, change, wanted))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
            return
        prepared = self._starts.prepare_now(wanted)
        if isinstance(prepared, str):
            self._refuse(round_, parent_id, change, prepared)
        else:
            self._begin(round_, parent_id, change, prepared)

    async def _make_later(self, parent_id: ExecutionId, change: ChildOrdered, wanted: Wanted) -> None:
        """Its inputs have defaults that a worker has to say."""
        prepared = await self._starts.prepare(wanted)

        def work(round_: Round) -> None:
            parent = self._scene(parent_id, change.id)
            if parent is None or not _is_awaited(parent, change):
                return
            if isinstance(prepared, Refusal):
                self._refuse(round_, parent_id, change, prepared.message)
            else:
                self._begin(round_, parent_id, change, prepared)

        self._loop.do(work)

    def _begin(self, round_: Round, parent_id: ExecutionId, change: ChildOrdered, prepared: Prepared) -> None:
        self._started(round_, parent_id, change, prepared.id)
        self._starts.begin(round_, prepared)

    # Iterations of a Loop.

    def _iterate(self, round_: Round, parent_id: ExecutionId, change: IterationOrdered) -> None:
        parent = self._scene(parent_id, change.id)
        if parent is None or not iterations.is_awaited(parent, change.attempt, change.number):
            return
        if change.again is not None and self._set_going(round_, parent, change, change.again):
            return
        live, item = self._decisions.executions.get(parent_id), change.item or self._item_again(change)
        part = live.deployed.part(parent.node.id) if live is not None else None
        assert live is not None
        assert part is not None
        assert item is not None, change
        child = self._dice.execution_id(round_.at)
        self._started(round_, parent_id, change, child)
        made = iteration_of(live.deployed.plan, live.execution, change.id, item, id=child, at=round_.at)
        self._decisions.begin(round_, part, made)

    def _item_again(self, change: IterationOrdered) -> Item | None:
        """That of an iteration which cannot be set going again: another one takes its place."""
        before = self._reads.execution_alone(change.again) if change.again is not None else None
        return before.loop_run.item if before is not None and before.loop_run is not None else None

    def _look_later(self, parent_id: ExecutionId, change: IterationsSought) -> None:
        task = asyncio.get_running_loop().create_task(self._look(parent_id, change))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _look(self, parent_id: ExecutionId, change: IterationsSought) -> None:
        """Which iterations did not end well: what was decided about them before is durable by now."""
        found = await asyncio.to_thread(
            self._reads.unfinished_iterations, change.id, after=change.after, limit=SOUGHT_AT_ONCE
        )

        def work(round_: Round) -> None:
            event = IterationsFound(
                at=round_.at,
                task_run_id=change.id,
                attempt=change.attempt,
                after=change.after,
                found=found,
                is_last=len(found) < SOUGHT_AT_ONCE,
            )
            self._decisions.apply(round_, parent_id, event)

        self._loop.do(work)

    def _started(
        self, round_: Round, parent_id: ExecutionId, change: ChildOrdered | IterationOrdered, child: ExecutionId
    ) -> None:
        event = ChildStarted(
            at=round_.at, task_run_id=change.id, attempt=change.attempt, execution_id=child, number=change.number
        )
        self._decisions.apply(round_, parent_id, event)

    def _refuse(self, round_: Round, parent_id: ExecutionId, change: ChildOrdered, message: str) -> None:
        event = ChildRefused(
            at=round_.at,
            task_run_id=change.id,
            attempt=change.attempt,
            message=message,
            number=change.number,
            chance=self._dice.fraction(),
        )
        self._decisions.apply(round_, parent_id, event)

    def _wanted(self, parent: Scene, change: ChildOrdered) -> Wanted | str:
        """The request for the child, or why there can be none."""
        key = FlowKey(change.wanted.namespace, change.wanted.flow_id)
        execution, task = parent.execution, parent.node.task
        assert task is not None
        deployed = self._deployed(key, change.wanted.revision, execution.commit)
        if isinstance(deployed, str):
            return deployed
        if self._depth(execution) >= DEPTH_MAX:
            return f"{DEPTH_MAX} executions wait for one another already: does flow '{key}' call itself?"
        inherited = without_system(execution.labels) if change.wanted.inherits_labels else {}
        system = {name: value for name, value in execution.labels.items() if name.startswith(SYSTEM)}
        return Wanted(
            flow=key,
            inputs=change.wanted.inputs,
            labels={**inherited, **change.wanted.labels},
            system=system,
            scheduled_at=change.wanted.scheduled_at,
            trigger=TriggeredBy(id=task.id, type=task.type, variables=_caller(parent, change)),
            correlation_id=execution.labels.get(CORRELATION_ID, execution.id),
            kind=Kind.TEST if execution.is_test else Kind.NORMAL,
            deployed=deployed,
            commit=execution.commit,
        )

    def _deployed(self, key: FlowKey, number: int | None, commit: str) -> Deployed | str:
        name = f"'{key.namespace}.{key.flow_id}'"
        found = self._revisions.at(key, commit) if number is None else self._revisions.find(key, number)
        if found is None:
            at = f"at commit {commit[:12]}" if number is None else f"at revision {number}"
            return f"Unable to find flow {name} {at}"
        if found.flow.why_off is not None:
            return f"Cannot execute flow {name}: it is {found.flow.why_off}"
        return found

    def _depth(self, execution: Execution) -> int:
        """How many executions wait for this one, each for the next."""
        for depth in range(DEPTH_MAX):
            asked_by = calls.parent_of(execution)
            above = self._decisions.executions.get(asked_by[0]) if asked_by is not None else None
            if above is None:
                return depth
            execution = above.execution
        return DEPTH_MAX

    def _set_going(
        self, round_: Round, parent: Scene, change: ChildOrdered | IterationOrdered, child: ExecutionId
    ) -> bool:
        """The child of the attempt before goes on from what failed. False: it cannot, so another one is made."""
        live = self._decisions.executions.get(child)
        if live is None:
            stored = self._reads.execution(child)
            taken = self._take_in(stored) if stored is not None else None
            if taken is None or isinstance(taken, Refusal):
                return False
            live = taken
        if live.execution.state.is_final and not self._decisions.apply(round_, child, RestartWanted(at=round_.at)):
            self._decisions.forget_if_over(round_, live)
            return False
        self._started(round_, parent.execution.id, change, child)
        if live.execution.state is State.RESTARTED:
            self._decisions.admit(round_, live)
        return True

    # After the daemon was away.

    def take_up(self, round_: Round, live: Live) -> Iterator[Scene]:
        """Tell an execution of children that ended while nobody looked; gives the calls that have no child at all."""
        plan, execution = live.deployed.plan, live.execution
        runs = [run.id for run in execution.task_runs.values() if not run.state.is_final]
        scenes = [Scene.of(plan, execution, run_id, round_.at) for run_id in runs]
        self._take_up_many(execution.id, [each for each in scenes if each is not None])
        for scene, child in list(calls.lost_children(each for each in scenes if each is not None)):
            if child is None:
                yield scene
            elif self._decisions.executions.get(child) is None:
                self._tell_stored(scene, child)
            elif scene.run is not None and scene.run.state is State.KILLING:
                self._waiting.append((execution.id, ChildKillOrdered(id=scene.run.id, execution_id=child)))

    def _take_up_many(self, execution_id: ExecutionId, scenes: list[Scene]) -> None:
        """Of tasks that have many children, each for a part of what they do."""
        for scene in scenes:
            many = iterations if loops.is_loop(scene.node) else batches if batches.is_batches(scene) else None
            if many is None or scene.attempt is None or scene.run is None:
                continue
            self._waiting.extend((execution_id, order) for order in many.unmade(scene))
            for child in many.made(scene):
                if self._decisions.executions.get(child) is None:
                    self._tell_stored(scene, child)
                elif scene.run.state is State.KILLING:
                    self._waiting.append((execution_id, ChildKillOrdered(id=scene.run.id, execution_id=child)))

    def _tell_stored(self, scene: Scene, child: ExecutionId) -> None:
        assert scene.run is not None
        stored = self._reads.execution_alone(child)
        state = stored.state if stored is not None and stored.state.is_final else State.KILLED
        outputs = stored.outputs if stored is not None else None
        item = iterations.item_of_lost(scene, child, stored)
        self._waiting.append(_Ended(scene.execution.id, scene.run.id, child, state, outputs, item=item))


def _is_awaited(parent: Scene, change: ChildOrdered) -> bool:
    if batches.is_batches(parent):
        return batches.is_awaited(parent, change.attempt, change.number)
    return calls.is_awaited(parent, change.attempt)


def _awaits(parent: Scene, child: Execution) -> bool:
    if loops.is_loop(parent.node):
        return iterations.awaits(parent, child)
    return batches.awaits(parent, child.id) if batches.is_batches(parent) else calls.awaited_child(parent) == child.id


def _caller(parent: Scene, change: ChildOrdered) -> dict[str, Any]:
    variables = calls.caller_variables(parent)
    return variables if change.number is None else {**variables, "taskRunIteration": change.number}


def _needs_worker(deployed: Deployed) -> bool:
    """Do its inputs have defaults, or choices, that only a worker may evaluate."""
    return any(effects_of(each.defaults) or effects_of(each.options.get("expression")) for each in deployed.flow.inputs)
