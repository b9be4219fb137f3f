"""The running daemon as pages and API see it: `web.ports.daemon`, each call handed to the part that knows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct

from segue import __version__
from segue.git.blobs import BlobMissing
from segue.git.mirror import NotARepository, RefMissing
from segue.git.names import redact
from segue.git.runner import GitError
from segue.model.execution import Execution
from segue.model.flow import Check, Flow
from segue.model.flow_test import SuiteResult
from segue.model.input import Input
from segue.model.names import TaskRunId
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey, Revision
from segue.model.task import Decision
from segue.runtime import answers
from segue.runtime.admission import Admission
from segue.runtime.asked_acts import AskedActs
from segue.runtime.clock import Clock
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.evaluation import Evaluation
from segue.runtime.git_sync import GitSync
from segue.runtime.keys import Keys
from segue.runtime.live import LiveExecutions
from segue.runtime.live_triggers import LiveTriggers
from segue.runtime.lookups import Lookups
from segue.runtime.loop import Busy
from segue.runtime.measures import Measures
from segue.runtime.round import Round
from segue.runtime.starts import Starts
from segue.runtime.trigger_states import TriggerStates, key_of
from segue.runtime.webhooks import Webhooks
from segue.spec.catalogue import Catalogue
from segue.spec.loader import load_flow
from segue.web.actions import Action, TriggerAction
from segue.web.live import Doorbells
from segue.web.ports.executions import Rendered
from segue.web.ports.flows import Checked, LiveFlow, Slots
from segue.web.ports.git import GitStatus, SyncDone
from segue.web.ports.health import Health, Sample
from segue.web.ports.keys import KeyValue
from segue.web.ports.refusals import Refusal
from segue.web.ports.reviews import OpenReview
from segue.web.ports.starts import CheckedInput, Start
from segue.web.ports.triggers import LiveTrigger, TriggerKey
from segue.web.ports.webhooks import NotFired, WebhookCall, WebhookFired


class Parts(Struct, frozen=True, kw_only=True):
    """The parts that the daemon's face hands calls to."""

    clock: Clock
    admission: Admission
    lookups: Lookups
    executions: LiveExecutions
    revisions: Revisions
    starts: Starts
    acts: AskedActs
    evaluation: Evaluation
    webhooks: Webhooks
    triggers: LiveTriggers
    trigger_states: TriggerStates
    sync: GitSync
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
        return await self._parts.admission.ask(partial(self._parts.starts.start, request))

    async def validate_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal:
        return await self._parts.starts.check_inputs(request)

    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        return await self._parts.starts.unmet_checks(request)

    async def webhook(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal:
        return await self._parts.admission.ask(partial(self._parts.webhooks.call, call))

    async def act(self, execution_id: str, action: Action) -> Execution | Refusal:
        return await self._parts.acts.act(execution_id, action)

    async def act_on_many(self, execution_ids: Sequence[str], action: Action) -> int | Refusal:
        return await self._parts.acts.act_on_many(execution_ids, action)

    async def possible_acts(self, execution_id: str) -> frozenset[type[Action]]:
        return await self._parts.acts.possible(execution_id)

    def asked_on_resume(self, execution_id: str) -> tuple[Input, ...]:
        live = self._parts.executions.get(execution_id)
        return answers.asked_on_resume(live) if live is not None else ()

    async def validate_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        return await self._parts.acts.check_resume(execution_id, inputs)

    def open_reviews(self, execution_id: str) -> tuple[OpenReview, ...]:
        live = self._parts.executions.get(execution_id)
        return answers.open_reviews(live) if live is not None else ()

    async def validate_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        return await self._parts.acts.check_review(execution_id, task_run_id, decision, inputs)

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal:
        return await self._parts.evaluation.evaluate(execution_id, task_run_id, template)

    async def live_execution(self, execution_id: str) -> Execution | None:
        return await self._parts.lookups.live(execution_id)

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
        executions = self._parts.executions
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
        return self._parts.triggers.all()

    async def act_on_trigger(self, key: TriggerKey, action: TriggerAction) -> LiveTrigger | Refusal:
        return await self._parts.admission.call(lambda round_: self._parts.triggers.act(round_, key, action))

    # What was written about executions and triggers.

    async def delete_log_lines(self, ids: Sequence[int]) -> Refusal | None:
        def work(round_: Round) -> None:
            round_.batch.remove_lines("logs", ids)

        return await self._parts.admission.call(work)

    # Keys and values.

    async def put_key(self, entry: KeyValue) -> Refusal | None:
        return await self._parts.admission.ask(partial(self._parts.keys.put, entry))

    async def delete_key(self, namespace: str, key: str) -> bool | Refusal:
        return await self._parts.admission.ask(partial(self._parts.keys.delete, namespace, key))

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
