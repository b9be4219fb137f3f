"""The flow itself: its keys at the top, and the small objects that stand there."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AliasChoices, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from segue.model.names import FLOW_ID, FLOW_ID_LENGTH_MAX, NAMESPACE, NAMESPACE_LENGTH_MAX
from segue.spec.fields import Labels, PositiveInt, Span, Spec, Text, Values, keys_of
from segue.spec.inputs import TYPES, check_input_id
from segue.spec.nested import InputList, TaskList, TriggerList
from segue.spec.tasks import RetryPolicy, WorkerGroup, WorkerSelector

SYSTEM_LABEL_PREFIX: Final = "system."
SYSTEM_LABELS_ALLOWED: Final = frozenset({"system.readOnly"})


def check_flow_id(value: str) -> str:
    if FLOW_ID.fullmatch(value) is None:
        raise PydanticCustomError("invalid-id", "must match '{pattern}'", {"pattern": f"^{FLOW_ID.pattern}$"})
    if len(value) > FLOW_ID_LENGTH_MAX:
        raise PydanticCustomError("invalid-id", "size must be between 1 and {most}", {"most": FLOW_ID_LENGTH_MAX})
    return value


def check_namespace(value: str) -> str:
    if NAMESPACE.fullmatch(value) is None:
        raise PydanticCustomError("invalid-namespace", "must match '{pattern}'", {"pattern": f"^{NAMESPACE.pattern}$"})
    if len(value) > NAMESPACE_LENGTH_MAX:
        raise PydanticCustomError(
            "invalid-namespace", "size must be between 1 and {most}", {"most": NAMESPACE_LENGTH_MAX}
        )
    return value


def _check_label_keys(labels: dict[str, str]) -> dict[str, str]:
    for key in labels:
        if key.startswith(SYSTEM_LABEL_PREFIX) and key not in SYSTEM_LABELS_ALLOWED:
            raise PydanticCustomError(
                "system-label",
                "System labels can only be set by the system itself, offending label: {key}",
                {"key": key},
            )
        if not key.strip():
            raise PydanticCustomError("invalid-labels", "the key of a label must not be empty")
    return labels


def _check_output_type(value: str) -> str:
    if value not in TYPES:
        raise PydanticCustomError(
            "invalid-type",
            "'{type}' is no type of outputs, expected one of {types}",
            {"type": value, "types": ", ".join(TYPES)},
        )
    return value


class OutputSpec(Spec):
    """A typed output of the flow."""

    id: Annotated[Text, AfterValidator(check_input_id)] = Field(description="Name of the output.")
    type: Annotated[Text, AfterValidator(_check_output_type), WithJsonSchema({"enum": [*TYPES]})] = Field(
        description="Its type, as of inputs."
    )
    value: Any = Field(description="Its value; rendered when the execution ends.")
    description: Text | None = Field(default=None, description="For people.")
    display_name: Text | None = Field(default=None, description="Name to show to people.")
    required: bool = Field(default=True, description="A missing value is an error.")
    item_type: Annotated[Text, AfterValidator(_check_output_type), WithJsonSchema({"enum": [*TYPES]})] | None = Field(
        default=None, description="Type of each element, for ARRAY: without it they are left as they are."
    )


class PluginDefaultSpec(Spec):
    """Values for every object of a type."""

    type: Text = Field(description="The type, or the beginning of types: `io.kestra.plugin.core.log`.")
    forced: bool = Field(default=False, description="Win over what the objects say themselves.")
    values: Values = Field(description="The values by key.")


class ConcurrencySpec(Spec):
    """How many executions of the flow at once."""

    limit: PositiveInt = Field(description="At most so many.")
    behavior: Literal["QUEUE", "CANCEL", "FAIL"] = Field(default="QUEUE", description="What becomes of one more.")


class SlaSpec(Spec):
    """What the agreements share."""

    id: Text = Field(description="Name of the agreement.")
    behavior: Literal["FAIL", "CANCEL", "NONE"] = Field(description="What a breach does to the execution.")
    labels: Annotated[Labels, AfterValidator(_check_label_keys)] | None = Field(
        default=None, description="Labels that the execution gets on a breach."
    )


class MaxDuration(SlaSpec):
    """The execution takes no longer than this."""

    type: Literal["MAX_DURATION"] = Field(description="The execution takes no longer than `duration`.")
    duration: Span = Field(description="From the start of the execution.")


class ExecutionAssertion(SlaSpec):
    """The expression holds all the time."""

    type: Literal["EXECUTION_ASSERTION", "EXECUTION_CONDITION"] = Field(description="An expression holds all the time.")
    assert_: Text = Field(
        validation_alias=AliasChoices("assert", "condition"), description="Looked at whenever the execution changes."
    )


Sla = Annotated[MaxDuration | ExecutionAssertion, Field(discriminator="type")]


class CheckSpec(Spec):
    """What must hold for an execution to be created."""

    when: Text = Field(validation_alias=AliasChoices("when", "condition"), description="Must render to true.")
    message: Text = Field(description="What people are told if it does not.")
    style: Literal["ERROR", "SUCCESS", "WARNING", "INFO"] = Field(default="INFO", description="How it is shown.")
    behavior: Literal["BLOCK_EXECUTION", "FAIL_EXECUTION", "CREATE_EXECUTION"] = Field(
        default="BLOCK_EXECUTION", description="What happens then."
    )


class FlowSpec(Spec):
    """A flow: tasks, and what starts them."""

    id: Annotated[Text, AfterValidator(check_flow_id)] = Field(description="Name of the flow, unique in its namespace.")
    namespace: Annotated[Text, AfterValidator(check_namespace)] = Field(
        description="Dotted path that groups flows; default: the folder of the file."
    )
    revision: int | None = Field(default=None, description="Accepted and ignored: Git numbers the revisions.")
    description: Text | None = Field(default=None, description="For people; Markdown.")
    labels: Annotated[Labels, AfterValidator(_check_label_keys)] | None = Field(
        default=None, description="Labels that every execution gets."
    )
    inputs: InputList | None = Field(default=None, description="Values that are given at the start.")
    outputs: list[OutputSpec] | None = Field(default=None, description="Values that are given back at the end.")
    variables: Values | None = Field(default=None, description="Constants, as `vars`.")
    tasks: TaskList = Field(min_length=1, description="The tasks, run one after another.")
    errors: TaskList | None = Field(default=None, description="Tasks to run when a task has failed.")
    finally_: TaskList | None = Field(
        default=None, alias="finally", description="Tasks to run at the end, whatever happened."
    )
    after_execution: TaskList | None = Field(default=None, description="Tasks to run once the execution has ended.")
    triggers: TriggerList | None = Field(default=None, description="Rules that start executions.")
    plugin_defaults: list[PluginDefaultSpec] | None = Field(
        default=None,
        validation_alias=AliasChoices("pluginDefaults", "taskDefaults"),
        description="Values for every object of a type.",
    )
    concurrency: ConcurrencySpec | None = Field(default=None, description="How many executions at once.")
    retry: RetryPolicy | None = Field(default=None, description="For tasks without a retry of their own.")
    sla: list[Sla] | None = Field(default=None, description="Agreements that the execution has to keep.")
    checks: list[CheckSpec] | None = Field(default=None, description="What must hold for an execution to be created.")
    disabled: bool = Field(default=False, description="No new executions.")
    draft: bool = Field(default=False, description="Kept, but neither triggered nor executed (2.0).")
    deleted: bool = Field(default=False, description="Accepted and ignored: delete the file.")
    tenant_id: Text | None = Field(default=None, description="Accepted and ignored.")
    worker_group: WorkerGroup | None = Field(default=None, description="Which workers to run on (1.x).")
    worker_selector: WorkerSelector | None = Field(default=None, description="Which workers to run on (2.0).")
    policy_refs: Any = Field(default=None, description="Accepted and ignored.")
    quotas: Any = Field(default=None, description="Accepted and ignored.")
    assets: Any = Field(default=None, description="Accepted and ignored.")
    extend: Any = Field(default=None, description="Accepted and ignored: what catalogues of blueprints say of a flow.")
    listeners: Annotated[Any, WithJsonSchema({"not": {}})] = Field(
        default=None, description="Removed: use `afterExecution` or a Flow trigger."
    )


FLOW_KEYS: Final = keys_of(FlowSpec)

RESERVED_IDS: Final = frozenset(
    {
        "pause",
        "resume",
        "force-run",
        "change-status",
        "kill",
        "executions",
        "search",
        "source",
        "disable",
        "enable",
    }
)
"""Ids that clash with paths of the API (reserved since 2.0)."""
