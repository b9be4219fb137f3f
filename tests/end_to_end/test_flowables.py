"""Flows that call other flows, wait, or are held to agreements - on the real daemon, across its restarts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running

CHILD = """\
id: child
namespace: company.team
inputs:
  - id: word
    type: STRING
tasks:
  - id: say
    type: io.kestra.plugin.core.debug.Return
    format: "{{ inputs.word }} %s"
outputs:
  - id: said
    type: STRING
    value: "{{ outputs.say.value }}"
"""

FLOWS = {
    "child": CHILD % "one",
    "parent": """\
id: parent
namespace: company.team
labels:
  team: data
tasks:
  - id: call
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: child
    inheritLabels: true
    inputs:
      word: hello
""",
    "waits-then-calls": """\
id: waits-then-calls
namespace: company.team
tasks:
  - id: pause
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - id: count
        type: INT
  - id: call
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: child
    inputs:
      word: "{{ outputs.pause.onResume.count }}"
""",
    "sleeper": """\
id: sleeper
namespace: company.team
tasks:
  - id: sleep
    type: io.kestra.plugin.core.flow.Sleep
    duration: "{{ vars.time }}"
variables:
  time: PT2S
""",
    "calls-sleeper": """\
id: calls-sleeper
namespace: company.team
tasks:
  - id: call
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: sleeper
""",
    "itself": """\
id: itself
namespace: company.team
tasks:
  - id: call
    type: io.kestra.plugin.core.flow.Subflow
    namespace: company.team
    flowId: "{{ flow.id }}"
""",
    "loop": """\
id: loop
namespace: company.team
tasks:
  - id: until
    type: io.kestra.plugin.core.flow.LoopUntil
    condition: "{{ outputs.count.value == '2' }}"
    checkFrequency:
      interval: PT0.05S
    tasks:
      - id: count
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.until.iterationCount }}"
""",
    "checked": """\
id: checked
namespace: company.team
inputs:
  - id: amount
    type: INT
checks:
  - when: "{{ inputs.amount < 10 }}"
    message: Too much
    style: ERROR
  - when: "{{ inputs.amount < 5 }}"
    message: Quite a lot
    behavior: FAIL_EXECUTION
tasks:
  - id: a
    type: io.kestra.plugin.core.debug.Return
""",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("flowables"), files()) as daemon:
        yield daemon


def files() -> dict[str, str]:
    return {path_of(flow_id): text for flow_id, text in FLOWS.items()}


def path_of(flow_id: str) -> str:
    return f"flows/company.team/{flow_id}.yaml"


def child_of(daemon: Daemon, parent: ShownExecution) -> ShownExecution:
    return daemon.execution(parent.run_of("call").outputs["executionId"])


def resume(daemon: Daemon, execution: ShownExecution, status: int, **inputs: str) -> Any:
    parts = {name: (None, value) for name, value in inputs.items()}
    return daemon.call("POST", f"/executions/{execution.id}/actions/resume", status=status, files=parts or None)


def test_a_called_flow_gives_its_outputs_labels_and_caller(daemon: Daemon) -> None:
    parent = daemon.run("parent")
    child = child_of(daemon, parent)

    assert parent.run_of("call").outputs["outputs"] == {"said": "hello one"}
    assert child.labels == {"team": "data", "system.correlationId": parent.id}
    assert child.commit == parent.commit
    assert child.trigger["executionId"] == parent.id


def test_a_paused_execution_asks_for_its_inputs_and_calls_the_flow_of_its_own_commit(daemon: Daemon) -> None:
    started = daemon.start("waits-then-calls")
    paused = daemon.until(started, "PAUSED")
    daemon.until_live(daemon.repository.commit({path_of("child"): CHILD % "two"}))

    assert "count" in resume(daemon, paused, 422)["message"]
    assert resume(daemon, paused, 200, count="7")["state"]["current"] == "RESTARTED"
    ended = daemon.ended(paused)

    assert ended.state == "SUCCESS"
    assert ended.run_of("call").outputs["outputs"] == {"said": "7 one"}
    assert daemon.run("parent").run_of("call").outputs["outputs"] == {"said": "hello two"}


def test_a_kill_takes_the_called_execution_with_it(daemon: Daemon) -> None:
    parent = daemon.until_run(daemon.start("calls-sleeper"), "call", "RUNNING")
    child = child_of(daemon, parent)

    daemon.call("DELETE", f"/executions/{parent.id}/actions/kill", status=None)

    assert daemon.ended(parent).state == "KILLED"
    assert daemon.ended(child).state == "KILLED"


def test_a_flow_that_calls_itself_is_stopped(daemon: Daemon) -> None:
    ended = daemon.ended(daemon.start("itself"))

    assert ended.state == "FAILED"


def test_a_loop_goes_on_until_its_condition_holds(daemon: Daemon) -> None:
    ended = daemon.run("loop")

    assert ended.run_of("until").outputs == {"iterationCount": 3}
    assert [run.outputs["value"] for run in ended.runs_of("count")] == ["2"]


@pytest.mark.parametrize(("amount", "unmet"), [("3", []), ("7", ["Quite a lot"]), ("12", ["Too much", "Quite a lot"])])
def test_checks_are_told_before_a_start(daemon: Daemon, amount: str, unmet: list[str]) -> None:
    path = "/executions/company.team/checked/validate"
    answer = daemon.call("POST", path, files={"amount": (None, amount)})

    assert [each["message"] for each in answer["checks"]] == unmet


def test_a_check_blocks_a_start_or_lets_it_fail(daemon: Daemon) -> None:
    path = "/executions/company.team/checked"

    assert daemon.call("POST", path, status=422, files={"amount": (None, "12")})["message"] == "Too much"
    assert daemon.ended(daemon.start("checked", {"amount": "7"})).state == "FAILED"
    assert daemon.ended(daemon.start("checked", {"amount": "3"})).state == "SUCCESS"


def test_who_waits_for_a_called_execution_waits_on_after_a_crash(tmp_path: Path) -> None:
    with running(tmp_path, files()) as daemon:
        calling = daemon.until_run(daemon.start("calls-sleeper"), "call", "RUNNING")
        paused = daemon.until(daemon.start("waits-then-calls"), "PAUSED")
        daemon.kill_hard()
        daemon.start_process()
        daemon.until_live(daemon.repository.commit({path_of("child"): CHILD % "two"}))

        assert daemon.ended(calling).state == "SUCCESS"
        resume(daemon, paused, 200, count="7")
        assert daemon.ended(paused).run_of("call").outputs["outputs"] == {"said": "7 one"}
