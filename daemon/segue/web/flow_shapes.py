"""Flows as JSON with Kestra's field names, and as a graph of their tasks."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any, assert_never

from segue.model.flow import Flow, Input, Output, PluginDefault
from segue.model.revision import Revision
from segue.model.task import (
    AllowFailure,
    Approval,
    Body,
    Call,
    Dag,
    EachItem,
    ForEach,
    ForEachItem,
    If,
    Loop,
    LoopUntil,
    Parallel,
    Pause,
    Retry,
    Runnable,
    Sequential,
    Sleep,
    Subflow,
    Switch,
    Task,
    WorkingDirectory,
    branches,
)
from segue.model.trigger import Files, FlowEnds, Polling, Schedule, ScheduleOnDates, Trigger, TriggerBody, Webhook
from segue.web.dates import duration_text, iso
from segue.web.shapes import labels_json


def flow_json(flow: Flow, revision: Revision) -> dict[str, Any]:
    """A flow as of a revision. What is empty is left out, but for what clients look at."""
    shape = {
        "id": flow.id,
        "namespace": flow.namespace,
        "revision": revision.number,
        "commit": revision.commit_id,
        "path": revision.path,
        "updated": iso(revision.committed_at),
        "description": flow.description or None,
        "disabled": flow.disabled,
        "deleted": revision.is_deleted,
        "draft": flow.draft,
        "labels": labels_json(flow.labels),
        "inputs": [_input(each) for each in flow.inputs] or None,
        "outputs": [_output(each) for each in flow.outputs] or None,
        "variables": dict(flow.variables) or None,
        "tasks": _tasks(flow.tasks),
        "errors": _tasks(flow.errors) or None,
        "finally": _tasks(flow.finally_) or None,
        "afterExecution": _tasks(flow.after_execution) or None,
        "triggers": [trigger_json(each) for each in flow.triggers] or None,
        "pluginDefaults": [_plugin_default(each) for each in flow.plugin_defaults] or None,
        "concurrency": None
        if flow.concurrency is None
        else {"limit": flow.concurrency.limit, "behavior": flow.concurrency.behavior},
        "retry": _retry(flow.retry),
        **flow.extra,
    }
    return {key: value for key, value in shape.items() if value is not None}


def task_json(task: Task) -> dict[str, Any]:
    shape = {
        "id": task.id,
        "type": task.type,
        "description": task.description or None,
        "disabled": task.disabled or None,
        "runIf": task.run_if,
        "timeout": task.timeout,
        "retry": _retry(task.retry),
        "allowFailure": task.allow_failure or None,
        "allowWarning": task.allow_warning or None,
        "logLevel": task.log_level,
        "logToFile": task.log_to_file or None,
        **task.extra,
        **_body(task.body),
    }
    return {key: value for key, value in shape.items() if value is not None}


def _tasks(tasks: tuple[Task, ...]) -> list[dict[str, Any]]:
    return [task_json(task) for task in tasks]


def _body(body: Body) -> dict[str, Any]:
    match body:
        case Runnable():
            return dict(body.properties)
        case Sleep():
            return {"duration": body.duration}
        case EachItem():
            return _call(body.call)
        case ForEachItem():
            return {**body.properties, "errors": _tasks(body.errors) or None}
        case Subflow():
            return {**_call(body.call), "outputs": body.outputs}
        case If():
            lists: dict[str, Any] = {
                "condition": body.condition,
                "then": _tasks(body.then),
                "else": _tasks(body.otherwise) or None,
            }
        case Switch():
            lists = {
                "value": body.value,
                "cases": {key: _tasks(tasks) for key, tasks in body.cases.items()},
                "defaults": _tasks(body.defaults) or None,
            }
        case LoopUntil():
            lists = _loop_until(body)
        case Pause():
            lists = _pause(body)
        case Approval():
            lists = _approval(body)
        case Dag():
            lists = _dag(body)
        case Loop():
            lists = _loop(body)
        case ForEach():
            values = body.values if isinstance(body.values, str) else list(body.values)
            lists = {"values": values, "concurrencyLimit": body.concurrency_limit, "tasks": _tasks(body.tasks)}
        case Parallel():
            lists = {"concurrent": body.concurrent, "tasks": _tasks(body.tasks)}
        case Sequential() | AllowFailure():
            lists = {"tasks": _tasks(body.tasks)}
        case WorkingDirectory():
            lists = {**body.properties, "tasks": _tasks(body.tasks)}
        case _:
            assert_never(body)
    return lists | {"errors": _tasks(body.errors) or None, "finally": _tasks(body.finally_) or None}


def _loop_until(body: LoopUntil) -> dict[str, Any]:
    template = body.template
    fails = template.pop("failOnMaxReached", None)
    return {
        "condition": body.condition,
        "checkFrequency": template,
        "failOnMaxReached": fails,
        "tasks": _tasks(body.tasks),
    }


def _pause(body: Pause) -> dict[str, Any]:
    return {
        "pauseDuration": body.duration,
        "behavior": body.behavior,
        "onPause": task_json(body.on_pause[0]) if body.on_pause else None,
        "onResume": [_input(each) for each in body.on_resume] or None,
        "tasks": _tasks(body.tasks) or None,
    }


def _approval(body: Approval) -> dict[str, Any]:
    return {
        "inputs": [_input(each) for each in body.inputs] or None,
        "decisions": {"approve": body.approve, "deny": body.deny},
        "commentRequired": body.comment_required,
        "due": body.due,
        "autoApprove": body.auto_approve,
        "approveBehavior": body.approve_behavior,
        "denyBehavior": body.deny_behavior,
        "expireBehavior": body.expire_behavior,
        "onWait": _tasks(body.on_wait) or None,
        "onApprove": _tasks(body.on_approve) or None,
        "onDeny": _tasks(body.on_deny) or None,
    }


def _dag(body: Dag) -> dict[str, Any]:
    entries = [
        {"task": task_json(task), "dependsOn": list(body.depends_on.get(task.id, ())) or None} for task in body.tasks
    ]
    return {"tasks": entries, "concurrent": body.concurrent}


def _loop(body: Loop) -> dict[str, Any]:
    return {
        "values": list(body.values) if isinstance(body.values, tuple) else body.values,
        "concurrencyLimit": body.concurrency_limit,
        "transmitFailed": body.transmit_failed,
        "outputs": [_output(each) for each in body.outputs] or None,
        "fetchType": body.fetch_type,
        "breakWhen": body.break_when,
        "tasks": _tasks(body.tasks),
    }


def _call(call: Call) -> dict[str, Any]:
    return {**call.template, "revision": call.revision, "restartBehavior": call.restart}


def _retry(retry: Retry | None) -> dict[str, Any] | None:
    if retry is None:
        return None
    shape = {
        "type": retry.kind,
        "maxAttempts": retry.attempts_max,
        "maxAttempt": retry.attempts_max,
        "maxDuration": _span(retry.duration_max),
        "warningOnRetry": retry.warning_on_retry,
        "behavior": retry.behavior,
        "interval": _span(retry.interval or None),
        "minInterval": _span(retry.interval_min or None),
        "maxInterval": _span(retry.interval_max),
    }
    return {key: value for key, value in shape.items() if value is not None}


def _span(span: timedelta | None) -> str | None:
    return None if span is None else duration_text(span)


def _input(each: Input) -> dict[str, Any]:
    shape = {
        "id": each.id,
        "type": each.type,
        "required": each.required,
        "defaults": each.defaults,
        "prefill": each.prefill,
        "displayName": each.display_name or None,
        "description": each.description or None,
        "dependsOn": None
        if each.depends_on is None
        else {"inputs": list(each.depends_on.inputs), "condition": each.depends_on.condition},
        **each.options,
    }
    return {key: value for key, value in shape.items() if value is not None}


def _output(each: Output) -> dict[str, Any]:
    shape = {
        "id": each.id,
        "type": each.type,
        "value": each.value,
        "required": each.required,
        "displayName": each.display_name or None,
        "description": each.description or None,
    }
    return {key: value for key, value in shape.items() if value is not None}


def _plugin_default(each: PluginDefault) -> dict[str, Any]:
    return {"type": each.type, "values": dict(each.values), "forced": each.forced}


def trigger_json(trigger: Trigger) -> dict[str, Any]:
    shape = {
        "id": trigger.id,
        "type": trigger.type,
        "description": trigger.description or None,
        "disabled": trigger.disabled,
        "when": trigger.when,
        "inputs": dict(trigger.inputs) or None,
        "labels": labels_json(trigger.labels) or None,
        "stopAfter": list(trigger.stop_after) or None,
        "allowConcurrent": trigger.allow_concurrent or None,
        "logLevel": trigger.log_level,
        **trigger.extra,
        **_trigger_body(trigger.body),
    }
    return {key: value for key, value in shape.items() if value is not None}


def _trigger_body(body: TriggerBody) -> Mapping[str, Any]:
    match body:
        case Schedule():
            return {
                "cron": body.cron,
                "timezone": body.timezone,
                "withSeconds": body.with_seconds or None,
                "lateMaximumDelay": _span(body.late_maximum_delay),
                "recoverMissedSchedules": body.recover_missed,
            }
        case ScheduleOnDates():
            dates = [date if isinstance(date, str) else iso(date) for date in body.dates]
            return {"dates": dates, "timezone": body.timezone, "recoverMissedSchedules": body.recover_missed}
        case Webhook():
            # The key is a credential: who may read the flow's source sees it there.
            return {
                "wait": body.wait,
                "returnOutputs": body.return_outputs,
                "responseContentType": body.response_content_type,
                "responseCode": body.response_code,
                "fetchType": body.fetch_type,
            }
        case FlowEnds():
            return {"states": list(body.states) or None, **body.options}
        case Files():
            return {
                "path": body.path,
                "glob": list(body.glob),
                "events": list(body.events),
                "debounce": duration_text(body.debounce),
                "recursive": body.recursive,
            }
        case Polling():
            return {"interval": duration_text(body.interval), **body.properties}


def graph_json(flow: Flow) -> dict[str, Any]:
    """Nodes and edges: what may follow what. Flowables are nodes that lead to the first of each branch."""
    nodes = [{"uid": task.id, "type": task.type, "isFlowable": task.is_flowable} for task in flow.all_tasks()]
    edges = [
        {"source": source, "target": target, "relation": {"relationType": relation}}
        for source, target, relation in _edges(flow)
    ]
    flowables = [task.id for task in flow.all_tasks() if task.is_flowable]
    return {"nodes": nodes, "edges": edges, "clusters": [], "flowables": flowables}


def _edges(flow: Flow) -> Iterator[tuple[str, str, str]]:
    for relation, tasks in (
        ("SEQUENTIAL", flow.tasks),
        ("ERROR", flow.errors),
        ("FINALLY", flow.finally_),
        ("AFTER_EXECUTION", flow.after_execution),
    ):
        if tasks:
            yield "root", tasks[0].id, relation
        yield from _edges_of(tasks)
    for task in flow.all_tasks():
        yield from _edges_inside(task)


def _edges_of(tasks: tuple[Task, ...]) -> Iterator[tuple[str, str, str]]:
    for before, after in pairwise(tasks):
        yield before.id, after.id, "SEQUENTIAL"


def _edges_inside(task: Task) -> Iterator[tuple[str, str, str]]:
    match task.body:
        case Parallel(tasks=tasks):
            for child in tasks:
                yield task.id, child.id, "PARALLEL"
        case Dag(tasks=tasks, depends_on=depends_on):
            for child in tasks:
                for before in depends_on.get(child.id, ()) or (task.id,):
                    yield before, child.id, "DYNAMIC"
        case _:
            for name, children in branches(task.body):
                if children:
                    yield task.id, children[0].id, {"errors": "ERROR", "finally": "FINALLY"}.get(name, "CHOICE")
                yield from _edges_of(children)
