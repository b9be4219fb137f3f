"""Questions about what a flow says of its executions: agreements, and which execution a replay goes back to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from segue.engine.create import new_execution, replay_of
from segue.engine.plan import Plan
from segue.engine.sla import does_not_hold, takes_too_long
from segue.model.execution import Execution
from segue.model.flow import Flow, Sla, SlaBehavior
from segue.model.names import ExecutionId
from segue.model.task import Runnable, Task
from segue.spec import flow as flow_models
from segue.spec.data import Data

from tests.conformance.reading import Refused

Given = dict[str, Any]
COMMIT = "0" * 40


def sla(given: Given, now: datetime) -> Any:
    """Why it is broken, if it is."""
    agreement = _agreement(given["sla"])
    running_for = timedelta(milliseconds=given.get("running_for_ms") or 0)
    why = takes_too_long(agreement, running_for)
    return {"violation": why or does_not_hold(agreement, given.get("variables") or {}, at=now, seed="sla")}


def _agreement(raw: Given) -> Sla:
    try:
        read = TypeAdapter(flow_models.Sla).validate_python({"id": "sla", "behavior": "FAIL", **raw})
    except ValidationError as error:
        raise Refused(str(error)) from error
    return Sla(
        id=read.id,
        behavior=SlaBehavior(read.behavior),
        duration=getattr(read, "duration", None),
        assertion=getattr(read, "assert_", None),
    )


def original_id(given: Given, now: datetime) -> Any:
    task = Task(id="task", type="io.kestra.plugin.core.log.Log", body=Runnable(properties={"message": "Hello"}))
    plan = Plan.of(Flow(namespace="company.team", id="replayed", tasks=(task,)))
    made = [new_execution(id=ExecutionId("0"), flow=plan.flow, revision=1, commit=COMMIT, at=now, inputs={}, labels={})]
    while len(made) < given["chain"]:
        made.append(_replay(plan, made[-1], str(len(made)), now))
    return {"ids": [each.id for each in made], "original_ids": [each.original_id or each.id for each in made]}


def _replay(plan: Plan, execution: Execution, name: str, now: datetime) -> Execution:
    again = replay_of(plan, execution, id=ExecutionId(name), at=now, revision=1, commit=COMMIT)
    assert again is not None
    return again


def data_property(given: Given, _now: datetime) -> Any:
    try:
        Data.model_validate(given["data"])
    except ValidationError as error:
        return {"valid": False, "message": "; ".join(each["msg"] for each in error.errors())}
    return {"valid": True}


KINDS: dict[str, Callable[[Given, datetime], Any]] = {
    "sla": sla,
    "original_id": original_id,
    "data_property": data_property,
}
