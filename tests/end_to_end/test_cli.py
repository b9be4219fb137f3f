"""The command line as people type it: processes, a real daemon, real checkouts."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import SEGUE, Daemon, clean_environment, running, segue
from tests.support.repositories import Repository, flow_text
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("cli")

GREET = """\
id: greet
namespace: company.team
description: Greets.
inputs:
  - id: name
    type: STRING
    defaults: World
tasks:
  - id: say
    type: io.kestra.plugin.core.log.Log
    message: "Hello {{ inputs.name }}"
  - id: warn
    type: io.kestra.plugin.core.log.Log
    level: WARN
    message: mind the gap
  - id: answer
    type: io.kestra.plugin.core.output.OutputValues
    values:
      greeting: "Hello {{ inputs.name }}"
outputs:
  - id: greeting
    type: STRING
    value: "{{ outputs.answer.values.greeting }}"
triggers:
  - id: yearly
    type: io.kestra.plugin.core.trigger.Schedule
    cron: "0 0 1 1 *"
"""
FAILS = """\
id: fails
namespace: company.team
tasks:
  - id: no
    type: io.kestra.plugin.core.execution.Fail
    errorMessage: not today
"""
SLEEPS = """\
id: sleeps
namespace: company.team
tasks:
  - id: sleep
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    commands:
      - echo asleep
      - sleep 300
"""
COPIES = """\
id: copies
namespace: company.team
inputs:
  - id: table
    type: FILE
tasks:
  - id: count
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner:
      type: io.kestra.plugin.core.runner.Process
    namespaceFiles:
      enabled: true
    inputFiles:
      table.csv: "{{ inputs.table }}"
    commands:
      - cat greeting.txt table.csv
"""
LISTENS = """\
id: listens
namespace: company.team
tasks:
  - id: heard
    type: io.kestra.plugin.core.log.Log
    message: "heard of {{ trigger.flowId }}"
triggers:
  - id: ends
    type: io.kestra.plugin.core.trigger.Flow
    preconditions:
      id: it
      flows:
        - namespace: company.team
          flowId: greet
"""
LOOPS = """\
id: loops
namespace: company.team
tasks:
  - id: each
    type: io.kestra.plugin.core.flow.Loop
    values: [good, bad]
    tasks:
      - id: no
        type: io.kestra.plugin.core.execution.Fail
        condition: "{{ item.value == 'bad' }}"
"""
ASKS = """\
id: asks
namespace: company.team
tasks:
  - id: wait
    type: io.kestra.plugin.core.flow.Pause
    onResume:
      - id: reason
        type: STRING
      - id: canary
        type: BOOL
        defaults: true
"""
FOLDER = "flows/company.team"
FILES = {
    f"{FOLDER}/greet.yaml": GREET,
    f"{FOLDER}/fails.yaml": FAILS,
    f"{FOLDER}/sleeps.yaml": SLEEPS,
    f"{FOLDER}/copies.yaml": COPIES,
    f"{FOLDER}/loops.yaml": LOOPS,
    f"{FOLDER}/asks.yaml": ASKS,
    f"{FOLDER}/_files/greeting.txt": "the table:\n",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running(tmp_path_factory.mktemp("cli"), FILES) as daemon:
        yield daemon


def told(daemon: Daemon, *arguments: str) -> str:
    """What a command that is good says."""
    done = segue(*arguments, SEGUE_URL=daemon.url)
    assert done.returncode == 0, done
    return done.stdout


def as_json(daemon: Daemon, *arguments: str) -> Any:
    return json.loads(told(daemon, *arguments, "--json"))


# Against a daemon.


def test_flows_are_listed_shown_and_have_revisions(daemon: Daemon) -> None:
    table = told(daemon, "flows", "list", "--namespace", "company").splitlines()
    assert table[0].split() == ["FLOW", "REVISION", "STATE", "PROBLEMS", "DESCRIPTION"]
    assert [line.split()[:3] for line in table if "/greet" in line] == [["company.team/greet", "1", "live"]]
    assert told(daemon, "flows", "show", "company.team/greet", "--source") == GREET
    assert "inputs       name (STRING, optional)" in told(daemon, "flows", "show", "company.team/greet")
    (revision,) = as_json(daemon, "flows", "revisions", "company.team/greet")
    assert revision["commit"] == daemon.repository.head


def test_an_execution_is_started_waited_for_and_shown(daemon: Daemon) -> None:
    said = told(daemon, "executions", "start", "company.team/greet", "-i", "name=Ada", "-l", "a:b", "--wait")
    assert [line.split(maxsplit=1)[0] for line in said.splitlines()] == ["execution", "state", "page", "output"]
    assert said.splitlines()[3] == "output greeting  Hello Ada"
    (execution,) = as_json(daemon, "executions", "list", "-f", "company.team/greet", "-l", "a:b", "-s", "success")
    shown = told(daemon, "executions", "show", execution["id"])
    assert "input name Ada" in " ".join(shown.split())
    assert "system." not in shown
    assert [line.split()[:3] for line in shown.splitlines() if line.startswith("say")] == [["say", "-", "SUCCESS"]]


def test_an_execution_stands_still_at_breakpoints_until_it_is_told_to_continue(daemon: Daemon) -> None:
    execution = as_json(daemon, "executions", "start", "company.team/greet", "-b", "say")["id"]
    assert daemon.until(execution, "BREAKPOINT").json["breakpoints"] == [{"id": "say", "value": None}]
    refused = segue("executions", "resume", execution, SEGUE_URL=daemon.url)
    assert (refused.returncode, "let it go on from there" in refused.stderr) == (1, True)
    unknown = segue("executions", "continue", execution, "-b", "say.x", "-b", "sya", SEGUE_URL=daemon.url)
    assert (unknown.returncode, "No breakpoint at `sya`: expected a task of" in unknown.stderr) == (1, True)
    told(daemon, "executions", "continue", execution, "--breakpoint", "warn")
    assert daemon.until_run(execution, "warn", "BREAKPOINT").run_of("say").state == "SUCCESS"
    told(daemon, "executions", "continue", execution)
    assert daemon.ended(execution).state == "SUCCESS"


def test_an_execution_that_fails_ends_a_start_that_waits_with_1_and_says_why(daemon: Daemon) -> None:
    done = segue("executions", "start", "company.team/fails", "--wait", SEGUE_URL=daemon.url)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[1], lines[3]) == (1, "state      FAILED", "failed no  not today")


def test_a_loop_that_fails_says_in_how_many_iterations_and_they_are_found(daemon: Daemon) -> None:
    done = segue("executions", "start", "company.team/loops", "--wait", "--json", SEGUE_URL=daemon.url)
    execution = json.loads(done.stdout)["id"]
    assert "1 of 2 iterations failed" in told(daemon, "executions", "show", execution)
    assert f"segue executions list --started-by {execution}" in segue("logs", execution, SEGUE_URL=daemon.url).stderr
    (failed,) = as_json(daemon, "executions", "list", "--started-by", execution, "--state", "failed")
    shown = " ".join(told(daemon, "executions", "show", failed["id"]).split())
    assert f"trigger each of {execution}" in shown
    assert "item #1 bad" in shown


def test_a_paused_execution_says_what_it_asks_for(daemon: Daemon) -> None:
    execution = as_json(daemon, "executions", "start", "company.team/asks")["id"]
    wait_until(lambda: "PAUSED" in told(daemon, "executions", "show", execution), what="the pause")
    assert "asks for   reason (STRING), canary (BOOL, optional)" in told(daemon, "executions", "show", execution)
    told(daemon, "executions", "resume", execution, "-i", "reason=done")


def test_an_input_that_the_flow_does_not_have_starts_nothing(daemon: Daemon) -> None:
    done = segue("executions", "start", "company.team/greet", "-i", "nam=Ada", SEGUE_URL=daemon.url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "company.team/greet has no input 'nam': did you mean 'name'?" in done.stderr


def test_a_list_of_nothing_says_so(daemon: Daemon) -> None:
    done = segue("executions", "list", "--flow", "company.team/none", SEGUE_URL=daemon.url)
    assert (done.returncode, done.stderr) == (0, "Nothing found.\n")


def test_logs_are_printed_from_a_level_on_and_followed_to_the_end(daemon: Daemon) -> None:
    execution = as_json(daemon, "executions", "start", "company.team/greet", "--wait")["id"]
    lines = told(daemon, "logs", execution, "--level", "WARN").splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == ["WARN  warn mind the gap"]
    followed = told(daemon, "logs", execution, "-f", "--json").splitlines()
    assert [json.loads(line)["message"] for line in followed] == ["Hello World", "mind the gap"]


def test_an_execution_is_killed_followed_and_replayed(daemon: Daemon) -> None:
    execution = as_json(daemon, "executions", "start", "company.team/sleeps")["id"]
    following = subprocess.Popen(
        [SEGUE, "logs", execution, "--follow"],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment({"SEGUE_URL": daemon.url}),
    )
    assert following.stdout is not None
    assert following.stdout.readline().endswith("sleep asleep\n")
    told(daemon, "executions", "kill", execution)
    following.communicate(timeout=60)
    assert following.returncode == 0
    assert as_json(daemon, "executions", "show", execution)["state"]["current"] == "KILLED"
    again = as_json(daemon, "executions", "replay", execution)["id"]
    assert again != execution
    told(daemon, "executions", "kill", again)
    done = segue("executions", "kill", execution, SEGUE_URL=daemon.url)
    assert (done.returncode, "has ended already" in done.stderr) == (1, True)


def test_a_sync_tells_what_changed_and_what_is_wrong(daemon: Daemon) -> None:
    daemon.repository.commit({f"{FOLDER}/new.yaml": flow_text("new")})
    lines = told(daemon, "sync", "--wait").splitlines()
    assert lines[0] == f"commit {daemon.repository.head}"
    daemon.repository.commit({f"{FOLDER}/new.yaml": flow_text("new").replace("message", "massage")})
    done = segue("sync", SEGUE_URL=daemon.url)
    assert done.returncode == 1
    assert f"{FOLDER}/new.yaml:6:5 unknown-key" in done.stdout
    daemon.repository.commit({f"{FOLDER}/new.yaml": None})
    told(daemon, "sync")


def test_triggers_are_listed_and_switched(daemon: Daemon) -> None:
    name = "company.team/greet/yearly"
    assert told(daemon, "triggers", "disable", name) == f"{name} disabled\n"
    listed = told(daemon, "triggers", "list", "--flow", "company.team/greet").splitlines()[1]
    assert listed.split()[2:] == ["disabled", "-", "-"]
    assert told(daemon, "triggers", "enable", name) == f"{name} enabled\n"


def test_keys_are_written_read_and_deleted(daemon: Daemon) -> None:
    told(daemon, "kv", "set", "company.team", "day", "2026-01-31", "--ttl", "P1D")
    assert told(daemon, "kv", "get", "company.team", "day") == "2026-01-31\n"
    (entry,) = as_json(daemon, "kv", "list", "company.team")
    assert (entry["type"], entry["expirationDate"] is not None) == ("DATE", True)
    told(daemon, "kv", "delete", "company.team", "day")
    assert segue("kv", "get", "company.team", "day", SEGUE_URL=daemon.url).returncode == 1


# How commands end.


def test_wrong_usage_ends_with_2_and_a_missing_daemon_with_1() -> None:
    assert "Try 'segue flows --help'" in segue("flows", "lost").stderr
    assert "Did you mean 'executions'?" in segue("execution", "list").stderr
    assert segue("flows", "lost").returncode == 2
    assert segue("flows", "show", "no-slash").returncode == 2
    done = segue("flows", "list", SEGUE_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "start one with `segue serve`" in done.stderr


# Without a daemon.


@pytest.fixture
def checkout(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "checkout")
    repository.commit(FILES)
    return repository


def test_a_flow_runs_by_its_name_and_prints_its_outputs(checkout: Repository) -> None:
    done = segue("run", "company.team/greet", "-i", "name=Ada", cwd=checkout.path)
    assert done.returncode == 0, done
    assert "Hello Ada" in done.stdout
    assert done.stdout.splitlines()[-1] == "greeting  Hello Ada"


def test_a_flow_runs_as_it_lies_there_not_as_it_was_committed(checkout: Repository) -> None:
    checkout.write(f"{FOLDER}/greet.yaml", GREET.replace("mind the gap", "not yet committed"))
    checkout.write(f"{FOLDER}/listens.yaml", LISTENS)
    before = checkout.git("status", "--porcelain", "--untracked-files=all")
    done = segue("run", f"{FOLDER}/greet.yaml", cwd=checkout.path)
    assert done.returncode == 0, done
    assert "not yet committed" in done.stdout
    assert "heard of greet" in done.stdout, "a flow that listens for its end runs too"
    assert checkout.git("status", "--porcelain", "--untracked-files=all") == before


def test_a_file_is_sent_and_namespace_files_are_there(checkout: Repository, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("a,b\n")
    checkout.write(f"{FOLDER}/_files/greeting.txt", "orders:\n")
    done = segue("run", "company.team/copies", "-i", f"table=@{tmp_path / 'orders.csv'}", cwd=checkout.path)
    said = [line.split(" ", 1)[1] for line in done.stdout.splitlines() if " INFO " in line]
    assert said == ["INFO  count orders:", "INFO  count a,b"]


def test_a_run_that_fails_ends_with_1_and_says_why(checkout: Repository) -> None:
    done = segue("run", "company.team/fails", cwd=checkout.path)
    assert done.returncode == 1
    assert "FAILED  no" in done.stdout
    assert "not today" in done.stdout


def test_json_is_the_execution_and_nothing_else(checkout: Repository) -> None:
    done = segue("run", "company.team/greet", "--json", cwd=checkout.path)
    execution = json.loads(done.stdout)
    assert (execution["state"]["current"], execution["outputs"]) == ("SUCCESS", {"greeting": "Hello World"})
    assert [run["taskId"] for run in execution["taskRunList"]] == ["say", "warn", "answer"]


def test_a_file_outside_the_folder_for_flows_and_outside_any_repository_runs(
    checkout: Repository, tmp_path: Path
) -> None:
    checkout.write("drafts/draft.yaml", flow_text("draft", message="from a draft"))
    assert "from a draft" in segue("run", "drafts/draft.yaml", cwd=checkout.path).stdout
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "alone.yaml").write_text(flow_text("alone", message="from nowhere"))
    assert "from nowhere" in segue("run", str(tmp_path / "loose" / "alone.yaml"), cwd=tmp_path).stdout


def test_a_file_with_problems_is_told_of_as_validate_does(checkout: Repository) -> None:
    checkout.write(f"{FOLDER}/greet.yaml", GREET.replace("message: mind", "massage: mind"))
    done = segue("run", f"{FOLDER}/greet.yaml", cwd=checkout.path)
    validated = segue("validate", f"{FOLDER}/greet.yaml", cwd=checkout.path)
    assert (done.returncode, validated.returncode) == (1, 1)
    assert validated.stdout.splitlines() == done.stderr.splitlines()[:-1]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(["company.team/great"], 1, "is it company.team/greet?", id="no-such-flow"),
        pytest.param(["company.team/copies"], 1, "missing required input", id="input-missing"),
        pytest.param(["nowhere.yaml"], 2, "there is no file or folder nowhere.yaml", id="no-such-file"),
        pytest.param(["flows"], 2, "flows is a folder", id="folder"),
        pytest.param(["company.team/greet", "-i", "name"], 2, "expected key=value", id="no-input"),
        pytest.param(["company.team/greet", "-i", "nme=x"], 2, "did you mean 'name'?", id="misspelt-input"),
        pytest.param(["company.team/greet", "--data", "flows"], 1, "was not made by `segue run`", id="data"),
    ],
)
def test_what_cannot_be_run_is_told(checkout: Repository, arguments: list[str], code: int, told: str) -> None:
    done = segue("run", *arguments, cwd=checkout.path)
    assert (done.returncode, told in done.stderr) == (code, True), done
    assert "bug" not in done.stderr


def test_kept_runs_are_no_part_of_the_checkout(checkout: Repository) -> None:
    for _ in range(2):
        assert segue("run", "company.team/greet", "--data", ".runs", cwd=checkout.path).returncode == 0
    assert (checkout.path / ".runs" / "segue.db").is_file()
    assert checkout.git("status", "--porcelain") == ""


def test_an_interrupt_kills_the_execution_and_leaves_nothing(checkout: Repository, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [SEGUE, "run", "company.team/sleeps"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=checkout.path,
        env=clean_environment({"TMPDIR": str(tmp_path / "tmp")}),
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or "asleep" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert rest.splitlines()[0].startswith("interrupted: killing")
    assert rest.splitlines()[-1].endswith("KILLED")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_on_a_terminal_there_is_a_tree_that_moves(checkout: Repository) -> None:
    leader, follower = pty.openpty()
    environment = clean_environment({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"})
    process = subprocess.Popen(
        [SEGUE, "run", "company.team/greet"],
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        cwd=checkout.path,
        env=environment,
    )
    os.close(follower)
    said = bytearray()

    def is_over() -> bool:
        try:
            said.extend(os.read(leader, 65536))
        except OSError:  # nobody holds the other end any more
            return True
        return False

    wait_until(is_over, what="the run to end", seen=lambda: said.decode(errors="replace"))
    os.close(leader)
    assert process.wait(10) == 0
    text = said.decode()
    assert "company.team/greet" in text
    assert "\x1b[32mSUCCESS" in text
    assert text.rstrip().endswith("Hello World")
