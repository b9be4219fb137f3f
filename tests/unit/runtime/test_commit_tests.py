"""Flow tests of commits: which a change concerns, what is remembered of them, and that nobody waits for ever."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from segue.engine.plan import Plan
from segue.git.blobs import BlobReader
from segue.git.suite_files import Touched
from segue.model.flow_test import (
    AssertionResult,
    CaseError,
    CaseResult,
    Operator,
    SuiteKey,
    SuiteResult,
    Verdict,
)
from segue.model.names import ExecutionId
from segue.model.problem import Problem, Severity
from segue.model.revision import Author, FlowKey, Revision
from segue.runtime.commit_tests import CommitTests, Outcome, TestRecord, Trial
from segue.runtime.deployed import Deployed
from segue.runtime.settings import Settings, TestsAtSync
from segue.runtime.suites import concerned
from segue.spec.flow_tests import LoadedSuite, load_suites
from segue.spec.loader import load_flow
from segue.tasks import packages

from tests.support.repositories import Repository, flow_text

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
CALLS = """\
id: parent
namespace: a
tasks:
  - {id: call, type: io.kestra.plugin.core.flow.Subflow, namespace: b, flowId: child}
"""


def deployed(text: str) -> Deployed:
    loaded = load_flow(text, path="x.yaml", catalogue=packages.catalogue())
    assert loaded.flow is not None
    revision = Revision(
        key=FlowKey(loaded.flow.namespace, loaded.flow.id),
        number=1,
        commit_id="c" * 40,
        author=Author("Ada", "ada@example.com"),
        committed_at=NOW,
        path="x.yaml",
        blob="b" * 40,
        document=0,
        content="b" * 40,
    )
    return Deployed(flow=loaded.flow, plan=Plan.of(loaded.flow), revision=revision, ties=loaded.ties)


def suite(flow: str, namespace: str) -> LoadedSuite:
    text = f"id: s\nnamespace: {namespace}\nflowId: {flow}\ntestCases: [{{id: c, assertions: []}}]\n"
    return load_suites(text, path=f"flows/{namespace}/_tests/s.yaml")[0]


PARENT, CHILD, LONE = deployed(CALLS), deployed(flow_text("child", "b")), deployed(flow_text("lone", "c"))
WORLD = {each.key: each for each in (PARENT, CHILD, LONE)}
SUITES = (suite("parent", "a"), suite("child", "b"), suite("lone", "c"))


@pytest.mark.parametrize(
    ("before", "touched", "flows"),
    [
        (WORLD, Touched(), []),
        ({**WORLD, LONE.key: deployed(flow_text("lone", "c"))}, Touched(), ["lone"]),
        ({**WORLD, CHILD.key: deployed(flow_text("child", "b"))}, Touched(), ["parent", "child"]),
        (WORLD, Touched(tests=frozenset({"flows/c/_tests/s.yaml"})), ["lone"]),
        (WORLD, Touched(namespaces=frozenset({"b"})), ["parent", "child"]),
        (WORLD, Touched(namespaces=frozenset({None})), ["parent", "child", "lone"]),
        (WORLD, Touched(is_everything=True), ["parent", "child", "lone"]),
        ({}, Touched(), ["parent", "child", "lone"]),
    ],
    ids=["nothing", "its flow", "a flow it runs", "itself", "files", "files of all", "settings", "the first commit"],
)
def test_a_change_concerns_the_suites_that_it_may_turn(
    before: dict[FlowKey, Deployed], touched: Touched, flows: list[str]
) -> None:
    found = concerned(SUITES, before, WORLD, touched)
    assert [each.suite.flow_id for each in found if each.suite] == flows


def test_a_suite_whose_flow_is_gone_is_concerned_by_that() -> None:
    after = {key: each for key, each in WORLD.items() if key != LONE.key}
    assert [each.path for each in concerned(SUITES, WORLD, after, Touched())] == ["flows/c/_tests/s.yaml"]


def result(name: str, verdict: Verdict) -> SuiteResult:
    case = CaseResult(
        case_id="c",
        verdict=verdict,
        seconds=0.5,
        execution_id=ExecutionId("e"),
        assertions=(
            AssertionResult(
                operator=Operator.IN,
                value="{{ x }}",
                expected=[1],
                actual={"a": None},
                holds=verdict is Verdict.SUCCESS,
                line=7,
                task_id="t",
                description="d",
                message="m",
            ),
        ),
        errors=(CaseError(message="e", line=3),) if verdict is Verdict.ERROR else (),
        logs=("INFO  t: x",),
        line=4,
        description="D",
        note="n",
    )
    key = SuiteKey("a", name)
    path = f"flows/a/_tests/{name}.yaml"
    return SuiteResult(key=key, flow=FlowKey("a", "f"), path=path, cases=(case,), started_at=NOW, ended_at=NOW, line=1)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def tests(tmp_path: Path, repository: Repository) -> Iterator[CommitTests]:
    settings = Settings(data=tmp_path / "data", tests=TestsAtSync.VETO)
    with BlobReader(repository.path / ".git") as blobs:
        yield CommitTests(repository.path / ".git", blobs, settings)


def test_results_are_remembered_whole_and_those_of_suites_that_are_gone_are_not(tests: CommitTests) -> None:
    good, bad, gone = result("good", Verdict.SUCCESS), result("bad", Verdict.ERROR), result("gone", Verdict.FAILED)
    tests.record.take(Outcome(trial=Trial(commit="", known=frozenset({gone.key})), results=(gone,)))
    trial = Trial(commit="", known=frozenset({good.key, bad.key}))
    tests.record.take(Outcome(trial=trial, results=(good, bad)))

    later = CommitTests(Path(), BlobReader(Path()), Settings(tests=TestsAtSync.REPORT))
    later.restore(tests.record.stored())

    assert list(later.record.results.values()) == [good, bad]
    assert [(each.line, each.severity) for each in later.problems] == [(7, Severity.WARNING), (3, Severity.WARNING)]
    assert {each.severity for each in tests.problems} == {Severity.ERROR}


def test_problems_of_files_stay_until_they_are_looked_at_again_or_gone() -> None:
    def trial(paths: set[str], **problems: tuple[Problem, ...]) -> Outcome:
        return Outcome(trial=Trial(commit="", paths=frozenset(paths), problems=problems))

    record = TestRecord()
    wrong = Problem(path="x", line=1, column=1, code="c", message="m")
    record.take(trial({"x", "y"}, x=(wrong,), y=(replace(wrong, path="y"),)))
    record.take(trial({"x", "y"}, y=()))
    assert list(record.problems) == ["x"]
    record.take(trial({"y"}))
    assert record.problems == {}


def test_an_outcome_says_what_is_not_good() -> None:
    wrong = Problem(path="flows/a/_tests/x.yaml", line=1, column=1, code="c", message="m")
    broken = Trial(commit="", problems={wrong.path: (wrong,), "y": (replace(wrong, severity=Severity.WARNING),)})
    bad = Outcome(trial=broken, results=(result("good", Verdict.SUCCESS), result("bad", Verdict.FAILED)))
    assert (bad.is_good, bad.why) == (False, "2 flow tests of it fail: a/bad/c, flows/a/_tests/x.yaml")
    unrun = Outcome(trial=Trial(commit=""), error="no time")
    assert (unrun.is_good, unrun.why) == (False, "its flow tests could not be run: no time")


def test_nobody_waits_longer_than_is_set_and_nothing_is_left(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    commit = repository.commit()
    settings = Settings(data=tmp_path, tests=TestsAtSync.VETO, tests_timeout=timedelta(seconds=0.01))
    with BlobReader(repository.path / ".git") as blobs:
        tests = CommitTests(repository.path / ".git", blobs, settings)

        async def ran() -> Outcome:
            outcome = await tests.run(Trial(commit=commit, suites=(SuiteKey("a", "s"),)))
            await tests.stop()
            return outcome

        outcome = asyncio.run(ran())
    assert list((tmp_path / "tmp").iterdir()) == []
    assert outcome.error == "they did not end within 0.01 s (`tests_timeout`)"
    assert tests.running is None
