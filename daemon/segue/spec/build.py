"""Objects as read, without faults -> `model.flow.Flow`. Both dialects come out as one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from segue.model.flow import (
    Check,
    CheckBehavior,
    Concurrency,
    ConcurrencyBehavior,
    DependsOn,
    Flow,
    Input,
    Output,
    PluginDefault,
    Sla,
    SlaBehavior,
)
from segue.model.task import (
    AllowFailure,
    Approval,
    Body,
    Call,
    Dag,
    EachItem,
    FetchType,
    ForEach,
    ForEachItem,
    If,
    Loop,
    LoopUntil,
    Parallel,
    Pause,
    PauseBehavior,
    RestartBehavior,
    Retry,
    RetryBehavior,
    RetryKind,
    Reuse,
    Runnable,
    Sequential,
    Sleep,
    Subflow,
    Switch,
    Task,
    WorkingDirectory,
)
from segue.spec import tasks
from segue.spec.build_triggers import trigger_of
from segue.spec.catalogue import PREFIX
from segue.spec.flow import CheckSpec, ExecutionAssertion, FlowSpec, MaxDuration, OutputSpec
from segue.spec.flowables import Decisions
from segue.spec.inputs import OLD_TYPES
from segue.spec.reading import Object
from segue.spec.tasks import ConstantRetry, ExponentialRetry, RandomRetry

# Keys that the model keeps for display but that steer nothing.
SPLIT_ITEMS: Final = "segue.flow.SplitItems"
MERGE_ITEMS: Final = "segue.flow.MergeItems"
_TASK_EXTRA: Final = ("workerGroup", "workerSelector", "taskCache", "assets")
_FLOW_EXTRA: Final = ("sla", "checks", "workerGroup", "workerSelector")
_FOLDER_KEYS: Final = ("inputFiles", "namespaceFiles", "outputFiles", "cache")
_OUTPUT_VALUES: Final = PREFIX + "core.output.OutputValues"
_OPTION_SPELLINGS: Final[Mapping[str, str]] = {"options": "values"}


def flow_of(read: Object, plugin_defaults: tuple[PluginDefault, ...]) -> Flow:
    """The flow. Call it only if nothing was found that keeps the flow from going live."""
    spec: FlowSpec = read.own
    return Flow(
        namespace=spec.namespace,
        id=spec.id,
        tasks=_tasks(read, "tasks"),
        description=spec.description or "",
        labels=spec.labels or {},
        inputs=tuple(map(input_of, read.under("inputs"))),
        outputs=tuple(map(_output_of, spec.outputs or ())),
        variables=spec.variables or {},
        errors=_tasks(read, "errors"),
        finally_=_tasks(read, "finally"),
        after_execution=_tasks(read, "afterExecution"),
        triggers=tuple(map(trigger_of, read.under("triggers"))),
        plugin_defaults=plugin_defaults,
        concurrency=None
        if spec.concurrency is None
        else Concurrency(limit=spec.concurrency.limit, behavior=ConcurrencyBehavior(spec.concurrency.behavior)),
        retry=retry_of(spec.retry),
        disabled=spec.disabled,
        draft=spec.draft,
        sla=tuple(map(_sla_of, spec.sla or ())),
        checks=tuple(map(_check_of, spec.checks or ())),
        extra={key: read.raw[key] for key in _FLOW_EXTRA if read.raw.get(key) is not None},
    )


def _sla_of(spec: MaxDuration | ExecutionAssertion) -> Sla:
    return Sla(
        id=spec.id,
        behavior=SlaBehavior(spec.behavior),
        duration=spec.duration if isinstance(spec, MaxDuration) else None,
        assertion=spec.assert_ if isinstance(spec, ExecutionAssertion) else None,
        labels=spec.labels or {},
    )


def _check_of(spec: CheckSpec) -> Check:
    return Check(when=spec.when, message=spec.message, style=spec.style, behavior=CheckBehavior(spec.behavior))


def input_of(read: Object) -> Input:
    shared = read.shared
    depends_on = shared.depends_on
    options: dict[str, Any] = {
        _OPTION_SPELLINGS.get(key, key): value
        for key, value in read.raw.items()
        if value is not None and key not in _INPUT_COMMON
    }
    if read.children:
        options["inputs"] = tuple(map(input_of, read.under("inputs")))
    if "itemType" in options:
        options["itemType"] = OLD_TYPES.get(options["itemType"], options["itemType"])
    return Input(
        id=shared.id,
        type=read.type,
        required=shared.required,
        defaults=shared.defaults,
        prefill=shared.prefill,
        depends_on=None
        if depends_on is None
        else DependsOn(inputs=tuple(depends_on.inputs), condition=depends_on.condition),
        display_name=shared.display_name or "",
        description=shared.description or "",
        options=options,
    )


_INPUT_COMMON: Final = frozenset(
    {"id", "name", "type", "description", "displayName", "required", "defaults", "prefill", "dependsOn"}
)


def _output_of(spec: OutputSpec) -> Output:
    return Output(
        id=spec.id,
        type=OLD_TYPES.get(spec.type, spec.type),
        value=spec.value,
        required=spec.required,
        item_type=OLD_TYPES.get(spec.item_type, spec.item_type) if spec.item_type is not None else None,
        display_name=spec.display_name or "",
        description=spec.description or "",
    )


def retry_of(spec: ConstantRetry | ExponentialRetry | RandomRetry | None) -> Retry | None:
    if spec is None:
        return None
    shared: dict[str, Any] = {
        "kind": RetryKind(spec.type),
        "attempts_max": spec.max_attempts,
        "duration_max": spec.max_duration,
        "warning_on_retry": spec.warning_on_retry,
        "behavior": RetryBehavior(spec.behavior),
    }
    match spec:
        case ConstantRetry():
            return Retry(**shared, interval=spec.interval)
        case ExponentialRetry():
            return Retry(**shared, interval=spec.interval, interval_max=spec.max_interval, factor=spec.delay_factor)
        case RandomRetry():
            return Retry(**shared, interval_min=spec.min_interval, interval_max=spec.max_interval)


def _tasks(read: Object, slot: str) -> tuple[Task, ...]:
    return tuple(map(task_of, read.under(slot)))


def task_of(read: Object) -> Task:
    shared: tasks.TaskCommon = read.shared
    timeout = read.raw.get("timeout")
    return Task(
        id=shared.id,
        type=read.type,
        body=_BODIES.get(read.type, _runnable)(read),
        description=shared.description or "",
        disabled=shared.disabled,
        run_if=shared.run_if,
        timeout=timeout if isinstance(timeout, str) else None,
        retry=retry_of(shared.retry),
        allow_failure=shared.allow_failure,
        allow_warning=shared.allow_warning,
        log_level=shared.log_level,
        log_to_file=shared.log_to_file,
        reuse=Reuse(ttl=shared.task_cache.ttl) if shared.task_cache is not None and shared.task_cache.enabled else None,
        extra={key: read.raw[key] for key in _TASK_EXTRA if read.raw.get(key) is not None},
    )


# A body for each type that the engine runs itself.


def _runnable(read: Object) -> Body:
    return Runnable(properties=own_properties(read.raw, tasks.TASK_KEYS))


def own_properties(raw: Mapping[str, Any], shared_keys: Iterable[str]) -> dict[str, Any]:
    """The keys peculiar to the type, as written; a null counts as absent."""
    shared = frozenset(shared_keys)
    return {key: value for key, value in raw.items() if key not in shared and value is not None}


def _sleep(read: Object) -> Body:
    return Sleep(duration=str(read.raw["duration"]))


def _endings(read: Object) -> dict[str, tuple[Task, ...]]:
    return {"errors": _tasks(read, "errors"), "finally_": _tasks(read, "finally")}


def _sequential(read: Object) -> Body:
    return Sequential(tasks=_tasks(read, "tasks"), **_endings(read))


def _allow_failure(read: Object) -> Body:
    return AllowFailure(tasks=_tasks(read, "tasks"), **_endings(read))


def _parallel(read: Object) -> Body:
    return Parallel(tasks=_tasks(read, "tasks"), concurrent=read.own.concurrent, **_endings(read))


def _dag(read: Object) -> Body:
    entries = read.under("tasks")
    return Dag(
        tasks=tuple(task_of(entry.under("task")[0]) for entry in entries),
        depends_on={entry.under("task")[0].id: tuple(entry.own.depends_on) for entry in entries},
        concurrent=read.own.concurrent,
        **_endings(read),
    )


def _if(read: Object) -> Body:
    return If(condition=read.own.condition, then=_tasks(read, "then"), otherwise=_tasks(read, "else"), **_endings(read))


def call_of(read: Object) -> Call:
    """What a Subflow and a ForEachItem say alike of the flow that they call. Texts stay as they are written."""
    raw, own = read.raw, read.own
    return Call(
        namespace=str(raw["namespace"]),
        flow_id=str(raw["flowId"]),
        revision=own.revision,
        inputs=own.inputs,
        labels=own.labels,
        inherit_labels=own.inherit_labels,
        wait=own.wait,
        transmit_failed=own.transmit_failed,
        schedule_date=own.schedule_date,
        restart=RestartBehavior(own.restart_behavior),
    )


def _loop_until(read: Object) -> Body:
    """The old name has old limits, and what its tasks say are texts, which its condition is compared with."""
    own, raw = read.own, read.raw.get("checkFrequency") or {}
    is_old = str(read.raw.get("type")).endswith(".WaitFor")
    tasks_in_it = _tasks(read, "tasks")
    return LoopUntil(
        condition=own.condition,
        tasks=tuple(map(_telling_texts, tasks_in_it)) if is_old else tasks_in_it,
        interval=str(raw.get("interval") or ("PT1S" if is_old else "PT1M")),
        iterations_max=raw.get("maxIterations") or (100 if is_old else None),
        duration_max=raw.get("maxDuration") or ("PT1H" if is_old else None),
        fail_on_max_reached=own.fail_on_max_reached,
        **_endings(read),
    )


def _telling_texts(task: Task) -> Task:
    """While the loop was called WaitFor, OutputValues gave texts, whatever an expression came to."""
    if task.type != _OUTPUT_VALUES or not isinstance(task.body, Runnable):
        return task
    return replace(task, body=replace(task.body, keeps_types=False))


def _pause(read: Object) -> Body:
    own, raw = read.own, read.raw
    duration = raw.get("pauseDuration") or raw.get("delay")
    return Pause(
        duration=None if duration is None else str(duration),
        behavior=PauseBehavior(own.behavior),
        on_pause=_tasks(read, "onPause"),
        on_resume=tuple(map(input_of, read.under("onResume"))),
        tasks=_tasks(read, "tasks"),
        **_endings(read),
    )


def _approval(read: Object) -> Body:
    own = read.own
    decisions = own.decisions or Decisions()
    return Approval(
        inputs=tuple(map(input_of, read.under("inputs"))),
        approve=decisions.approve,
        deny=decisions.deny,
        comment_required=own.comment_required,
        due=own.due,
        auto_approve=own.auto_approve,
        approve_behavior=own.approve_behavior,
        deny_behavior=own.deny_behavior,
        expire_behavior=own.expire_behavior,
        on_wait=_tasks(read, "onWait"),
        on_approve=_tasks(read, "onApprove"),
        on_deny=_tasks(read, "onDeny"),
        **_endings(read),
    )


def _for_each_item(read: Object) -> Body:
    """Three tasks, one after another, with ids of their own."""
    task_id, raw = read.shared.id, read.raw
    batch = raw.get("batch") or {"rows": 1}
    split = Task(id=f"{task_id}_split", type=SPLIT_ITEMS, body=Runnable(properties={"from": raw["items"], **batch}))
    items = Task(id=f"{task_id}_items", type=read.type, body=EachItem(call=call_of(read), split=split.id))
    merge = Task(id=f"{task_id}_merge", type=MERGE_ITEMS, body=Runnable(properties={"items": items.id}))
    return ForEachItem(
        tasks=(split, items, merge),
        properties=own_properties(raw, {*tasks.TASK_KEYS, "errors"}),
        errors=_tasks(read, "errors"),
    )


def _subflow(read: Object) -> Body:
    return Subflow(call=call_of(read), outputs=read.own.outputs)


def _switch(read: Object) -> Body:
    return Switch(
        value=read.own.value,
        cases={key: _tasks(read, f"cases.{key}") for key in read.own.cases or {}},
        defaults=_tasks(read, "defaults"),
        **_endings(read),
    )


def _working_directory(read: Object) -> Body:
    properties = {key: read.raw[key] for key in _FOLDER_KEYS if read.raw.get(key) is not None}
    return WorkingDirectory(tasks=_tasks(read, "tasks"), properties=properties, **_endings(read))


def _for_each(values: Any, limit: int, read: Object) -> Body:
    return ForEach(
        values=values if isinstance(values, str) else tuple(values),
        tasks=_tasks(read, "tasks"),
        concurrency_limit=limit,
        **_endings(read),
    )


def _loop(read: Object) -> Body:
    own = read.own
    return Loop(
        values=tuple(own.values) if isinstance(own.values, list) else own.values,
        tasks=_tasks(read, "tasks"),
        concurrency_limit=own.concurrency_limit,
        transmit_failed=own.transmit_failed,
        outputs=tuple(map(_output_of, own.outputs or ())),
        fetch_type=FetchType(own.fetch_type),
        break_when=own.break_when,
        **_endings(read),
    )


_BODIES: Final[Mapping[str, Callable[[Object], Body]]] = {
    PREFIX + "core.flow.Sleep": _sleep,
    PREFIX + "core.flow.Sequential": _sequential,
    PREFIX + "core.flow.AllowFailure": _allow_failure,
    PREFIX + "core.flow.Parallel": _parallel,
    PREFIX + "core.flow.Dag": _dag,
    PREFIX + "core.flow.If": _if,
    PREFIX + "core.flow.Switch": _switch,
    PREFIX + "core.flow.Subflow": _subflow,
    PREFIX + "core.flow.ForEachItem": _for_each_item,
    PREFIX + "core.flow.Loop": _loop,
    PREFIX + "core.flow.LoopUntil": _loop_until,
    PREFIX + "core.flow.Pause": _pause,
    PREFIX + "core.flow.Approval": _approval,
    PREFIX + "core.flow.WorkingDirectory": _working_directory,
    PREFIX + "core.flow.ForEach": lambda read: _for_each(read.own.values, read.own.concurrency_limit, read),
    PREFIX + "core.flow.EachSequential": lambda read: _for_each(read.own.value, 1, read),
    PREFIX + "core.flow.EachParallel": lambda read: _for_each(read.own.value, read.own.concurrent, read),
}
