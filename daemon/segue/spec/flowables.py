"""Properties of the tasks that only steer: what peculiar to each flowable stands beside what all tasks share."""

from collections.abc import Mapping
from datetime import UTC
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from segue.expression import iso
from segue.spec.duration import NotADuration, parse_duration
from segue.spec.fields import Dynamic, Labels, PositiveInt, Span, Spec, Text, TextOrTexts, Texts, Values
from segue.spec.flow import OutputSpec
from segue.spec.nested import DependentTasks, InputList, TaskList, TaskLists, TaskSlot
from segue.spec.types.scripts import InputFiles, NamespaceFiles

Count = Annotated[int, Field(ge=0)]


def _check_values(*kinds: type) -> AfterValidator:
    def validate(value: object) -> object:
        if not isinstance(value, kinds):
            raise PydanticCustomError("invalid-value", "must be a list, or an expression that gives one")
        return value

    return AfterValidator(validate)


EachValues = Annotated[
    Any, _check_values(list, str), WithJsonSchema({"anyOf": [{"type": "array"}, {"type": "string"}]})
]
LoopValues = Annotated[
    Any,
    _check_values(list, dict, str),
    WithJsonSchema({"anyOf": [{"type": "array"}, {"type": "object"}, {"type": "string"}]}),
]


def _as_key(value: object) -> object:
    """A boolean or number as the text that it is compared by."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


class Branching(Spec):
    """What all flowables share."""

    errors: TaskList | None = Field(default=None, description="Tasks to run when one of the tasks has failed.")
    finally_: TaskList | None = Field(
        default=None, alias="finally", description="Tasks to run at the end, whatever happened."
    )


class Sequential(Branching):
    """Runs tasks one after another."""

    tasks: TaskList = Field(min_length=1, description="The tasks.")


class Parallel(Branching):
    """Runs tasks at once."""

    tasks: TaskList = Field(min_length=1, description="The tasks.")
    concurrent: Count = Field(default=0, description="At most so many at once; 0 is no limit.")


class DependentTask(Spec):
    """A task of a Dag and what it waits for."""

    task: TaskSlot = Field(description="The task.")
    depends_on: Texts = Field(default=[], description="Ids of the tasks that must have ended before.")


class Dag(Branching):
    """Runs each task once all that it depends on has ended."""

    tasks: DependentTasks = Field(min_length=1, description="The tasks, each with what it depends on.")
    concurrent: Count = Field(default=0, description="At most so many at once; 0 is no limit.")


class If(Branching):
    """Runs one list of tasks or another."""

    condition: Text = Field(description="Rendered; false, 0, empty and null are false.")
    then: TaskList = Field(min_length=1, description="Tasks to run if it is true.")
    else_: TaskList | None = Field(default=None, alias="else", description="Tasks to run if it is false.")


class Switch(Branching):
    """Runs the list of tasks that a value selects."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {
                    "required": ["cases"],
                    "properties": {"cases": {"description": "Value -> tasks.", "minProperties": 1}},
                },
                {"required": ["defaults"]},
            ]
        }
    )

    value: Annotated[str, BeforeValidator(_as_key)] = Field(
        description="Rendered, and compared with the cases as text."
    )
    cases: TaskLists | None = Field(default=None, description="Value -> tasks.")
    defaults: TaskList | None = Field(default=None, description="Tasks to run when no case is met.")

    @model_validator(mode="after")
    def _check_branches(self) -> Self:
        if not self.cases and not self.defaults:
            raise PydanticCustomError("empty-switch", "No task defined, neither cases or default have any tasks")
        return self


class AllowFailure(Branching):
    """Runs tasks one after another; a failure ends in a WARNING."""

    tasks: TaskList = Field(min_length=1, description="The tasks.")


class ForEach(Branching):
    """Runs tasks once for each distinct value."""

    values: EachValues = Field(description="A list, or an expression that gives one.")
    tasks: TaskList = Field(min_length=1, description="The tasks for one value, run one after another.")
    concurrency_limit: Count = Field(default=1, description="So many values at once; 0 is no limit.")


class EachSequential(Branching):
    """Runs tasks once for each distinct value, one value after another. Deprecated: use ForEach."""

    value: EachValues = Field(description="A list, or an expression that gives one.")
    tasks: TaskList = Field(min_length=1, description="The tasks for one value.")


class EachParallel(Branching):
    """Runs tasks once for each distinct value, values at once. Deprecated: use ForEach."""

    value: EachValues = Field(description="A list, or an expression that gives one.")
    tasks: TaskList = Field(min_length=1, description="The tasks for one value.")
    concurrent: Count = Field(default=0, description="So many values at once; 0 is no limit.")


class LoopOutput(OutputSpec):
    """A typed output of each iteration."""

    value: Any = Field(description="Its value; sees `item` and `outputs`.")


class Loop(Branching):
    """Runs tasks once for each value, each time as an execution of its own (2.0)."""

    values: LoopValues = Field(
        description="A list, a map, the URI of a file, or an expression that gives one of these."
    )
    tasks: TaskList = Field(min_length=1, description="The tasks for one value.")
    concurrency_limit: Count = Field(default=0, description="So many values at once; 0 is no limit.")
    transmit_failed: bool = Field(default=True, description="A failed iteration fails the task.")
    outputs: list[LoopOutput] | None = Field(default=None, description="Typed outputs of each iteration.")
    fetch_type: Literal["AUTO", "FETCH", "STORE"] = Field(default="AUTO", description="Outputs inline, or in a file.")
    break_when: Text | None = Field(default=None, description="Stop after an iteration for which this is true.")


class Batch(Spec):
    """How items become batches."""

    rows: Dynamic[PositiveInt] | None = Field(default=None, description="Lines in a batch.")
    bytes: Dynamic[Text] | None = Field(default=None, description="Size of a batch, like `10MB`.")
    partitions: Dynamic[PositiveInt] | None = Field(default=None, description="Number of batches.")
    separator: Dynamic[Text] = Field(default="\n", description="What ends a line.")
    regex_pattern: Dynamic[Text] | None = Field(default=None, description="Lines go to the batch of their first group.")


RestartBehavior = Literal["RETRY_FAILED", "NEW_EXECUTION"]


class ForEachItem(Spec):
    """Runs a subflow for each batch of a file's lines (1.x)."""

    items: Dynamic[Text] = Field(description="URI of the file.")
    batch: Batch | None = Field(default=None, description="How lines become batches; default: one line each.")
    namespace: Dynamic[Text] = Field(description="Namespace of the subflow.")
    flow_id: Dynamic[Text] = Field(description="Id of the subflow.")
    revision: int | None = Field(default=None, description="Its revision; default: the latest.")
    inputs: Dynamic[Values] | None = Field(default=None, description="Its inputs; `taskrun.items` is the batch's URI.")
    labels: Dynamic[Labels] | None = Field(default=None, description="Its labels.")
    wait: Dynamic[bool] = Field(default=True, description="Wait for the subflows to end.")
    transmit_failed: Dynamic[bool] = Field(default=True, description="A failed subflow fails the task.")
    inherit_labels: Dynamic[bool] = Field(default=False, description="Give the subflow this execution's labels.")
    schedule_date: Dynamic[Text] | None = Field(default=None, description="Start the subflow at this date.")
    restart_behavior: RestartBehavior = Field(default="RETRY_FAILED", description="What a restart does with subflows.")
    errors: TaskList | None = Field(default=None, description="Tasks to run when the task has failed.")


class Subflow(Spec):
    """Runs another flow."""

    namespace: Dynamic[Text] = Field(description="Its namespace.")
    flow_id: Dynamic[Text] = Field(description="Its id.")
    revision: int | None = Field(default=None, description="Its revision; default: the latest.")
    inputs: Dynamic[Values] | None = Field(default=None, description="Its inputs.")
    labels: Dynamic[Labels] | None = Field(default=None, description="Its labels.")
    inherit_labels: Dynamic[bool] = Field(default=False, description="Give it this execution's labels.")
    wait: Dynamic[bool] = Field(default=True, description="Wait for its end.")
    transmit_failed: Dynamic[bool] = Field(default=True, description="Take over its failure.")
    schedule_date: Dynamic[Text] | None = Field(default=None, description="Start it at this date.")
    outputs: Dynamic[Values] | None = Field(default=None, description="Deprecated: use the outputs of the other flow.")
    restart_behavior: RestartBehavior = Field(default="RETRY_FAILED", description="What a restart does with it.")


class Cache(Spec):
    """Files of the working directory to keep from run to run."""

    patterns: Texts = Field(description="Globs of the files.")
    ttl: Span | None = Field(default=None, description="How long to keep them.")


class WorkingDirectory(Branching):
    """Runs tasks one after another in one working directory."""

    # That there must be one is told by a rule, in Kestra's words; editors are told by the schema.
    model_config = ConfigDict(json_schema_extra={"required": ["tasks"]})

    tasks: TaskList | None = Field(
        default=None, json_schema_extra={"minItems": 1}, description="The tasks; runnable ones only."
    )
    input_files: InputFiles | None = Field(default=None, description="Files to write first: name -> text or URI.")
    output_files: Dynamic[TextOrTexts] | None = Field(default=None, description="Globs of files to store at the end.")
    namespace_files: NamespaceFiles | None = Field(default=None, description="Namespace files to copy in.")
    cache: Cache | None = Field(default=None, description="Files to keep from run to run.")


class CheckFrequency(Spec):
    """How often and how long."""

    interval: Dynamic[Span] | None = Field(default=None, description="Time between two passes; default PT1M.")
    max_iterations: Dynamic[PositiveInt] | None = Field(default=None, description="At most so many passes.")
    max_duration: Dynamic[Span] | None = Field(default=None, description="No new pass after this time.")


class LoopUntil(Branching):
    """Runs tasks again and again until a condition holds."""

    condition: Text = Field(description="Looked at after each pass.")
    tasks: TaskList = Field(min_length=1, description="The tasks of a pass.")
    fail_on_max_reached: Dynamic[bool] = Field(default=False, description="Reaching a limit is a failure.")
    check_frequency: CheckFrequency | None = Field(default=None, description="How often and how long.")


class Pause(Branching):
    """Waits for a person, or for a time."""

    pause_duration: Dynamic[Span] | None = Field(
        default=None, validation_alias=AliasChoices("pauseDuration", "delay"), description="Go on by itself after this."
    )
    behavior: Literal["RESUME", "WARN", "FAIL", "CANCEL"] = Field(default="RESUME", description="How it goes on then.")
    on_pause: TaskSlot | None = Field(default=None, description="A task to run when the pause begins.")
    on_resume: InputList | None = Field(default=None, description="Inputs to ask for on resuming.")
    tasks: TaskList | None = Field(default=None, description="Tasks to run after the pause (1.x).")


def _check_due(text: str) -> str:
    try:
        parse_duration(text)
    except NotADuration as error:
        if iso.read_date_time(text.strip().replace(" ", "T"), lambda _region: UTC) is None:
            raise PydanticCustomError(
                "invalid-date", "must be a date like 2026-01-31T12:00:00Z, or a duration like P1D"
            ) from error
    return text


Due = Annotated[Text, AfterValidator(_check_due)]
ReviewBehavior = Literal["CONTINUE", "WARN", "FAIL", "SUCCEED", "CANCEL", "KILL"]


class Decisions(Spec):
    """Names of the two buttons."""

    approve: Text = Field(default="Approve", description="To approve.")
    deny: Text = Field(default="Deny", description="To deny.")


class Approval(Branching):
    """Waits for a person to approve or deny (2.0)."""

    inputs: InputList | None = Field(default=None, description="Inputs to ask for.")
    decisions: Decisions | None = Field(default=None, description="Names of the buttons.")
    comment_required: Dynamic[Literal["NEVER", "ALWAYS", "ON_APPROVE", "ON_DENY"]] = Field(
        default="NEVER", description="When a comment has to be given."
    )
    due: Dynamic[Due] | None = Field(
        default=None, description="When the time for the decision is over: a date, or a span; as `timeout`."
    )
    auto_approve: Dynamic[bool] = Field(default=False, description="Approve at once, without waiting, if this is true.")
    approve_behavior: Dynamic[ReviewBehavior] = Field(
        default="CONTINUE", description="What approval does, after its tasks: to this task, or to the execution."
    )
    deny_behavior: Dynamic[ReviewBehavior] = Field(
        default="CANCEL", description="What denial does, after its tasks: to this task, or to the execution."
    )
    expire_behavior: Dynamic[ReviewBehavior] = Field(
        default="CANCEL", description="What is done when `timeout` or `due` is over without a decision."
    )
    on_wait: TaskList | None = Field(default=None, description="Tasks to run when the waiting begins.")
    on_approve: TaskList | None = Field(default=None, description="Tasks to run after approval.")
    on_deny: TaskList | None = Field(default=None, description="Tasks to run after denial.")


TYPES: Final[Mapping[str, type[Spec]]] = {
    "core.flow.Sequential": Sequential,
    "core.flow.Parallel": Parallel,
    "core.flow.Dag": Dag,
    "core.flow.If": If,
    "core.flow.Switch": Switch,
    "core.flow.AllowFailure": AllowFailure,
    "core.flow.ForEach": ForEach,
    "core.flow.EachSequential": EachSequential,
    "core.flow.EachParallel": EachParallel,
    "core.flow.Loop": Loop,
    "core.flow.ForEachItem": ForEachItem,
    "core.flow.Subflow": Subflow,
    "core.flow.WorkingDirectory": WorkingDirectory,
    "core.flow.LoopUntil": LoopUntil,
    "core.flow.Pause": Pause,
    "core.flow.Approval": Approval,
}
