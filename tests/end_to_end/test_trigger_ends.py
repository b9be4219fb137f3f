"""What ends a trigger, and what comes of a window that ends without it: `stopAfter` and `onMiss`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

FLOWS = {
    "upstream": "tasks: [{id: a, type: io.kestra.plugin.core.debug.Return, format: x}]",
    "once": """\
tasks: [{id: a, type: io.kestra.plugin.core.debug.Return, format: x}]
triggers:
  - id: after
    type: io.kestra.plugin.core.trigger.Flow
    dependsOn: [{namespace: company.team, flowId: upstream}]
    states: [SUCCESS]
    stopAfter: [SUCCESS]
""",
    "called": """\
inputs: [{id: fails, type: BOOL, defaults: false}]
tasks: [{id: a, type: io.kestra.plugin.core.execution.Fail, condition: "{{ inputs.fails }}"}]
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: open
    wait: true
    inputs: {fails: "{{ trigger.body.fails }}"}
    stopAfter: [FAILED]
""",
    "never": """\
variables: {days: [soon]}
tasks: [{id: a, type: io.kestra.plugin.core.debug.Return, format: x}]
triggers:
  - {id: dates, type: io.kestra.plugin.core.trigger.ScheduleOnDates, dates: "{{ vars.days }}"}
""",
    "held": """\
tasks: [{id: a, type: io.kestra.plugin.core.debug.Return, format: x}]
triggers:
  - id: daily
    type: io.kestra.plugin.core.trigger.Flow
    dependsOn: [{namespace: company.team, flowId: nobody}]
    window: {every: PT1S}
    onMiss: {labels: {late: "yes"}}
    stopAfter: [FAILED]
""",
}


LOOKS = """\
tasks: [{{id: a, type: io.kestra.plugin.core.debug.Return, format: x}}]
triggers:
  - id: look
    type: io.kestra.plugin.scripts.shell.CommandsTrigger
    commands: ["echo $$ > {pid}", "exec sleep 600"]
    exitCondition: exit 0
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files = {
        f"flows/company.team/{name}.yaml": f"id: {name}\nnamespace: company.team\n{text}"
        for name, text in FLOWS.items()
    }
    with running(tmp_path_factory.mktemp("ends"), files) as daemon:
        yield daemon


def test_a_flow_trigger_stops_after_the_end_that_it_names(daemon: Daemon) -> None:
    daemon.run("upstream")
    wait_until(
        lambda: [each.state for each in daemon.executions("once")] == ["SUCCESS"],
        what="the flow after it",
        seen=daemon.output,
    )
    assert daemon.triggers("once")[0]["triggerContext"]["disabled"] is True
    daemon.run("upstream")
    assert len(daemon.executions("once")) == 1
    path = "flows/company.team/once.yaml"
    daemon.repository.commit({path: None})
    daemon.sync()
    daemon.repository.commit({path: f"id: once\nnamespace: company.team\n{FLOWS['once']}"})
    daemon.sync()
    assert daemon.triggers("once")[0]["triggerContext"]["disabled"] is False, "another trigger of the same name"


def test_a_webhook_stops_after_the_end_that_it_names(daemon: Daemon) -> None:
    assert daemon.webhook("called", "open", {"fails": False})["state"]["current"] == "SUCCESS"
    assert daemon.call("POST", "/executions/webhook/company.team/called/open", json={"fails": True}, status=None)
    daemon.webhook("called", "open", {"fails": False}, status=404)


def test_dates_that_are_none_are_told_in_the_triggers_log(daemon: Daemon) -> None:
    assert daemon.trigger_logs("never", "dates")[0].startswith("Unable to read `soon` as a date-time")


def test_a_look_ends_with_its_trigger(daemon: Daemon) -> None:
    path, pid = "flows/company.team/looks.yaml", daemon.folder / "pid"
    daemon.repository.commit({path: f"id: looks\nnamespace: company.team\n{LOOKS.format(pid=pid)}"})
    wait_until(lambda: pid.exists() and pid.read_text().strip(), what="a look", seen=daemon.output)
    process = Path(f"/proc/{pid.read_text().strip()}")
    assert process.exists()
    daemon.repository.commit({path: None})
    wait_until(lambda: not process.exists(), what="the script to end", seen=daemon.output)


def test_a_window_that_ends_unfulfilled_makes_a_failed_execution_with_its_labels(daemon: Daemon) -> None:
    missed = wait_until(lambda: daemon.executions("held"), what="a miss", seen=daemon.output)
    assert missed[0].state == "FAILED"
    assert {"key": "late", "value": "yes"} in missed[0].json["labels"]
    assert "Trigger `daily` was not satisfied by " in daemon.trigger_logs("held", "daily")[0]
    assert daemon.triggers("held")[0]["triggerContext"]["disabled"] is True
