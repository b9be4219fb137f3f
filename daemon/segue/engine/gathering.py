"""Gathering: what a flow trigger waits for when one execution is not enough - several flows, each to be met once, in a
window of time. Kestra's `preconditions`, `MultipleCondition` and 2.0's `dependsOn` all become this.

What has been met so far is a frozen value that comes in and goes out; somebody else keeps it.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from segue.engine.conditions import CannotTell, Circumstances, holds, is_met, kind_of, labels_fit, when_holds
from segue.engine.source import Source
from segue.engine.windows import Bounds, Window, bounds_at, window_of_1x, window_of_2x
from segue.engine.zones import parse_moment, zone_of
from segue.expression import java_regex
from segue.expression.errors import ExpressionError
from segue.expression.iso import json_text
from segue.expression.template import render_value
from segue.model.state import State
from segue.model.trigger import Condition, FlowEnds, Trigger, UpstreamFlow


def _fits_pattern(value: str, pattern: str) -> bool:
    try:
        return java_regex.is_full_match(pattern, value)
    except ExpressionError as error:  # no pattern, or one that would take for ever
        raise CannotTell(str(error)) from error


_TEXT_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "EQUAL_TO": lambda value, wanted: value == wanted,
    "NOT_EQUAL_TO": lambda value, wanted: value != wanted,
    "STARTS_WITH": str.startswith,
    "ENDS_WITH": str.endswith,
    "CONTAINS": lambda value, wanted: wanted in value,
    "REGEX": _fits_pattern,
}


class Mode(StrEnum):
    """How many of the requirements have to be met."""

    ALL = "ALL"
    ANY = "ANY"
    AT_LEAST = "AT_LEAST"


class AfterFiring(StrEnum):
    """What becomes of what was met once the trigger has fired."""

    RESET = "RESET"  # forgotten: everything has to happen anew
    KEEP = "KEEP"  # kept to the end of the window: each further one fires again
    CLOSE = "CLOSE"  # kept, and the window fires no more


class Filter(Struct, frozen=True):
    field: str
    type: str
    value: Any = None
    values: tuple[str, ...] = ()


class Where(Struct, frozen=True):
    """Filters on an execution, all or any of them."""

    is_all: bool
    filters: tuple[Filter, ...]


Requirement = UpstreamFlow | Condition | Where


class Gathering(Struct, frozen=True, kw_only=True):
    """`id` is unique within the trigger."""

    id: str
    requirements: Mapping[str, Requirement]
    window: Window
    zone: str | None = None  # of its days; None: the daemon's
    mode: Mode = Mode.ALL
    least: int = 1
    after_firing: AfterFiring = AfterFiring.RESET

    @property
    def needed(self) -> int:
        match self.mode:
            case Mode.ALL:
                return len(self.requirements)
            case Mode.ANY:
                return 1
            case Mode.AT_LEAST:
                return self.least


class Met(Struct, frozen=True, kw_only=True):
    """The execution that met a requirement."""

    at: datetime
    execution_id: str
    flow_id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


class Gathered(Struct, frozen=True, kw_only=True):
    """What has been met in a window."""

    bounds: Bounds
    met: Mapping[str, Met] = field(default_factory=dict)
    has_fired: bool = False

    def is_over(self, now: datetime) -> bool:
        return self.bounds.end is not None and self.bounds.end < now


def gatherings_of(trigger: Trigger) -> tuple[Gathering, ...]:
    """All that the trigger waits for over time; every one of them has to be complete."""
    return tuple(_gatherings(trigger))


def _gatherings(trigger: Trigger) -> Iterator[Gathering]:
    body = trigger.body
    assert isinstance(body, FlowEnds)
    for condition in trigger.conditions:
        if kind_of(condition) == "Multiple":
            yield _of_multiple(condition)
    if preconditions := body.options.get("preconditions"):
        yield _of_preconditions(preconditions)
    if body.depends_on:
        yield _of_depends_on(body)


def _of_multiple(condition: Condition) -> Gathering:
    properties = condition.properties
    return Gathering(
        id=str(properties.get("id") or "multiple"),
        requirements=dict(properties["conditions"]),
        window=window_of_1x(properties.get("timeWindow") or properties),
        zone=(properties.get("timeWindow") or {}).get("timezone"),
        after_firing=_after_1x(properties),
    )


def _of_preconditions(properties: Mapping[str, Any]) -> Gathering:
    requirements: dict[str, Requirement] = {}
    for position, entry in enumerate(properties.get("flows") or ()):
        flow = entry if isinstance(entry, UpstreamFlow) else _upstream(entry)
        requirements[f"{position}:{flow.namespace}/{flow.flow_id}"] = flow
    for entry in properties.get("where") or ():
        requirements[str(entry["id"])] = _where(entry)
    return Gathering(
        id=str(properties.get("id", "preconditions")),
        requirements=requirements,
        window=window_of_1x(properties.get("timeWindow") or {}),
        zone=(properties.get("timeWindow") or {}).get("timezone"),
        after_firing=_after_1x(properties),
    )


def _after_1x(properties: Mapping[str, Any]) -> AfterFiring:
    return AfterFiring.KEEP if properties.get("resetOnSuccess") is False else AfterFiring.RESET


def _of_depends_on(body: FlowEnds) -> Gathering:
    window = body.options.get("window") or {}
    return Gathering(
        id="dependsOn",
        requirements={f"{at}:{flow.namespace}/{flow.flow_id}": flow for at, flow in enumerate(body.depends_on)},
        window=window_of_2x(window),
        zone=window.get("timezone"),
        mode=Mode(body.options.get("mode") or Mode.ALL),
        least=int(body.options.get("minSatisfied") or 1),
        after_firing=_after_2x(window),
    )


def _after_2x(window: Mapping[str, Any]) -> AfterFiring:
    """Without a window all begins anew; in one, each execution that counts fires again unless it says once."""
    if not window:
        return AfterFiring.RESET
    return AfterFiring.CLOSE if window.get("fireOnce") else AfterFiring.KEEP


def _upstream(entry: Mapping[str, Any]) -> UpstreamFlow:
    labels = entry.get("labels") or {}
    if not isinstance(labels, Mapping):
        labels = {each["key"]: each["value"] for each in labels}
    states = tuple(State(each) for each in entry.get("states") or ())
    return UpstreamFlow(namespace=entry.get("namespace"), flow_id=entry.get("flowId"), states=states, labels=labels)


def _where(entry: Mapping[str, Any]) -> Where:
    filters = (
        Filter(each["field"], each["type"], each.get("value"), tuple(str(value) for value in each.get("values") or ()))
        for each in entry["filters"]
    )
    return Where(entry.get("operand") != "OR", tuple(filters))


def gather(
    gathering: Gathering, kept: Gathered | None, circumstances: Circumstances, now: datetime, zone: tzinfo
) -> tuple[Gathered, bool]:
    """What has been met once this execution is looked at too, and whether this one was of any use."""
    assert circumstances.source is not None
    current = opened(gathering, kept, now, zone)
    met = {name: _met(circumstances.source, now) for name in _met_by(gathering, current, circumstances)}
    return replace(current, met={**current.met, **met}), bool(met)


def opened(gathering: Gathering, kept: Gathered | None, now: datetime, zone: tzinfo) -> Gathered:
    """What was kept if its window still holds, else a new window with nothing met."""
    if kept is not None and kept.bounds.holds(now):
        return kept
    return Gathered(bounds=bounds_at(gathering.window, now, zone_in(gathering, zone)))


def zone_in(gathering: Gathering, zone: tzinfo) -> tzinfo:
    """The zone that its days are counted in; `zone` is the daemon's."""
    return zone_of(gathering.zone) if gathering.zone else zone


def is_complete(gathering: Gathering, gathered: Gathered) -> bool:
    return not gathered.has_fired and len(gathered.met) >= gathering.needed


def after_firing(gathering: Gathering, gathered: Gathered) -> Gathered | None:
    """What to keep once the trigger has fired; None: nothing."""
    match gathering.after_firing:
        case AfterFiring.RESET:
            return None
        case AfterFiring.KEEP:
            return gathered
        case AfterFiring.CLOSE:
            return replace(gathered, has_fired=True)


def _met(source: Source, now: datetime) -> Met:
    return Met(at=now, execution_id=source.id, flow_id=source.flow_id, outputs=source.outputs)


def _met_by(gathering: Gathering, gathered: Gathered, circumstances: Circumstances) -> list[str]:
    circumstances = replace(circumstances, met=frozenset(gathered.met))
    return [name for name, each in gathering.requirements.items() if _is_met(each, circumstances)]


def _is_met(requirement: Requirement, circumstances: Circumstances) -> bool:
    match requirement:
        case Condition():
            return holds(requirement, circumstances)
        case UpstreamFlow():
            return _upstream_fits(requirement, circumstances)
        case Where():
            tests = (_filter_fits(each, circumstances) for each in requirement.filters)
            return all(tests) if requirement.is_all else any(tests)


def _upstream_fits(wanted: UpstreamFlow, circumstances: Circumstances) -> bool:
    source = circumstances.source
    return (
        source is not None
        and wanted.namespace in (None, source.namespace)
        and wanted.flow_id in (None, source.flow_id)
        and (not wanted.states or source.state in wanted.states)
        and labels_fit(source.labels, wanted.labels)
        and (wanted.when is None or _when_upstream(wanted.when, source, circumstances))
    )


def _when_upstream(when: str, source: Source, circumstances: Circumstances) -> bool:
    """`when` of one dependency: it sees the execution's own words."""
    seen = {
        "namespace": source.namespace,
        "flowId": source.flow_id,
        "state": str(source.state),
        "labels": dict(source.labels),
        "outputs": dict(source.outputs),
        "hasRetryAttempt": any(len(states) > 1 for states in source.attempts),
    }
    scope = replace(circumstances.scope, variables={**circumstances.scope.variables, **seen})
    return when_holds(when, scope)


def _filter_fits(wanted: Filter, circumstances: Circumstances) -> bool:
    value = _field(wanted, circumstances)
    match wanted.type:
        case "IS_NULL":
            return not value
        case "IS_NOT_NULL":
            return bool(value)
        case "IS_TRUE":
            return value is not None and is_met(value)
        case "IS_FALSE":
            return value is None or not is_met(value)
        case "IN":
            return value in wanted.values
        case "NOT_IN":
            return value not in wanted.values
        case _:
            test = _TEXT_TESTS[wanted.type]
            return value is not None and bool(test(value, str(wanted.value)))


def _field(wanted: Filter, circumstances: Circumstances) -> str | None:
    source = circumstances.source
    assert source is not None
    match wanted.field:
        case "FLOW_ID":
            return source.flow_id
        case "NAMESPACE":
            return source.namespace
        case "STATE":
            return str(source.state)
        case _:
            return _expression(wanted, circumstances)


def _expression(wanted: Filter, circumstances: Circumstances) -> str | None:
    """An EXPRESSION filter renders its value; for the tests on a text its result stands for itself."""
    try:
        rendered = render_value(wanted.value, circumstances.scope)
    except ExpressionError:
        return None
    return None if rendered is None else str(rendered)


def plain_gathered(gathered: Gathered) -> dict[str, Any]:
    """As JSON, to be kept."""
    end = gathered.bounds.end
    return {
        "start": json_text(gathered.bounds.start),
        "end": json_text(end) if end else None,
        "hasFired": gathered.has_fired,
        "met": {
            name: {
                "at": json_text(met.at),
                "executionId": met.execution_id,
                "flowId": met.flow_id,
                "outputs": dict(met.outputs),
            }
            for name, met in gathered.met.items()
        },
    }


def read_gathered(kept: Mapping[str, Any]) -> Gathered:
    """What `plain_gathered` made."""
    met = {
        name: Met(
            at=parse_moment(each["at"]),
            execution_id=each["executionId"],
            flow_id=each["flowId"],
            outputs=each["outputs"],
        )
        for name, each in kept["met"].items()
    }
    end = parse_moment(kept["end"]) if kept["end"] else None
    return Gathered(bounds=Bounds(parse_moment(kept["start"]), end), met=met, has_fired=kept["hasFired"])
