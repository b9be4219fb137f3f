"""Running flow tests: each case is an execution of kind TEST in a daemon for one commit, made with the case's fixtures and
judged once it has ended.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from segue.engine import assertions, fixtures, templates
from segue.engine.rebuild import restore
from segue.engine.scene import Scene
from segue.expression.errors import ExpressionError
from segue.model.execution import Execution, Failure, Kind, TaskRun, TriggeredBy
from segue.model.flow_test import Assertion, AssertionResult, Case, CaseError, CaseResult, Suite, SuiteResult, Verdict
from segue.model.names import ExecutionId
from segue.model.order import LogLevel, Order
from segue.model.problem import Severity
from segue.model.state import State
from segue.runtime.clock import monotonic
from segue.runtime.deployed import Deployed
from segue.runtime.dispatch import NoAnswer
from segue.runtime.lifecycle import Segue
from segue.runtime.live import Live
from segue.runtime.round import Round
from segue.runtime.starts import Prepared, Wanted
from segue.storage.address import address_of, execution_parts, file_parts
from segue.storage.storage import StorageFailure
from segue.web.actions import Kill
from segue.web.live import execution_topic
from segue.web.ports.logs import LogSearch
from segue.web.ports.refusals import Refusal

T = TypeVar("T")

LOG_LINES_MAX: Final = 50
LOG_LINE_LENGTH_MAX: Final = 2_000
_FILES: Final = "tests"
_PURPOSE: Final = "assertion"
_BEAT_SECONDS: Final = 0.1


class Watcher(Protocol):
    """Somebody who is told how it goes."""

    def case_begins(self, suite: Suite, case: Case) -> None: ...
    def case_ended(self, suite: Suite, case: CaseResult) -> None: ...


class RunOptions(Struct, frozen=True, kw_only=True):
    """`seconds` is what a case may take; `fails_fast`: once one is not good, no further one begins."""

    at_once: int
    seconds: float
    fails_fast: bool = False


async def run_suites(
    segue: Segue, suites: Sequence[Suite], options: RunOptions, watcher: Watcher
) -> tuple[SuiteResult, ...]:
    """The results of suites, in their order; cases run beside each other, as many as the options allow."""
    runs = _Runs(segue, options, watcher)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(runs.suite(suite, group)) for suite in suites]
    return tuple(task.result() for task in tasks)


class _Runs:
    def __init__(self, segue: Segue, options: RunOptions, watcher: Watcher) -> None:
        self._segue = segue
        self._cases = CaseRuns(segue, options.seconds)
        self._room = asyncio.Semaphore(options.at_once)
        self._options = options
        self._watcher = watcher
        self._is_stopped = False

    async def suite(self, suite: Suite, group: asyncio.TaskGroup) -> SuiteResult:
        started = self._segue.clock.now()
        tasks = [group.create_task(self._case(suite, case)) for case in suite.cases]
        cases = tuple([await task for task in tasks])
        return SuiteResult(
            key=suite.key,
            flow=suite.flow,
            path=suite.path,
            cases=cases,
            started_at=started,
            ended_at=self._segue.clock.now(),
            line=suite.line,
        )

    async def _case(self, suite: Suite, case: Case) -> CaseResult:
        async with self._room:
            result = self._passed_over(suite, case)
            if result is None:
                self._watcher.case_begins(suite, case)
                result = await self._cases.run(suite, case)
            if self._options.fails_fast and not result.verdict.is_good:
                self._is_stopped = True
            self._watcher.case_ended(suite, result)
            return result

    def _passed_over(self, suite: Suite, case: Case) -> CaseResult | None:
        deployed = self._segue.revisions.live.flows.get(suite.flow)
        if self._is_stopped:
            why = "another case has failed"
        elif suite.disabled or case.disabled:
            why = "disabled"
        elif deployed is not None and deployed.flow.why_off is not None:
            why = f"the flow {suite.flow} is {deployed.flow.why_off}"
        else:
            return None
        return CaseResult(
            case_id=case.id, verdict=Verdict.SKIPPED, line=case.line, description=case.description, note=why
        )


class CannotRun(Exception):
    """Why there is no execution of a case, or (`execution_id`) why one was killed, or could not be judged."""

    def __init__(self, message: str, execution_id: ExecutionId | None = None) -> None:
        super().__init__(message, execution_id)
        self.message, self.execution_id = message, execution_id

    def __str__(self) -> str:
        return self.message


class _Watch(Struct):
    """The execution of a case, or the one that took its place, and what became of it."""

    latest: ExecutionId
    ended: asyncio.Future[None]
    paused: str = ""


class CaseRuns:
    """Runs cases, any number beside each other."""

    def __init__(self, segue: Segue, seconds: float) -> None:
        self._segue = segue
        self._seconds = seconds
        self._watched: dict[ExecutionId, _Watch] = {}
        segue.decisions.on_move(self._on_move)

    async def run(self, suite: Suite, case: Case) -> CaseResult:
        """What came of it; never raises for what an author can write."""
        started = monotonic()
        result = CaseResult(case_id=case.id, verdict=Verdict.ERROR, line=case.line, description=case.description)
        try:
            deployed = self._deployed(suite)
            execution = await self._executed(deployed, case)
            held, errors = await self._in_time(self._judged(deployed, execution, case), "be judged", execution.id)
        except CannotRun as error:
            return replace(
                result,
                execution_id=error.execution_id,
                errors=(CaseError(message=str(error), line=case.line),),
                logs=() if error.execution_id is None else await self._logs(error.execution_id),
                seconds=monotonic() - started,
            )
        unexpected = _unexpected(execution, case)
        is_good = not errors and unexpected is None and all(each.holds for each in held)
        return replace(
            result,
            execution_id=execution.id,
            verdict=Verdict.ERROR if errors else Verdict.SUCCESS if is_good else Verdict.FAILED,
            assertions=held,
            errors=errors if unexpected is None else (*errors, unexpected),
            logs=() if is_good else await self._logs(execution.id),
            seconds=monotonic() - started,
        )

    def _deployed(self, suite: Suite) -> Deployed:
        world = self._segue.revisions.live
        deployed = world.flows.get(suite.flow)
        errors = [each for each in world.problems_by_flow.get(suite.flow, ()) if each.severity is Severity.ERROR]
        if errors:
            raise CannotRun(f"the flow {suite.flow} has problems: {errors[0]}")
        if deployed is None:
            raise CannotRun(f"the flow {suite.flow} is not in this repository")
        return deployed

    # The execution.

    async def _executed(self, deployed: Deployed, case: Case) -> Execution:
        """The execution at its end. Raises CannotRun."""
        prepared = await self._in_time(self._prepared(deployed, case), "start")
        watch = _Watch(prepared.id, asyncio.get_running_loop().create_future())
        self._watched[prepared.id] = watch
        try:
            await self._in_time(self._run_to_end(prepared, watch), "end")
        except CannotRun as error:
            await self._segue.daemon.act(watch.latest, Kill())
            still = f"; {watch.paused}" if watch.paused and watch.paused not in error.message else ""
            raise CannotRun(f"{error}{still}", watch.latest) from error
        finally:
            del self._watched[prepared.id]
        execution = await asyncio.to_thread(self._segue.reads.execution, watch.latest)
        assert execution is not None
        return restore(deployed.plan, execution)

    async def _in_time(self, work: Awaitable[T], what: str, execution_id: ExecutionId | None = None) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await work
        except TimeoutError as error:
            raise CannotRun(f"the execution did not {what} within {self._seconds:g} s", execution_id) from error

    async def _run_to_end(self, prepared: Prepared, watch: _Watch) -> None:
        await self._segue.loop.call(partial(self._segue.starts.begin_and_wait, prepared, waits=False))
        await watch.ended
        await self._is_over(watch.latest)

    async def _prepared(self, deployed: Deployed, case: Case) -> Prepared:
        given = case.fixtures
        execution_id = self._segue.dice.execution_id(self._segue.clock.now())
        try:
            files = await asyncio.to_thread(self._store, deployed, execution_id, given.files)
            template = {
                "inputs": dict(given.inputs),
                "variables": dict(given.trigger.variables) if given.trigger else {},
            }
            rendered = await self._segue.starts.rendered(deployed, template, execution_id, {"files": files})
        except (ExpressionError, NoAnswer) as error:
            raise CannotRun(f"a fixture cannot be rendered: {error}") from error
        except (StorageFailure, ValueError) as error:
            raise CannotRun(f"a file of the fixtures cannot be stored: {error}") from error
        trigger = given.trigger
        prepared = await self._segue.starts.prepare(
            Wanted(
                flow=deployed.key,
                inputs=rendered["inputs"],
                trigger=TriggeredBy(id=trigger.id, type=trigger.type, variables=rendered["variables"])
                if trigger is not None
                else None,
                kind=Kind.TEST,
                id=execution_id,
                deployed=deployed,
                notes=fixtures.noted(given.tasks, files),
            )
        )
        if isinstance(prepared, Refusal):
            raise CannotRun(prepared.message)
        return prepared

    def _store(self, deployed: Deployed, execution_id: ExecutionId, files: Mapping[str, str]) -> dict[str, str]:
        """Put the contents into internal storage, where the execution may read them; their addresses."""
        key, stored = deployed.key, {}
        for name, content in files.items():
            folder = execution_parts(key.namespace, key.flow_id, execution_id)
            stored[name] = address_of((*folder, _FILES, *file_parts(name)))
            self._segue.foundation.storage.put(stored[name], [content.encode()])
        return stored

    def _on_move(self, round_: Round, live: Live, state: State) -> None:
        watch = self._watched.get(live.execution.original_id or live.execution.id)
        if watch is None:
            return
        watch.latest = live.execution.id
        if state.is_final and state is not State.RETRIED:
            round_.then(partial(_set, watch.ended))
        elif state is State.PAUSED:
            round_.then(partial(self._look_at_pause, watch, live))

    def _look_at_pause(self, watch: _Watch, live: Live) -> None:
        """A pause that nobody but a person would end ends the case: nobody is there."""
        runs = (run for run in live.execution.task_runs.values() if run.state is State.PAUSED)
        names = ", ".join(f"'{run.task_id}'" for run in runs)
        watch.paused = f"it is paused at {names or 'no task'}"
        is_stuck = live.execution.state is State.PAUSED and not self._segue.timers.has_any(live.execution.id)
        if is_stuck and not watch.ended.done():
            why = f"{watch.paused}, and in a test nobody resumes it: give the task a fixture"
            watch.ended.set_exception(CannotRun(f"the execution does not end: {why}"))

    async def _is_over(self, execution_id: ExecutionId) -> None:
        """Until what runs after the end has ended too."""
        with self._segue.bells.follow(execution_topic(execution_id)) as subscription:
            while self._segue.executions.get(execution_id) is not None:
                await subscription.rung(_BEAT_SECONDS)

    async def _logs(self, execution_id: ExecutionId) -> tuple[str, ...]:
        search = LogSearch(execution_id=execution_id, newest=True, limit=LOG_LINES_MAX, min_level=LogLevel.INFO)
        lines = await asyncio.to_thread(self._segue.reads.logs, search)
        return tuple(f"{line.level:5} {line.task_id or '-'}: {line.message[:LOG_LINE_LENGTH_MAX]}" for line in lines)

    # The judgement.

    async def _judged(
        self, deployed: Deployed, execution: Execution, case: Case
    ) -> tuple[tuple[AssertionResult, ...], tuple[CaseError, ...]]:
        held: list[AssertionResult] = []
        errors: list[CaseError] = []
        for assertion in case.assertions:
            rendered = await self._rendered(deployed, execution, assertion)
            if isinstance(rendered, Failure):
                message = f"{assertion.value} cannot be evaluated: {rendered.message}"
                errors.append(CaseError(message=message, line=assertion.line))
            else:
                held += assertions.judged(assertion, rendered)
        return tuple(held), tuple(errors)

    async def _rendered(
        self, deployed: Deployed, execution: Execution, assertion: Assertion
    ) -> Mapping[str, Any] | Failure:
        template, now = assertions.template_of(assertion), self._segue.clock.now()
        scene = Scene(deployed.plan, execution, deployed.plan.root, None, now)
        variables = fixtures.variables_of(scene, template)
        if templates.is_pure(template):
            found = templates.evaluate(template, variables, at=now, seed=execution.id, typed=True)
            if not isinstance(found, Failure) or found.kind != templates.ENCRYPTED:
                return found
        order = Order(
            id=f"{execution.id}?{_PURPOSE}{self._segue.dice.fraction()}",
            execution_id=execution.id,
            namespace=execution.namespace,
            flow_id=execution.flow_id,
            revision=execution.revision,
            commit=execution.commit,
            task_run_id=None,
            task_id="",
            task_type="",
            attempt=1,
            variables=variables,
            purpose=_PURPOSE,
            template=template,
            typed=True,
        )
        try:
            answer: Mapping[str, Any] = await self._segue.dispatch.ask(order)
        except NoAnswer as error:
            return Failure(message=str(error), kind="expression")
        return answer


def _set(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _unexpected(execution: Execution, case: Case) -> CaseError | None:
    """An execution that did not come to a good end, unless the case says that it may: an assertion looks at a state, or
    a fixture ends badly."""
    is_meant = any(not each.state.is_success for each in case.fixtures.tasks)
    if execution.state.is_success or is_meant or any(map(assertions.names_state, case.assertions)):
        return None
    why = next(filter(None, map(_why, execution.task_runs.values())), "")
    hint = "if that is right, say so: value: '{{ execution.state }}', equalTo: " + execution.state
    return CaseError(message=f"the execution ended {execution.state}{why}; {hint}", line=case.line)


def _why(run: TaskRun) -> str:
    failure = run.attempts[-1].failure if run.attempts else None
    if run.state.is_success or not run.state.is_final:
        return ""
    return f": task '{run.task_id}' {run.state}" + (f", {failure.message}" if failure is not None else "")
