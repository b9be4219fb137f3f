"""Flow tests that were run at syncs: on the flow's page, on the page of Git, and over the API."""

from segue.model.flow_test import AssertionResult, CaseResult, Operator, SuiteKey, SuiteResult, Verdict
from segue.model.revision import FlowKey
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon
from tests.unit.web.conftest import KEY

WRONG = AssertionResult(
    operator=Operator.EQUAL_TO, value="{{ x }}", expected=1, actual=2, holds=False, line=3, message="<two> is not one"
)


def suite(name: str, flow: FlowKey, *cases: CaseResult) -> SuiteResult:
    key = SuiteKey(flow.namespace, name)
    return SuiteResult(key=key, flow=flow, path="flows/t.yaml", cases=cases, started_at=NOW, ended_at=NOW)


GOOD = suite("good-test", KEY, CaseResult(case_id="fine", verdict=Verdict.SUCCESS))
BAD = suite("bad-test", KEY, CaseResult(case_id="off", verdict=Verdict.FAILED, assertions=(WRONG,)))
OTHER = suite("other-test", FlowKey("company.else", "other"), CaseResult(case_id="fine", verdict=Verdict.SUCCESS))


def test_a_flows_page_shows_its_suites_and_what_is_wrong(client: TestClient, daemon: MemoryDaemon) -> None:
    assert "<h2>Tests</h2>" not in client.get("/flows/company.team/hello").text
    daemon.all_tested = [BAD, GOOD, OTHER]
    text = client.get("/flows/company.team/hello").text
    assert "good-test" in text
    assert "&lt;two&gt; is not one" in text
    assert "other-test" not in text


def test_the_page_of_git_shows_all_and_says_whose_tests_run(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.all_tested = [GOOD, OTHER]
    daemon.testing = "abcdef0123456789"
    text = client.get("/git").text
    assert "running the flow tests of abcdef0123" in text
    assert "good-test" in text
    assert 'href="/flows/company.else/other"' in text
    assert client.get("/api/v1/main/git/status").json()["testing"] == "abcdef0123456789"


def test_suites_are_searched_by_namespace_and_flow(client: TestClient, daemon: MemoryDaemon) -> None:
    daemon.all_tested = [BAD, GOOD, OTHER]

    def found(query: str = "") -> list[tuple[str, str]]:
        answer = client.get(f"/api/v1/main/tests/search{query}").json()
        return [(each["testSuiteId"], each["state"]) for each in answer["results"]]

    assert found() == [("bad-test", "FAILED"), ("good-test", "SUCCESS"), ("other-test", "SUCCESS")]
    assert found("?namespace=company.else") == [("other-test", "SUCCESS")]
    assert found("?flowId=hello") == [("bad-test", "FAILED"), ("good-test", "SUCCESS")]
