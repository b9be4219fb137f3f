"""What all tasks share, and their retry policies."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator
from pydantic_core import PydanticCustomError

from segue.model.names import TASK_ID
from segue.spec.duration import format_duration
from segue.spec.fields import Dynamic, PositiveInt, Span, Spec, Text, keys_of
from segue.spec.types.levels import LogLevel


def check_task_id(value: str) -> str:
    if TASK_ID.fullmatch(value) is None:
        raise PydanticCustomError("invalid-id", "must match '{pattern}'", {"pattern": f"^{TASK_ID.pattern}$"})
    return value


TaskId = Annotated[Text, AfterValidator(check_task_id)]

NO_LIMIT: Final = timedelta.max


class RetrySpec(Spec):
    """What the retry policies share."""

    max_attempts: PositiveInt | None = Field(
        default=None,
        validation_alias=AliasChoices("maxAttempts", "maxAttempt"),
        description="How many attempts at most, the first one counted.",
    )
    max_duration: Span | None = Field(default=None, description="No new attempt later than this after the first.")
    warning_on_retry: bool = Field(default=False, description="End in WARNING if more than one attempt was needed.")
    behavior: Literal["RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION"] = Field(
        default="RETRY_FAILED_TASK", description="Try the task again in place, or the whole flow in a new execution."
    )

    def _check_below(self, name: str, span: timedelta, limit_name: str, limit: timedelta | None) -> None:
        if limit is not None and span >= limit:
            raise PydanticCustomError(
                "invalid-retry",
                "'{name}' must be less than '{limit}' but is {span}",
                {"name": name, "limit": limit_name, "span": format_duration(span)},
            )


class ConstantRetry(RetrySpec):
    """The same delay before each attempt."""

    type: Literal["constant"] = Field(description="The same delay before each attempt.")
    interval: Span = Field(description="The delay.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_below("interval", self.interval, "maxDuration", self.max_duration)
        return self


class ExponentialRetry(RetrySpec):
    """A delay that grows by a factor from attempt to attempt."""

    type: Literal["exponential"] = Field(description="A delay that grows by a factor from attempt to attempt.")
    interval: Span = Field(description="The first delay.")
    max_interval: Span = Field(description="The longest delay.")
    delay_factor: float = Field(default=2.0, description="The factor.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_below("interval", self.interval, "maxDuration", self.max_duration)
        self._check_below("interval", self.interval, "maxInterval", self.max_interval)
        return self


class RandomRetry(RetrySpec):
    """A delay taken at random between two bounds."""

    type: Literal["random"] = Field(description="A delay taken at random between two bounds.")
    min_interval: Span = Field(description="The shortest delay.")
    max_interval: Span = Field(description="The longest delay.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_below("minInterval", self.min_interval, "maxDuration", self.max_duration)
        self._check_below("minInterval", self.min_interval, "maxInterval", self.max_interval)
        return self


RetryPolicy = Annotated[ConstantRetry | ExponentialRetry | RandomRetry, Field(discriminator="type")]


class TaskCache(Spec):
    """Reuse the outputs of an earlier run with the same properties."""

    enabled: bool = Field(description="On or off.")
    ttl: Span | None = Field(default=None, description="How long outputs may be reused.")


class WorkerGroup(Spec):
    """Which workers to run on (1.x)."""

    key: Dynamic[Text] = Field(description="Key of the group.")
    fallback: Literal["WAIT", "FAIL", "CANCEL", "IGNORE"] = Field(default="WAIT", description="When there is none.")


class WorkerSelector(Spec):
    """Which workers to run on (2.0)."""

    tags: Dynamic[list[Text]] | None = Field(default=None, description="Tags that the worker must have.")
    fallback: Literal["WAIT", "FAIL", "CANCEL", "IGNORE"] = Field(default="WAIT", description="When there is none.")


class TaskCommon(Spec):
    """What every task may say of itself, whatever its type."""

    id: TaskId = Field(description="Name of the task, unique in the flow.")
    type: Text = Field(description="What the task does.")
    version: Text | None = Field(default=None, description="Accepted and ignored.")
    description: Text | None = Field(default=None, description="For people; Markdown.")
    disabled: bool = Field(default=False, description="Leave the task out.")
    run_if: Text | None = Field(
        default=None,
        validation_alias=AliasChoices("runIf", "when"),
        description="Run the task only if this renders to something truthy; else it is SKIPPED.",
    )
    timeout: Dynamic[Span] | None = Field(default=None, description="Longest time an attempt may take.")
    retry: RetryPolicy | None = Field(default=None, description="What to do when the task fails.")
    allow_failure: bool = Field(default=False, description="A failure becomes a WARNING and the flow goes on.")
    allow_warning: bool = Field(default=False, description="A WARNING becomes a SUCCESS.")
    log_level: LogLevel | None = Field(default=None, description="Store only log lines of this level and above.")
    log_to_file: bool = Field(default=False, description="Keep the log in a file instead of the log store.")
    worker_group: WorkerGroup | None = Field(default=None, description="Which workers to run on (1.x).")
    worker_selector: WorkerSelector | None = Field(default=None, description="Which workers to run on (2.0).")
    task_cache: TaskCache | None = Field(default=None, description="Reuse the outputs of an earlier run.")
    assets: Any = Field(default=None, description="Accepted and ignored.")
    policy_refs: Any = Field(default=None, description="Accepted and ignored.")


TASK_KEYS: Final = keys_of(TaskCommon)
