"""The variables of a run, made by the engine from a flow and an execution that a question describes."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from segue.engine.create import new_execution
from segue.engine.inputs import Owner, resolve
from segue.engine.plan import Plan
from segue.engine.scene import Scene
from segue.engine.scope import scope_of as engine_scope
from segue.model.execution import TriggeredBy
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.spec.loader import load_flow
from segue.tasks import packages

from tests.conformance.reading import Refused, scope_of

_TASK = {"id": "task", "type": "io.kestra.plugin.core.log.Log", "message": "Hello"}
_OF_THE_INSTANCE = {"envs": {}, "globals": {}}


def variables_of(context: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What an expression sees where the context's parts are known and no others."""
    variables: dict[str, Any] = dict(_OF_THE_INSTANCE)
    if flow := context.get("flow"):
        variables |= _of_execution(flow, context.get("execution"), now)
    for name in ("task", "trigger"):
        if part := context.get(name):
            variables[name] = {key: part[key] for key in ("id", "type") if key in part}
    for name in ("envs", "globals", "taskrun", "parent", "parents"):
        if name in context:
            variables[name] = context[name]
    return variables


def _of_execution(raw: Mapping[str, Any], execution: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    flow, execution_id = _flow(raw), ExecutionId((execution or {}).get("id", "execution"))
    owner = Owner(namespace=flow.namespace, flow_id=flow.id, execution_id=execution_id)
    inputs = resolve(flow.inputs, (execution or {}).get("inputs") or {}, scope=scope_of({}, now), owner=owner)
    if inputs.errors:
        raise Refused(", ".join(inputs.errors))
    trigger = (execution or {}).get("trigger")
    made = new_execution(
        id=execution_id,
        flow=flow,
        revision=raw.get("revision", 1),
        commit="0" * 40,
        at=now,
        inputs=inputs.values,
        labels=dict(flow.labels),
        trigger=TriggeredBy(id=trigger["id"], type=trigger["type"], variables=trigger.get("variables") or {})
        if trigger
        else None,
    )
    plan = Plan.of(flow)
    scene = Scene.of(plan, made, None, now)
    assert scene is not None
    seen = engine_scope(scene)
    seen["flow"] = {key: value for key, value in seen["flow"].items() if key in raw}
    return seen if execution is not None else {"flow": seen["flow"]}


def _flow(raw: Mapping[str, Any]) -> Flow:
    known = {key: value for key, value in raw.items() if key not in {"revision", "tenantId"}}
    loaded = load_flow(json.dumps({"tasks": [_TASK], **known}), path="flow.yaml", catalogue=packages.catalogue())
    if loaded.flow is None:
        raise Refused("; ".join(problem.message for problem in loaded.problems))
    return loaded.flow
