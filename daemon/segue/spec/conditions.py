"""Conditions of triggers (1.x), and what all of them share."""

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from segue.spec.fields import Dynamic, Labels, Span, Spec, Text, keys_of
from segue.spec.nested import ConditionList, ConditionMap
from segue.spec.types.execution import StateName
from segue.spec.windows import TimeWindow

DayOfWeek = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


class ConditionCommon(Spec):
    """What every condition has."""

    type: Text = Field(description="What is tested.")


class Dated(Spec):
    """What the conditions on dates share."""

    date: Dynamic[Text] = Field(default="{{ trigger.date }}", description="The date that is tested.")


class DateTimeBetween(Dated):
    """The date lies strictly between two others; one of them may be absent."""

    after: Dynamic[Text] | None = Field(default=None, description="Lower bound.")
    before: Dynamic[Text] | None = Field(default=None, description="Upper bound.")


class TimeBetween(Dated):
    """The time of day lies in a range."""

    after: Dynamic[Text] | None = Field(default=None, description="Lower bound, with offset: `08:00:00+01:00`.")
    before: Dynamic[Text] | None = Field(default=None, description="Upper bound, with offset.")


class DayWeek(Dated):
    """The date is this day of the week."""

    day_of_week: Dynamic[DayOfWeek] = Field(description="The day.")


class DayWeekInMonth(Dated):
    """The date is the n-th such day of its month."""

    day_of_week: Dynamic[DayOfWeek] = Field(description="The day.")
    day_in_month: Dynamic[Literal["FIRST", "SECOND", "THIRD", "FOURTH", "LAST"]] = Field(description="Which of them.")


class Weekend(Dated):
    """The date is a Saturday or a Sunday."""


class PublicHoliday(Dated):
    """The date is a public holiday."""

    country: Dynamic[Text] | None = Field(default=None, description="ISO code of the country.")
    sub_division: Dynamic[Text] | None = Field(default=None, description="State, province or region.")


class Not(Dated):
    """None of the conditions holds."""

    conditions: ConditionList = Field(description="The conditions.")


class Or(Dated):
    """One of the conditions holds."""

    conditions: ConditionList = Field(description="The conditions.")


class Expression(Spec):
    """The expression renders to something that is neither blank nor `false`."""

    expression: Dynamic[Text] = Field(description="The expression.")


class ExecutionStatus(Spec):
    """The state of the other execution."""

    in_: list[StateName] | None = Field(default=None, alias="in", description="It is one of these.")
    not_in: list[StateName] | None = Field(default=None, description="It is none of these.")


class ExecutionFlow(Spec):
    """The other execution's flow is this one."""

    namespace: Dynamic[Text] = Field(description="Its namespace.")
    flow_id: Dynamic[Text] = Field(description="Its id.")


class ExecutionNamespace(Spec):
    """The other execution's namespace."""

    namespace: Dynamic[Text] = Field(description="What to compare with.")
    comparison: Literal["EQUALS", "PREFIX", "SUFFIX"] | None = Field(default=None, description="How to compare.")
    prefix: bool | None = Field(default=None, description="Older spelling of `comparison: PREFIX`.")


class ExecutionLabels(Spec):
    """The other execution has all these labels."""

    labels: Labels = Field(description="The labels.")


class ExecutionOutputs(Spec):
    """An expression over the other execution's outputs is truthy."""

    expression: Dynamic[Text] = Field(description="The expression; sees `trigger.outputs`.")


class HasRetryAttempt(Spec):
    """A task of the other execution was tried again."""

    in_: list[StateName] | None = Field(default=None, alias="in", description="The last attempt is in one of these.")
    not_in: list[StateName] | None = Field(default=None, description="The last attempt is in none of these.")


class FlowCondition(Spec):
    """The flow is this one."""

    namespace: Dynamic[Text] = Field(description="Its namespace.")
    flow_id: Dynamic[Text] = Field(description="Its id.")


class FlowNamespaceCondition(Spec):
    """The flow's namespace."""

    namespace: Dynamic[Text] = Field(description="The namespace.")
    prefix: bool = Field(default=False, description="Namespaces below it too.")


class MultipleCondition(Spec):
    """Every condition was met by some execution within one window of time."""

    id: Text = Field(description="Name of the condition.")
    conditions: ConditionMap = Field(min_length=1, description="The conditions by name.")
    time_window: TimeWindow | None = Field(default=None, description="The window of time.")
    reset_on_success: bool = Field(default=True, description="Begin anew after firing.")
    window: Span | None = Field(default=None, description="Older spelling of `timeWindow.window`.")
    window_advance: Span | None = Field(default=None, description="Older spelling of `timeWindow.windowAdvance`.")


CONDITION_KEYS: Final = keys_of(ConditionCommon)

TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.condition.DateTimeBetween": DateTimeBetween,
    "core.condition.TimeBetween": TimeBetween,
    "core.condition.DayWeek": DayWeek,
    "core.condition.DayWeekInMonth": DayWeekInMonth,
    "core.condition.Weekend": Weekend,
    "core.condition.PublicHoliday": PublicHoliday,
    "core.condition.Not": Not,
    "core.condition.Or": Or,
    "core.condition.Expression": Expression,
    "core.condition.ExecutionStatus": ExecutionStatus,
    "core.condition.ExecutionFlow": ExecutionFlow,
    "core.condition.ExecutionNamespace": ExecutionNamespace,
    "core.condition.ExecutionLabels": ExecutionLabels,
    "core.condition.ExecutionOutputs": ExecutionOutputs,
    "core.condition.HasRetryAttempt": HasRetryAttempt,
    "core.condition.Flow": FlowCondition,
    "core.condition.FlowNamespace": FlowNamespaceCondition,
    "core.condition.MultipleCondition": MultipleCondition,
}
