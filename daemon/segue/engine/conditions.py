"""Conditions of triggers: the types of 1.x below `core.condition`, and 2.0's `when`. True or false, or `CannotTell` for what
cannot be evaluated - the caller makes that visible, it is never quietly false.

A condition sees the variables of its scope (the trigger's own under `trigger`) and, for flow triggers, the execution that
moved. Conditions that have to be met over time (MultipleCondition) are `gathering`'s.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from segue.engine.public_holidays import UnknownCountry, is_public_holiday
from segue.engine.source import Source
from segue.engine.typed import java_text
from segue.engine.zones import NotADate, parse_moment
from segue.expression import iso
from segue.expression.errors import ExpressionError
from segue.expression.evaluation import Scope
from segue.expression.template import render_value
from segue.model.names import is_within
from segue.model.trigger import Condition, Trigger

DATE_DEFAULT: Final = "{{ trigger.date }}"
PREFIX: Final = "io.kestra.plugin.core.condition."
_DAYS: Final = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_WEEKS: Final = {"FIRST": 1, "SECOND": 2, "THIRD": 3, "FOURTH": 4}
_OFFSET_TIME: Final = re.compile(r"(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)


class CannotTell(Exception):
    """A condition that cannot be evaluated: its expression fails, or a property cannot be read."""


class Circumstances(Struct, frozen=True, kw_only=True):
    """What conditions are asked about. `namespace` and `flow_id` are the flow that has the trigger; `source` is the
    execution that moved, for flow triggers. `met` names conditions of a MultipleCondition met earlier."""

    scope: Scope
    namespace: str = ""
    flow_id: str = ""
    source: Source | None = None
    met: frozenset[str] = frozenset()

    def with_trigger(self, variables: Mapping[str, Any]) -> "Circumstances":
        """The same where expressions see these as `trigger` (and as `schedule`, as of old)."""
        seen = {**self.scope.variables, "trigger": variables, "schedule": variables}
        return replace(self, scope=replace(self.scope, variables=seen))


def trigger_applies(trigger: Trigger, circumstances: Circumstances) -> bool:
    """Do `when` and all conditions of the trigger hold."""
    return when_holds(trigger.when, circumstances.scope) and all_hold(trigger.conditions, circumstances)


def when_holds(when: str | bool | None, scope: Scope) -> bool:
    if when is None or isinstance(when, bool):
        return when is not False
    return is_met(_render(when, scope))


def all_hold(conditions: Iterable[Condition], circumstances: Circumstances) -> bool:
    return all(holds(condition, circumstances) for condition in conditions)


def is_met(text: str) -> bool:
    """Is a rendered condition true: it says something, and not `false`."""
    return text.strip() not in {"", "false"}


def holds(condition: Condition, circumstances: Circumstances) -> bool:
    """Is the condition met; `CannotTell` where it cannot be said."""
    rule = _RULES.get(kind_of(condition))
    if rule is None:
        raise CannotTell(f"there is no condition `{condition.type}`")
    try:
        return rule(condition.properties, circumstances)
    except (NotADate, UnknownCountry) as error:
        raise CannotTell(str(error)) from error


def kind_of(condition: Condition) -> str:
    """Its short name, `DayWeek`; the names of old ended in Condition."""
    name = condition.type.removeprefix(PREFIX).rpartition(".")[2]
    return name.removesuffix("Condition") if name.removesuffix("Condition") in _RULES else name


def fails_all_day(conditions: Sequence[Condition], circumstances: Circumstances) -> bool:
    """Does one of the conditions fail for the whole local day of `trigger.date`, so that a search may pass over it."""
    by_day = (
        each
        for each in conditions
        if kind_of(each) in _BY_DAY and each.properties.get("date", DATE_DEFAULT) == DATE_DEFAULT
    )
    return any(not holds(each, circumstances) for each in by_day)


def _render(value: Any, scope: Scope) -> str:
    try:
        rendered = render_value(value, scope)
    except ExpressionError as error:
        raise CannotTell(str(error)) from error
    return "" if rendered is None else java_text(rendered)


def _moment(value: Any, circumstances: Circumstances) -> datetime:
    if isinstance(value, datetime) and value.tzinfo:
        return value
    return parse_moment(_render(value, circumstances.scope), UTC)


def _day(properties: Mapping[str, Any], circumstances: Circumstances) -> date:
    """The local day of the condition's date, which may be a date or a date-time."""
    text = _render(properties.get("date", DATE_DEFAULT), circumstances.scope).strip()
    return iso.read_date(text) or parse_moment(text, UTC).date()


def _date_time_between(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    moment = _moment(properties.get("date", DATE_DEFAULT), circumstances)
    after, before = properties.get("after"), properties.get("before")
    return (after is None or moment > _moment(after, circumstances)) and (
        before is None or moment < _moment(before, circumstances)
    )


def _time_between(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    text = _render(properties.get("date", DATE_DEFAULT), circumstances.scope).strip()
    if _OFFSET_TIME.fullmatch(text):
        own = read_offset_time(text)
    else:
        moment = parse_moment(text, UTC)
        own = _since_midnight(moment.time(), moment.utcoffset())
    after, before = (properties.get(bound) for bound in ("after", "before"))
    return (after is None or own > read_offset_time(_render(after, circumstances.scope))) and (
        before is None or own < read_offset_time(_render(before, circumstances.scope))
    )


def read_offset_time(text: str) -> timedelta:
    """A time of day with an offset (UTC without one) as its distance from midnight UTC, which is how Java orders them."""
    match = _OFFSET_TIME.fullmatch(text.strip())
    found = iso.read_time(match[1]) if match else None
    if match is None or found is None:
        raise NotADate(text, "it is not a time of day like 09:00:00+01:00")
    offset = iso.offset_zone(match[2]).utcoffset(None) if match[2] else timedelta(0)
    return _since_midnight(found, offset)


def _since_midnight(moment: time, offset: timedelta | None) -> timedelta:
    span = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond)
    return span - (offset or timedelta(0))


def _day_week(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return _weekday(_day(properties, circumstances)) == _render(properties["dayOfWeek"], circumstances.scope)


def _weekday(day: date) -> str:
    return _DAYS[day.weekday()]


def _day_week_in_month(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    day = _day(properties, circumstances)
    if _weekday(day) != _render(properties["dayOfWeek"], circumstances.scope):
        return False
    place = _render(properties["dayInMonth"], circumstances.scope)
    if place == "LAST":
        return (day + timedelta(days=7)).month != day.month
    return (day.day - 1) // 7 + 1 == _WEEKS.get(place)


def _weekend(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return _weekday(_day(properties, circumstances)) in {"SATURDAY", "SUNDAY"}


def _public_holiday(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    country, subdivision = (_render(properties.get(key, ""), circumstances.scope) for key in ("country", "subDivision"))
    return is_public_holiday(_day(properties, circumstances), country, subdivision)


def _not(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    """None of them holds."""
    return not any(holds(each, circumstances) for each in properties["conditions"])


def _or(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return any(holds(each, circumstances) for each in properties["conditions"])


def _expression(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return is_met(_render(properties["expression"], circumstances.scope))


def _execution_status(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return circumstances.source is not None and _in_states(circumstances.source.state, properties)


def _in_states(state: str, properties: Mapping[str, Any]) -> bool:
    wanted, unwanted = properties.get("in"), properties.get("notIn")
    return (wanted is None or state in wanted) and (unwanted is None or state not in unwanted)


def _execution_flow(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    source = circumstances.source
    wanted = (properties["namespace"], properties["flowId"])
    return source is not None and (source.namespace, source.flow_id) == wanted


def _execution_namespace(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    source = circumstances.source
    return source is not None and namespace_fits(source.namespace, properties)


def namespace_fits(namespace: str, properties: Mapping[str, Any]) -> bool:
    """By `comparison`; without one by the older `prefix`."""
    wanted = str(properties["namespace"])
    match comparison_of(properties):
        case "PREFIX":
            return namespace.startswith(wanted)
        case "SUFFIX":
            return namespace.endswith(wanted)
        case _:
            return namespace == wanted


def comparison_of(properties: Mapping[str, Any]) -> str:
    return str(properties.get("comparison") or ("PREFIX" if properties.get("prefix") else "EQUALS"))


def _execution_labels(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    source = circumstances.source
    return source is not None and labels_fit(source.labels, properties["labels"])


def labels_fit(labels: Mapping[str, str], wanted: Any) -> bool:
    """Are all wanted labels (a map, or a list of key and value) among the labels."""
    pairs = wanted.items() if isinstance(wanted, Mapping) else ((each["key"], each["value"]) for each in wanted)
    return all(labels.get(str(key)) == java_text(value) for key, value in pairs)


def _execution_outputs(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    source = circumstances.source
    if source is None or not source.outputs:
        return False
    seen = circumstances.scope.variables.get("trigger")
    seen = {**(seen if isinstance(seen, Mapping) else {}), "outputs": source.outputs}
    return is_met(_render(properties["expression"], circumstances.with_trigger(seen).scope))


def _has_retry_attempt(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    """Was some task run tried more than once, with one of its attempts in such a state."""
    runs = circumstances.source.attempts if circumstances.source else ()
    return any(len(states) > 1 and any(_in_states(each, properties) for each in states) for states in runs)


def _flow(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return (circumstances.namespace, circumstances.flow_id) == (properties["namespace"], properties["flowId"])


def _flow_namespace(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    if comparison_of(properties) == "PREFIX":
        return is_within(circumstances.namespace, str(properties["namespace"]).rstrip("."))
    return circumstances.namespace == str(properties["namespace"])


def _multiple(properties: Mapping[str, Any], circumstances: Circumstances) -> bool:
    return all(
        name in circumstances.met or holds(each, circumstances) for name, each in properties["conditions"].items()
    )


_RULES: Final[dict[str, Callable[[Mapping[str, Any], Circumstances], bool]]] = {
    "DateTimeBetween": _date_time_between,
    "TimeBetween": _time_between,
    "DayWeek": _day_week,
    "DayWeekInMonth": _day_week_in_month,
    "Weekend": _weekend,
    "PublicHoliday": _public_holiday,
    "Not": _not,
    "Or": _or,
    "Expression": _expression,
    "ExecutionStatus": _execution_status,
    "ExecutionFlow": _execution_flow,
    "ExecutionNamespace": _execution_namespace,
    "ExecutionLabels": _execution_labels,
    "ExecutionOutputs": _execution_outputs,
    "HasRetryAttempt": _has_retry_attempt,
    "Flow": _flow,
    "FlowNamespace": _flow_namespace,
    "Multiple": _multiple,
}
_BY_DAY: Final = frozenset({"DayWeek", "DayWeekInMonth", "Weekend", "PublicHoliday"})
