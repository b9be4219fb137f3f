"""Which flow triggers an execution fires, and which webhook a key calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from segue.engine.gathering import Gathered, plain_gathered, read_gathered
from segue.engine.match import (
    Listeners,
    Matched,
    listener_of,
    match,
    may_follow,
    webhook_variables,
    webhook_with_key,
)
from segue.engine.source import Source
from segue.expression.evaluation import Scope
from segue.expression.outside import FrozenOutside
from segue.model.flow import Flow
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.trigger import Condition, FlowEnds, Trigger, UpstreamFlow, Webhook

NOW = datetime(2024, 5, 15, 10, 30, tzinfo=UTC)


def a_condition(kind: str, **properties: Any) -> Condition:
    return Condition(type=f"io.kestra.plugin.core.condition.{kind}", properties=properties)


def a_trigger(*conditions: Condition, body: FlowEnds | None = None, **changed: Any) -> Trigger:
    type_ = "io.kestra.plugin.core.trigger.Flow"
    return Trigger(**{"id": "after", "type": type_, "body": body or FlowEnds(), "conditions": conditions, **changed})


def a_flow(id_: str, *triggers: Trigger, namespace: str = "company.team", **changed: Any) -> Flow:
    return Flow(namespace=namespace, id=id_, tasks=(), triggers=triggers, **changed)


def a_source(flow_id: str = "load", state: State = State.SUCCESS, **changed: Any) -> Source:
    known = {"id": ExecutionId(f"of-{flow_id}"), "namespace": "company.team", "revision": 1, "started_at": NOW}
    return Source(**{**known, "flow_id": flow_id, "state": state, **changed})


def matched(trigger: Trigger, source: Source, kept: dict[str, Gathered] | None = None, at: datetime = NOW) -> Matched:
    listener = listener_of("company.team", "listener", trigger)
    return match(listener, source, kept=kept or {}, scope=Scope(outside=FrozenOutside(now=at)), now=at, zone=UTC)


def listening(flows: list[Flow], namespace: str, flow_id: str, state: State = State.SUCCESS) -> list[str]:
    return sorted(listener.flow_id for listener in Listeners(flows).to(namespace, flow_id, state))


# The index.


def test_an_execution_is_shown_only_to_those_that_could_mean_it() -> None:
    flows = [
        a_flow("by-flow", a_trigger(a_condition("ExecutionFlow", namespace="company.team", flowId="load"))),
        a_flow("by-namespace", a_trigger(a_condition("ExecutionNamespace", namespace="company.team"))),
        a_flow("by-prefix", a_trigger(a_condition("ExecutionNamespace", namespace="comp", comparison="PREFIX"))),
        a_flow("by-suffix", a_trigger(a_condition("ExecutionNamespace", namespace="team", comparison="SUFFIX"))),
        a_flow("by-dependency", a_trigger(body=FlowEnds(depends_on=(UpstreamFlow(flow_id="load"),)))),
        a_flow("any", a_trigger()),
        a_flow("disabled", a_trigger(), disabled=True),
        a_flow("trigger-disabled", a_trigger(disabled=True)),
        a_flow("other", a_trigger(a_condition("ExecutionFlow", namespace="company.team", flowId="other"))),
    ]
    assert listening(flows, "company.team", "load") == [
        "any",
        "by-dependency",
        "by-flow",
        "by-namespace",
        "by-prefix",
        "by-suffix",
    ]
    assert listening(flows, "elsewhere", "load") == ["any", "by-dependency"]


def test_the_narrowest_condition_finds_a_listener() -> None:
    trigger = a_trigger(
        a_condition("ExecutionStatus", **{"in": ["SUCCESS"]}),
        a_condition("ExecutionNamespace", namespace="company.team"),
        a_condition("ExecutionFlow", namespace="company.team", flowId="load"),
    )
    assert listening([a_flow("x", trigger)], "company.team", "load") == ["x"]
    assert listening([a_flow("x", trigger)], "company.team", "other") == []


def test_a_flow_never_listens_to_itself() -> None:
    assert listening([a_flow("x", a_trigger())], "company.team", "x") == []
    assert matched(a_trigger(), a_source("listener")) == Matched()


@pytest.mark.parametrize(
    ("states", "state", "expected"),
    [
        ((), State.SUCCESS, True),
        ((), State.KILLED, True),
        ((), State.PAUSED, True),
        ((), State.RUNNING, False),
        ((State.RUNNING,), State.RUNNING, True),
        ((State.FAILED,), State.SUCCESS, False),
    ],
)
def test_without_states_every_end_and_a_pause_count(states: tuple[State, ...], state: State, expected: bool) -> None:
    trigger = a_trigger(body=FlowEnds(states=states))
    assert bool(listening([a_flow("x", trigger)], "company.team", "load", state)) is expected
    assert (matched(trigger, a_source(state=state)).request is not None) is expected


def test_looking_up_costs_what_listens_not_what_there_is() -> None:
    conditions = [a_condition("ExecutionFlow", namespace="company.team", flowId=f"flow-{at}") for at in range(2_000)]
    index = Listeners(a_flow(f"listener-{at}", a_trigger(each)) for at, each in enumerate(conditions))
    assert [each.flow_id for each in index.to("company.team", "flow-77", State.SUCCESS)] == ["listener-77"]


# One execution.


def test_the_request_has_the_executions_facts_and_rendered_inputs() -> None:
    trigger = a_trigger(
        inputs={"rows": "{{ trigger.outputs.rows }}", "from": "{{ trigger.flowId }}"},
        labels={"of": "{{ trigger.state }}"},
    )
    request = matched(trigger, a_source(outputs={"rows": 3})).request
    assert request.inputs == {"rows": 3, "from": "load"}
    assert request.labels == {"of": "SUCCESS"}
    assert request.trigger.id == "after"
    assert request.trigger.variables["executionId"] == "of-load"
    assert request.trigger.variables["startDate"] == "2024-05-15T10:30:00Z"


def test_inputs_that_cannot_be_rendered_are_told_with_the_request() -> None:
    request = matched(a_trigger(inputs={"x": "{{ trigger.outputs.missing }}"}), a_source()).request
    assert "Unable to find `missing`" in request.error


def test_a_condition_that_cannot_be_told_is_an_error() -> None:
    assert "Unable to find `nothing`" in matched(a_trigger(when="{{ nothing }}"), a_source()).error


def test_when_sees_the_trigger() -> None:
    trigger = a_trigger(when="{{ trigger.state == 'FAILED' }}")
    assert matched(trigger, a_source()).request is None
    assert matched(trigger, a_source(state=State.FAILED)).request is not None


# Several executions.


def both(**options: Any) -> Trigger:
    flows = [{"namespace": "company.team", "flowId": name, "states": ["SUCCESS"]} for name in ("a", "b")]
    return a_trigger(body=FlowEnds(options={"preconditions": {"id": "p", "flows": flows, **options}}))


def played(trigger: Trigger, *sources: tuple[str, State, int]) -> list[bool]:
    """Which of the executions, at these minutes, fire the trigger. What is kept goes through JSON between them."""
    kept: dict[str, Gathered] = {}
    fired = []
    for flow_id, state, minute in sources:
        found = matched(
            trigger, a_source(flow_id, state, outputs={"from": flow_id}), kept, NOW + timedelta(minutes=minute)
        )
        kept = {**kept, **{id_: each for id_, each in found.kept.items() if each is not None}}
        for id_ in (id_ for id_, each in found.kept.items() if each is None):
            kept.pop(id_, None)
        kept = {id_: read_gathered(plain_gathered(each)) for id_, each in kept.items()}
        fired.append(found.request is not None)
    return fired


S, F = State.SUCCESS, State.FAILED


@pytest.mark.parametrize(
    ("options", "sources", "expected"),
    [
        pytest.param({}, [("a", S, 0), ("b", S, 1)], [False, True], id="both"),
        pytest.param({}, [("b", S, 0), ("a", S, 1)], [False, True], id="any-order"),
        pytest.param({}, [("a", S, 0), ("a", S, 1)], [False, False], id="one-twice"),
        pytest.param({}, [("a", F, 0), ("b", S, 1)], [False, False], id="wrong-state"),
        pytest.param({}, [("a", S, 0), ("b", S, 1), ("b", S, 2)], [False, True, False], id="begins-anew"),
        pytest.param(
            {"resetOnSuccess": False}, [("a", S, 0), ("b", S, 1), ("b", S, 2)], [False, True, True], id="fires-again"
        ),
        pytest.param(
            {"resetOnSuccess": False}, [("a", S, 0), ("b", S, 1), ("c", S, 2)], [False, True, False], id="other"
        ),
        pytest.param({}, [("a", S, 0), ("b", S, 60 * 24)], [False, False], id="next-day"),
        pytest.param(
            {"timeWindow": {"type": "SLIDING_WINDOW", "window": "PT1H"}},
            [("a", S, 0), ("b", S, 59)],
            [False, True],
            id="sliding",
        ),
        pytest.param(
            {"timeWindow": {"type": "DAILY_TIME_DEADLINE", "deadline": "11:00:00Z"}},
            [("a", S, 0), ("b", S, 31)],
            [False, False],
            id="deadline",
        ),
    ],
)
def test_preconditions_are_met_within_one_window(
    options: dict[str, Any], sources: list[tuple[str, State, int]], expected: list[bool]
) -> None:
    assert played(both(**options), *sources) == expected


def test_outputs_of_several_flows_are_keyed_by_flow() -> None:
    first = matched(both(), a_source("a", outputs={"x": 1}))
    second = matched(both(), a_source("b", outputs={"x": 2}), dict(first.kept))
    assert second.request.trigger.variables["outputs"] == {"a": {"x": 1}, "b": {"x": 2}}


def depends_on(**options: Any) -> Trigger:
    upstream = tuple(UpstreamFlow(namespace="company.team", flow_id=name) for name in ("a", "b", "c"))
    return a_trigger(body=FlowEnds(depends_on=upstream, options=options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [False, False, True, False]),
        ({"mode": "ANY"}, [True, True, True, True]),
        ({"mode": "AT_LEAST", "minSatisfied": 2}, [False, True, False, True]),
        ({"window": {"every": "P1D"}}, [False, False, True, True]),
        ({"mode": "ANY", "window": {"every": "P1D", "fireOnce": True}}, [True, False, False, False]),
    ],
    ids=["all", "any", "at-least", "all-in-a-window", "fire-once"],
)
def test_dependencies_have_a_mode(options: dict[str, Any], expected: list[bool]) -> None:
    assert played(depends_on(**options), ("a", S, 0), ("b", S, 1), ("c", S, 2), ("a", S, 3)) == expected


def test_a_dependency_may_look_at_labels_and_outputs() -> None:
    upstream = UpstreamFlow(flow_id="a", labels={"env": "prod"}, when="{{ outputs.rows > 1 and state == 'SUCCESS' }}")
    trigger = a_trigger(body=FlowEnds(depends_on=(upstream,)))
    assert matched(trigger, a_source("a", labels={"env": "prod"}, outputs={"rows": 2})).request is not None
    assert matched(trigger, a_source("a", labels={"env": "prod"}, outputs={"rows": 1})).request is None
    assert matched(trigger, a_source("a", outputs={"rows": 2})).request is None


@pytest.mark.parametrize(
    ("field", "type_", "value", "expected"),
    [
        ("FLOW_ID", "EQUAL_TO", "load", True),
        ("FLOW_ID", "NOT_EQUAL_TO", "load", False),
        ("FLOW_ID", "IN", ["load", "x"], True),
        ("NAMESPACE", "NOT_IN", ["company.team"], False),
        ("NAMESPACE", "STARTS_WITH", "company", True),
        ("NAMESPACE", "ENDS_WITH", ".team", True),
        ("STATE", "CONTAINS", "CESS", True),
        ("STATE", "REGEX", "SUCC.*", True),
        ("EXPRESSION", "IS_TRUE", "{{ trigger.outputs.ok }}", True),
        ("EXPRESSION", "IS_FALSE", "{{ trigger.outputs.ok }}", False),
        ("EXPRESSION", "IS_NULL", "{{ trigger.outputs.missing }}", True),
        ("EXPRESSION", "IS_NOT_NULL", "{{ trigger.outputs.ok }}", True),
    ],
)
def test_where_filters_the_execution(field: str, type_: str, value: Any, expected: bool) -> None:
    wanted = {"field": field, "type": type_, ("values" if isinstance(value, list) else "value"): value}
    where = [{"id": "w", "filters": [wanted]}]
    trigger = a_trigger(body=FlowEnds(options={"preconditions": {"id": "p", "where": where}}))
    assert (matched(trigger, a_source(outputs={"ok": True})).request is not None) is expected


def test_a_pattern_that_backtracks_for_ever_is_told_and_does_not_fire() -> None:
    wanted = {"field": "FLOW_ID", "type": "REGEX", "value": "(a+)+$"}
    where = [{"id": "w", "filters": [wanted]}]
    trigger = a_trigger(body=FlowEnds(options={"preconditions": {"id": "p", "where": where}}))
    found = matched(trigger, a_source("a" * 5_000 + "b"))
    assert found.request is None
    assert "takes longer than 0.05 s" in str(found)


def test_a_multiple_condition_may_be_met_by_different_executions() -> None:
    named = {name: a_condition("ExecutionFlow", namespace="company.team", flowId=name) for name in ("a", "b")}
    trigger = a_trigger(
        a_condition("ExecutionStatus", **{"in": ["SUCCESS"]}),
        a_condition("MultipleCondition", id="m", conditions=named),
    )
    assert played(trigger, ("a", F, 0), ("b", S, 1), ("a", S, 2)) == [False, False, True]
    assert listening([a_flow("x", trigger)], "company.team", "c") == []


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (a_trigger(), True),
        (a_trigger(a_condition("ExecutionFlow", namespace="company.team", flowId="load")), True),
        (a_trigger(a_condition("ExecutionNamespace", namespace="elsewhere")), False),
        (a_trigger(body=FlowEnds(depends_on=(UpstreamFlow(flow_id="load"), UpstreamFlow(flow_id="x")))), True),
        (a_trigger(body=FlowEnds(depends_on=(UpstreamFlow(flow_id="x"),))), False),
    ],
    ids=["any", "flow", "other-namespace", "one-of-several", "another"],
)
def test_which_flow_may_follow_which(trigger: Trigger, expected: bool) -> None:
    assert may_follow(a_flow("after", trigger), a_flow("load")) is expected
    assert not may_follow(a_flow("load", trigger), a_flow("load"))


# Webhooks.


def a_webhook(id_: str, key: str, **changed: Any) -> Trigger:
    return Trigger(**{"id": id_, "type": "w", "body": Webhook(key=key), **changed})


def test_a_webhook_is_found_by_its_key_alone() -> None:
    triggers = [a_webhook("off", "k1", disabled=True), a_webhook("one", "k1"), a_webhook("two", "{{ vars.key }}")]
    scope = Scope(variables={"vars": {"key": "k2"}})
    assert webhook_with_key(triggers, "k1", scope).id == "one"
    assert webhook_with_key(triggers, "k2", scope).id == "two"
    assert webhook_with_key(triggers, "k3", scope) is None
    assert webhook_with_key(triggers, "ключ", scope) is None


def test_a_key_that_cannot_be_rendered_or_is_empty_is_nobodys() -> None:
    assert webhook_with_key([a_webhook("x", "{{ nothing }}"), a_webhook("y", "{{ '' }}")], "", Scope()) is None


def test_a_call_becomes_the_triggers_variables() -> None:
    variables = webhook_variables(body={"a": 1}, headers={"h": ("1", "2")}, parameters={}, uri="/x", path="sub")
    assert variables == {"body": {"a": 1}, "headers": {"h": ["1", "2"]}, "parameters": {}, "uri": "/x", "path": "sub"}
