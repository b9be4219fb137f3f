"""Every act on an execution in every state that it can be in: whether it is allowed, and what it leads to.

One daemon plays all of it. An execution of its own is brought into the state for each act that is allowed there; what is
refused says why and changes nothing. The page offers what is allowed, and no more.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

# A cell is what the execution comes to, or the status of the refusal: 409, and where it has ended, or has nothing that
# could go on, 422 as Kestra's clients expect it. `new` is another execution, and `gone` none.
TABLE: Final = """\
            kill     pause   resume   restart  replay  change-status  state    force-run  unqueue  labels     delete  review   resume-from-breakpoint
created     KILLED   409     409      409      409     409            409      SUCCESS    409      409        409     409      409
queued      KILLED   409     409      409      409     409            409      SUCCESS    SUCCESS  409        409     409      409
running     KILLED   PAUSED  409      409      409     409            409      409        409      409        409     409      409
retrying    KILLED   PAUSED  409      409      409     409            409      409        409      409        409     409      409
held        KILLED   409     RUNNING  409      409     CANCELLED      409      RUNNING    409      409        409     409      409
paused      KILLED   409     SUCCESS  PAUSED   409     CANCELLED      SUCCESS  SUCCESS    409      409        409     409      409
asks        KILLED   409     409      PAUSED   409     CANCELLED      SUCCESS  409        409      409        409     SUCCESS  409
breakpoint  KILLED   409     409      409      409     409            409      409        409      409        409     409      SUCCESS
killing     KILLING  409     409      409      409     409            409      409        409      409        409     409      409
ending      SUCCESS  409     409      409      new     409            409      422        422      SUCCESS    gone    409      409
success     409      409     409      422      new     CANCELLED      WARNING  422        422      SUCCESS    gone    409      409
warning     409      409     409      422      new     CANCELLED      SUCCESS  422        422      WARNING    gone    409      409
failed      409      409     409      FAILED   new     CANCELLED      SUCCESS  422        422      FAILED     gone    409      409
killed      409      409     409      RUNNING  new     CANCELLED      SUCCESS  422        422      KILLED     gone    409      409
cancelled   409      409     409      PAUSED   new     SUCCESS        SUCCESS  422        422      CANCELLED  gone    409      409
retried     409      409     409      FAILED   new     CANCELLED      SUCCESS  422        422      RETRIED    gone    409      409
"""
STATES: Final = [line.split()[0] for line in TABLE.splitlines()[1:]]
ACTS: Final = TABLE.splitlines()[0].split()
CELLS: Final[Mapping[str, Mapping[str, str]]] = {
    state: dict(zip(ACTS, cells, strict=True)) for state, *cells in (line.split() for line in TABLE.splitlines()[1:])
}
"""What to do, by state and act."""

NEW, GONE = "new", "gone"
NAP = "{id: nap, type: core.flow.Sleep, duration: PT1H}"
OK = "{id: ok, type: core.debug.Return, format: ok}"
FAIL = "{id: no, type: core.execution.Fail}"
STARTS: Final = (
    "triggers: [{id: tick, type: core.trigger.Schedule, cron: '* * * * *'},"
    " {id: hook, type: core.trigger.Webhook, key: a-key}]"
)
FLOWS: Final[Mapping[str, str]] = {
    "naps": f"tasks: [{NAP}]",
    "quick": f"tasks: [{OK}]",
    "one-by-one": (
        "concurrency: {limit: 1}\n"
        "inputs: [{id: time, type: DURATION, defaults: PT0S}]\n"
        "tasks: [{id: nap, type: core.flow.Sleep, duration: '{{ inputs.time }}'}]"
    ),
    "tries": "tasks: [{id: no, type: core.execution.Fail, retry: {type: constant, interval: PT1H, maxAttempts: 9}}]",
    "pauses": "tasks: [{id: wait, type: core.flow.Pause}]",
    "asks": "tasks: [{id: ask, type: core.flow.Approval}]",
    # Ends when it may, whatever it is told before.
    "stubborn": (
        "inputs: [{id: end, type: STRING}]\n"
        "tasks: [{id: work, type: scripts.shell.Commands, taskRunner: {type: core.runner.Process},"
        " commands: [\"trap '' TERM; echo begun; while [ ! -e '{{ inputs.end }}' ]; do sleep 0.05; done\"]}]"
    ),
    "ends": f"tasks: [{OK}]\nafterExecution: [{NAP}]",
    "warns": "tasks: [{id: no, type: core.execution.Fail, allowFailure: true}]",
    "fails": f"tasks: [{FAIL}]",
    "calls": "tasks: [{id: call, type: core.flow.Subflow, namespace: company.team, flowId: naps}]",
    "fails-late": (
        f"inputs: [{{id: word, type: STRING, defaults: first}}]\n"
        f"tasks: [{{id: ok, type: core.debug.Return, format: '{{{{ inputs.word }}}}'}}, {FAIL}]"
    ),
    "wants": "tasks: [{id: wait, type: core.flow.Pause, onResume: [{id: count, type: INT}]}]",
    "off": f"disabled: true\ntasks: [{OK}]\n{STARTS}",
    "draft": f"draft: true\ntasks: [{{id: a, type: no.such.Type}}]\n{STARTS}",
    "draft-that-is-right": f"draft: true\ntasks: [{OK}]\n{STARTS}",
    "calls-off": (
        "inputs: [{id: flow, type: STRING}]\n"
        "tasks: [{id: call, type: core.flow.Subflow, namespace: company.team, flowId: '{{ inputs.flow }}'}]"
    ),
    "reads": (
        "inputs: [{id: table, type: FILE, allowedFileExtensions: [.txt]}]\n"
        "tasks: [{id: ok, type: core.debug.Return, format: '{{ read(inputs.table) }}'}]"
    ),
    "files": "tasks: [{id: file, type: core.storage.Write, content: x}]",
    "anew": (
        f"retry: {{type: constant, interval: PT1H, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}}\ntasks: [{FAIL}]"
    ),
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files = {
        f"flows/company.team/{flow_id}.yaml": f"id: {flow_id}\nnamespace: company.team\n{text}\n"
        for flow_id, text in FLOWS.items()
    }
    folder = tmp_path_factory.mktemp("lifecycle")
    with running(folder, files) as daemon:
        holder = daemon.start("one-by-one", {"time": "PT1H"})
        yield daemon
        end_of(daemon).touch()
        daemon.act(holder, "kill")


def end_of(daemon: Daemon) -> Any:
    return daemon.folder / "end"


# Into each state.


def _held(daemon: Daemon) -> ShownExecution:
    execution = daemon.until(daemon.start("naps"), "RUNNING")
    daemon.act(execution, "pause")
    return execution


def _killing(daemon: Daemon) -> ShownExecution:
    execution = daemon.start("stubborn", {"end": end_of(daemon)})
    wait_until(lambda: daemon.logs(execution, "work"), what="the work to have begun")
    daemon.act(execution, "kill")
    return execution


def _killed(daemon: Daemon) -> ShownExecution:
    execution = daemon.until(daemon.start("naps"), "RUNNING")
    daemon.act(execution, "kill")
    return execution


def _cancelled(daemon: Daemon) -> ShownExecution:
    execution = daemon.until(daemon.start("asks"), "PAUSED")
    daemon.act(execution, "review", decision="DENY")
    return execution


def _in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


INTO: Final[Mapping[str, tuple[Callable[[Daemon], ShownExecution], str]]] = {
    "created": (lambda daemon: daemon.start("quick", scheduleDate=_in_an_hour()), "CREATED"),
    "queued": (lambda daemon: daemon.start("one-by-one"), "QUEUED"),
    "running": (lambda daemon: daemon.start("naps"), "RUNNING"),
    "retrying": (lambda daemon: daemon.start("tries"), "RETRYING"),
    "held": (_held, "PAUSED"),
    "paused": (lambda daemon: daemon.start("pauses"), "PAUSED"),
    "asks": (lambda daemon: daemon.start("asks"), "PAUSED"),
    "breakpoint": (lambda daemon: daemon.start("quick", breakpoints="ok"), "BREAKPOINT"),
    "killing": (_killing, "KILLING"),
    "ending": (lambda daemon: daemon.until_run(daemon.start("ends"), "nap", "RUNNING"), "SUCCESS"),
    "success": (lambda daemon: daemon.start("quick"), "SUCCESS"),
    "warning": (lambda daemon: daemon.start("warns"), "WARNING"),
    "failed": (lambda daemon: daemon.start("fails"), "FAILED"),
    "killed": (_killed, "KILLED"),
    "cancelled": (_cancelled, "CANCELLED"),
    "retried": (lambda daemon: daemon.start("anew"), "RETRIED"),
}


def put(daemon: Daemon, state: str, count: int = 1) -> list[ShownExecution]:
    """Executions in a state; made at once, so that none waits for another."""
    into, shown = INTO[state]
    return [daemon.until(each, shown) for each in [into(daemon) for _ in range(count)]]


# The acts.


def act(daemon: Daemon, execution: ShownExecution, name: str) -> tuple[int, Any]:
    """The status of the answer, and its JSON."""
    path, query, body = f"/executions/{execution.id}/actions/{name}", {}, None
    match name:
        case "change-status":
            query = {"status": CELLS_OF_STATUS.get(execution.state, "CANCELLED")}
        case "review":
            query = {"decision": "APPROVE"}
        case "state":
            run = execution.runs[0] if execution.runs else None
            state = "WARNING" if run is not None and run.state == "SUCCESS" else "SUCCESS"
            body = {"taskRunId": run.id if run is not None else "none", "state": state}
        case "labels":
            body = [{"key": "seen", "value": "yes"}]
        case "delete":
            path = f"/executions/{execution.id}"
    method = "DELETE" if name == "delete" else "POST"
    answer = daemon.http.request(method, f"/api/v1/main{path}", params=query, json=body)
    return answer.status_code, answer.json() if answer.content else None


CELLS_OF_STATUS: Final = {"CANCELLED": "SUCCESS"}


@pytest.mark.parametrize("state", STATES)
def test_what_is_allowed_leads_where_the_table_says_and_the_rest_changes_nothing(daemon: Daemon, state: str) -> None:
    cells = CELLS[state]
    refused = [name for name in ACTS if cells[name].isdigit()]
    allowed = [name for name in ACTS if not cells[name].isdigit()]
    still, *fresh = put(daemon, state, 1 + len(allowed))

    assert offered(daemon, still) == shown(state, allowed)
    for name in refused:
        status, said = act(daemon, still, name)
        assert (name, status) == (name, int(cells[name])), said
        assert len(said["message"]) > len(still.id), said
        assert daemon.execution(still).states == still.states, name
    for name, execution in zip(allowed, fresh, strict=True):
        status, left = act(daemon, execution, name)
        assert (name, status) == (name, 204 if name == "delete" else 200), left
        check(daemon, execution, name, cells[name], left)


def check(daemon: Daemon, execution: ShownExecution, name: str, cell: str, left: Any) -> None:
    """What the act has led to, and that it has left more than the state."""
    match cell:
        case "gone":
            daemon.call("GET", f"/executions/{execution.id}", status=404)
        case "new":
            assert (left["id"] != execution.id, left["parentId"]) == (True, execution.id)
            assert daemon.execution(execution).states == execution.states
        case _:
            seen = daemon.until(execution, cell)
            assert ("RESTARTED" in seen.states[len(execution.states) :]) == (name in {"restart", "state"}) or name in {
                "resume",
                "review",
                "force-run",
            }, seen.states
            assert seen.labels.get("seen") == ("yes" if name == "labels" else None)


def shown(state: str, allowed: list[str]) -> set[str]:
    """What is allowed has a button; but what is being killed is not to be killed, and what can be resumed not forced."""
    twice = {"kill"} if state == "killing" else {"force-run"} if "resume" in allowed else set()
    return ON_THE_PAGE.intersection(allowed) - twice


ON_THE_PAGE: Final = set(ACTS) - {"unqueue"}  # "Run now" does that


def offered(daemon: Daemon, execution: ShownExecution) -> set[str]:
    """The acts for which the page has a form."""
    page = daemon.http.get(f"/executions/{execution.id}").text
    acts = re.findall(rf'action="/executions/{execution.id}/(?:acts/([a-z-]+)|(review))', page)
    return {one or other for one, other in acts}


# What an act can be told.


@pytest.mark.parametrize(("cascade", "child_state"), [(True, "KILLED"), (False, "RUNNING")])
def test_a_kill_takes_what_was_called_along_unless_told_not_to(daemon: Daemon, cascade: bool, child_state: str) -> None:
    parent = daemon.until_run(daemon.start("calls"), "call", "RUNNING")
    child = daemon.until(parent.run_of("call").outputs["executionId"], "RUNNING")

    daemon.act(parent, "kill", isOnKillCascade=cascade)

    assert daemon.ended(parent).state == "KILLED"
    assert daemon.until(child, child_state).state == child_state
    if not cascade:
        daemon.act(child, "kill")


def test_acts_that_are_repeated_change_nothing_more(daemon: Daemon) -> None:
    (failed,) = put(daemon, "failed")
    for _ in range(2):
        daemon.act(failed, "change-status", newStatus="CANCELLED")
        assert act(daemon, failed, "labels")[0] == 200
    assert daemon.execution(failed).states == [*failed.states, "CANCELLED"]

    (killing,) = put(daemon, "killing")
    assert daemon.act(killing, "kill")["state"]["histories"] == killing.json["state"]["histories"]
    assert [act(daemon, failed, "delete")[0] for _ in range(2)] == [204, 404]


@pytest.mark.parametrize(("query", "end"), [({"state": "FAILED"}, "FAILED"), ({"state": "CANCELLED"}, "CANCELLED")])
def test_what_is_queued_can_be_ended_there(daemon: Daemon, query: dict[str, str], end: str) -> None:
    (queued,) = put(daemon, "queued")
    daemon.act(queued, "unqueue", status=422, state="PAUSED")
    daemon.act(queued, "unqueue", **query)
    assert daemon.ended(queued).state == end


def test_a_restart_at_another_revision_and_replays_are_new_executions(daemon: Daemon) -> None:
    late = daemon.run("fails-late", {"word": "one"})
    path = "flows/company.team/fails-late.yaml"
    text = FLOWS["fails-late"].replace(FAIL, "{id: no, type: core.debug.Return, format: '{{ outputs.ok.value }}'}")
    daemon.repository.commit({path: f"id: fails-late\nnamespace: company.team\n{text}\n"})
    daemon.sync()
    ok, no = (late.run_of(each).id for each in ("ok", "no"))

    daemon.act(late, "restart", status=404, revision=9)
    daemon.act(late, "replay", status=404, taskRunId="nope")
    anew = {
        "restarted": daemon.act(late, "restart", revision=2),
        "from a task": daemon.act(late, "replay", taskRunId=no, revision=2),
        "from another": daemon.act(late, "replay", taskRunId=ok, latestRevision=True),
        "with inputs": daemon.call(
            "POST",
            f"/executions/{late.id}/actions/replay-with-inputs",
            params={"revision": 2},
            files={"word": (None, "two")},
        ),
    }

    ended = {name: daemon.ended(ShownExecution(each)) for name, each in anew.items()}
    assert len({each.id for each in ended.values()} - {late.id}) == len(ended)
    told = {name: (each.state, each.revision, each.run_of("no").outputs["value"]) for name, each in ended.items()}
    assert told == {name: ("SUCCESS", 2, "two" if name == "with inputs" else "one") for name in anew}
    again = daemon.ended(ShownExecution(daemon.act(late, "replay")))
    assert (again.state, again.revision, daemon.execution(late).states) == ("FAILED", 1, late.states)


def test_a_replay_has_files_of_its_own(daemon: Daemon) -> None:
    first = daemon.run("reads", files={"table": ("a.txt", b"first")})
    path = f"/executions/{first.id}/actions/replay-with-inputs"
    second = daemon.call("POST", path, files={"table": ("a.txt", b"second")})

    ended = daemon.ended(ShownExecution(second))
    assert (ended.run_of("ok").outputs["value"], second["id"] in ended.inputs["table"]) == ("second", True)
    assert daemon.file(first, first.inputs["table"]) == b"first"


def test_what_runs_can_be_deleted_if_that_is_said_and_does_not_come_back(daemon: Daemon) -> None:
    (running_still,) = put(daemon, "running")
    path = f"/executions/{running_still.id}"

    daemon.call("DELETE", path, status=409)
    daemon.call("DELETE", path, status=204, params={"includeNonTerminated": "true"})

    daemon.call("GET", path, status=404)
    assert not daemon.executions("naps", **{"filters[id][EQUALS]": running_still.id})


@pytest.mark.parametrize(
    ("flow", "why"), [("off", "disabled"), ("draft", "a draft"), ("draft-that-is-right", "a draft")]
)
def test_nothing_starts_what_is_off(daemon: Daemon, flow: str, why: str) -> None:
    refused = daemon.call("POST", f"/executions/company.team/{flow}", status=409)
    assert f"is {why}" in refused["message"]
    daemon.webhook(flow, "a-key", status=404)
    failed = daemon.run("calls-off", {"flow": flow})
    assert (failed.state, f"it is {why}" in failed.run_of("call").failures[0]) == ("FAILED", True)
    assert [each.get("nextExecutionDate") for each in map(state_of, daemon.triggers(flow))] in ([], [None, None])
    assert not daemon.executions(flow)


def state_of(trigger: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(trigger["triggerContext"])


# Many at once.


def bulk(daemon: Daemon, name: str, executions: list[ShownExecution], status: int = 200, **query: str) -> Any:
    ids = [each.id for each in executions]
    method, path = ("DELETE", "/executions/by-ids") if name == "delete" else ("POST", f"/executions/{name}/by-ids")
    return daemon.call(method, path, status=status, params=query, content=json.dumps(ids))


@pytest.mark.parametrize(
    ("name", "into", "query", "end"),
    [
        ("kill", "paused", {}, "KILLED"),
        ("pause", "running", {}, "PAUSED"),
        ("resume", "paused", {}, "SUCCESS"),
        ("restart", "cancelled", {}, "PAUSED"),
        ("replay", "success", {}, "SUCCESS"),
        ("change-status", "failed", {"newStatus": "SUCCESS"}, "SUCCESS"),
        ("force-run", "created", {}, "SUCCESS"),
        ("unqueue", "queued", {}, "SUCCESS"),
        ("delete", "success", {}, None),
    ],
)
def test_an_act_on_many_is_done_to_all_or_to_none(
    daemon: Daemon, name: str, into: str, query: dict[str, str], end: str | None
) -> None:
    first, second = put(daemon, into, 2)
    (unfit,) = put(daemon, "success" if name in {"kill", "pause"} else "running")

    refused = bulk(daemon, name, [first, unfit, second], 409, **query)
    assert unfit.id in refused["message"]
    bulk(daemon, name, [first, ShownExecution({"id": "nope"})], 404, **query)
    assert [daemon.execution(each).states for each in (first, second)] == [first.states, second.states]

    assert bulk(daemon, name, [first, second, first], **query) == {"count": 2}
    for each in (first, second):
        if end is None:
            daemon.call("GET", f"/executions/{each.id}", status=404)
        else:
            assert daemon.until(each, end).state == end


def test_what_a_query_finds_is_acted_on_as_well(daemon: Daemon) -> None:
    marked = [daemon.start("pauses", labels=["batch:one"]) for _ in range(2)]
    other = daemon.start("pauses")
    for each in (*marked, other):
        daemon.until(each, "PAUSED")

    query = {"filters[labels][EQUALS][batch]": "one"}
    assert daemon.call("POST", "/executions/resume/by-query", params=query) == {"count": 2}
    assert [daemon.ended(each).state for each in marked] == ["SUCCESS", "SUCCESS"]
    labels = [{"key": "seen", "value": "yes"}]
    assert daemon.call("POST", "/executions/labels/by-query", params=query, json=labels) == {"count": 2}
    assert daemon.execution(marked[0]).labels["seen"] == "yes"
    assert daemon.call("DELETE", "/executions/by-query", params=query) == {"count": 2}
    assert daemon.call("DELETE", "/executions/kill/by-query", params={"filters[id][EQUALS]": other.id}) == {"count": 1}


def test_nothing_goes_on_without_what_it_asks_for(daemon: Daemon) -> None:
    asking, plain = daemon.until(daemon.start("wants"), "PAUSED"), *put(daemon, "paused")

    assert "count" in bulk(daemon, "resume", [plain, asking], 422)["message"]
    assert "count" in daemon.act(asking, "force-run", status=422)["message"]
    assert [daemon.execution(each).state for each in (plain, asking)] == ["PAUSED", "PAUSED"]


def test_the_files_of_many_go_with_them(daemon: Daemon) -> None:
    written = [daemon.run("files") for _ in range(2)]
    folder = daemon.data / "storage"
    assert len(names := {str(each) for each in folder.rglob("*") if written[0].id in str(each)}) > 0, names

    bulk(daemon, "delete", written)

    assert not [each for each in folder.rglob("*") if written[0].id in str(each) or written[1].id in str(each)]
