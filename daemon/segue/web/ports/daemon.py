"""The running daemon: it acts, and knows what lives in memory. Called on the loop's thread, unless it says otherwise."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from segue.model.execution import Execution
from segue.model.flow import Check, Flow, Input
from segue.model.flow_test import SuiteResult
from segue.model.names import TaskRunId
from segue.model.revision import FlowKey, Revision
from segue.model.task import Decision
from segue.spec.catalogue import Catalogue
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


class Daemon(Protocol):
    """The running daemon."""

    bells: Doorbells
    version: str

    def now(self) -> datetime:
        """The daemon's clock, in UTC."""

    # Executions.
    async def start(self, request: Start) -> Execution | Refusal: ...
    async def validate_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal: ...
    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        """The checks that would not hold for this start."""

    async def webhook(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal: ...
    async def act(self, execution_id: str, action: Action) -> Execution | Refusal: ...
    async def act_on_many(self, execution_ids: Sequence[str], action: Action) -> int | Refusal:
        """How many; when one of them cannot, nothing is done to any."""

    async def possible_acts(self, execution_id: str) -> frozenset[type[Action]]:
        """What can be done to it now, as far as its state tells: any other act would be refused."""

    def asked_on_resume(self, execution_id: str) -> tuple[Input, ...]:
        """The inputs that a paused execution waits for; none where it can go on without."""

    async def validate_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of them."""

    def open_reviews(self, execution_id: str) -> tuple[OpenReview, ...]:
        """The decisions that its approvals wait for."""

    async def validate_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of the inputs of a decision."""

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal: ...
    async def live_execution(self, execution_id: str) -> Execution | None:
        """As far as it is durable; None if it is over, or what it came to cannot be written now."""

    # Flows and triggers.
    def flows(self) -> Sequence[LiveFlow]: ...
    def flow(self, key: FlowKey) -> LiveFlow | None: ...
    def check(self, text: str, path: str) -> Checked:
        """What is right and wrong with a flow's text. Called from a thread."""

    def read_flow(self, revision: Revision, text: str) -> Flow | None:
        """The flow that a stored text says, of any revision. Called from a thread."""

    def catalogue(self) -> Catalogue:
        """The types that flows can name, and which of them can run here."""

    def slots(self) -> Sequence[Slots]:
        """Of the live flows that have a concurrency limit."""

    def triggers(self) -> Sequence[LiveTrigger]: ...
    async def act_on_trigger(self, key: TriggerKey, action: TriggerAction) -> LiveTrigger | Refusal: ...

    # What was written about executions and triggers.
    async def delete_log_lines(self, ids: Sequence[int]) -> Refusal | None: ...

    # Keys and values.
    async def put_key(self, entry: KeyValue) -> Refusal | None: ...
    async def delete_key(self, namespace: str, key: str) -> bool | Refusal: ...

    # Git.
    async def sync(self) -> SyncDone | Refusal:
        """Bring the source's head live; answers when it is."""

    def request_sync(self, cause: str) -> None:
        """Ring the sync's doorbell and go on."""

    async def confirm_held(self, commit: str) -> SyncDone | Refusal:
        """Apply the commit that is held because it retires too many flows, or because its flow tests fail."""

    def tested(self) -> Sequence[SuiteResult]:
        """The last result of every suite of flow tests, if they are run at syncs."""

    def git_status(self) -> GitStatus: ...

    # The daemon itself.
    def health(self) -> Health: ...
    def samples(self) -> Sequence[Sample]: ...
