"""Starts: from a request - a person's, a trigger's - to an execution, or to why there is none."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine import breakpoints, checks
from segue.engine.create import new_execution
from segue.engine.inputs import FileToStore, Owner, Resolved, resolve
from segue.engine.labels import CORRELATION_ID, TEST, labels_of_new, refused_labels
from segue.engine.narrowing import narrowed
from segue.engine.templates import is_pure, needs_of
from segue.engine.typed import UploadedFile
from segue.expression.template import Scope, effects_of, plain, render_value
from segue.model.execution import Execution, Kind, TriggeredBy
from segue.model.flow import Check, CheckBehavior, Input
from segue.model.names import ExecutionId
from segue.model.order import Order
from segue.model.problem import Severity
from segue.model.revision import FlowKey
from segue.runtime.clock import Clock, Dice
from segue.runtime.decisions import Decisions
from segue.runtime.deployed import Deployed, Revisions
from segue.runtime.dispatch import Dispatch, NoAnswer
from segue.runtime.loop import Loop
from segue.runtime.nearby import Nearby
from segue.runtime.refusals import unknown_breakpoints
from segue.runtime.round import Round
from segue.runtime.sealing import is_secret, sealed, unsealed
from segue.storage.storage import Storage, StorageFailure
from segue.tasks.encryption import Cipher
from segue.web.ports.refusals import Refusal
from segue.web.ports.starts import CheckedInput, Start, Upload

_CHUNK_BYTES: Final = 1 << 20
LIVE: Final = 0  # asked for as a revision: the one that is live


class Prepared(Struct, frozen=True, kw_only=True):
    """All that a new execution is made of, checked. `files` are stored by now."""

    deployed: Deployed
    id: ExecutionId
    inputs: Mapping[str, Any]
    labels: Mapping[str, str]
    trigger: TriggeredBy | None = None
    scheduled_at: datetime | None = None
    kind: Kind = Kind.NORMAL
    parent_id: ExecutionId | None = None
    original_id: ExecutionId | None = None
    commit: str | None = None
    failure: str | None = None  # it is made and fails at once: a check says so
    notes: Mapping[str, Any] = field(default_factory=dict)  # that it has from the start


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for: which flow, with what. `system` are labels that only the daemon gives."""

    flow: FlowKey
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    trigger_labels: Mapping[str, str] = field(default_factory=dict)
    system: Mapping[str, str] = field(default_factory=dict)
    revision: int | None = None
    scheduled_at: datetime | None = None
    trigger: TriggeredBy | None = None
    correlation_id: str | None = None
    kind: Kind = Kind.NORMAL
    id: ExecutionId | None = None  # decided before, because files are stored under it
    deployed: Deployed | None = None  # of another world than the live one
    commit: str | None = None  # that world's
    notes: Mapping[str, Any] = field(default_factory=dict)
    is_lenient: bool = False  # a trigger that gives no inputs starts its flow all the same, as Kestra's do


class Asker(Struct, frozen=True, kw_only=True):
    """Who asks for inputs: an execution that is to be made; or a task of one that runs, with the variables that it sees
    and a folder of its own for their files."""

    deployed: Deployed
    execution_id: ExecutionId
    variables: Mapping[str, Any] = field(default_factory=dict)
    folder: str = "inputs"


class Starts:
    """Makes executions."""

    def __init__(
        self,
        revisions: Revisions,
        loop: Loop,
        decisions: Decisions,
        dispatch: Dispatch,
        storage: Storage,
        clock: Clock,
        dice: Dice,
        surroundings: Mapping[str, Any],
        nearby: Nearby,
        cipher: Cipher | None,
    ) -> None:
        self._revisions = revisions
        self._loop = loop
        self._decisions = decisions
        self._dispatch = dispatch
        self._storage = storage
        self._clock = clock
        self._dice = dice
        self._surroundings = surroundings
        self._nearby = nearby
        self._cipher = cipher

    # Asked for from outside.

    async def start(self, request: Start) -> Execution | Refusal:
        """A person's start: answers with the execution as made, or at its end."""
        refused = refused_labels(request.labels)
        if refused:
            return Refusal(422, "; ".join(refused))
        wanted = Wanted(
            flow=request.flow,
            inputs=request.inputs,
            labels=request.labels,
            revision=request.revision,
            scheduled_at=request.scheduled_at,
            kind=Kind.TEST if request.kind == Kind.TEST else Kind.NORMAL,
            notes=breakpoints.noted(request.breakpoints),
        )
        prepared = await self.prepare(wanted)
        if isinstance(prepared, Refusal):
            return prepared
        unknown = unknown_breakpoints(prepared.deployed, request.breakpoints)
        if unknown is not None:
            return unknown
        made, end = await self._loop.call(partial(self.begin_and_wait, prepared, waits=request.wait))
        return made if end is None else await end

    async def prepare(self, wanted: Wanted) -> Prepared | Refusal:
        """Check a request and store its files; nothing is made yet."""
        deployed = wanted.deployed or self._find(wanted.flow, wanted.revision)
        if isinstance(deployed, Refusal):
            return deployed
        execution_id = wanted.id or self._dice.execution_id(self._clock.now())
        asker = Asker(deployed=deployed, execution_id=execution_id)
        values = await self.read(asker, _inputs_of(deployed, wanted), wanted.inputs)
        if isinstance(values, Refusal):
            return values
        unmet = await self._unmet(deployed, values, execution_id)
        if unmet and unmet[0].behavior is CheckBehavior.BLOCK_EXECUTION:
            return Refusal(422, unmet[0].message)
        return Prepared(
            failure=_failure_of(unmet),
            deployed=deployed,
            id=execution_id,
            inputs=values,
            labels=self._labels(deployed, wanted, execution_id),
            trigger=wanted.trigger,
            scheduled_at=wanted.scheduled_at,
            kind=wanted.kind,
            commit=wanted.commit,
            notes=wanted.notes,
        )

    async def read(
        self, asker: Asker, inputs: Iterable[Input], given: Mapping[str, Any]
    ) -> Mapping[str, Any] | Refusal:
        """The values of inputs as their types say, their files stored; or what is wrong with what was given."""
        resolved = await self.resolve(asker, inputs, given)
        if resolved.errors:
            return Refusal(422, "\n".join(resolved.errors))
        uploads = {key: value for key, value in given.items() if isinstance(value, Upload)}
        if resolved.files:
            try:
                await asyncio.to_thread(self._store, resolved.files, uploads)
            except StorageFailure as error:
                return Refusal(503, str(error))
        return resolved.values

    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        """The checks that this start would not pass; none while its inputs are not right."""
        deployed = self._find(request.flow, request.revision)
        if isinstance(deployed, Refusal) or not deployed.flow.checks:
            return ()
        execution_id = self._dice.execution_id(self._clock.now())
        asker = Asker(deployed=deployed, execution_id=execution_id)
        resolved = await self.resolve(asker, deployed.flow.inputs, request.inputs)
        return () if resolved.errors else await self._unmet(deployed, resolved.values, execution_id)

    async def _unmet(
        self, deployed: Deployed, values: Mapping[str, Any], execution_id: ExecutionId
    ) -> tuple[Check, ...]:
        """What of the checks needs the world outside is evaluated by a worker."""
        asked = [await self._check_asked(deployed, each, values, execution_id) for each in deployed.flow.checks]
        return checks.unmet(asked, self._scope(deployed, execution_id, values))

    async def _check_asked(
        self, deployed: Deployed, check: Check, values: Mapping[str, Any], execution_id: ExecutionId
    ) -> Check:
        if not effects_of(check.when):
            return check
        answer = await self._ask(deployed, check.when, execution_id, {"inputs": values})
        return replace(check, when=str(checks.is_true(answer)).lower())

    async def check_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal:
        """What would become of each input."""
        deployed = self._find(request.flow, request.revision)
        if isinstance(deployed, Refusal):
            return deployed
        execution_id = self._dice.execution_id(self._clock.now())
        asker = Asker(deployed=deployed, execution_id=execution_id)
        return await self.check(asker, deployed.flow.inputs, request.inputs)

    async def check(self, asker: Asker, inputs: Iterable[Input], given: Mapping[str, Any]) -> tuple[CheckedInput, ...]:
        """What would become of inputs that are given."""
        resolved = await self.resolve(asker, inputs, given)
        return tuple(
            CheckedInput(
                input=each.input,
                value=each.value,
                is_enabled=each.is_enabled,
                is_default=each.is_default,
                errors=each.errors,
            )
            for each in resolved.inputs
        )

    # Within a round.

    def begin(self, round_: Round, prepared: Prepared, failure: str | None = None) -> Execution:
        """Make the execution and let it go; gives a copy of it as made. With a `failure` it ends at once in FAILED."""
        execution = new_execution(
            id=prepared.id,
            flow=prepared.deployed.flow,
            revision=prepared.deployed.revision.number,
            commit=prepared.commit or self._revisions.live.commit_for(prepared.deployed),
            at=round_.at,
            inputs=prepared.inputs,
            labels=prepared.labels,
            trigger=prepared.trigger,
            scheduled_at=prepared.scheduled_at,
            parent_id=prepared.parent_id,
            original_id=prepared.original_id,
            kind=prepared.kind,
            notes=prepared.notes,
        )
        return self._decisions.begin(round_, prepared.deployed, execution, failure or prepared.failure)

    def begin_failed(self, round_: Round, wanted: Wanted, failure: str) -> Execution | None:
        """An execution that says why a trigger could not make a proper one; None if the flow is not there."""
        deployed = self._find(wanted.flow, wanted.revision)
        if isinstance(deployed, Refusal):
            return None
        execution_id = self._dice.execution_id(round_.at)
        prepared = Prepared(
            deployed=deployed,
            id=execution_id,
            inputs={},
            labels=self._labels(deployed, wanted, execution_id),
            trigger=wanted.trigger,
            scheduled_at=wanted.scheduled_at,
        )
        return self.begin(round_, prepared, failure)

    def prepare_now(self, wanted: Wanted) -> Prepared | str:
        """The same for a trigger that fires within a round: nothing may wait there, so inputs whose defaults need a
        worker are refused with a sentence. No files."""
        deployed = wanted.deployed or self._find(wanted.flow, wanted.revision)
        if isinstance(deployed, Refusal):
            return deployed.message
        execution_id = wanted.id or self._dice.execution_id(self._clock.now())
        asker = Asker(deployed=deployed, execution_id=execution_id)
        resolved = self._resolved(asker, _inputs_of(deployed, wanted), wanted.inputs)
        if resolved.errors:
            return "\n".join(resolved.errors)
        unmet = checks.unmet(deployed.flow.checks, self._scope(deployed, execution_id, resolved.values))
        if unmet and unmet[0].behavior is CheckBehavior.BLOCK_EXECUTION:
            return unmet[0].message
        return Prepared(
            failure=_failure_of(unmet),
            deployed=deployed,
            id=execution_id,
            inputs=resolved.values,
            labels=self._labels(deployed, wanted, execution_id),
            trigger=wanted.trigger,
            scheduled_at=wanted.scheduled_at,
            kind=wanted.kind,
            commit=wanted.commit,
        )

    async def resolve(self, asker: Asker, inputs: Iterable[Input], given: Mapping[str, Any]) -> Resolved:
        """The inputs from what was given, secrets encrypted. What only a worker may evaluate is asked of one."""
        evaluated = [await self._evaluated(asker, each) for each in inputs]
        read = {input_id: _given(input_id, value) for input_id, value in given.items()}
        return self._resolved(asker, evaluated, read)

    def _resolved(self, asker: Asker, inputs: Sequence[Input], given: Mapping[str, Any]) -> Resolved:
        key = asker.deployed.key
        owner = Owner(
            namespace=key.namespace, flow_id=key.flow_id, execution_id=asker.execution_id, folder=asker.folder
        )
        scope = self._scope(asker.deployed, asker.execution_id)
        scope = replace(scope, variables={**scope.variables, **asker.variables})
        return sealed(resolve(inputs, given, scope=scope, owner=owner), self._cipher)

    def _find(self, key: FlowKey, number: int | None) -> Deployed | Refusal:
        live = self._revisions.live.flows.get(key)
        if live is None:
            return Refusal(404, f"Flow '{key.namespace}.{key.flow_id}' not found{self._why_not(key)}")
        if live.flow.why_off is not None:
            return Refusal(409, f"Flow '{key.namespace}.{key.flow_id}' is {live.flow.why_off}")
        if number is None or number in {LIVE, live.revision.number}:
            return live
        older = self._revisions.find(key, number)
        if older is None:
            return Refusal(404, f"Flow '{key.namespace}.{key.flow_id}' has no revision {number} that can run")
        return older

    def _why_not(self, key: FlowKey) -> str:
        """What keeps a flow that is there from being live."""
        problems = self._revisions.live.problems_by_flow.get(key, ())
        first = next((each for each in problems if each.severity is Severity.ERROR), None)
        return "" if first is None else f": it was never live, because of {first}"

    def _labels(self, deployed: Deployed, wanted: Wanted, execution_id: ExecutionId) -> dict[str, str]:
        system = {**wanted.system, **({TEST: "true"} if wanted.kind is Kind.TEST else {})}
        return labels_of_new(
            flow=deployed.flow.labels,
            trigger=wanted.trigger_labels,
            given=wanted.labels,
            system=system,
            correlation_id=wanted.correlation_id or wanted.labels.get(CORRELATION_ID) or execution_id,
        )

    async def _evaluated(self, asker: Asker, declared: Input) -> Input:
        """The input with what of it needs the world outside evaluated by a worker."""
        if effects_of(declared.defaults):
            default = await self._asked_by(asker, declared.defaults)
            declared = replace(declared, defaults=unsealed(default, self._cipher) if is_secret(declared) else default)
        expression = declared.options.get("expression")
        if expression is not None and effects_of(expression):
            offered = await self._asked_by(asker, expression)
            declared = replace(declared, options={**declared.options, "expression": offered})
        return declared

    async def _asked_by(self, asker: Asker, template: Any) -> Any:
        needed = narrowed(asker.variables, needs_of(template))
        return await self._ask(asker.deployed, template, asker.execution_id, needed)

    async def rendered(
        self, deployed: Deployed, template: Any, execution_id: ExecutionId, more: Mapping[str, Any]
    ) -> Any:
        """What a template comes to before the execution is there, `more` variables at hand; evaluated by a worker if it
        needs the world outside. Raises `NoAnswer`, `ExpressionError`."""
        if not is_pure(template):
            return await self._dispatch.ask(self._question(deployed, template, execution_id, more))
        scope = self._scope(deployed, execution_id)
        return plain(render_value(template, replace(scope, variables={**scope.variables, **more}), typed=True))

    async def _ask(
        self,
        deployed: Deployed,
        template: Any,
        execution_id: ExecutionId,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        try:
            return await self._dispatch.ask(self._question(deployed, template, execution_id, more))
        except NoAnswer:
            return None

    def _question(self, deployed: Deployed, template: Any, execution_id: ExecutionId, more: Mapping[str, Any]) -> Order:
        return Order(
            id=f"{execution_id}?{self._dice.fraction()}",
            execution_id=execution_id,
            namespace=deployed.key.namespace,
            flow_id=deployed.key.flow_id,
            revision=deployed.revision.number,
            commit=self._revisions.live.commit_for(deployed),
            task_run_id=None,
            task_id="",
            task_type="",
            attempt=0,
            variables={**self._variables(deployed, execution_id), **more},
            purpose="input",
            template=template,
            typed=True,
        )

    def _scope(self, deployed: Deployed, execution_id: ExecutionId, values: Mapping[str, Any] | None = None) -> Scope:
        variables = self._variables(deployed, execution_id)
        if values is not None:
            variables["inputs"] = values
        return Scope(variables=variables, outside=self._nearby.outside(deployed.key.namespace, self._clock.now()))

    def _variables(self, deployed: Deployed, execution_id: ExecutionId) -> dict[str, Any]:
        return {
            **self._surroundings,
            "flow": {
                "id": deployed.key.flow_id,
                "namespace": deployed.key.namespace,
                "revision": deployed.revision.number,
                "tenantId": "main",
            },
            "execution": {"id": execution_id},
            "vars": deployed.flow.variables,
        }

    def begin_and_wait(
        self, prepared: Prepared, round_: Round, *, waits: bool
    ) -> tuple[Execution, asyncio.Future[Execution] | None]:
        end = self._decisions.end_of(prepared.id) if waits else None
        return self.begin(round_, prepared), end

    def _store(self, files: tuple[FileToStore, ...], uploads: Mapping[str, Upload]) -> None:
        for each in files:
            self._storage.put(each.uri, _chunks(uploads[each.file.path]))


def _failure_of(unmet: tuple[Check, ...]) -> str | None:
    is_failing = bool(unmet) and unmet[0].behavior is CheckBehavior.FAIL_EXECUTION
    return unmet[0].message if is_failing else None


def _inputs_of(deployed: Deployed, wanted: Wanted) -> tuple[Input, ...]:
    if not wanted.is_lenient or wanted.inputs:
        return deployed.flow.inputs
    return tuple(replace(each, required=False) for each in deployed.flow.inputs)


def _given(input_id: str, value: Any) -> Any:
    """What was sent, as the engine knows it: of a file its name, and the input that it came for as its place."""
    if isinstance(value, Upload):
        return UploadedFile(name=value.file_name, path=input_id, size=value.size)
    return value


def _chunks(upload: Upload) -> Iterator[bytes]:
    upload.content.seek(0)
    while chunk := upload.content.read(_CHUNK_BYTES):
        yield chunk
