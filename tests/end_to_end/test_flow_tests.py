"""Flow tests: `segue test` over real checkouts."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.daemon import SEGUE, clean_environment, segue
from tests.support.repositories import Repository

FOLDER = "flows/company.team"
ORDERS = """\
id: orders
namespace: company.team
inputs:
  - {id: currency, type: STRING, defaults: EUR}
tasks:
  - id: fetch
    type: io.kestra.plugin.core.http.Request
    uri: https://nowhere.invalid/orders
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [north, south]
    tasks:
      - {id: region, type: io.kestra.plugin.core.debug.Return, format: "real {{ taskrun.value }}"}
  - id: notes
    type: io.kestra.plugin.core.flow.Loop
    values: [a, b]
    tasks:
      - {id: note, type: io.kestra.plugin.core.debug.Return, format: "real {{ item.value }}"}
    outputs: [{id: note, type: STRING, value: "{{ outputs.note.value }}"}]
  - id: bill
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: billing
  - id: total
    type: io.kestra.plugin.core.debug.Return
    format: "{{ fromJson(outputs.fetch.body).total }} {{ inputs.currency }} {{ trigger.body ?? 'by hand' }}"
errors:
  - {id: mend, type: io.kestra.plugin.core.log.Log, message: mending}
outputs:
  - {id: total, type: STRING, value: "{{ outputs.total.value }}"}
triggers:
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: orders}
concurrency: {limit: 1, behavior: FAIL}
"""
LISTENS = """\
id: listens
namespace: company.team
tasks:
  - {id: never, type: io.kestra.plugin.scripts.shell.Commands, taskRunner: {type: io.kestra.plugin.core.runner.Process},
     commands: [touch HEARD]}
triggers:
  - {id: ended, type: io.kestra.plugin.core.trigger.Flow}
"""
WAITS = "id: waits\nnamespace: company.team\ntasks:\n  - {id: stop, type: io.kestra.plugin.core.flow.Pause}\n"
SLEEPS = """\
id: sleeps
namespace: company.team
tasks:
  - {id: said, type: io.kestra.plugin.core.log.Log, message: before the sleep}
  - {id: sleep, type: io.kestra.plugin.core.flow.Sleep, duration: PT1H}
"""
FETCH = """\
        - id: fetch
          outputs: {code: 200, body: "{{ read(files['orders.json']) }}"}
        - {id: bill, outputs: {outputs: {paid: true}}}
"""
GOOD = f"""\
id: orders-test
flowId: orders
testCases:
  - id: adds
    type: io.kestra.core.tests.flow.UnitTest
    fixtures:
      inputs: {{currency: USD}}
      files:
        orders.json: '{{"total": 12}}'
      trigger: {{id: hook, type: io.kestra.plugin.core.trigger.Webhook, variables: {{body: called}}}}
      tasks:
{FETCH}        - {{id: region, value: north, outputs: {{value: stood in}}}}
        - {{id: note, outputs: {{value: "stood in for {{{{ item.value }}}}"}}}}
    assertions:
      - {{value: "{{{{ execution.outputs.total }}}}", equalTo: 12 USD called}}
      - {{value: "{{{{ outputs.region.north.value }}}}", equalTo: stood in}}
      - {{value: "{{{{ outputs.region.south.value }}}}", equalTo: real south}}
      - {{value: "{{{{ loopOutputs(outputs.notes.outputs, 'note') }}}}", equalTo: [stood in for a, stood in for b]}}
      - {{value: "{{{{ outputs.bill.outputs.paid }}}}", equalTo: true}}
      - {{value: "{{{{ labels.system.test }}}}", equalTo: true}}
      - {{value: "{{{{ read(files['orders.json']) | length }}}}", greaterThan: 5, lessThan: 20}}
  - id: mends
    fixtures:
      tasks: [{{id: fetch, state: FAILED}}]
    assertions:
      - {{value: "{{{{ execution.state }}}}", equalTo: FAILED}}
      - {{value: "{{{{ tasks.mend.state }}}}", equalTo: SUCCESS}}
  - {{id: later, disabled: true, assertions: []}}
"""
BAD = f"""\
id: bad
flowId: orders
testCases:
  - id: miscounts
    fixtures:
      files: {{orders.json: '{{"total": 12}}'}}
      tasks:
{FETCH}    assertions:
      - value: "{{{{ execution.outputs.total }}}}"
        equalTo: 13 EUR by hand
      - {{value: "{{{{ outputs.fetch.code }}}}", in: [404, 500], errorMessage: "was {{{{ outputs.fetch.code }}}}"}}
  - id: breaks
    fixtures:
      tasks: [{{id: fetch, outputs: {{body: no JSON}}}}, {{id: bill}}]
    assertions: [{{value: 1, equalTo: 1}}]
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "checkout")
    repository.commit({f"{FOLDER}/orders.yaml": ORDERS, f"{FOLDER}/_tests/orders.yaml": GOOD})
    return repository


def run(checkout: Repository, *arguments: str) -> subprocess.CompletedProcess[str]:
    return segue("test", *arguments, cwd=checkout.path)


def verdicts(output: str) -> dict[str, str]:
    """The word that each case's line begins with, by suite and case."""
    lines = (line.split() for line in output.splitlines() if " company.team/" in line and not line.startswith(" "))
    return {name.removeprefix("company.team/"): word for word, name, *_ in lines}


def test_good_tests_pass_and_nothing_runs_that_is_stood_in_for(checkout: Repository) -> None:
    """On a terminal: a bar that moves, colours, and a line for each case."""
    heard = checkout.path.parent / "heard"
    checkout.write(f"{FOLDER}/listens.yaml", LISTENS.replace("HEARD", str(heard)))
    leader, follower = pty.openpty()
    environment = clean_environment({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"})
    process = subprocess.Popen(
        [SEGUE, "test"], stdin=subprocess.DEVNULL, stdout=follower, cwd=checkout.path, env=environment
    )
    os.close(follower)
    seen = b"".join(_pieces(leader)).decode()
    os.close(leader)
    assert process.wait(20) == 0, seen
    assert "\x1b[32mok   \x1b[0m company.team/orders-test/adds" in seen
    assert "/3" in seen
    assert seen.rstrip().endswith("2 passed, 1 skipped")
    assert not heard.exists(), "nobody hears of the end of a test"


def _pieces(leader: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is gone
            return
        if not piece:
            return
        yield piece


# One run over a good suite, one that fails, one that is broken, and one whose flow is not there.


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("junit") / "out" / "results.xml"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, report: Path) -> subprocess.CompletedProcess[str]:
    checkout = Repository(tmp_path_factory.mktemp("checkout"))
    lost = GOOD.replace("flowId: orders", "flowId: order").replace("id: orders-test", "id: lost")
    tests = {
        "orders": GOOD,
        "bad": BAD,
        "broken": GOOD.replace("assertions:", "asertions:", 1).replace("orders-test", "broken"),
        "lost": lost,
    }
    checkout.commit({f"{FOLDER}/orders.yaml": ORDERS})
    for name, text in tests.items():
        checkout.write(f"{FOLDER}/_tests/{name}.yaml", text)
    return run(checkout, "--junit", str(report))


def test_it_ends_with_1_and_what_can_run_runs(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1, done
    assert verdicts(done.stdout) == {
        "bad/miscounts": "FAIL",
        "bad/breaks": "FAIL",
        "orders-test/adds": "ok",
        "orders-test/mends": "ok",
        "orders-test/later": "skip",
    }
    assert done.stdout.splitlines()[-1] == "2 passed, 2 failed, 1 skipped, 3 problems"


def test_failures_say_what_was_expected_where_and_what_tasks_logged(done: subprocess.CompletedProcess[str]) -> None:
    place = f"{FOLDER}/_tests/bad.yaml"
    lines = [line.strip() for line in done.stdout.splitlines()]
    total = 'expected "{{ execution.outputs.total }}" to equal "13 EUR by hand", but it is "12 EUR by hand"'
    assert f"{place}:12 {total}" in lines
    assert f"{place}:14 was 200" in lines
    (ended,) = (line for line in lines if "the execution ended" in line)
    assert ended.startswith(f"{place}:15 the execution ended FAILED: task 'total' FAILED, ")
    assert any(line.startswith("| ERROR total: ") for line in lines)
    assert "| INFO  mend: mending" in lines


def test_problems_are_told_with_their_places(done: subprocess.CompletedProcess[str]) -> None:
    broken, lost = f"{FOLDER}/_tests/broken.yaml", f"{FOLDER}/_tests/lost.yaml"
    assert done.stderr.splitlines() == [
        (
            f"{broken}:4:5 missing-key testCases[0].assertions: must not be null "
            "('asertions' is there: did you mean 'assertions'?)"
        ),
        f"{broken}:17:5 unknown-key unknown key 'asertions' (did you mean 'assertions'?)",
        (
            f"{lost}:2:9 unknown-flow the flow company.team/order is not in this repository "
            "(did you mean 'company.team/orders'?)"
        ),
    ]


def test_junit_xml_has_every_case_and_every_broken_file(done: subprocess.CompletedProcess[str], report: Path) -> None:
    assert done.returncode == 1
    root = ET.parse(report).getroot()
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "7", "failures": "2", "errors": "2", "skipped": "1"}
    case = root.find("testsuite[@name='company.team/bad']/testcase[@name='miscounts']")
    assert case is not None
    failure = case.find("failure")
    assert failure is not None
    assert (case.get("file"), case.get("line")) == (f"{FOLDER}/_tests/bad.yaml", "4")
    assert (failure.text or "").splitlines()[1] == "was 200"
    assert root.find(f"testsuite[@name='{FOLDER}/_tests/lost.yaml']/testcase/error") is not None


def test_json_is_the_results_and_after_a_failure_nothing_begins_if_so_asked(checkout: Repository) -> None:
    checkout.write(f"{FOLDER}/_tests/bad.yaml", BAD)
    done = run(checkout, "--json", "--fail-fast", "--parallel", "1", "-k", "company.team/bad/")
    answer = json.loads(done.stdout)
    (suite,) = answer["results"]
    assert (done.returncode, suite["testSuiteId"], suite["state"]) == (1, "bad", "FAILED")
    first, second = suite["results"]
    assert [(each["operator"], each["isSuccess"], each["actual"]) for each in first["assertionResults"]] == [
        ("equalTo", False, "12 EUR by hand"),
        ("in", False, 200),
    ]
    assert (second["state"], second["note"]) == ("SKIPPED", "another case has failed")


def test_tests_are_asked_for_by_their_file_wherever_it_lies_and_by_that_of_their_flow(checkout: Repository) -> None:
    own = "id: mine\nnamespace: company.team\nflowId: orders\ntestCases:\n  - id: own\n"
    fixtures = "    fixtures: {tasks: [{id: fetch, state: FAILED}]}\n    assertions: []\n"
    checkout.write("mine.yaml", own + fixtures)
    checkout.write(f"{FOLDER}/other.yaml", SLEEPS)
    checkout.write(f"{FOLDER}/_tests/other.yaml", "id: other\nflowId: sleeps\ntestCases: [{id: a, assertions: []}]\n")
    done = run(checkout, "mine.yaml", f"{FOLDER}/orders.yaml")
    assert done.returncode == 0, done
    assert verdicts(done.stdout) == {
        "mine/own": "ok",
        "orders-test/adds": "ok",
        "orders-test/mends": "ok",
        "orders-test/later": "skip",
    }


def test_a_new_repository_has_a_test_that_passes(tmp_path: Path) -> None:
    segue("init", "new", cwd=tmp_path, GIT_AUTHOR_NAME="Ada", GIT_AUTHOR_EMAIL="ada@example.com")
    done = segue("test", "new", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "2 passed"), done


def test_what_is_not_there_is_wrong_usage(checkout: Repository) -> None:
    done = run(checkout, "nowhere")
    assert (done.returncode, done.stderr) == (2, "segue: there is no file or folder nowhere\n")


def test_a_case_that_waits_for_somebody_or_takes_too_long_ends_with_an_error(checkout: Repository) -> None:
    for name, text in (("waits", WAITS), ("sleeps", SLEEPS)):
        checkout.write(f"{FOLDER}/{name}.yaml", text)
        suite = f"id: {name}-test\nflowId: {name}\ntestCases: [{{id: one, assertions: []}}]\n"
        checkout.write(f"{FOLDER}/_tests/{name}.yaml", suite)
    done = run(checkout, "-k", "s-test/one", "--timeout", "4")
    stuck = (
        "the execution does not end: it is paused at 'stop', and in a test nobody resumes it: give the task a fixture"
    )
    assert stuck in done.stdout
    assert "the execution did not end within 4 s" in done.stdout
    assert "| INFO  said: before the sleep" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 with errors"


def test_an_interrupt_ends_it_and_leaves_nothing(checkout: Repository, tmp_path: Path) -> None:
    checkout.write(f"{FOLDER}/sleeps.yaml", SLEEPS)
    checkout.write(
        f"{FOLDER}/_tests/orders.yaml",
        "id: t\nflowId: sleeps\ntestCases: [{id: on, assertions: []}, {id: off, disabled: true, assertions: []}]\n",
    )
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [SEGUE, "test"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout.path,
        env=clean_environment({"TMPDIR": str(tmp_path / "tmp")}),
    )
    assert process.stdout is not None
    assert "skip" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list((tmp_path / "tmp").iterdir()) == []
