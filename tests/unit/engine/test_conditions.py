"""Conditions: when each holds, and what cannot be told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from segue.engine.conditions import CannotTell, Circumstances, all_hold, fails_all_day, holds, trigger_applies
from segue.engine.source import Source
from segue.expression.evaluation import Scope
from segue.expression.outside import FrozenOutside
from segue.model.names import ExecutionId
from segue.model.state import State
from segue.model.trigger import Condition, Schedule, Trigger

NOW = datetime(2024, 5, 15, 10, 30, tzinfo=UTC)
SOURCE = Source(
    id=ExecutionId("e1"),
    namespace="company.team",
    flow_id="load",
    revision=1,
    state=State.SUCCESS,
    started_at=NOW,
    labels={"env": "prod", "team": "data"},
    outputs={"rows": 3},
    attempts=((State.SUCCESS,), (State.FAILED, State.SUCCESS)),
)


def a_condition(kind: str, **properties: Any) -> Condition:
    return Condition(type=f"io.kestra.plugin.core.condition.{kind}", properties=properties)


def circumstances(date: str | None = None, source: Source | None = SOURCE) -> Circumstances:
    scope = Scope(variables={"trigger": {"date": date} if date else {}}, outside=FrozenOutside(now=NOW))
    return Circumstances(scope=scope, namespace="company.team.sub", flow_id="after", source=source)


def met(kind: str, date: str | None = None, **properties: Any) -> bool:
    return holds(a_condition(kind, **properties), circumstances(date))


def kestra_list(*labels: tuple[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels]


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("ExecutionStatus", {"in": ["SUCCESS"]}, True),
        ("ExecutionStatus", {"in": ["FAILED"]}, False),
        ("ExecutionStatus", {"notIn": ["SUCCESS"]}, False),
        ("ExecutionStatus", {}, True),
        ("ExecutionFlow", {"namespace": "company.team", "flowId": "load"}, True),
        ("ExecutionFlowCondition", {"namespace": "company.team", "flowId": "other"}, False),
        ("ExecutionNamespace", {"namespace": "company"}, False),
        ("ExecutionNamespace", {"namespace": "company", "prefix": True}, True),
        ("ExecutionNamespace", {"namespace": "company", "comparison": "PREFIX"}, True),
        ("ExecutionNamespace", {"namespace": ".team", "comparison": "SUFFIX"}, True),
        ("ExecutionNamespace", {"namespace": "company", "prefix": True, "comparison": "EQUALS"}, False),
        ("ExecutionLabels", {"labels": {"env": "prod"}}, True),
        ("ExecutionLabels", {"labels": kestra_list(("env", "prod"), ("team", "ops"))}, False),
        ("ExecutionOutputs", {"expression": "{{ trigger.outputs.rows > 2 }}"}, True),
        ("ExecutionOutputs", {"expression": "{{ trigger.outputs.rows > 3 }}"}, False),
        ("HasRetryAttempt", {}, True),
        ("HasRetryAttempt", {"in": ["FAILED"]}, True),
        ("HasRetryAttempt", {"in": ["KILLED"]}, False),
        ("FlowCondition", {"namespace": "company.team.sub", "flowId": "after"}, True),
        ("FlowNamespaceCondition", {"namespace": "company.team", "prefix": True}, True),
        ("FlowNamespaceCondition", {"namespace": "company.te", "prefix": True}, False),
        ("Expression", {"expression": "  {{ 1 == 1 }} "}, True),
        ("Expression", {"expression": " false "}, False),
        ("Expression", {"expression": "  "}, False),
    ],
)
def test_a_condition_on_an_execution(kind: str, properties: dict[str, Any], expected: bool) -> None:
    assert met(kind, **properties) is expected


@pytest.mark.parametrize(
    "kind", ["ExecutionStatus", "ExecutionFlow", "ExecutionNamespace", "ExecutionLabels", "ExecutionOutputs"]
)
def test_without_an_execution_nothing_about_one_holds(kind: str) -> None:
    condition = a_condition(kind, namespace="n", flowId="f", labels={}, expression="true")
    assert not holds(condition, circumstances(source=None))


@pytest.mark.parametrize(
    ("kind", "date", "properties", "expected"),
    [
        ("DayWeek", "2024-05-13T23:30:00-05:00", {"dayOfWeek": "MONDAY"}, True),  # Tuesday in UTC
        ("DayWeek", "2024-05-13", {"dayOfWeek": "TUESDAY"}, False),
        ("DayWeekInMonth", "2024-05-31", {"dayOfWeek": "FRIDAY", "dayInMonth": "LAST"}, True),
        ("DayWeekInMonth", "2024-05-22", {"dayOfWeek": "WEDNESDAY", "dayInMonth": "FOURTH"}, True),
        ("DayWeekInMonth", "2024-05-29", {"dayOfWeek": "WEDNESDAY", "dayInMonth": "FOURTH"}, False),
        ("DayWeekInMonth", "2024-12-31", {"dayOfWeek": "TUESDAY", "dayInMonth": "LAST"}, True),
        ("Weekend", "2024-05-18", {}, True),
        ("Weekend", "2024-05-17", {}, False),
        ("PublicHoliday", "2024-07-14", {"country": "fr"}, True),
        ("PublicHoliday", "2024-11-01", {"country": "DE", "subDivision": "BY"}, True),
        ("PublicHoliday", "2024-11-01", {"country": "DE", "subDivision": "BE"}, False),
        ("DateTimeBetween", "2024-05-15T10:00:00Z", {"after": "2024-05-15T10:00:00Z"}, False),
        ("DateTimeBetween", "2024-05-15T12:00:01+02:00", {"after": "2024-05-15T10:00:00Z"}, True),
        ("TimeBetween", "2024-05-15T08:59:59+01:00", {"after": "09:00:00+01:00"}, False),
        ("TimeBetween", "2024-05-15T09:30:00+01:00", {"after": "09:00:00+01:00", "before": "10:00:00+01:00"}, True),
        (
            "Not",
            "2024-05-18",
            {"conditions": [a_condition("Weekend"), a_condition("DayWeek", dayOfWeek="MONDAY")]},
            False,
        ),
        (
            "Or",
            "2024-05-18",
            {"conditions": [a_condition("Weekend"), a_condition("DayWeek", dayOfWeek="MONDAY")]},
            True,
        ),
        ("Or", "2024-05-18", {"conditions": []}, False),
    ],
)
def test_a_condition_on_the_date_looks_at_the_triggers_local_time(
    kind: str, date: str, properties: dict[str, Any], expected: bool
) -> None:
    assert met(kind, date, **properties) is expected


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("Expression", {"expression": "{{ nothing }}"}, "Unable to find `nothing`"),
        ("DayWeek", {"dayOfWeek": "MONDAY"}, "Unable to find `date`"),
        ("Weekend", {"date": "soon"}, "Unable to read `soon`"),
        ("TimeBetween", {"date": "2024-05-15T09:30:00Z", "after": "nine"}, "Unable to read `nine`"),
        ("PublicHoliday", {"date": "2024-05-15", "country": "XX"}, "No public holidays are known for `XX`"),
        ("PublicHoliday", {"date": "2024-05-15"}, "needs a `country`"),
        ("Expression", {"expression": "{{ secret('X') }}"}, "not available here"),
        ("Invented", {}, "there is no condition"),
    ],
)
def test_what_cannot_be_evaluated_is_said_and_never_just_false(kind: str, properties: Any, words: str) -> None:
    with pytest.raises(CannotTell, match=words):
        met(kind, **properties)


def test_when_and_all_conditions_have_to_hold() -> None:
    body = Schedule(cron="* * * * *")
    weekend = a_condition("Weekend")

    def applies(when: str | bool | None, date: str) -> bool:
        trigger = Trigger(id="t", type="t", body=body, when=when, conditions=(weekend,))
        return trigger_applies(trigger, circumstances(date))

    assert applies(None, "2024-05-18")
    assert applies("{{ true }}", "2024-05-18")
    assert not applies("{{ false }}", "2024-05-18")
    assert not applies(False, "2024-05-18")
    assert not applies("true", "2024-05-17")
    assert all_hold((), circumstances())


def test_only_a_condition_on_the_triggers_own_day_rules_out_the_whole_day() -> None:
    assert fails_all_day([a_condition("Weekend")], circumstances("2024-05-15T10:00:00Z"))
    assert not fails_all_day([a_condition("Weekend")], circumstances("2024-05-18T10:00:00Z"))
    assert not fails_all_day([a_condition("Weekend", date="2024-05-15")], circumstances("2024-05-18T10:00:00Z"))
    assert not fails_all_day([a_condition("TimeBetween", after="23:00:00Z")], circumstances("2024-05-18T10:00:00Z"))
