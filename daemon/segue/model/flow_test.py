"""Flow tests: suites of cases for one flow, as they are written, and what came of running them.

Their shape is that of Kestra's unit tests. A case is one execution: `fixtures` say what it is given and what stands in
for task runs, `assertions` what must hold once it has ended.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from segue.model.names import ExecutionId
from segue.model.problem import Problem, Severity
from segue.model.revision import FlowKey
from segue.model.state import State


class Operator(StrEnum):
    """How the value of an assertion is held against what is expected."""

    IS_NULL = "isNull"
    IS_NOT_NULL = "isNotNull"
    EQUAL_TO = "equalTo"
    NOT_EQUAL_TO = "notEqualTo"
    STARTS_WITH = "startsWith"
    ENDS_WITH = "endsWith"
    CONTAINS = "contains"
    GREATER_THAN = "greaterThan"
    GREATER_THAN_OR_EQUAL_TO = "greaterThanOrEqualTo"
    LESS_THAN = "lessThan"
    LESS_THAN_OR_EQUAL_TO = "lessThanOrEqualTo"
    IN = "in"
    NOT_IN = "notIn"


class Assertion(Struct, frozen=True, kw_only=True):
    """`value` and all that is expected of it may hold expressions, which see the execution at its end. `line` is where
    it stands in the file."""

    value: Any
    expected: Mapping[Operator, Any]
    task_id: str | None = None
    description: str | None = None
    error_message: str | None = None
    line: int = 0


class TaskFixture(Struct, frozen=True, kw_only=True):
    """Stands in for runs of a task: those with this `value`, so that without one it means no run of a ForEach."""

    id: str
    value: str | None = None
    state: State = State.SUCCESS
    outputs: Mapping[str, Any] = field(default_factory=dict)


class TriggerFixture(Struct, frozen=True, kw_only=True):
    """The trigger that the execution is said to come from, and the variables it gives."""

    id: str
    type: str
    variables: Mapping[str, Any] = field(default_factory=dict)


class Fixtures(Struct, frozen=True, kw_only=True):
    """`files` are contents by name; expressions of the case know their addresses as `files['name']`."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tasks: tuple[TaskFixture, ...] = ()
    trigger: TriggerFixture | None = None


class Case(Struct, frozen=True, kw_only=True):
    id: str
    description: str | None = None
    disabled: bool = False
    fixtures: Fixtures = field(default_factory=Fixtures)
    assertions: tuple[Assertion, ...] = ()
    line: int = 0


class SuiteKey(Struct, frozen=True, order=True):
    namespace: str
    id: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.id}"


class Suite(Struct, frozen=True, kw_only=True):
    """The cases of one flow. `path` is its file's in the repository."""

    id: str
    namespace: str
    flow_id: str
    cases: tuple[Case, ...]
    path: str
    line: int = 0
    description: str | None = None
    disabled: bool = False

    @property
    def key(self) -> SuiteKey:
        return SuiteKey(self.namespace, self.id)

    @property
    def flow(self) -> FlowKey:
        return FlowKey(self.namespace, self.flow_id)


# What came of them.


class Verdict(StrEnum):
    """Of a case, or of a suite. ERROR: it could not be told whether the assertions hold."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"

    @property
    def is_good(self) -> bool:
        return self in {Verdict.SUCCESS, Verdict.SKIPPED}


class AssertionResult(Struct, frozen=True, kw_only=True):
    """One operator of an assertion. `message` says what is wrong, unless it holds."""

    operator: Operator
    value: str
    expected: Any
    actual: Any
    holds: bool
    line: int = 0
    task_id: str | None = None
    description: str | None = None
    message: str | None = None


class CaseError(Struct, frozen=True, kw_only=True):
    """Why a case could not be judged, or what its execution came to that nobody expected."""

    message: str
    line: int = 0


class CaseResult(Struct, frozen=True, kw_only=True):
    """`logs` are lines that the execution printed, kept where the case is not good."""

    case_id: str
    verdict: Verdict
    seconds: float = 0.0
    execution_id: ExecutionId | None = None
    assertions: tuple[AssertionResult, ...] = ()
    errors: tuple[CaseError, ...] = ()
    logs: tuple[str, ...] = ()
    line: int = 0
    description: str | None = None
    note: str | None = None  # why it was passed over


class SuiteResult(Struct, frozen=True, kw_only=True):
    key: SuiteKey
    flow: FlowKey
    path: str
    cases: tuple[CaseResult, ...]
    started_at: datetime
    ended_at: datetime
    line: int = 0

    @property
    def verdict(self) -> Verdict:
        """ERROR over FAILED over SUCCESS; SKIPPED only if all are."""
        verdicts = {case.verdict for case in self.cases}
        ranked = (Verdict.ERROR, Verdict.FAILED, Verdict.SUCCESS)
        return next((each for each in ranked if each in verdicts), Verdict.SKIPPED)

    def problems(self, severity: Severity) -> tuple[Problem, ...]:
        """What is wrong, each with its place in the suite's file."""
        return tuple(problem for case in self.cases for problem in _problems_of(self, case, severity))


def _problems_of(suite: SuiteResult, case: CaseResult, severity: Severity) -> list[Problem]:
    found = [(each.line, each.message or "") for each in case.assertions if not each.holds]
    found += [(each.line or case.line, each.message) for each in case.errors]
    return [
        Problem(
            path=suite.path,
            line=line or case.line,
            column=1,
            code="failing-test",
            message=f"{suite.key}/{case.case_id}: {message}",
            severity=severity,
            where=case.case_id,
        )
        for line, message in found
    ]
