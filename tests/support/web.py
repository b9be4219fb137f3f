"""A daemon for the web's own tests: it keeps the four ports in memory and lets nothing run by itself."""

import copy
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace
from segue.model.execution import Execution, Moved, TaskRun, TriggeredBy
from segue.model.flow import Check, Flow, Input
from segue.model.flow_test import SuiteResult
from segue.model.names import TaskRunId, execution_id, is_within, task_run_id
from segue.model.order import LEVELS, LogLevel
from segue.model.problem import Problem
from segue.model.revision import Author, Commit, FlowKey, Revision
from segue.model.state import State
from segue.model.task import Decision, Runnable, Task
from segue.model.trigger import Webhook
from segue.spec.catalogue import BUILT_IN, Catalogue
from segue.store.reads.matching import Op
from segue.web import actions, filters
from segue.web.app import create_app
from segue.web.context import Ports
from segue.web.dates import iso
from segue.web.live import EXECUTIONS, TRIGGERS, Doorbells, execution_topic
from segue.web.ports.executions import FlowTally, Order, Rendered, RunMark, Search, StateCount, Tally
from segue.web.ports.flows import Checked, LiveFlow, Slots
from segue.web.ports.git import GitStatus, Sync, SyncDone
from segue.web.ports.health import Health, Sample
from segue.web.ports.keys import KeyValue
from segue.web.ports.lists import AnyOf, Field, Filter, Page, Wanted
from segue.web.ports.logs import LogEntry, LogPage, LogSearch, LookedBack
from segue.web.ports.metrics import MetricEntry, MetricSpan
from segue.web.ports.refusals import Refusal
from segue.web.ports.reviews import OpenReview
from segue.web.ports.sources import ChangedFile, FileEntry
from segue.web.ports.starts import CheckedInput, Start, Upload
from segue.web.ports.storage import StoredFile
from segue.web.ports.triggers import Backfill, LiveTrigger, TriggerKey
from segue.web.ports.webhooks import NotFired, WebhookCall, WebhookFired
from segue.web.settings import WebSettings

HEAD = "8c1f0e6d2b3a49580716253443526170a9b8c7d6"
OLD = "1d2c3b4a59687786958473625140f0e9d8c7b6a5"
ADA = Author("Ada Lovelace", "ada@example.org")
NOW = datetime(2026, 11, 22, 14, 30, 0, tzinfo=UTC)


class MemoryDaemon:
    """What is asked of it happens at once; what a worker would do, tests do by `move`."""

    version = "0.1.0"

    def __init__(self, now: datetime = NOW) -> None:
        self.bells = Doorbells()
        self.clock = now
        self.live: dict[FlowKey, LiveFlow] = {}
        self.executions: dict[str, Execution] = {}
        self.log: list[LogEntry] = []
        self.figures: list[MetricEntry] = []
        self.trigger_states: dict[TriggerKey, LiveTrigger] = {}
        self.all_revisions: list[Revision] = []
        self.repository_texts: dict[str, str] = {}
        self.texts: dict[tuple[FlowKey, int], str] = {}
        self.commits: dict[str, Commit] = {}
        self.stored: dict[str, bytes] = {}
        self.entries: dict[tuple[str, str], KeyValue] = {}
        self.namespace_files: dict[tuple[str, str], bytes] = {}
        self.all_syncs: list[Sync] = []
        self.all_tested: list[SuiteResult] = []
        self.testing: str | None = None
        self.problems: tuple[Problem, ...] = ()
        self.asked: list[object] = []
        self.uploads: dict[str, bytes] = {}
        self.is_ready = True
        self.tally_max = 10_000
        self.made = 0
        self.looked_back_to: datetime | None = None
        self.changed_files: tuple[ChangedFile, ...] | None = None
        self.pauses: dict[str, tuple[Input, ...]] = {}
        self.reviews: dict[str, tuple[OpenReview, ...]] = {}
        self.possible: dict[str, frozenset[type[actions.Action]]] = {}

    def now(self) -> datetime:
        return self.clock

    # Making sample data.

    def add_flow(self, flow: Flow, text: str = "", *, number: int = 1, commit: str = HEAD, **more: Any) -> LiveFlow:
        key = FlowKey(flow.namespace, flow.id)
        revision = Revision(
            key=key,
            number=number,
            commit_id=commit,
            author=ADA,
            committed_at=self.clock - timedelta(hours=3),
            path=f"flows/{flow.namespace}/{flow.id}.yaml",
            blob=HEAD,
            document=0,
            content=HEAD,
        )
        self.all_revisions.insert(0, revision)
        self.texts[key, number] = text
        self.live[key] = LiveFlow(flow=flow, revision=revision, **more)
        for trigger in flow.triggers:
            trigger_key = TriggerKey(key, trigger.id)
            self.trigger_states[trigger_key] = LiveTrigger(key=trigger_key, trigger=trigger)
        return self.live[key]

    def add_execution(
        self, key: FlowKey, history: Sequence[tuple[State, float]], *, started: datetime | None = None, **more: Any
    ) -> Execution:
        """`history`: states with seconds since the start."""
        start = started or self.clock
        self.made += 1
        live = self.live[key]
        execution = Execution(
            id=execution_id(int(start.timestamp() * 1000), self.made),
            namespace=key.namespace,
            flow_id=key.flow_id,
            revision=live.revision.number,
            commit=live.revision.commit_id,
            history=[Moved(state, start + timedelta(seconds=after)) for state, after in history],
            **more,
        )
        self.executions[execution.id] = execution
        return execution

    def add_run(
        self, execution: Execution, task_id: str, history: Sequence[tuple[State, float]], **more: Any
    ) -> TaskRun:
        sequence = len(execution.task_runs)
        start = execution.started_at
        run = TaskRun(
            id=task_run_id(execution.id, sequence),
            sequence=sequence,
            task_id=task_id,
            parent_id=more.pop("parent_id", None),
            history=[Moved(state, start + timedelta(seconds=after)) for state, after in history],
            **more,
        )
        execution.task_runs[run.id] = run
        return run

    def add_log(self, execution: Execution, message: str, **more: Any) -> LogEntry:
        entry = LogEntry(
            id=len(self.log) + 1,
            at=more.pop("at", self.clock),
            level=more.pop("level", LogLevel.INFO),
            message=message,
            namespace=execution.namespace,
            flow_id=execution.flow_id,
            execution_id=execution.id,
            **more,
        )
        self.log.append(entry)
        self.bells.ring(execution_topic(execution.id))
        return entry

    def move(self, execution: Execution, state: State) -> None:
        execution.history.append(Moved(state, self.clock))
        self.bells.ring(execution_topic(execution.id))
        self.bells.ring(EXECUTIONS)

    # Daemon: executions.

    async def start(self, request: Start) -> Execution | Refusal:
        self.asked.append(request)
        if request.flow not in self.live:
            return Refusal(404, f"Flow not found: {request.flow}")
        missing = [
            each.id
            for each in self.live[request.flow].flow.inputs
            if each.required and each.defaults is None and each.id not in request.inputs
        ]
        if missing:
            return Refusal(422, f"Invalid input for `{missing[0]}`, missing required input, but received `null`")
        self.uploads |= {
            name: value.content.read() for name, value in request.inputs.items() if isinstance(value, Upload)
        }
        inputs = {
            name: f"kestra:///{value.file_name}" if isinstance(value, Upload) else value
            for name, value in request.inputs.items()
        }
        execution = self.add_execution(
            request.flow,
            [(State.CREATED, 0)],
            inputs=inputs,
            labels=dict(request.labels),
            scheduled_at=request.scheduled_at,
        )
        self.bells.ring(EXECUTIONS)
        return copy.deepcopy(execution)

    async def unmet_checks(self, request: Start) -> tuple[Check, ...]:
        return ()

    async def validate_inputs(self, request: Start) -> tuple[CheckedInput, ...] | Refusal:
        if request.flow not in self.live:
            return Refusal(404, f"Flow not found: {request.flow}")
        return tuple(
            CheckedInput(
                input=each,
                value=request.inputs.get(each.id, each.defaults),
                is_enabled=True,
                is_default=each.id not in request.inputs,
                errors=()
                if each.id in request.inputs or not each.required or each.defaults is not None
                else ("A value is needed.",),
            )
            for each in self.live[request.flow].flow.inputs
        )

    async def webhook(self, call: WebhookCall) -> WebhookFired | NotFired | Refusal:
        self.asked.append(call)
        live = self.live.get(call.flow)
        hooks = [
            each
            for each in (live.flow.triggers if live else ())
            if isinstance(each.body, Webhook) and each.body.key == call.key
        ]
        if not hooks:
            return Refusal(404, "Webhook not found")
        if call.body == {"skip": True}:
            return NotFired()
        variables = {"body": call.body, "parameters": dict(call.parameters)}
        execution = self.add_execution(
            call.flow,
            [(State.CREATED, 0)],
            trigger=TriggeredBy(id=hooks[0].id, type=hooks[0].type, variables=variables),
        )
        return WebhookFired(execution=execution)

    async def act(self, execution_id: str, action: actions.Action) -> Execution | Refusal:
        self.asked.append((execution_id, action))
        execution = self.executions.get(execution_id)
        if execution is None:
            return Refusal(404, f"Execution not found: {execution_id}")
        match action:
            case actions.Kill():
                if execution.state.is_final:
                    return Refusal(409, f"Execution {execution_id} is {execution.state}: there is nothing to kill")
                self.move(execution, State.KILLED)
            case actions.Restart():
                self.move(execution, State.RESTARTED)
            case actions.Resume(inputs=inputs):
                if errors := [each for each in self._checked_resume(execution_id, inputs) if each.errors]:
                    return Refusal(422, f"Invalid input for `{errors[0].input.id}`")
                self.uploads |= {
                    name: value.content.read() for name, value in inputs.items() if isinstance(value, Upload)
                }
                self.pauses.pop(execution_id, None)
                self.move(execution, State.RESTARTED)
            case actions.Review(inputs=inputs):
                (asked,) = self.reviews[execution_id]
                if errors := [each for each in _checked(asked.inputs, inputs) if each.errors]:
                    return Refusal(422, f"Invalid input for `{errors[0].input.id}`")
                self.reviews.pop(execution_id)
                self.move(execution, State.RESTARTED)
            case actions.Replay():
                return self.add_execution(
                    FlowKey(execution.namespace, execution.flow_id),
                    [(State.CREATED, 0)],
                    parent_id=execution.id,
                    original_id=execution.original_id or execution.id,
                )
            case actions.ChangeStatus(state=state):
                self.move(execution, state)
            case actions.SetLabels(labels=labels):
                execution.labels |= labels
            case actions.Delete():
                del self.executions[execution_id]
        return copy.deepcopy(execution)

    async def act_on_many(self, execution_ids: Sequence[str], action: actions.Action) -> int | Refusal:
        if missing := [each for each in execution_ids if each not in self.executions]:
            return Refusal(404, f"Execution not found: {missing[0]}")
        for each in execution_ids:
            await self.act(each, action)
        return len(execution_ids)

    async def possible_acts(self, execution_id: str) -> frozenset[type[actions.Action]]:
        state = self.executions[execution_id].state if execution_id in self.executions else None
        return self.possible.get(execution_id, _POSSIBLE.get(state, frozenset({actions.Kill})))

    def asked_on_resume(self, execution_id: str) -> tuple[Input, ...]:
        return self.pauses.get(execution_id, ())

    async def validate_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...] | Refusal:
        return self._checked_resume(execution_id, inputs)

    def _checked_resume(self, execution_id: str, inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...]:
        return _checked(self.pauses.get(execution_id, ()), inputs)

    def open_reviews(self, execution_id: str) -> tuple[OpenReview, ...]:
        return self.reviews.get(execution_id, ())

    async def validate_review(
        self, execution_id: str, task_run_id: TaskRunId | None, decision: Decision, inputs: Mapping[str, Any]
    ) -> tuple[CheckedInput, ...] | Refusal:
        (asked,) = self.reviews[execution_id]
        return _checked(asked.inputs, inputs)

    async def evaluate(self, execution_id: str, task_run_id: TaskRunId | None, template: str) -> Rendered | Refusal:
        if execution_id not in self.executions:
            return Refusal(404, f"Execution not found: {execution_id}")
        if task_run_id is not None and task_run_id not in self.executions[execution_id].task_runs:
            return Refusal(404, f"Execution {execution_id} has no task run {task_run_id}")
        self.asked.append((execution_id, task_run_id, template))
        if "nope" in template:
            return Rendered(None, "Unable to find `nope` used in the expression `{{ nope }}` at line 2")
        return Rendered(template.upper())

    async def live_execution(self, execution_id: str) -> Execution | None:
        execution = self.executions.get(execution_id)
        return None if execution is None or execution.state.is_final else execution

    # Daemon: flows, triggers, keys, Git, itself.

    def flows(self) -> Sequence[LiveFlow]:
        return list(self.live.values())

    def flow(self, key: FlowKey) -> LiveFlow | None:
        return self.live.get(key)

    def check(self, text: str, path: str) -> Checked:
        if "id:" in text:
            return Checked(Flow(namespace="company.team", id="checked", tasks=()), ())
        problem = Problem(path=path, line=1, column=1, code="missing-key", message="`id` is needed", where="id")
        return Checked(None, (problem,))

    def read_flow(self, revision: Revision, text: str) -> Flow | None:
        return self.live[revision.key].flow if revision.key in self.live else None

    def catalogue(self) -> Catalogue:
        return BUILT_IN

    def slots(self) -> Sequence[Slots]:
        return [
            Slots(key, live.flow.concurrency.limit, live.flow.concurrency.behavior, 1, 0)
            for key, live in self.live.items()
            if live.flow.concurrency is not None
        ]

    def triggers(self) -> Sequence[LiveTrigger]:
        return list(self.trigger_states.values())

    async def act_on_trigger(self, key: TriggerKey, action: actions.TriggerAction) -> LiveTrigger | Refusal:
        self.asked.append((key, action))
        if key not in self.trigger_states:
            return Refusal(404, f"Trigger not found: {key.flow}/{key.trigger_id}")
        if isinstance(action, actions.SetDisabled):
            self.trigger_states[key] = replace(self.trigger_states[key], is_disabled=action.disabled)
        if isinstance(action, actions.PauseBackfill | actions.DeleteBackfill) and not self.trigger_states[key].backfill:
            return Refusal(409, "The trigger has no backfill")
        if isinstance(action, actions.Forget):
            self.trigger_states[key] = LiveTrigger(key=key, trigger=self.trigger_states[key].trigger)
        if isinstance(action, actions.CreateBackfill):
            made = Backfill(start=action.start, end=action.end or self.clock, current=None, paused=False)
            self.trigger_states[key] = replace(self.trigger_states[key], backfill=made)
        backfill = self.trigger_states[key].backfill
        if isinstance(action, actions.PauseBackfill) and backfill is not None:
            self.trigger_states[key] = replace(
                self.trigger_states[key], backfill=replace(backfill, paused=action.paused)
            )
        if isinstance(action, actions.DeleteBackfill):
            self.trigger_states[key] = replace(self.trigger_states[key], backfill=None)
        self.bells.ring(TRIGGERS)
        return self.trigger_states[key]

    async def delete_log_lines(self, ids: Sequence[int]) -> Refusal | None:
        self.log = [each for each in self.log if each.id not in ids]
        return None

    async def put_key(self, entry: KeyValue) -> Refusal | None:
        self.entries[entry.namespace, entry.key] = replace(entry, version=1, updated_at=self.clock)
        return None

    async def delete_key(self, namespace: str, key: str) -> bool | Refusal:
        return self.entries.pop((namespace, key), None) is not None

    async def sync(self) -> SyncDone | Refusal:
        return SyncDone(commit=HEAD, changed=tuple(self.live), problems=self.problems)

    def request_sync(self, cause: str) -> None:
        self.asked.append(cause)

    async def confirm_held(self, commit: str) -> SyncDone | Refusal:
        if not self.all_syncs or self.all_syncs[0].held is None or self.all_syncs[0].commit != commit:
            return Refusal(404, f"Commit {commit} is not held")
        self.all_syncs[0] = replace(self.all_syncs[0], held=None)
        return await self.sync()

    def tested(self) -> Sequence[SuiteResult]:
        return self.all_tested

    def git_status(self) -> GitStatus:
        last = self.all_syncs[0] if self.all_syncs else None
        return GitStatus(
            source="git@example.org:company/flows.git",
            branch="main",
            commit=HEAD,
            last_sync=last,
            testing=self.testing,
            problems=self.problems,
        )

    def health(self) -> Health:
        return Health(self.is_ready, {"store": "ok", "git": "ok"})

    def samples(self) -> Sequence[Sample]:
        return [
            Sample("segue_executions_total", "counter", "Executions that ended.", 12, (("state", "SUCCESS"),)),
            Sample("segue_executions_total", "counter", "Executions that ended.", 3, (("state", 'a "b"\n'),)),
        ]

    # Reads.

    def execution(self, execution_id: str) -> Execution | None:
        return self.executions.get(execution_id)

    def execution_alone(self, execution_id: str) -> Execution | None:
        execution = self.executions.get(execution_id)
        return None if execution is None else replace(execution, task_runs={})

    def execution_in_outline(self, execution_id: str) -> Execution | None:
        return self.executions.get(execution_id)

    def task_runs(self, execution_id: str, *, offset: int, limit: int) -> Page[TaskRun]:
        runs = list(self.executions[execution_id].task_runs.values())
        return Page(tuple(runs[offset : offset + limit]), len(runs))

    def task_runs_in(self, execution_id: str, state: State, *, limit: int) -> tuple[TaskRun, ...]:
        runs = self.executions[execution_id].task_runs.values()
        return tuple(run for run in runs if run.state is state)[:limit]

    def task_states(self, execution_id: str) -> Mapping[str, Mapping[State, int]]:
        counts: dict[str, Counter[State]] = {}
        for run in self.executions[execution_id].task_runs.values():
            counts.setdefault(run.task_id, Counter())[run.state] += 1
        return counts

    def counts_by_state(self, filters: Sequence[Wanted]) -> Mapping[State, StateCount]:
        wanted = tuple(each for each in filters if isinstance(each, AnyOf) or each.field is not Field.STATE)
        found = Counter(each.state for each in self.search(Search(filters=wanted, size=100_000)).results)
        return {state: StateCount(number) for state, number in found.items()}

    def flow_tally(self, flow: FlowKey, since: datetime, until: datetime, stretch: timedelta) -> tuple[FlowTally, ...]:
        stretches: dict[datetime, list[Execution]] = {}
        for each in self.executions.values():
            if FlowKey(each.namespace, each.flow_id) == flow and since <= each.started_at <= until:
                stretches.setdefault(since + (each.started_at - since) // stretch * stretch, []).append(each)
        return tuple(
            FlowTally(start, Counter(each.state for each in found), timedelta(seconds=len(found)))
            for start, found in sorted(stretches.items())
        )

    def search(self, search: Search) -> Page[Execution]:
        found = [each for each in self.executions.values() if all(_meets(each, one) for one in search.filters)]
        found.sort(key=_ORDERS[search.order], reverse=search.descending)
        start = (search.page - 1) * search.size
        return Page(tuple(found[start : start + search.size]), len(found))

    def last_iterations(self, loop_run_id: str, limit: int) -> tuple[Execution, ...]:
        found = [
            each for each in self.executions.values() if each.loop_run and each.loop_run.task_run_id == loop_run_id
        ]
        found.sort(key=lambda each: each.loop_run.item.index if each.loop_run else 0, reverse=True)
        return tuple(found[:limit])

    def recent(self, flows: Sequence[FlowKey], limit: int) -> Mapping[FlowKey, tuple[RunMark, ...]]:
        marks: dict[FlowKey, tuple[RunMark, ...]] = {}
        for each in sorted(self.executions.values(), key=lambda execution: execution.started_at):
            key = FlowKey(each.namespace, each.flow_id)
            if key in flows:
                ended = each.history[-1].at if each.state.is_final else None
                mark = RunMark(each.id, each.state, each.started_at, ended)
                marks[key] = (*marks.get(key, ()), mark)[-limit:]
        return marks

    def tally(self, since: datetime, until: datetime, stretch: timedelta) -> tuple[Tally, ...]:
        counts: dict[datetime, dict[State, int]] = {}
        for each in self.executions.values():
            if since <= each.started_at <= until:
                start = each.started_at.replace(minute=0, second=0, microsecond=0)
                at = counts.setdefault(start, {})
                at[each.state] = at.get(each.state, 0) + 1
        return tuple(
            Tally(start, states, max(states.values()) < self.tally_max) for start, states in sorted(counts.items())
        )

    def logs(self, search: LogSearch) -> tuple[LogEntry, ...]:
        found = [
            each
            for each in self.log
            if search.execution_id in {None, each.execution_id}
            and search.task_run_id in {None, each.task_run_id}
            and search.task_id in {None, each.task_id}
            and LEVELS.index(each.level) >= LEVELS.index(search.min_level)
            and search.text.lower() in each.message.lower()
            and (search.after is None or each.id > search.after)
            and (search.before is None or each.id < search.before)
        ]
        return tuple(found[-search.limit :] if search.newest else found[: search.limit])

    def look_back(self, search: LogSearch) -> LookedBack:
        found = [
            each
            for each in self.logs(replace(search, newest=False, limit=len(self.log)))
            if is_within(each.namespace, search.namespace or each.namespace)
            and search.flow_id in {None, each.flow_id}
            and (search.since is None or each.at >= search.since)
            and (search.until is None or each.at < search.until)
        ]
        shown = tuple(found[-search.limit :])
        return LookedBack(shown, shown[0].id if len(found) > len(shown) else None, self.looked_back_to)

    def find_logs(self, search: LogPage) -> Page[LogEntry]:
        found = [each for each in self.log if filters.holds(search.filters, partial(_log_field, each))]
        found.sort(key=lambda each: each.id, reverse=search.descending)
        start = (search.page - 1) * search.size
        return Page(tuple(found[start : start + search.size]), len(found))

    def counts(self) -> Mapping[FlowKey, Mapping[State, int]]:
        counts: dict[FlowKey, Counter[State]] = {}
        for each in self.executions.values():
            counts.setdefault(FlowKey(each.namespace, each.flow_id), Counter())[each.state] += 1
        return counts

    def metric_names(self, flow: FlowKey, task_id: str | None = None) -> tuple[str, ...]:
        return tuple(sorted({each.name for each in self.figures if task_id in {None, each.task_id}}))

    def metric_tasks(self, flow: FlowKey) -> tuple[str, ...]:
        return tuple(sorted({each.task_id for each in self.figures if each.task_id}))

    def metric_over_time(self, wanted: MetricSpan) -> tuple[tuple[datetime, float], ...]:
        self.asked.append(wanted)
        values = [each.value for each in self.figures if each.name == wanted.name]
        return ((wanted.since, sum(values)),) if values else ()

    def metrics(self, execution_id: str, limit: int | None = None) -> tuple[MetricEntry, ...]:
        return tuple(self.figures[:limit])

    def revisions(self, flow: FlowKey) -> tuple[Revision, ...]:
        return tuple(each for each in self.all_revisions if each.key == flow)

    def changes(self, *, limit: int, offset: int = 0) -> tuple[Revision, ...]:
        return tuple(self.all_revisions[offset : offset + limit])

    def syncs(self, limit: int) -> tuple[Sync, ...]:
        return tuple(self.all_syncs[:limit])

    def keys(self, namespace: str | None) -> tuple[KeyValue, ...]:
        return tuple(self.entries[key] for key in sorted(self.entries) if namespace in {None, key[0]})

    def key(self, namespace: str, key: str) -> KeyValue | None:
        return self.entries.get((namespace, key))

    # Sources and files.

    def text(self, revision: Revision) -> str | None:
        return self.texts.get((revision.key, revision.number))

    def text_at(self, path: str, commit_id: str) -> str | None:
        return self.repository_texts.get(path)

    def commit(self, commit_id: str) -> Commit | None:
        return self.commits.get(commit_id)

    def commits_of(self, commit_ids: Iterable[str]) -> Mapping[str, Commit]:
        return {each: self.commits[each] for each in commit_ids if each in self.commits}

    def changes_between(self, older: str, newer: str) -> tuple[ChangedFile, ...] | None:
        return self.changed_files

    def folder(self, namespace: str, path: str, commit_id: str) -> tuple[FileEntry, ...] | None:
        prefix = path.strip("/") + "/" if path.strip("/") else ""
        entries = {}
        for each in self.all_files(namespace, commit_id):
            if each.name.startswith(prefix):
                name, slash, _ = each.name.removeprefix(prefix).partition("/")
                entries[name] = FileEntry(name, bool(slash), 0 if slash else each.size)
        return tuple(entries[name] for name in sorted(entries)) or None

    def all_files(self, namespace: str, commit_id: str) -> tuple[FileEntry, ...]:
        return tuple(
            FileEntry(path.lstrip("/"), False, len(content))
            for (each, path), content in sorted(self.namespace_files.items())
            if each == namespace
        )

    def file(self, namespace: str, path: str, commit_id: str) -> bytes | None:
        return self.namespace_files.get((namespace, path))

    def open(self, uri: str) -> StoredFile | None:
        content = self.stored.get(uri)
        return None if content is None else StoredFile(io.BytesIO(content), len(content))


_ORDERS = {
    Order.STARTED: lambda each: each.started_at,
    Order.ENDED: lambda each: each.history[-1].at,
    Order.DURATION: lambda each: each.history[-1].at - each.started_at,
    Order.STATE: lambda each: each.state,
    Order.NAMESPACE: lambda each: each.namespace,
    Order.FLOW: lambda each: each.flow_id,
    Order.ID: lambda each: each.id,
}


_ENDED = frozenset({actions.Replay, actions.Delete, actions.ChangeStatus, actions.SetLabels, actions.SetTaskRunState})
_POSSIBLE: Mapping[State | None, frozenset[type[actions.Action]]] = {
    **{state: _ENDED for state in State if state.is_final},
    State.FAILED: _ENDED | {actions.Restart},
    State.RUNNING: frozenset({actions.Kill, actions.Pause}),
    State.PAUSED: frozenset({actions.Kill, actions.Resume, actions.ForceRun, actions.ChangeStatus}),
    State.QUEUED: frozenset({actions.Kill, actions.ForceRun, actions.Unqueue}),
    State.KILLING: frozenset(),
}
"""What the real daemon says of an execution of one state, in short."""


def _checked(asked: Sequence[Input], inputs: Mapping[str, Any]) -> tuple[CheckedInput, ...]:
    return tuple(
        CheckedInput(
            input=each,
            value=inputs.get(each.id),
            is_enabled=True,
            is_default=each.id not in inputs,
            errors=("A value is needed.",) if each.required and each.id not in inputs else (),
        )
        for each in asked
    )


def _meets(execution: Execution, wanted: Filter) -> bool:
    text = wanted.values[0]
    match wanted.field:
        case Field.STATE:
            return (execution.state in wanted.values) is not (wanted.op in {Op.NOT_IN, Op.NOT_EQUALS})
        case Field.NAMESPACE if wanted.op is Op.PREFIX:
            return f"{execution.namespace}.".startswith(f"{text}.")
        case Field.NAMESPACE:
            return execution.namespace == text
        case Field.FLOW_ID:
            return execution.flow_id == text
        case Field.LABELS:
            key, _, value = text.partition(":")
            return execution.labels.get(key) == value
        case Field.KIND:
            return (execution.kind in wanted.values) is not (wanted.op is Op.NOT_EQUALS)
        case Field.TRIGGER_EXECUTION_ID:
            return execution.trigger is not None and execution.trigger.variables.get("executionId") == text
        case Field.START_DATE:
            at = iso(execution.started_at)
            return at >= text if wanted.op is Op.GREATER_THAN_OR_EQUAL_TO else at <= text
        case Field.Q:
            return (
                text.lower() in f"{execution.id} {execution.namespace} {execution.flow_id} {execution.labels}".lower()
            )
    raise AssertionError(f"the tests' daemon cannot filter by {wanted.field}")


def _log_field(entry: LogEntry, field: Field) -> Any:
    return {
        Field.Q: entry.message,
        Field.NAMESPACE: entry.namespace,
        Field.FLOW_ID: entry.flow_id,
        Field.LEVEL: str(LEVELS.index(entry.level)),
        Field.EXECUTION_ID: entry.execution_id,
        Field.TASK_ID: entry.task_id,
    }[field]


def ports_of(daemon: MemoryDaemon) -> Ports:
    return Ports(daemon, daemon, daemon, daemon)


def app_of(daemon: MemoryDaemon, settings: WebSettings | None = None) -> Any:
    return create_app(ports_of(daemon), settings or WebSettings())


def log_task(task_id: str) -> Task:
    kind = "io.kestra.plugin.core.log.Log"
    return Task(id=task_id, type=kind, body=Runnable(properties={"message": "Hello {{ inputs.name }}"}))
