"""Questions about triggers: conditions, schedules, flow triggers, windows of time, labels."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from msgspec.structs import replace
from segue.engine.conditions import CannotTell, Circumstances, all_hold, holds
from segue.engine.due import (
    Backfill,
    BadSchedule,
    Fail,
    Fire,
    ScheduleState,
    Timetable,
    Wait,
    after_end,
    begin,
    due,
    previous_date,
    timetable,
)
from segue.engine.inputs import Owner, resolve
from segue.engine.labels import labels_of_new, rendered_labels, without_system
from segue.engine.match import listener_of, match
from segue.engine.request import Request, request_of
from segue.engine.topology import relation
from segue.engine.windows import Bounds, bounds_at, window_of_1x
from segue.engine.zones import parse_moment
from segue.expression.evaluation import Scope
from segue.expression.iso import json_text
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.problem import Severity
from segue.model.state import State
from segue.model.trigger import RecoverMissed
from segue.runtime.nearby import Nearby
from segue.spec.loader import load_flow

from tests.conformance.reading import (
    Refused,
    Unsupported,
    condition_of,
    flows_folder,
    input_of,
    labels_of,
    present,
    source_of,
    trigger_of,
    value_of,
)

SCHEDULER_SPAN = timedelta(seconds=10)
EXECUTIONS_MAX = 20
LOOKS_MAX = 10_000


def _scope_of(variables: Mapping[str, Any], now: datetime) -> Scope:
    """What the daemon gives the expressions of triggers."""
    return Scope(variables=dict(variables), outside=Nearby(lambda _namespace, _key: None, {}).outside("", now))


def answer(question: dict[str, Any]) -> dict[str, Any]:
    answerer = KINDS.get(question["kind"])
    if answerer is None:
        raise Unsupported(f"triggers of kind {question['kind']}")
    return {"value": answerer(question, present(question))}


def _circumstances(question: Mapping[str, Any], now: datetime) -> Circumstances:
    context = question.get("context") or {}
    flow, source = context.get("flow") or {}, source_of(context, now)
    variables = {"flow": {key: flow[key] for key in ("id", "namespace", "revision") if key in flow}}
    variables |= context.get("variables") or {}
    if source is not None:
        variables["trigger"] = source.variables
    return Circumstances(
        scope=_scope_of(variables, now), namespace=flow.get("namespace", ""), flow_id=flow.get("id", ""), source=source
    )


def _condition(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    circumstances = _circumstances(question, now)
    properties = value_of(question["properties"], now)
    try:
        if question["type"] is None:
            return {"valid": all_hold(map(condition_of, properties["conditions"]), circumstances)}
        return {"valid": holds(condition_of({"type": question["type"], **properties}), circumstances)}
    except CannotTell as error:
        raise Refused(str(error)) from error


# Schedules.


def _table(question: dict[str, Any], now: datetime) -> Timetable:
    default = (question.get("config") or {}).get("recoverMissedSchedules default", RecoverMissed.ALL)
    trigger = trigger_of(question["type"], question["properties"], now)
    return timetable(trigger, _circumstances(question, now), recover=RecoverMissed(default))


def _state(question: dict[str, Any], now: datetime) -> ScheduleState | None:
    if not (last := value_of(question.get("last"), now)):
        return None
    backfill = last.get("backfill")
    return ScheduleState(
        next_at=_utc(last.get("next")),
        last_at=_utc(last.get("date")),
        is_disabled=last.get("disabled", False),
        backfill=_backfill(backfill) if backfill else None,
    )


def _backfill(raw: Mapping[str, Any]) -> Backfill:
    current = _utc(raw.get("currentDate"))
    start = _utc(raw.get("start")) or current
    assert start is not None
    return Backfill(
        start=start,
        end=_utc(raw["end"]) or start,
        current=current,
        is_paused=raw.get("paused", False),
        inputs=raw.get("inputs") or {},
        labels=labels_of(raw.get("labels")),
    )


def _utc(text: str | None) -> datetime | None:
    return parse_moment(text, UTC).astimezone(UTC) if text else None


def _evaluate(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What Kestra stores as the date is, while it evaluates, the fire time that it looks at."""
    try:
        table = _table(question, now)
    except BadSchedule as error:
        raise Refused(str(error)) from error
    state = _state(question, now) or ScheduleState()
    looked_at = (state.backfill.current if state.backfill else state.last_at) or now
    slot = table.times.after(looked_at - timedelta(seconds=1))
    if slot is None or slot > now or (state.backfill and slot > looked_at):
        return {"execution": False}
    backfill = state.backfill
    if backfill is not None:
        backfill = replace(backfill, current=slot)
    decision = due(table, ScheduleState(next_at=slot.astimezone(UTC), backfill=backfill), now)
    match decision:
        case Wait():
            return {"execution": False}
        case Fail():
            return {"execution": True, "state": "FAILED", "schedule": decision.dates.variables}
        case Fire():
            request = _request(table, decision)
            labels = _labels(question, request.labels)
            variables = decision.dates.variables
            return {
                "execution": True,
                "schedule": variables,
                "labels": labels,
                "inputs": _inputs(question, request, now),
            }


def _request(table: Timetable, fire: Fire) -> Request:
    backfill = fire.backfill
    return request_of(
        table.trigger,
        fire.dates.variables,
        table.circumstances.scope,
        inputs=backfill.inputs if backfill else None,
        labels=backfill.labels if backfill else None,
    )


def _labels(question: Mapping[str, Any], triggers: Mapping[str, str]) -> dict[str, str]:
    flow = (question.get("context") or {}).get("flow") or {}
    labels = labels_of_new(flow=labels_of(flow.get("labels")), trigger=triggers, correlation_id="execution")
    return without_system(labels)


def _inputs(question: Mapping[str, Any], request: Request, now: datetime) -> dict[str, Any]:
    flow = (question.get("context") or {}).get("flow") or {}
    declared = [input_of(each) for each in flow.get("inputs") or ()]
    owner = Owner(namespace=flow.get("namespace", ""), flow_id=flow.get("id", "flow"), execution_id=ExecutionId("e"))
    return dict(resolve(declared, request.inputs, scope=_scope_of({}, now), owner=owner).values)


def _next(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    found = begin(_table(question, now), _state(question, now), now).next_at
    return {"next": json_text(found) if found else None}


def _previous(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    found = previous_date(_table(question, now), now)
    return {"previous": json_text(found) if found else None}


def _scheduler(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    if "Streaming" in question["type"]:
        raise Unsupported("realtime triggers")
    try:
        table = _table(question, now)
    except BadSchedule as error:
        return {"executions": [], "log": [str(error)]}
    state, clock = begin(table, _state(question, now), now), now
    told: dict[str, Any] = {"executions": [], "log": [], "when_ready": _stored(state)}
    for _ in range(LOOKS_MAX):
        decision = due(table, state, clock)
        state = decision.state
        if isinstance(decision, Wait):
            if decision.until is None or decision.until > now + SCHEDULER_SPAN:
                break
            clock = max(clock, decision.until)
            continue
        told["executions"].append(_executed(question, table, decision, clock))
        if isinstance(decision, Fail):
            told["log"].append(decision.message)
        told.setdefault("after_first", _stored(state))
        state = after_end(table.trigger, state, State.FAILED if isinstance(decision, Fail) else State.SUCCESS)
        if len(told["executions"]) == EXECUTIONS_MAX:
            break
    return told | {"at_end": _stored(state) | {"disabled": state.is_disabled}}


def _executed(question: dict[str, Any], table: Timetable, decision: Fire | Fail, now: datetime) -> dict[str, Any]:
    made = {"date": decision.dates.variables["date"], "flowRevision": 1}
    if isinstance(decision, Fail):
        return made | {"state": "FAILED"}
    return made | {"state": "SUCCESS", "inputs": _inputs(question, _request(table, decision), now)}


def _stored(state: ScheduleState) -> dict[str, Any]:
    dates = {"date": state.last_at, "next": state.next_at}
    return {name: json_text(date) if date else None for name, date in dates.items()}


# Flow triggers, windows, labels.


def _flow_trigger(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    flow = question["context"]["flow"]
    trigger = trigger_of(question["type"], question["properties"], now)
    source = source_of(question["context"], now)
    assert source is not None
    listener = listener_of(flow["namespace"], flow["id"], trigger)
    matched = match(listener, source, kept={}, scope=_scope_of({}, now), now=now, zone=UTC)
    if matched.request is None:
        return {"execution": False}
    return {"execution": True, "flow": flow["id"], "labels": _labels(question, matched.request.labels)}


def _given_labels(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    variables = (question.get("context") or {}).get("variables") or {}
    rendered, _ = rendered_labels(labels_of(question["properties"].get("labels")), _scope_of(variables, now))
    return {"labels": _labels(question, rendered)}


def _window(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    window = window_of_1x(value_of(question["properties"], now))
    if not question.get("steps"):
        return _shown(bounds_at(window, now, UTC))
    kept: list[tuple[Bounds, dict[str, Any]]] = []
    got, clock, told = bounds_at(window, now, UTC), now, []
    for step in question["steps"]:
        match step["do"]:
            case "get":
                held = next((each for each in kept if each[0].holds(clock)), None)
                got, results = held or (bounds_at(window, clock, UTC), {})
                told.append(_shown(got) | {"results": results})
            case "save":
                kept.append((got, step["results"]))
                told.append({})
            case "sleep":
                clock += timedelta(milliseconds=step["ms"])
                told.append({})
            case "expired":
                told.append({"expired": sum(bounds.end is not None and bounds.end < clock for bounds, _ in kept)})
    return {"steps": told}


def _shown(bounds: Bounds) -> dict[str, Any]:
    return {"start": json_text(bounds.start), "end": json_text(bounds.end) if bounds.end else None}


def _topology(question: dict[str, Any], now: datetime) -> dict[str, Any]:
    parent, child = (_flow(_raw_flow(question["properties"][name]), now) for name in ("parent", "child"))
    return {"relation": relation(parent, child)}


def _raw_flow(given: dict[str, Any]) -> dict[str, Any]:
    if "$flow" not in given:
        return given
    return yaml.safe_load((flows_folder() / given["$flow"]).read_text())


def _flow(raw: dict[str, Any], now: datetime) -> Flow:
    triggers = (trigger_of(each["type"], each, now) for each in raw.get("triggers") or ())
    text = json.dumps({key: value for key, value in raw.items() if key in {"id", "namespace", "tasks"}}, default=str)
    loaded = load_flow(text, path="flow.yaml")
    tasks = loaded.flow.tasks if loaded.flow is not None else ()
    return Flow(namespace=raw["namespace"], id=raw["id"], tasks=tasks, triggers=tuple(triggers))


def _warning(question: dict[str, Any], _now: datetime) -> dict[str, Any]:
    task = {"id": "task", "type": "io.kestra.plugin.core.flow.Sleep", "duration": "PT1S"}
    flow = {**question["context"]["flow"], "tasks": [task], "triggers": [question["properties"]]}
    loaded = load_flow(yaml.safe_dump(flow), path="flow.yaml")
    return {"warnings": [each.message for each in loaded.problems if each.severity is Severity.WARNING]}


KINDS: dict[str, Callable[[dict[str, Any], datetime], dict[str, Any]]] = {
    "condition": _condition,
    "schedule_evaluate": _evaluate,
    "schedule_next": _next,
    "schedule_previous": _previous,
    "scheduler": _scheduler,
    "flow_trigger": _flow_trigger,
    "labels": _given_labels,
    "time_window": _window,
    "topology": _topology,
    "warning": _warning,
}
