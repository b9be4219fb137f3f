"""Properties of the trigger types, and what all triggers share."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from segue.model.names import TRIGGER_ID_LENGTH_MAX
from segue.spec.cron import check_cron
from segue.spec.fields import Dynamic, Labels, PositiveInt, Span, Spec, Text, TextOrTexts, Values, keys_of
from segue.spec.nested import ConditionList
from segue.spec.tasks import TaskId, WorkerGroup, WorkerSelector
from segue.spec.types.execution import StateName
from segue.spec.types.http import HttpCall
from segue.spec.types.levels import LogLevel
from segue.spec.windows import TimeWindow, Timezone, Window

_WEBHOOK_KEY_LENGTH_MAX: Final = 256


RecoverMissed = Literal["ALL", "LAST", "NONE"]


class TriggerCommon(Spec):
    """What every trigger may say of itself, whatever its type."""

    id: Annotated[TaskId, Field(max_length=TRIGGER_ID_LENGTH_MAX)] = Field(
        description="Name of the trigger, unique in the flow."
    )
    type: Text = Field(description="What the trigger looks at.")
    version: Text | None = Field(default=None, description="Accepted and ignored.")
    description: Text | None = Field(default=None, description="For people; Markdown.")
    disabled: bool = Field(default=False, description="Off.")
    conditions: ConditionList | None = Field(default=None, description="Fire only if all of them hold (1.x).")
    when: Text | None = Field(default=None, description="Fire only if this renders to something truthy (2.0).")
    labels: Labels | None = Field(default=None, description="Labels of the executions; may hold expressions.")
    inputs: Values | None = Field(default=None, description="Inputs of the executions; may hold expressions.")
    stop_after: list[StateName] | None = Field(
        default=None, description="Switch the trigger off once an execution of it has ended in one of these states."
    )
    log_level: LogLevel | None = Field(default=None, description="Store only log lines of this level and above.")
    log_to_file: bool = Field(default=False, description="Keep the log in a file instead of the log store.")
    fail_on_trigger_error: bool = Field(default=False, description="An error in the trigger makes a FAILED execution.")
    allow_concurrent: bool = Field(default=False, description="Fire while the last execution still runs.")
    worker_group: WorkerGroup | None = Field(default=None, description="Which workers to run on (1.x).")
    worker_selector: WorkerSelector | None = Field(default=None, description="Which workers to run on (2.0).")
    assets: Any = Field(default=None, description="Accepted and ignored.")
    policy_refs: Any = Field(default=None, description="Accepted and ignored.")


class Schedule(Spec):
    """Fires at the times of a cron line."""

    # Before `cron`, which is read by it.
    with_seconds: bool = Field(default=False, description="The cron line has six fields.")
    cron: Text = Field(description="Five fields, or six with the seconds first; or @hourly, @daily, @weekly ...")
    timezone: Timezone | None = Field(default=None, description="Time zone of the cron line, like `Europe/Paris`.")
    late_maximum_delay: Span | None = Field(default=None, description="Skip a fire time that is older than this.")
    recover_missed_schedules: RecoverMissed | None = Field(
        default=None, description="What becomes of fire times that passed while the daemon was down."
    )
    schedule_conditions: ConditionList | None = Field(default=None, description="Older spelling of `conditions`.")
    backfill: Any = Field(default=None, description="Accepted and ignored: ask for a backfill through the API.")

    @field_validator("cron")
    @classmethod
    def _check_cron(cls, line: str, info: ValidationInfo) -> str:
        check_cron(line, with_seconds=info.data.get("with_seconds", False))
        return line


class ScheduleOnDates(Spec):
    """Fires at these dates."""

    dates: Dynamic[list[Text]] = Field(description="ISO 8601 dates with time.")
    timezone: Timezone | None = Field(default=None, description="Time zone of dates that name none.")
    recover_missed_schedules: RecoverMissed | None = Field(
        default=None, description="What becomes of dates that passed while the daemon was down."
    )


class UpstreamFlow(Spec):
    """A flow whose execution is waited for."""

    namespace: Text | None = Field(default=None, description="Its namespace.")
    flow_id: Text | None = Field(default=None, description="Its id.")
    states: list[StateName] | None = Field(default=None, description="States that count.")
    labels: Labels | None = Field(default=None, description="Labels that the execution must have.")
    when: Text | None = Field(default=None, description="Must render to something truthy.")


class PreconditionFlow(Spec):
    """A flow whose execution is waited for (1.x)."""

    namespace: Text = Field(description="Its namespace.")
    flow_id: Text | None = Field(default=None, description="Its id; default: every flow of the namespace.")
    states: list[StateName] | None = Field(default=None, description="States that count.")
    labels: Labels | None = Field(default=None, description="Labels that the execution must have.")


_TAKES_VALUES: Final = frozenset({"IN", "NOT_IN"})


class Filter(Spec):
    """A test of the other execution."""

    field: Literal["FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION"] = Field(description="What is tested.")
    type: Literal[
        "EQUAL_TO",
        "NOT_EQUAL_TO",
        "IN",
        "NOT_IN",
        "IS_TRUE",
        "IS_FALSE",
        "IS_NULL",
        "IS_NOT_NULL",
        "STARTS_WITH",
        "ENDS_WITH",
        "REGEX",
        "CONTAINS",
    ] = Field(description="How.")
    value: Text | None = Field(default=None, description="What it is compared with.")
    values: list[Text] | None = Field(default=None, description="What it is compared with, for IN and NOT_IN.")

    @model_validator(mode="after")
    def _check_operands(self) -> Self:
        if self.type in _TAKES_VALUES:
            self._must_be_null("value")
            self._must_not_be_null("values")
        else:
            self._must_not_be_null("value")
            self._must_be_null("values")
        return self

    def _must_be_null(self, key: str) -> None:
        if getattr(self, key) is not None:
            raise PydanticCustomError(
                "invalid-filter", "`{key}` must be null for type {kind}", {"key": key, "kind": self.type}
            )

    def _must_not_be_null(self, key: str) -> None:
        if getattr(self, key) is None:
            raise PydanticCustomError(
                "invalid-filter", "`{key}` cannot be null for type {kind}", {"key": key, "kind": self.type}
            )


class FilterGroup(Spec):
    """Tests of the other execution, joined by AND or OR."""

    id: Text = Field(description="Name of the group.")
    operand: Literal["AND", "OR"] = Field(default="AND", description="How the tests are joined.")
    filters: list[Filter] = Field(min_length=1, description="The tests.")


class Preconditions(Spec):
    """What has to be met before the trigger fires (1.x)."""

    id: Text = Field(description="Name of the precondition, unique in the flow.")
    time_window: TimeWindow | None = Field(default=None, description="The window of time; default: 24 hours.")
    reset_on_success: bool = Field(default=True, description="Begin anew after firing.")
    flows: list[PreconditionFlow] | None = Field(default=None, description="Executions to wait for.")
    where: list[FilterGroup] | None = Field(default=None, description="Tests of executions.")
    description: Text | None = Field(default=None, description="For people.")


class OnMiss(Spec):
    """What happens when the deadline passes."""

    behavior: Literal["FAIL", "NONE"] = Field(default="FAIL", description="FAIL creates a FAILED execution.")
    labels: Labels | None = Field(default=None, description="Its labels.")


class Flow(Spec):
    """Fires when executions of other flows come to a state."""

    states: list[StateName] | None = Field(default=None, description="The states; default: final ones and PAUSED.")
    preconditions: Preconditions | None = Field(default=None, description="What has to be met before (1.x).")
    depends_on: list[UpstreamFlow] | None = Field(default=None, description="Executions to wait for (2.0).")
    window: Window | None = Field(default=None, description="In which time they have to come (2.0).")
    mode: Literal["ALL", "ANY", "AT_LEAST"] | None = Field(default=None, description="How many of them (2.0).")
    min_satisfied: PositiveInt | None = Field(default=None, description="How many, for AT_LEAST (2.0).")
    on_miss: OnMiss | None = Field(default=None, description="What happens when the deadline passes (2.0).")


class Webhook(Spec):
    """Fires when its address is called."""

    key: Annotated[Text, Field(max_length=_WEBHOOK_KEY_LENGTH_MAX)] = Field(
        description="The secret part of the address; may be an expression."
    )
    wait: bool = Field(default=False, description="Answer when the execution has ended.")
    return_outputs: bool = Field(default=False, description="Answer with the outputs of the flow.")
    response_content_type: Text | None = Field(default=None, description="Content type of the answer.")
    response_code: Dynamic[int] | None = Field(default=None, description="Status of the answer at the end.")
    fetch_type: Literal["NONE", "FETCH", "STORE"] | None = Field(
        default=None, description="How the body is kept: FETCH as `trigger.body`, STORE as a file at `trigger.uri`."
    )


class Http(HttpCall):
    """Asks an address again and again; fires when its answer meets a condition."""

    interval: Span = Field(default="PT60S", validate_default=True, description="Time between two requests.")
    response_condition: Text = Field(default="{{ response.statusCode < 400 }}", description="Fire if this is true.")
    encrypt_body: bool = Field(default=False, description="Store the answer's body encrypted.")


class Files(Spec):
    """Fires when files in a folder change and then rest: one execution for each batch."""

    path: Text = Field(description="The folder to watch.")
    glob: TextOrTexts = Field(default=["**/*"], description="Which files: a glob, or a list of them.")
    events: list[Literal["CREATE", "UPDATE", "DELETE"]] = Field(
        default=["CREATE", "UPDATE"], min_length=1, description="Which changes."
    )
    debounce: Span = Field(default="PT0.5S", validate_default=True, description="How long the files have to rest.")
    recursive: bool = Field(default=True, description="Watch folders below too.")


class McpTool(Spec):
    """Shows the flow as a tool of the Model Context Protocol (2.0)."""

    tool_name: Text | None = Field(default=None, description="Name of the tool.")
    title: Text | None = Field(default=None, description="Title of the tool.")
    tool_description: Text | None = Field(default=None, description="What the tool does.")
    mcp_server: Text | None = Field(default=None, description="Server that shows it.")
    annotations: dict[str, bool] | None = Field(default=None, description="Hints for the client.")


TRIGGER_KEYS: Final = keys_of(TriggerCommon)

TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.trigger.Schedule": Schedule,
    "core.trigger.ScheduleOnDates": ScheduleOnDates,
    "core.trigger.Flow": Flow,
    "core.trigger.Webhook": Webhook,
    "core.trigger.McpToolTrigger": McpTool,
    "core.http.Trigger": Http,
    "segue.trigger.Files": Files,
}
