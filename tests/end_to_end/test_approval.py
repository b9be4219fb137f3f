"""Approvals on the real daemon: decided by the API and the command line, once, in time, and across restarts."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest

from tests.support.client import API, ShownExecution
from tests.support.daemon import Daemon, running, segue
from tests.support.waiting import wait_until

FLOWS = {
    "release": """\
id: release
namespace: company.team
tasks:
  - id: ask
    type: io.kestra.plugin.core.flow.Approval
    description: Is **it** good?
    decisions:
      approve: "Ship {{ flow.id }}"
    commentRequired: ON_DENY
    inputs:
      - id: count
        type: INT
        min: 1
      - id: note
        type: STRING
        required: false
    onWait:
      - id: tell
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.ask.url }}"
    onApprove:
      - id: ship
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.ask.inputs.count + 1 }} by {{ outputs.ask.by }}"
    onDeny:
      - id: stay
        type: io.kestra.plugin.core.debug.Return
        format: "{{ outputs.ask.comment }}"
  - id: after
    type: io.kestra.plugin.core.debug.Return
    format: "{{ outputs.ask.decision }}"
""",
    "hurried": """\
id: hurried
namespace: company.team
inputs:
  - id: time
    type: DURATION
tasks:
  - id: ask
    type: io.kestra.plugin.core.flow.Approval
    timeout: "{{ inputs.time }}"
    expireBehavior: WARN
""",
    "proofs": """\
id: proofs
namespace: company.team
tasks:
  - id: build
    type: io.kestra.plugin.core.debug.Return
    format: "2.4"
  - id: each
    type: io.kestra.plugin.core.flow.ForEach
    values: [one, two]
    concurrencyLimit: 0
    tasks:
      - id: ask
        type: io.kestra.plugin.core.flow.Approval
        inputs:
          - id: version
            type: STRING
            defaults: "{{ outputs.build.value }} {{ taskrun.value }}"
          - id: proof
            type: FILE
        onApprove:
          - id: shown
            type: io.kestra.plugin.core.debug.Return
            format: "{{ parent.outputs.inputs.version }}: {{ read(parent.outputs.inputs.proof) }}"
""",
    "both": """\
id: both
namespace: company.team
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.Parallel
    tasks:
      - id: one
        type: io.kestra.plugin.core.flow.Approval
      - id: two
        type: io.kestra.plugin.core.flow.Approval
      - id: pause
        type: io.kestra.plugin.core.flow.Pause
""",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files = {f"flows/company.team/{flow_id}.yaml": text for flow_id, text in FLOWS.items()}
    settings = {"SEGUE_USERNAME": "ann", "SEGUE_PASSWORD": "secret", "SEGUE_URL": "https://segue.example"}
    with running(tmp_path_factory.mktemp("approval"), files, environment=settings) as daemon:
        daemon.http.auth = ("ann", "secret")
        yield daemon


def waits(daemon: Daemon, flow: str, inputs: dict[str, str] | None = None) -> ShownExecution:
    return daemon.until(daemon.start(flow, inputs), "PAUSED")


def review(daemon: Daemon, execution: ShownExecution, status: int = 200, **said: Any) -> Any:
    inputs = {name: (None, value) for name, value in said.pop("inputs", {}).items()}
    path = f"/executions/{execution.id}/actions/review"
    return daemon.call("POST", path, params=said, files=inputs or None, status=status)


def test_a_decision_with_what_it_asks_for_lets_it_go_on(daemon: Daemon) -> None:
    waiting = waits(daemon, "release")
    assert waiting.run_of("tell").outputs["value"] == f"https://segue.example/executions/{waiting.id}"

    wrong = review(daemon, waiting, 422, decision="APPROVE", inputs={"count": "0"})
    assert "count" in wrong["message"]
    left = review(daemon, waiting, decision="APPROVE", comment="well done", inputs={"count": "2"})

    assert left["state"]["current"] == "RESTARTED"
    ended = daemon.ended(waiting)
    assert (ended.state, ended.task_ids) == ("SUCCESS", ["ask", "tell", "ship", "after"])
    assert ended.run_of("ship").outputs["value"] == "3 by ann"
    told = ended.run_of("ask").outputs
    assert (told["decision"], told["by"], told["comment"]) == ("APPROVED", "ann", "well done")
    assert told["inputs"] == {"count": 2, "note": None}
    assert daemon.logs(ended, "ask") == ["Approved by ann: well done"]


def test_a_denial_wants_its_comment_and_no_inputs_and_ends_the_execution(daemon: Daemon) -> None:
    waiting = waits(daemon, "release")

    refused = review(daemon, waiting, 422, decision="DENY")
    assert "`ask` wants a comment" in refused["message"]
    path = f"/executions/{waiting.id}/review"
    daemon.call("POST", path, json={"decision": "DENY", "comment": "not yet", "taskRunId": waiting.run_of("ask").id})

    ended = daemon.ended(waiting)
    assert (ended.state, ended.task_ids) == ("CANCELLED", ["ask", "tell", "stay"])
    assert ended.run_of("stay").outputs["value"] == "not yet"


def test_a_late_decision_is_told_what_was_decided(daemon: Daemon) -> None:
    waiting = waits(daemon, "both")
    run = waiting.run_of("one").id
    review(daemon, waiting, decision="APPROVE", taskRunId=run)

    refused = review(daemon, waiting, 409, decision="DENY", taskRunId=run)
    assert f"Task run {run} (one) has been decided already: APPROVED by ann at" in refused["message"]

    daemon.act(waiting, "kill")
    daemon.ended(waiting)
    assert "it has ended" in review(daemon, waiting, 409, decision="DENY")["message"]


def test_of_two_decisions_at_once_one_counts(daemon: Daemon) -> None:
    waiting = waits(daemon, "release")
    url, run = f"{API}/executions/{waiting.id}/actions/review", waiting.run_of("ask").id

    def decide(number: int) -> tuple[int, str]:
        said = {"decision": "APPROVE", "taskRunId": run, "comment": str(number)}
        answer = daemon.http.post(url, params=said, files={"count": (None, "1")})
        return answer.status_code, answer.json().get("message", "")

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(decide, range(4)))

    assert [status for status, _ in answers] == [200, 409, 409, 409]
    assert all("decided already: APPROVED" in message for _, message in answers[1:])
    assert daemon.ended(waiting).state == "SUCCESS"


def test_where_several_wait_the_decision_says_which(daemon: Daemon) -> None:
    waiting = waits(daemon, "both")
    one, two, pause = (waiting.run_of(each).id for each in ("one", "two", "pause"))

    unclear = review(daemon, waiting, 422, decision="APPROVE")
    assert f"{one} (one), {two} (two)" in unclear["message"]
    assert "is no Approval" in review(daemon, waiting, 409, decision="APPROVE", taskRunId=pause)["message"]
    review(daemon, waiting, 404, decision="APPROVE", taskRunId="nope")
    review(daemon, waiting, 422, decision="PERHAPS", taskRunId=one)
    review(daemon, waiting, decision="APPROVE", taskRunId=two)
    daemon.act(waiting, "resume")
    refused = daemon.act(waiting, "resume", status=409)
    assert "waits for a decision on `one`" in refused["message"]
    daemon.until(waiting, "PAUSED")
    review(daemon, waiting, decision="APPROVE")

    assert daemon.ended(waiting).state == "SUCCESS"


def test_what_it_asks_for_sees_what_has_run_and_files_of_two_answers_stay_apart(daemon: Daemon) -> None:
    waiting = waits(daemon, "proofs")
    for run in waiting.runs_of("ask"):
        path = f"/executions/{waiting.id}/actions/review"
        said = {"decision": "APPROVE", "taskRunId": run.id}
        daemon.call("POST", path, params=said, files={"proof": ("proof.txt", f"of {run.value}".encode())})

    shown = [run.outputs["value"] for run in daemon.ended(waiting).runs_of("shown")]
    assert sorted(shown) == ["2.4 one: of one", "2.4 two: of two"]


def test_it_waits_over_a_restart_of_the_daemon_and_its_time_runs_on(daemon: Daemon) -> None:
    patient, timed = waits(daemon, "release"), waits(daemon, "hurried", {"time": "PT1H"})
    over = daemon.start("hurried", {"time": "PT1S"})
    over = daemon.until(over, "PAUSED", "WARNING")
    daemon.stop()
    wait_until(lambda: due_of(over) < datetime.now(tz=due_of(over).tzinfo), what="the time to be over")
    daemon.start_process()

    expired = daemon.ended(over)
    assert (expired.state, expired.run_of("ask").outputs["decision"]) == ("WARNING", "EXPIRED")
    assert due_of(daemon.execution(timed)) == due_of(timed)
    review(daemon, timed, decision="APPROVE")
    review(daemon, patient, decision="APPROVE", inputs={"count": "1"})
    assert (daemon.ended(timed).state, daemon.ended(patient).state) == ("SUCCESS", "SUCCESS")


def due_of(execution: ShownExecution) -> datetime:
    return datetime.fromisoformat(execution.run_of("ask").outputs["due"])


def test_a_restart_and_a_replay_ask_anew(daemon: Daemon) -> None:
    waiting = waits(daemon, "release")
    review(daemon, waiting, decision="DENY", comment="no")
    ended = daemon.ended(waiting)

    daemon.act(ended, "restart")
    again = daemon.until(ended, "PAUSED")
    assert (again.task_ids, again.run_of("ask").outputs["decision"]) == (["ask", "tell"], None)
    replayed = ShownExecution(daemon.act(waits_no_more(daemon, again), "replay", taskRunId=again.run_of("ask").id))
    waiting = daemon.until(replayed, "PAUSED")
    review(daemon, waiting, decision="APPROVE", inputs={"count": "1"})
    assert daemon.ended(waiting).state == "SUCCESS"


def waits_no_more(daemon: Daemon, execution: ShownExecution) -> ShownExecution:
    daemon.act(execution, "kill")
    return daemon.ended(execution)


def test_it_is_decided_from_the_command_line(daemon: Daemon) -> None:
    waiting = waits(daemon, "release")
    known = {"SEGUE_URL": daemon.url, "SEGUE_USERNAME": "ann", "SEGUE_PASSWORD": "secret"}
    words = ("executions", "review", waiting.id)

    unclear = segue(*words, **known)
    assert (unclear.returncode, "--approve or --deny" in unclear.stderr) == (2, True)
    denied = segue(*words, "--deny", **known)
    assert (denied.returncode, "wants a comment" in denied.stderr) == (1, True)
    done = segue(*words, "--approve", "--comment", "fine", "-i", "count=4", "--json", **known)

    assert (done.returncode, json.loads(done.stdout)["id"]) == (0, waiting.id)
    ended = daemon.ended(waiting)
    assert (ended.state, ended.run_of("ask").outputs["comment"]) == ("SUCCESS", "fine")
