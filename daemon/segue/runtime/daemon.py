"""The running daemon as pages and API see it: `web.ports.daemon`, each call handed to the part that knows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from segue import __version__
from segue.engine import due
from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.expression.errors import ExpressionError
from segue.expression.template import compile_template
from segue.git.blobs import BlobMissing
from segue.git.mirror import NotARepository, RefMissing
from segue.git.names import redact
from segue.git.runner import GitError
from segue.model.execution import Execution, Kind
from segue.model.flow import Check, Flow
from segue.model.flow_test import SuiteResult
from segue.model.input import Input
from segue.model.names import TaskRunId
from segue.model.order import Order
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey, Revision
from segue.model.task import Decision
from segue.model.trigger import Schedule, ScheduleOnDates
from segue.runtime import answers
from segue.runtime.acts import Acts
from segue.runtime.around import Around
from segue.runtime.clock import Clock, Dice
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch, NoAnswer
from segue.runtime.git_sync import GitSync
from segue.runtime.keys import Keys
from segue.runtime.live import Live
from segue.runtime.loop import Busy, Loop
from segue.runtime.measures import Measures
from segue.runtime.refusals import possible_acts, refusal
from segue.runtime.round import Round
from segue.runtime.scheduler import Scheduler
from segue.runtime.snapshots import snapshot
from segue.runtime.starts import Asker, Starts
from segue.runtime.trigger_states import TriggerStates, key_of
from segue.runtime.webhooks import Webhooks
from segue.spec.catalogue import Catalogue
from segue.spec.loader import load_flow
from segue.storage.address import address_of, execution_parts
from segue.storage.storage import Storage, StorageFailure
from segue.store import records
from segue.store.reads.matching import Op
from segue.web.actions import (
    Action,
    CreateBackfill,
    Delete,
    DeleteBackfill,
    Forget,
    PauseBackfill,
    Replay,
    Resume,
    Review,
    SetDisabled,
    TriggerAction,
    Unlock,
)
from segue.web.live import FLOWS, TRIGGERS, Doorbells
from segue.web.ports.executions import Rendered, Search
from segue.web.ports.flows import Checked, LiveFlow, Slots
from segue.web.ports.git import GitStatus, SyncDone
from segue.web.ports.health import Health, Sample
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import Field, Filter
from segue.web.ports.reads import Reads
from segue.web.ports.refusals import Refusal
from segue.web.ports.reviews import OpenReview
from segue.web.ports.starts import CheckedInput, Start
from segue.web.ports.triggers import Backfill, LiveTrigger, TriggerKey
from segue.web.ports.webhooks import NotFired, WebhookCall, WebhookFired

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 3.0
_DELETED_AT_ONCE: Final = 100
_SECRET: Final = "secret"  # noqa: S105 - the name of the function

_log = logging.getLogger("segue.storage")


class Parts(Struct, frozen=True, kw_only=True):
    """The parts that the daemon's face hands calls to."""

    clock: Clock
    dice: Dice
    loop: Loop
    revisions: Revisions
    decisions: Decisions
    dispatch: Dispatch
    starts: Starts
    acts: Acts
    around: Around
    webhooks: Webhooks
    scheduler: Scheduler
    trigger_states: TriggerStates
    sync: GitSync
    storage: Storage
    reads: Reads
    keys: Keys
    measures: Measures
    surroundings: Mapping[str, Any]
    source: str
    branch: str


class RunningDaemon:
    """The `Daemon` of `web.ports`."""

    def __init__(self, parts: Parts, bells: Doorbells) -> None:
        self.bells = bells
        self.version = __version__
        self._parts = parts

    def now(self) -> datetime:
        return self._parts.clock.now()

    @property
    def url(self) -> str:
        """Where people reach it; empty if nobody said."""
        return str(self._parts.surroundings["kestra"]["url"])

    # Executions.

    async def start(self, request: Start) -> Execution | Refusal:
        return await self._or_busy(partial(self._parts.starts.start, request))

    async def validate_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal:
        return await self._parts.starts.check_inputs(request)

    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        return await self._parts.starts.unmet_checks(request)

    async def webhook(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal:
        return await self._or_busy(partial(self._parts.webhooks.call, call))

    async def act(self, execution_id: str, action: Action) -> Execution | Refusal:
        stored = await self._stored(execution_id)
        if stored is None and self._parts.decisions.executions.get(execution_id) is None:
            return _no_execution(execution_id)
        if isinstance(action, Replay) and action.inputs is not None:
            prepared = await self._replay_inputs(execution_id, stored, action)
            if isinstance(prepared, Refusal):
                return prepared
            action = prepared
        if isinstance(action, Resume | Review):
            answer = await self._with_inputs(execution_id, action)
            if isinstance(answer, Refusal):
                return answer
            action = answer

        def work(round_: Round) -> Execution | Refusal:
            live = self._taken_in(execution_id, stored)
            return live if isinstance(live, Refusal) else self._parts.acts.perform(round_, live, action)

        left = await self._or_busy(partial(self._parts.loop.call, work))
        if isinstance(action, Delete) and isinstance(left, Execution):
            await self._delete_with([left], action)
        return left

    async def act_on_many(self, execution_ids: Sequence[str], action: Action) -> int | Refusal:
        stored = {each: await self._stored(each) for each in execution_ids}
        ready: dict[str, Action] = {}
        for each in stored:
            prepared = await self._with_inputs(each, action) if isinstance(action, Resume) else action
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
                    self._parts.decisions.forget_if_over(round_, live)
                return Refusal(refusals[0].status, "\n".join(refusal.message for refusal in refusals))
            done = [self._parts.acts.perform(round_, live, ready[live.execution.id]) for live in lives]
            left.extend(each for each in done if isinstance(each, Execution))
            return len(left)

        left: list[Execution] = []
        count = await self._or_busy(partial(self._parts.loop.call, work))
        if isinstance(action, Delete) and isinstance(count, int):
            await self._delete_with(left, action)
        return count

    async def possible_acts(self, execution_id: str) -> frozenset[type[Action]]:
        live = self._parts.decisions.executions.get(execution_id)
        if live is not None:
            return possible_acts(live)
        stored = await asyncio.to_thread(self._parts.reads.execution_in_outline, execution_id)
        deployed = self._parts.revisions.of(stored) if stored is not None else None
        if stored is None or deployed is None:
            return frozenset()
        return possible_acts(Live(restore(deployed.plan, stored), deployed))

    def asked_on_resume(self, execution_id: str) -> tuple[Input, ...]:
        live = self._parts.decisions.executions.get(execution_id)
        return answers.asked_on_resume(live) if live is not None else ()

    async def validate_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        live = self._parts.decisions.executions.get(execution_id)
        if live is None:
            return Refusal(409, f"Execution {execution_id} is not paused: it waits for no inputs")
        scene = answers.to_resume(live)
        return await self._parts.starts.check(self._asker(live, scene), answers.asked_on_resume(live), inputs)

    def open_reviews(self, execution_id: str) -> tuple[OpenReview, ...]:
        live = self._parts.decisions.executions.get(execution_id)
        return answers.open_reviews(live) if live is not None else ()

    async def validate_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        live = self._parts.decisions.executions.get(execution_id)
        if live is None:
            return Refusal(409, f"Execution {execution_id} has ended: it waits for no decision")
        scene = answers.to_review(live, task_run_id)
        if isinstance(scene, Refusal):
            return scene
        asked = answers.asked_on_review(scene, decision)
        return await self._parts.starts.check(self._asker(live, scene), asked, inputs)

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal:
        stored = await self._stored(execution_id)
        live = self._parts.decisions.executions.get(execution_id)
        execution = live.execution if live is not None else stored
        deployed = live.deployed if live is not None else self._parts.revisions.of(execution) if execution else None
        if execution is None or deployed is None:
            return _no_execution(execution_id)
        if task_run_id is not None and task_run_id not in execution.task_runs:
            return Refusal(404, f"Execution {execution_id} has no task run {task_run_id}")
        if live is None:
            restore(deployed.plan, execution)
            await asyncio.to_thread(self._parts.around.attach, execution)
        try:
            compiled = compile_template(template)
        except ExpressionError as error:
            return Rendered(None, str(error))
        if _SECRET in compiled.effects:
            return Rendered(None, "secret() is not available here: its value would be shown")
        order = self._evaluation(deployed, execution, task_run_id, template)
        try:
            return Rendered(await self._parts.dispatch.ask(order))
        except NoAnswer as error:
            return Rendered(None, str(error))

    async def live_execution(self, execution_id: str) -> Execution | None:
        live, loop = self._parts.decisions.executions.get(execution_id), self._parts.loop
        if live is None or loop.is_all_durable:
            return live.execution if live is not None else None
        if loop.trouble is not None:
            return None
        seen = snapshot(live.execution)
        await loop.durable()
        return seen

    def _evaluation(
        self, deployed: Deployed, execution: Execution, task_run_id: TaskRunId | None, template: str
    ) -> Order:
        scene = Scene.of(deployed.plan, execution, task_run_id, self.now())
        variables = scope_of(scene) if scene is not None else {}
        run = execution.task_runs[task_run_id] if task_run_id is not None else None
        return Order(
            id=f"{execution.id}?eval{self._parts.dice.fraction()}",
            execution_id=execution.id,
            namespace=execution.namespace,
            flow_id=execution.flow_id,
            revision=execution.revision,
            commit=execution.commit,
            task_run_id=task_run_id,
            task_id=run.task_id if run else "",
            task_type="",
            attempt=1,
            variables=variables,
            purpose="eval",
            template=template,
        )

    async def _replay_inputs(self, execution_id: str, stored: Execution | None, action: Replay) -> Replay | Refusal:
        """The action with its inputs read as the flow's types."""
        execution = await self.live_execution(execution_id) or stored
        if execution is None:
            return _no_execution(execution_id)
        deployed = self._parts.acts.revision_for(execution, action.revision)
        if isinstance(deployed, Refusal):
            return deployed
        anew = self._parts.dice.execution_id(self.now())
        asker = Asker(deployed=deployed, execution_id=anew)
        values = await self._parts.starts.read(asker, deployed.flow.inputs, action.inputs or {})
        return values if isinstance(values, Refusal) else replace(action, inputs=values, id=anew)

    async def _with_inputs(self, execution_id: str, action: Resume | Review) -> Resume | Review | Refusal:
        """The action with the inputs that the paused task asks for, as their types say."""
        live = self._parts.decisions.executions.get(execution_id)
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
        values = await self._parts.starts.read(asker, asked, action.inputs)
        return values if isinstance(values, Refusal) else replace(action, inputs=values)

    def _asker(self, live: Live, scene: Scene | None) -> Asker:
        """Whoever else answers the same at the same time has files in another folder."""
        return Asker(
            deployed=live.deployed,
            execution_id=live.execution.id,
            variables=scope_of(scene) if scene is not None else {},
            folder=f"answers/{self._parts.dice.execution_id(self.now())}",
        )

    async def _stored(self, execution_id: str) -> Execution | None:
        """The execution as stored, if it is not live."""
        if self._parts.decisions.executions.get(execution_id) is not None:
            return None
        return await asyncio.to_thread(self._parts.reads.execution, execution_id)

    def _taken_in(self, execution_id: str, stored: Execution | None) -> Live | Refusal:
        live = self._parts.decisions.executions.get(execution_id)
        if live is not None:
            return live
        return self._parts.acts.take_in(stored) if stored is not None else _no_execution(execution_id)

    async def _delete_with(self, deleted: Iterable[Execution], action: Delete) -> None:
        """What goes with executions that were deleted: their files, and a slice at a time the iterations of their Loops,
        which nobody would find any more."""
        for execution in deleted:
            if action.storage:
                await asyncio.to_thread(self._delete_files, execution)
            by_caller = Filter(Field.TRIGGER_EXECUTION_ID, Op.EQUALS, (execution.id,))
            of_loops = Filter(Field.KIND, Op.EQUALS, (Kind.LOOP.value,))
            search = Search(filters=(by_caller, of_loops), size=_DELETED_AT_ONCE)
            while found := (await asyncio.to_thread(self._parts.reads.search, search)).results:
                gone = await self.act_on_many([each.id for each in found], replace(action, running_too=True))
                if isinstance(gone, Refusal):
                    _log.warning("storage.iterations_left execution=%s %s", execution.id, gone.message)
                    break

    def _delete_files(self, execution: Execution) -> None:
        folder = address_of(execution_parts(execution.namespace, execution.flow_id, execution.id))
        try:
            self._parts.storage.delete_folder(folder)
        except StorageFailure as error:  # PurgeStorage finds them
            _log.warning("storage.files_left execution=%s %s", execution.id, error)

    # Flows and triggers.

    def flows(self) -> Sequence[LiveFlow]:
        live = self._parts.revisions.live
        return tuple(self._live_flow(live.flows[key]) for key in sorted(live.flows))

    def flow(self, key: FlowKey) -> LiveFlow | None:
        deployed = self._parts.revisions.live.flows.get(key)
        return self._live_flow(deployed) if deployed is not None else None

    def _live_flow(self, deployed: Deployed) -> LiveFlow:
        states = (self._parts.trigger_states.get(key_of(deployed, each.id)) for each in deployed.flow.triggers)
        times = [state.next_at for state in states if state and state.next_at and not state.is_disabled]
        problems = self._parts.revisions.live.problems_by_flow.get(deployed.key, ())
        return LiveFlow(
            flow=deployed.flow,
            revision=deployed.revision,
            problems=_of(problems, Severity.ERROR),
            warnings=_of(problems, Severity.WARNING),
            next_fire_at=min(times, default=None),
        )

    def check(self, text: str, path: str) -> Checked:
        flows = self._parts.sync.flows
        loaded = load_flow(text, path=path, catalogue=flows.catalogue, global_defaults=flows.settings.plugin_defaults)
        return Checked(loaded.flow, loaded.problems)

    def read_flow(self, revision: Revision, text: str) -> Flow | None:
        flows = self._parts.sync.flows
        return load_flow(
            text,
            path=revision.path,
            document=revision.document,
            default_namespace=revision.key.namespace,
            catalogue=flows.catalogue,
            global_defaults=flows.settings.plugin_defaults,
        ).flow

    def catalogue(self) -> Catalogue:
        return self._parts.sync.flows.catalogue

    def slots(self) -> Sequence[Slots]:
        executions = self._parts.decisions.executions
        return tuple(
            Slots(
                flow=key,
                limit=limit.limit,
                behavior=limit.behavior,
                running=executions.holding(key),
                queued=sum(1 for _ in executions.waiting(key)),
            )
            for key, deployed in sorted(self._parts.revisions.live.flows.items())
            if (limit := deployed.flow.concurrency) is not None
        )

    def triggers(self) -> Sequence[LiveTrigger]:
        flows = self._parts.revisions.live.flows
        return tuple(
            self._live_trigger(flows[key], trigger.id) for key in sorted(flows) for trigger in flows[key].flow.triggers
        )

    def _live_trigger(self, deployed: Deployed, trigger_id: str) -> LiveTrigger:
        trigger = deployed.flow.trigger(trigger_id)
        assert trigger is not None
        key = key_of(deployed, trigger_id)
        state = self._parts.trigger_states.get(key)
        backfill = self._parts.scheduler.backfill_of(key)
        return LiveTrigger(
            key=TriggerKey(deployed.key, trigger_id),
            trigger=trigger,
            is_disabled=state.is_disabled if state else False,
            is_locked=bool(state and state.execution_id),
            last_fired_at=state.last_fired_at if state else None,
            next_fire_at=state.next_at if state else None,
            execution_id=state.execution_id if state else None,
            updated_at=state.updated_at if state else None,
            backfill=_shown(backfill) if backfill else None,
        )

    async def act_on_trigger(self, key: TriggerKey, action: TriggerAction) -> LiveTrigger | Refusal:
        def work(round_: Round) -> LiveTrigger | Refusal:
            deployed = self._parts.revisions.live.flows.get(key.flow)
            trigger = deployed.flow.trigger(key.trigger_id) if deployed is not None else None
            if deployed is None or trigger is None:
                return Refusal(404, f"Trigger {key.trigger_id} not found in flow {key.flow}")
            is_schedule = isinstance(trigger.body, Schedule | ScheduleOnDates)
            if not is_schedule and not isinstance(action, SetDisabled | Unlock | Forget):
                return Refusal(422, f"Trigger {key.trigger_id} is no schedule: it has no past to fill")
            refused = self._act_on_trigger(round_, key_of(deployed, trigger.id), action)
            round_.topics |= {TRIGGERS, FLOWS}
            return refused or self._live_trigger(deployed, trigger.id)

        return await self._or_busy(partial(self._parts.loop.call, work))

    def _act_on_trigger(self, round_: Round, key: records.TriggerKey, action: TriggerAction) -> Refusal | None:
        scheduler = self._parts.scheduler
        backfill = scheduler.backfill_of(key)
        match action:
            case SetDisabled(disabled=disabled):
                scheduler.set_disabled(round_, key, disabled=disabled)
            case Unlock():
                scheduler.unlock(round_, key)
            case Forget():
                scheduler.forget(round_, key)
            case CreateBackfill(start=start, end=end, inputs=inputs, labels=labels):
                end = end or round_.at
                if start > end:
                    return Refusal(422, f"The backfill would end ({end}) before it starts ({start})")
                created = due.Backfill(
                    start=start.astimezone(UTC), end=end.astimezone(UTC), inputs=inputs, labels=labels
                )
                scheduler.set_backfill(round_, key, created)
            case PauseBackfill(paused=paused):
                if backfill is None:
                    return Refusal(409, "The trigger has no backfill")
                scheduler.set_backfill(round_, key, replace(backfill, is_paused=paused))
            case DeleteBackfill():
                if backfill is None:
                    return Refusal(409, "The trigger has no backfill")
                scheduler.set_backfill(round_, key, None)
        return None

    # What was written about executions and triggers.

    async def delete_log_lines(self, ids: Sequence[int]) -> Refusal | None:
        def work(round_: Round) -> None:
            round_.batch.remove_lines("logs", ids)

        return await self._or_busy(partial(self._parts.loop.call, work))

    # Keys and values.

    async def put_key(self, entry: KeyValue) -> Refusal | None:
        return await self._or_busy(partial(self._parts.keys.put, entry))

    async def delete_key(self, namespace: str, key: str) -> bool | Refusal:
        return await self._or_busy(partial(self._parts.keys.delete, namespace, key))

    async def _or_busy(self, ask: Callable[[], Awaitable[T]]) -> T | Refusal:
        """The answer, or that nothing is taken in just now."""
        if not self._parts.measures.is_ready:
            return Refusal(503, "The daemon is starting or stopping: ask again in a moment")
        asked = asyncio.ensure_future(ask())
        try:
            while not (await asyncio.wait({asked}, timeout=_PATIENCE_SECONDS))[0]:
                # Nobody was promised anything yet, and a caller should not wait for a disk to be freed.
                if (trouble := self._parts.loop.trouble) is not None:
                    return Refusal(503, f"Nothing new is taken in at the moment: {trouble}")
            return asked.result()
        except Busy as error:
            return Refusal(503, f"Nothing new is taken in at the moment: {error}")
        except asyncio.CancelledError:
            asked.cancel()
            raise

    # Git.

    async def sync(self) -> SyncDone | Refusal:
        try:
            return await self._parts.sync.sync("call")
        except (GitError, RefMissing, NotARepository, BlobMissing) as error:
            return Refusal(409, redact(str(error)))
        except (Busy, OSError) as error:
            return Refusal(503, str(error))

    def request_sync(self, cause: str) -> None:
        self._parts.sync.ring(cause)

    def tested(self) -> Sequence[SuiteResult]:
        return sorted(self._parts.sync.tested, key=lambda each: each.key)

    async def confirm_held(self, commit: str) -> SyncDone | Refusal:
        self._parts.sync.confirm(commit)
        return await self.sync()

    def git_status(self) -> GitStatus:
        live = self._parts.revisions.live
        return GitStatus(
            source=redact(self._parts.source),
            branch=self._parts.sync.followed or self._parts.branch,
            commit=live.commit or None,
            last_sync=self._parts.sync.last,
            is_syncing=self._parts.sync.is_syncing,
            testing=self._parts.sync.testing,
            problems=self._parts.sync.problems,
        )

    # The daemon itself.

    def health(self) -> Health:
        return self._parts.measures.health()

    def samples(self) -> Sequence[Sample]:
        return self._parts.measures.samples()


def _of(problems: tuple[Problem, ...], severity: Severity) -> tuple[Problem, ...]:
    """Errors keep a newer text from being live; warnings do not."""
    return tuple(problem for problem in problems if problem.severity is severity)


def _no_execution(execution_id: str) -> Refusal:
    return Refusal(404, f"Execution '{execution_id}' not found")


def _shown(backfill: due.Backfill) -> Backfill:
    return Backfill(
        start=backfill.start,
        end=backfill.end,
        current=backfill.current,
        paused=backfill.is_paused,
        inputs=backfill.inputs,
        labels=backfill.labels,
    )
