"""The text of a file with flow tests -> suites, or the Problems that keep it from holding any.

The keys are those of Kestra's unit tests. Documented there: `id`, `namespace`, `flowId`, `testCases` with `fixtures`
(`inputs`, `files`, `tasks`, `trigger`) and `assertions`, the thirteen operators, that a task without a fixture runs for
real, and that `equalsTo` was the older name of `equalTo`. From its models: `disabled` of suites and cases, `value`,
`state` and `outputs` of a fixture, `taskId` and `errorMessage` of an assertion. Ours: a fixture's state must be an end,
and `type` may be left out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Struct
from pydantic import AfterValidator, AliasChoices, Field, ValidationError
from pydantic_core import PydanticCustomError

from segue.model.flow_test import Assertion, Case, Fixtures, Operator, Suite, SuiteKey, TaskFixture, TriggerFixture
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.model.state import State
from segue.spec.document import Document, read_documents
from segue.spec.fields import Dynamic, Spec, Text, Values
from segue.spec.finding import Finding, Path, placed
from segue.spec.flow import check_flow_id, check_namespace
from segue.spec.rules.repository import meant_flow
from segue.spec.rules.subject import Subject
from segue.spec.rules.suites import check_suite
from segue.spec.wording import findings_of

UNIT_TEST: Final = "io.kestra.core.tests.flow.UnitTest"
_TELLING: Final = frozenset({"flowId", "testCases"})

_End = Literal["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "SKIPPED"]


class AssertionSpec(Spec):
    """What must hold once the execution has ended."""

    value: Any = Field(description="What is looked at: an expression in the scope of the execution at its end.")
    task_id: Text | None = Field(default=None, description="The task that it is about; told in the result.")
    description: Text | None = Field(default=None, description="For people.")
    error_message: Text | None = Field(default=None, description="Told if it does not hold.")
    is_null: Dynamic[bool] | None = Field(default=None, description="There is no value.")
    is_not_null: Dynamic[bool] | None = Field(default=None, description="There is a value.")
    equal_to: Any = Field(
        default=None, validation_alias=AliasChoices("equalTo", "equalsTo"), description="It is this value."
    )
    not_equal_to: Any = Field(
        default=None, validation_alias=AliasChoices("notEqualTo", "notEqualsTo"), description="It is another value."
    )
    starts_with: Text | None = Field(default=None, description="Its text begins so.")
    ends_with: Text | None = Field(default=None, description="Its text ends so.")
    contains: Text | None = Field(default=None, description="Its text holds this.")
    greater_than: Dynamic[float] | None = Field(default=None, description="It is a larger number.")
    greater_than_or_equal_to: Dynamic[float] | None = Field(default=None, description="It is no smaller number.")
    less_than: Dynamic[float] | None = Field(default=None, description="It is a smaller number.")
    less_than_or_equal_to: Dynamic[float] | None = Field(default=None, description="It is no larger number.")
    in_: Dynamic[list[Any]] | None = Field(default=None, alias="in", description="It is one of these values.")
    not_in: Dynamic[list[Any]] | None = Field(default=None, description="It is none of these values.")


class TaskFixtureSpec(Spec):
    """Stands in for the runs of a task, which then is not run."""

    id: Text = Field(description="The task.")
    value: Text | None = Field(
        default=None, description="Of a task in a ForEach: the value whose run it stands in for."
    )
    state: _End = Field(default="SUCCESS", description="How the run ends.")
    outputs: Values | None = Field(default=None, description="What it gives; may hold expressions.")
    description: Text | None = Field(default=None, description="For people.")
    assets: Any = Field(default=None, description="Accepted and ignored.")


class TriggerFixtureSpec(Spec):
    """The trigger that the execution is said to come from."""

    id: Text = Field(description="The trigger.")
    type: Text = Field(description="Its type.")
    variables: Values | None = Field(default=None, description="What it gives, as `trigger`.")


class FixturesSpec(Spec):
    """What the execution is given, and what stands in for what it would do."""

    inputs: Values | None = Field(default=None, description="Inputs by id; may hold expressions.")
    files: dict[str, Text] | None = Field(
        default=None, description="Contents by name; their addresses are `files['name']`."
    )
    tasks: list[TaskFixtureSpec] | None = Field(default=None, description="What stands in for task runs.")
    trigger: TriggerFixtureSpec | None = Field(default=None, description="The trigger it is said to come from.")


class CaseSpec(Spec):
    """One execution of the flow, and what must hold at its end."""

    id: Text = Field(description="Name of the case, unique in its suite.")
    type: Literal["io.kestra.core.tests.flow.UnitTest"] = Field(
        default="io.kestra.core.tests.flow.UnitTest", description="There is one."
    )
    description: Text | None = Field(default=None, description="For people.")
    disabled: bool = Field(default=False, description="Passed over.")
    fixtures: FixturesSpec | None = Field(default=None, description="Without any the whole flow is run as it is.")
    assertions: list[AssertionSpec] = Field(description="What must hold.")


def _check_suite_id(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("invalid-id", "must not be empty")
    return check_flow_id(value)


class SuiteSpec(Spec):
    """Test cases of a flow."""

    id: Annotated[Text, AfterValidator(_check_suite_id)] = Field(
        description="Name of the suite, unique in its namespace."
    )
    namespace: Annotated[Text, AfterValidator(check_namespace)] = Field(
        description="The flow's; default: the folder of the file."
    )
    flow_id: Annotated[Text, AfterValidator(check_flow_id)] = Field(description="The flow that is tested.")
    description: Text | None = Field(default=None, description="For people.")
    disabled: bool = Field(default=False, description="Passed over.")
    test_cases: list[CaseSpec] = Field(min_length=1, description="The cases; each is run by itself.")


_FIELDS: Final[Mapping[Operator, str]] = {
    Operator.IS_NULL: "is_null",
    Operator.IS_NOT_NULL: "is_not_null",
    Operator.EQUAL_TO: "equal_to",
    Operator.NOT_EQUAL_TO: "not_equal_to",
    Operator.STARTS_WITH: "starts_with",
    Operator.ENDS_WITH: "ends_with",
    Operator.CONTAINS: "contains",
    Operator.GREATER_THAN: "greater_than",
    Operator.GREATER_THAN_OR_EQUAL_TO: "greater_than_or_equal_to",
    Operator.LESS_THAN: "less_than",
    Operator.LESS_THAN_OR_EQUAL_TO: "less_than_or_equal_to",
    Operator.IN: "in_",
    Operator.NOT_IN: "not_in",
}


class LoadedSuite(Struct, frozen=True, kw_only=True):
    """The suite unless a problem is an error; and what a look at its flow needs of its text."""

    suite: Suite | None
    problems: tuple[Problem, ...]
    document: Document
    path: str

    @property
    def raw(self) -> Mapping[str, Any]:
        return self.document.value if isinstance(self.document.value, dict) else {}


def resembles_suite(document: Document) -> bool:
    """Is it meant to be a suite: other YAML may lie about in the same folders."""
    raw = document.value
    return isinstance(raw, dict) and bool(_TELLING & raw.keys()) and "tasks" not in raw


def load_suites(text: str | bytes, *, path: str, default_namespace: str | None = None) -> tuple[LoadedSuite, ...]:
    """A suite for each document that is meant to be one, or cannot be read."""
    return tuple(
        load_suite(document, path=path, default_namespace=default_namespace)
        for document in read_documents(text)
        if resembles_suite(document) or (document.findings and document.value is None)
    )


def load_suite(document: Document, *, path: str, default_namespace: str | None = None) -> LoadedSuite:
    if document.findings:
        return LoadedSuite(suite=None, problems=placed(document.findings, document, path), document=document, path=path)
    raw = dict(document.value) if isinstance(document.value, dict) else {}
    if raw.get("namespace") is None and default_namespace is not None:
        raw["namespace"] = default_namespace
    try:
        spec = SuiteSpec.model_validate(raw)
    except ValidationError as error:
        findings = findings_of(error, SuiteSpec, raw, ())
        return LoadedSuite(suite=None, problems=placed(findings, document, path), document=document, path=path)
    problems = placed(_beyond_the_model(spec), document, path)
    is_broken = any(each.severity is Severity.ERROR for each in problems)
    suite = None if is_broken else _suite_of(spec, document, path)
    return LoadedSuite(suite=suite, problems=problems, document=document, path=path)


def wrong_with(
    loaded: LoadedSuite, flows: Collection[FlowKey], subjects: Mapping[FlowKey, Subject]
) -> Iterator[Problem]:
    """What is wrong with a suite, given the flows of its commit, and its own as its rules read it, if it can be read."""
    if loaded.suite is None:
        return
    key = loaded.suite.flow
    if key in subjects:
        yield from placed(check_suite(loaded.raw, subjects[key]), loaded.document, loaded.path)
    elif key not in flows:
        message = f"the flow {key} is not in this repository"
        finding = Finding(where=("flowId",), code="unknown-flow", message=message, hint=meant_flow(key, flows))
        yield from placed((finding,), loaded.document, loaded.path)


def duplicate_suites(suites: Iterable[LoadedSuite]) -> Iterator[Problem]:
    """Suites whose name another one has."""
    holders: dict[SuiteKey, str] = {}
    for loaded in suites:
        if loaded.suite is None:
            continue
        holder = holders.setdefault(loaded.suite.key, loaded.path)
        if holder != loaded.path:
            message = f"the test suite {loaded.suite.key} is in {holder} too"
            yield from placed(
                (Finding(where=("id",), code="duplicate-id", message=message),), loaded.document, loaded.path
            )


def _beyond_the_model(spec: SuiteSpec) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, case in enumerate(spec.test_cases):
        where: Path = ("testCases", index)
        if case.id in seen:
            yield Finding(where=(*where, "id"), code="duplicate-id", message=f"the case '{case.id}' is there twice")
        seen.add(case.id)
        yield from _of_fixtures(case, where)
        for number, assertion in enumerate(case.assertions):
            if not any(getattr(assertion, name) is not None for name in _FIELDS.values()):
                yield Finding(
                    where=(*where, "assertions", number),
                    code="missing-key",
                    message="the assertion expects nothing",
                    hint=f"give one of {', '.join(_FIELDS)}",
                )


def _of_fixtures(case: CaseSpec, where: Path) -> Iterator[Finding]:
    seen: set[tuple[str, str | None]] = set()
    for index, fixture in enumerate((case.fixtures.tasks or []) if case.fixtures else []):
        key = (fixture.id, fixture.value)
        if key in seen:
            of = f" and the value '{fixture.value}'" if fixture.value is not None else ""
            yield Finding(
                where=(*where, "fixtures", "tasks", index, "id"),
                code="duplicate-id",
                message=f"there are two fixtures for the task '{fixture.id}'{of}",
            )
        seen.add(key)


def _suite_of(spec: SuiteSpec, document: Document, path: str) -> Suite:
    return Suite(
        id=spec.id,
        namespace=spec.namespace,
        flow_id=spec.flow_id,
        cases=tuple(_case_of(each, document, ("testCases", index)) for index, each in enumerate(spec.test_cases)),
        path=path,
        line=document.place(("id",))[0],
        description=spec.description,
        disabled=spec.disabled,
    )


def _case_of(spec: CaseSpec, document: Document, where: Path) -> Case:
    return Case(
        id=spec.id,
        description=spec.description,
        disabled=spec.disabled,
        fixtures=_fixtures_of(spec.fixtures) if spec.fixtures is not None else Fixtures(),
        assertions=tuple(
            _assertion_of(each, document.place((*where, "assertions", index, "value"))[0])
            for index, each in enumerate(spec.assertions)
        ),
        line=document.place((*where, "id"))[0],
    )


def _fixtures_of(spec: FixturesSpec) -> Fixtures:
    trigger = spec.trigger
    return Fixtures(
        inputs=spec.inputs or {},
        files=spec.files or {},
        tasks=tuple(
            TaskFixture(id=each.id, value=each.value, state=State(each.state), outputs=each.outputs or {})
            for each in spec.tasks or ()
        ),
        trigger=TriggerFixture(id=trigger.id, type=trigger.type, variables=trigger.variables or {})
        if trigger is not None
        else None,
    )


def _assertion_of(spec: AssertionSpec, line: int) -> Assertion:
    given = ((operator, getattr(spec, name)) for operator, name in _FIELDS.items())
    return Assertion(
        value=spec.value,
        expected={operator: value for operator, value in given if value is not None},
        task_id=spec.task_id,
        description=spec.description,
        error_message=spec.error_message,
        line=line,
    )
