"""Loops on the real daemon: across its death, hundreds of values from a file, limits and triggers of their flow."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

FLOWS = {
    "sleeps": """\
id: sleeps
namespace: company.team
tasks:
  - id: before
    type: io.kestra.plugin.core.debug.Return
    format: seen
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: [a, b, c, d, e]
    concurrencyLimit: 2
    tasks:
      - id: sleep
        type: io.kestra.plugin.core.flow.Sleep
        duration: PT0.4S
      - id: say
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.before.value }} {{ item.value }}"
    outputs:
      - id: said
        type: STRING
        value: "{{ outputs.say.value }}"
  - id: after
    type: io.kestra.plugin.core.debug.Return
    format: "{{ loopOutputs(outputs.loop.outputs, 'said') }}"
""",
    "lines": """\
id: lines
namespace: company.team
inputs:
  - id: data
    type: FILE
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: "{{ inputs.data }}"
    concurrencyLimit: 1000
    tasks:
      - id: choice
        type: io.kestra.plugin.core.flow.If
        condition: "{{ item.index % 600 == 1 }}"
        then:
          - id: fail
            type: io.kestra.plugin.core.flow.Sleep
            duration: "not before {{ kv('mended', errorOnMissing=false) ?? 'it is mended' }}"
            runIf: "{{ kv('mended', errorOnMissing=false) is null }}"
""",
    "limited": """\
id: limited
namespace: company.team
concurrency:
  limit: 1
tasks:
  - id: loop
    type: io.kestra.plugin.core.flow.Loop
    values: [1, 2]
    tasks:
      - id: say
        type: io.kestra.plugin.core.debug.Return
        format: x
""",
    "listens": """\
id: listens
namespace: company.team
triggers:
  - id: ends
    type: io.kestra.plugin.core.trigger.Flow
    preconditions:
      id: one
      flows:
        - namespace: company.team
          flowId: limited
          states: [SUCCESS]
tasks:
  - id: say
    type: io.kestra.plugin.core.debug.Return
    format: "{{ trigger.executionId }}"
""",
}


def files() -> dict[str, str | bytes | None]:
    return {f"flows/company.team/{name}.yaml": text for name, text in FLOWS.items()}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("loops"), files()) as daemon:
        daemon.sync()
        yield daemon


def test_a_loop_goes_on_after_the_death_of_the_daemon(tmp_path: Path) -> None:
    with running(tmp_path, files()) as daemon:
        daemon.sync()
        started = daemon.until_run(daemon.start("sleeps"), "loop", "RUNNING")
        wait_until(lambda: len(daemon.iterations(started)) > 1, what="iterations to begin")
        daemon.kill_hard()
        daemon.start_process()

        ended = daemon.ended(started)
        said = '["seen a","seen b","seen c","seen d","seen e"]'
        assert ended.run_of("after").outputs == {"value": said}
        assert [each.state for each in daemon.iterations(started)] == ["SUCCESS"] * 5


def test_a_file_is_gone_through_and_a_restart_does_again_only_what_failed(daemon: Daemon) -> None:
    content = b"".join(b'{"n": %d}\n' % number for number in range(602))
    started = daemon.start("lines", files={"data": ("data.jsonl", content)})
    failed = daemon.ended(started, seconds=60)
    assert failed.run_of("loop").outputs["terminatedIterations"] == {"SUCCESS": 600, "FAILED": 2}

    path = "/namespaces/company.team/kv/mended"
    daemon.call("PUT", path, status=204, content='"yes"', headers={"Content-Type": "text/plain"})
    daemon.act(failed, "restart")
    ended = daemon.ended(failed, seconds=60)
    assert ended.run_of("loop").outputs["terminatedIterations"] == {"SUCCESS": 602}
    again = _again(daemon, ended)
    assert [each.json["loopRun"]["index"] for each in again] == [1, 601]


def _again(daemon: Daemon, execution: ShownExecution) -> list[ShownExecution]:
    found = daemon.iterations(execution)
    assert len(found) == 602
    return [each for each in found if each.json["metadata"]["attemptNumber"] > 1]


def test_iterations_need_no_place_under_their_flows_limit_fire_no_trigger_and_are_not_in_lists(daemon: Daemon) -> None:
    ended = daemon.run("limited")
    assert ended.state == "SUCCESS"
    assert daemon.only_execution("listens").run_of("say").outputs == {"value": ended.id}
    assert ended.id in {each.id for each in daemon.executions("limited")}
    assert {each.json["kind"] for each in daemon.executions("limited")} == {"NORMAL"}
    assert len(daemon.iterations(ended)) == 2
    assert len(daemon.executions("limited", childFilter="CHILD")) >= 2


def test_iterations_go_with_the_execution_that_they_are_parts_of(daemon: Daemon) -> None:
    ended = daemon.run("limited")
    (first, _) = daemon.iterations(ended)
    daemon.call("DELETE", f"/executions/{ended.id}", status=204)
    assert daemon.iterations(ended) == []
    daemon.call("GET", f"/executions/{first.id}", status=404)
