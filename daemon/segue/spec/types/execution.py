"""Properties of the tasks `core.execution.*`."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from segue.spec.fields import Dynamic, Labels, PositiveInt, Spec, Text, Texts, Values

EndState = Literal["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "CANCELED"]
StateName = Literal[
    "CREATED",
    "QUEUED",
    "RUNNING",
    "PAUSED",
    "RESTARTED",
    "RETRYING",
    "KILLING",
    "SUCCESS",
    "WARNING",
    "FAILED",
    "KILLED",
    "CANCELLED",
    "SKIPPED",
    "RETRIED",
    "BREAKPOINT",
    "SUBMITTED",
    "RESUBMITTED",
]


def _one_spelling(state: str) -> str:
    return "CANCELLED" if state == "CANCELED" else state


class Fail(Spec):
    """Fails the task run: always, or when `condition` is truthy."""

    condition: Dynamic[Text] | None = Field(default=None, description="Fail only if this renders to something truthy.")
    error_message: Dynamic[Text] = Field(default="Task failure", description="What the log says.")


class Assert(Spec):
    """Fails the task run unless every condition is truthy."""

    conditions: Dynamic[Texts] = Field(description="Expressions that must all render to something truthy.")
    error_message: Dynamic[Text] | None = Field(default=None, description="What the log says on failure.")


class Exit(Spec):
    """Ends the execution in a state of choice."""

    state: Dynamic[Annotated[EndState, AfterValidator(_one_spelling)]] = Field(
        default="SUCCESS", description="The state in which the execution ends."
    )


class SetLabels(Spec):
    """Adds labels to the running execution, or replaces them."""

    labels: Dynamic[Labels] = Field(description="The labels, as a map or a list of `key` and `value`.")


class SetVariables(Spec):
    """Sets variables of the running execution."""

    variables: Dynamic[Values] = Field(description="The variables by name, merged deeply into `vars`.")
    overwrite: Dynamic[bool] = Field(default=True, description="If false, a variable that exists is an error.")


class UnsetVariables(Spec):
    """Removes variables of the running execution."""

    variables: Dynamic[Texts] = Field(description="Names of the variables.")
    ignore_missing: Dynamic[bool] = Field(default=False, description="If true, a missing variable is no error.")


class Kill(Spec):
    """Kills an execution."""

    execution_id: Dynamic[Text] | None = Field(default=None, description="The execution; default: the current one.")
    propagate_kill: Dynamic[bool] = Field(default=True, description="Kill its subflow executions too.")


class Resume(Spec):
    """Resumes a paused execution."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Namespace of the execution.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="Flow of the execution.")
    execution_id: Dynamic[Text] | None = Field(default=None, description="The execution.")
    inputs: Dynamic[Values] | None = Field(default=None, description="Inputs that the pause asks for.")
    kestra_url: Any = Field(default=None, description="Accepted and ignored: the task acts in the daemon itself.")
    auth: Any = Field(default=None, description="Accepted and ignored.")


class CountedFlow(Spec):
    """A flow whose executions are counted."""

    namespace: Dynamic[Text] = Field(description="Its namespace.")
    flow_id: Dynamic[Text] = Field(description="Its id.")


class Count(Spec):
    """Counts executions and lists the flows for which an expression holds."""

    flows: list[CountedFlow] | None = Field(default=None, description="The flows to look at.")
    namespaces: Dynamic[Texts] | None = Field(default=None, description="The namespaces to look at.")
    states: Dynamic[list[StateName]] | None = Field(default=None, description="Count executions in these states.")
    start_date: Dynamic[Text] | None = Field(default=None, description="Count executions from this date on.")
    end_date: Dynamic[Text] | None = Field(default=None, description="Count executions up to this date.")
    expression: Dynamic[Text] = Field(description="Evaluated for each flow; sees `count`.")
    kestra_url: Any = Field(default=None, description="Accepted and ignored: the task acts in the daemon itself.")
    auth: Any = Field(default=None, description="Accepted and ignored.")


class PurgeExecutions(Spec):
    """Deletes executions with what belongs to them."""

    namespace: Dynamic[Text] | None = Field(default=None, description="Executions of this namespace.")
    flow_id: Dynamic[Text] | None = Field(default=None, description="Executions of this flow.")
    start_date: Dynamic[Text] | None = Field(default=None, description="Executions from this date on.")
    end_date: Dynamic[Text] = Field(description="Executions up to this date.")
    states: Dynamic[list[StateName]] | None = Field(default=None, description="Executions in these states.")
    purge_execution: Dynamic[bool] = Field(default=True, description="Delete the executions.")
    purge_log: Dynamic[bool] = Field(default=True, description="Delete their logs.")
    purge_metric: Dynamic[bool] = Field(default=True, description="Delete their metrics.")
    purge_storage: Dynamic[bool] = Field(default=True, description="Delete their files.")
    batch_size: Dynamic[PositiveInt] = Field(default=100, description="Executions in one transaction.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.execution.Fail": Fail,
    "core.execution.Assert": Assert,
    "core.execution.Exit": Exit,
    "core.execution.Labels": SetLabels,
    "core.execution.SetVariables": SetVariables,
    "core.execution.UnsetVariables": UnsetVariables,
    "core.execution.Kill": Kill,
    "core.execution.Resume": Resume,
    "core.execution.Count": Count,
    "core.execution.PurgeExecutions": PurgeExecutions,
}
