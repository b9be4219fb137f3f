"""Results of flow tests as JSON, in the shape of Kestra's, with what is ours beside it: places, times, logs."""

from typing import Any, Final

from segue.model.flow_test import AssertionResult, CaseError, CaseResult, SuiteResult

UNIT_TEST: Final = "io.kestra.core.tests.flow.UnitTest"


def suite_json(suite: SuiteResult) -> dict[str, Any]:
    return {
        "testSuiteId": suite.key.id,
        "namespace": suite.key.namespace,
        "flowId": suite.flow.flow_id,
        "state": suite.verdict.value,
        "startDate": suite.started_at.isoformat(),
        "endDate": suite.ended_at.isoformat(),
        "results": [_case_json(case) for case in suite.cases],
        "path": suite.path,
        "line": suite.line,
    }


def _case_json(case: CaseResult) -> dict[str, Any]:
    return {
        "testId": case.case_id,
        "testType": UNIT_TEST,
        "executionId": case.execution_id,
        "state": case.verdict.value,
        "assertionResults": [_assertion_json(each) for each in case.assertions],
        "errors": [_error_json(each) for each in case.errors],
        "description": case.description,
        "line": case.line,
        "seconds": round(case.seconds, 3),
        "logs": list(case.logs),
        "note": case.note,
    }


def _assertion_json(each: AssertionResult) -> dict[str, Any]:
    return {
        "operator": each.operator.value,
        "expected": each.expected,
        "actual": each.actual,
        "isSuccess": each.holds,
        "taskId": each.task_id,
        "description": each.description,
        "errorMessage": each.message,
        "value": each.value,
        "line": each.line,
    }


def _error_json(each: CaseError) -> dict[str, Any]:
    return {"message": each.message, "line": each.line}
