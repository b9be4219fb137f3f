"""Results of flow tests as JUnit XML, which CI systems read: a `testsuite` for each suite, a `testcase` for each case.
Files that hold no suite because of their problems are a suite each, with an error."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from segue.cli.printing import clean
from segue.model.flow_test import CaseResult, SuiteResult, Verdict
from segue.model.problem import Problem


def junit_of(results: Sequence[SuiteResult], problems: Iterable[Problem]) -> ElementTree:
    root = Element("testsuites", name="segue test")
    for result in results:
        root.append(_suite(result))
    for path, found in groupby(sorted(problems, key=lambda each: each.path), lambda each: each.path):
        root.append(_broken_file(path, list(found)))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(each.get(name, 0)) for each in root)))
    root.set("time", f"{sum(float(each.get('time', 0)) for each in root):.3f}")
    tree = ElementTree(root)
    indent(tree)
    return tree


def _suite(result: SuiteResult) -> Element:
    counted = [case.verdict for case in result.cases]
    suite = Element(
        "testsuite",
        name=str(result.key),
        tests=str(len(counted)),
        failures=str(counted.count(Verdict.FAILED)),
        errors=str(counted.count(Verdict.ERROR)),
        skipped=str(counted.count(Verdict.SKIPPED)),
        time=f"{sum(case.seconds for case in result.cases):.3f}",
        timestamp=result.started_at.isoformat(timespec="seconds"),
        file=result.path,
    )
    for case in result.cases:
        suite.append(_case(result, case))
    return suite


def _case(suite: SuiteResult, case: CaseResult) -> Element:
    element = Element(
        "testcase",
        classname=f"{suite.key.namespace}.{suite.key.id}",
        name=_text(case.case_id),
        time=f"{case.seconds:.3f}",
        file=suite.path,
        line=str(case.line),
    )
    wrong = [each.message or "" for each in case.assertions if not each.holds] + [each.message for each in case.errors]
    if case.verdict is Verdict.SKIPPED:
        SubElement(element, "skipped", message=_text(case.note or ""))
    elif not case.verdict.is_good:
        name = "failure" if case.verdict is Verdict.FAILED else "error"
        SubElement(element, name, message=_text(wrong[0] if wrong else "")).text = _text("\n".join(wrong))
    if case.logs:
        SubElement(element, "system-out").text = _text("\n".join(case.logs))
    return element


def _broken_file(path: str, problems: Sequence[Problem]) -> Element:
    suite = Element("testsuite", name=path, tests="1", failures="0", errors="1", skipped="0", time="0.000", file=path)
    case = SubElement(suite, "testcase", classname=path, name="is a test suite", time="0.000", file=path)
    said = "\n".join(map(str, problems))
    SubElement(case, "error", message=_text(str(problems[0]))).text = _text(said)
    return suite


def _text(text: str) -> str:
    """What XML can hold."""
    return "".join(each for each in clean(text) if each in "\t\n" or (each >= " " and each not in "￾￿"))
