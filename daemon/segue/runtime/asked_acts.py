"""Acts on executions as callers ask for them: the inputs that come along are read first, then all is done in one piece of
work, and what goes with executions that this deleted is cleared away after it."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.model.execution import Execution, Kind
from segue.model.names import TaskRunId
from segue.model.task import Decision
from segue.runtime import answers
from segue.runtime.acts import Acts
from segue.runtime.admission import Admission
from segue.runtime.clock import Clock, Dice
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Revisions
from segue.runtime.live import Live
from segue.runtime.lookups import Lookups
from segue.runtime.refusals import no_execution, possible_acts, refusal
from segue.runtime.round import Round
from segue.runtime.starts import Asker, Starts
from segue.storage.address import address_of, execution_parts
from segue.storage.storage import Storage, StorageFailure
from segue.store.reads.matching import Op
from segue.web.actions import Action, Delete, Replay, Resume, Review
from segue.web.ports.executions import Search
from segue.web.ports.lists import Field, Filter
from segue.web.ports.reads import Reads
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import CheckedInput

_DELETED_AT_ONCE: Final = 100

_log = logging.getLogger("segue.storage")


class AskedActs:
    def __init__(
        self,
        admission: Admission,
        lookups: Lookups,
        reads: Reads,
        revisions: Revisions,
        decisions: Decisions,
        acts: Acts,
        starts: Starts,
        storage: Storage,
        clock: Clock,
        dice: Dice,
    ) -> None:
        self._admission = admission
        self._lookups = lookups
        self._reads = reads
        self._revisions = revisions
        self._executions = decisions.executions
        self._decisions = decisions
        self._acts = acts
        self._starts = starts
        self._storage = storage
        self._clock = clock
        self._dice = dice

    async def act(self, execution_id: str, action: Action) -> Execution | Refusal:
        stored = await self._lookups.stored(execution_id)
        if stored is None and self._executions.get(execution_id) is None:
            return no_execution(execution_id)
        ready = await self._with_inputs(execution_id, stored, action)
        if isinstance(ready, Refusal):
            return ready

        def work(round_: Round) -> Execution | Refusal:
            live = self._taken_in(execution_id, stored)
            return live if isinstance(live, Refusal) else self._acts.perform(round_, live, ready)

        left = await self._admission.call(work)
        if isinstance(action, Delete) and isinstance(left, Execution):
            await self._delete_with([left], action)
        return left

    async def act_on_many(self, execution_ids: Sequence[str], action: Action) -> int | Refusal:
        """On all of them, or on none."""
        stored = {each: await self._lookups.stored(each) for each in execution_ids}
        ready: dict[str, Action] = {}
        for each in stored:
            prepared = await self._answered(each, action) if isinstance(action, Resume) else action
            if isinstance(prepared, Refusal):
                return prepared
            ready[each] = prepared

        def work(round_: Round) -> int | Refusal:
            taken = [self._taken_in(each, stored[each]) for each in ready]
            refusals = [each for each in taken if isinstance(each, Refusal)]
            lives = [each for each in taken if isinstance(each, Live)]
            refusals += [refused for live in lives if (refused := refusal(live, ready[live.execution.id]))]
            if refusals:
                for live in lives:
                    self._decisions.forget_if_over(round_, live)
                return Refusal(refusals[0].status, "\n".join(refusal.message for refusal in refusals))
            done = [self._acts.perform(round_, live, ready[live.execution.id]) for live in lives]
            left.extend(each for each in done if isinstance(each, Execution))
            return len(left)

        left: list[Execution] = []
        count = await self._admission.call(work)
        if isinstance(action, Delete) and isinstance(count, int):
            await self._delete_with(left, action)
        return count

    async def possible(self, execution_id: str) -> frozenset[type[Action]]:
        live = self._executions.get(execution_id)
        if live is not None:
            return possible_acts(live)
        stored = await asyncio.to_thread(self._reads.execution_in_outline, execution_id)
        deployed = self._revisions.of(stored) if stored is not None else None
        if stored is None or deployed is None:
            return frozenset()
        return possible_acts(Live(restore(deployed.plan, stored), deployed))

    async def check_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of the inputs of a resume."""
        live = self._executions.get(execution_id)
        if live is None:
            return Refusal(409, f"Execution {execution_id} is not paused: it waits for no inputs")
        scene = answers.to_resume(live)
        return await self._starts.check(self._asker(live, scene), answers.asked_on_resume(live), inputs)

    async def check_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        """The same of a decision."""
        live = self._executions.get(execution_id)
        if live is None:
            return Refusal(409, f"Execution {execution_id} has ended: it waits for no decision")
        scene = answers.to_review(live, task_run_id)
        if isinstance(scene, Refusal):
            return scene
        return await self._starts.check(self._asker(live, scene), answers.asked_on_review(scene, decision), inputs)

    # Inputs.

    async def _with_inputs(self, execution_id: str, stored: Execution | None, action: Action) -> Action | Refusal:
        """The action with the inputs that come with it read as their types."""
        match action:
            case Replay() if action.inputs is not None:
                return await self._replay_inputs(execution_id, stored, action)
            case Resume() | Review():
                return await self._answered(execution_id, action)
            case _:
                return action

    async def _replay_inputs(self, execution_id: str, stored: Execution | None, action: Replay) -> Replay | Refusal:
        execution = await self._lookups.live(execution_id) or stored
        if execution is None:
            return no_execution(execution_id)
        deployed = self._acts.revision_for(execution, action.revision)
        if isinstance(deployed, Refusal):
            return deployed
        anew = self._dice.execution_id(self._clock.now())
        asker = Asker(deployed=deployed, execution_id=anew)
        values = await self._starts.read(asker, deployed.flow.inputs, action.inputs or {})
        return values if isinstance(values, Refusal) else replace(action, inputs=values, id=anew)

    async def _answered(self, execution_id: str, action: Resume | Review) -> Resume | Review | Refusal:
        """With the inputs that the paused task asks for."""
        live = self._executions.get(execution_id)
        if live is None:
            return replace(action, inputs={})
        if isinstance(action, Review):
            scene = answers.to_review(live, action.task_run_id)
            if isinstance(scene, Refusal):
                return scene
            # The inputs are read meanwhile: by then another task may be the only one that waits.
            action = replace(action, task_run_id=scene.id)
            asker, asked = self._asker(live, scene), answers.asked_on_review(scene, action.decision)
        else:
            asker, asked = self._asker(live, answers.to_resume(live)), answers.asked_on_resume(live)
        values = await self._starts.read(asker, asked, action.inputs)
        return values if isinstance(values, Refusal) else replace(action, inputs=values)

    def _asker(self, live: Live, scene: Scene | None) -> Asker:
        """Whoever else answers the same at the same time has files in another folder."""
        return Asker(
            deployed=live.deployed,
            execution_id=live.execution.id,
            variables=scope_of(scene) if scene is not None else {},
            folder=f"answers/{self._dice.execution_id(self._clock.now())}",
        )

    # Executions that are over.

    def _taken_in(self, execution_id: str, stored: Execution | None) -> Live | Refusal:
        live = self._executions.get(execution_id)
        if live is not None:
            return live
        return self._acts.take_in(stored) if stored is not None else no_execution(execution_id)

    async def _delete_with(self, deleted: Iterable[Execution], action: Delete) -> None:
        """What goes with executions that were deleted: their files, and a slice at a time the iterations of their Loops,
        which nobody would find any more."""
        for execution in deleted:
            if action.storage:
                await asyncio.to_thread(self._delete_files, execution)
            by_caller = Filter(Field.TRIGGER_EXECUTION_ID, Op.EQUALS, (execution.id,))
            of_loops = Filter(Field.KIND, Op.EQUALS, (Kind.LOOP.value,))
            search = Search(filters=(by_caller, of_loops), size=_DELETED_AT_ONCE)
            while found := (await asyncio.to_thread(self._reads.search, search)).results:
                gone = await self.act_on_many([each.id for each in found], replace(action, running_too=True))
                if isinstance(gone, Refusal):
                    _log.warning("storage.iterations_left execution=%s %s", execution.id, gone.message)
                    break

    def _delete_files(self, execution: Execution) -> None:
        folder = address_of(execution_parts(execution.namespace, execution.flow_id, execution.id))
        try:
            self._storage.delete_folder(folder)
        except StorageFailure as error:  # PurgeStorage finds them
            _log.warning("storage.files_left execution=%s %s", execution.id, error)
