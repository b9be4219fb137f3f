"""Script tasks in real workers: output, protocol, files, exit codes, and the end of all that a script started."""

import os
import re
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from segue.model.order import Order
from segue.model.state import State
from segue.storage.local import LocalStorage
from segue.tasks.scripts import processes
from segue.workers.reports import WorkerGone

from tests.support.pools import Harness, SharedPool, order_of
from tests.support.waiting import wait_until
from tests.unit.workers.conftest import SECRET
from tests.unit.workers.test_pool import in_pool


def shell(*commands: str, **properties: Any) -> Order:
    return order_of("scripts.shell.Commands", {"commands": list(commands)} | properties)


def test_a_command_speaks_in_the_log_and_gives_outputs_and_metrics(pool: SharedPool) -> None:
    said = '{"outputs":{"a":1,"b":"é"},"metrics":[{"name":"rows","type":"counter","value":2,"tags":{"k":"v"}}]}'
    outcome = pool.run(
        shell("echo one", f"echo '::{said}::'", 'echo \'::{"logs":[{"level":"WARN","message":"two"}]}::\'')
    )
    assert [(line.level, line.message) for line in outcome.lines] == [("INFO", "one"), ("WARN", "two")]
    assert outcome.ended.outputs == {"exitCode": 0, "vars": {"a": 1, "b": "é"}, "outputFiles": {}}
    assert [(each.name, each.kind, each.value, each.tags) for each in outcome.metrics] == [
        ("rows", "counter", 2.0, {"k": "v"})
    ]


PROTOCOL_MISTAKES = {
    "no JSON": "::{nothing}::",
    "not a number": '::{"outputs":{"a":NaN}}::',
    "a list of outputs": '::{"outputs":[1]}::',
    "an unknown metric": '::{"metrics":[{"name":"a","type":"guess","value":1}]}::',
    "an unknown level": '::{"logs":[{"level":"LOUD","message":"x"}]}::',
    "too deep": "::{" + '"a":{' * 5000 + "}" * 5000 + "}::",
}


@pytest.mark.parametrize("line", PROTOCOL_MISTAKES.values(), ids=PROTOCOL_MISTAKES.keys())
def test_a_line_of_the_protocol_that_cannot_be_read_is_a_warning(pool: SharedPool, line: str) -> None:
    outcome = pool.run(shell("cat line", inputFiles={"line": line}))
    assert outcome.ended.state is State.SUCCESS
    assert [each.level for each in outcome.lines] == ["WARN"]


EXIT_CODES = {
    "success": ("true", 0),
    "its own code": ("exit 3", 3),
    "killed": ("kill -KILL $$", 137),
    "no such command": ("nosuchcommand 2>/dev/null", 127),
}


@pytest.mark.parametrize(("command", "code"), EXIT_CODES.values(), ids=EXIT_CODES.keys())
def test_the_exit_code_decides(pool: SharedPool, command: str, code: int) -> None:
    ended = pool.run(shell(command)).ended
    assert ended.outputs is not None
    assert (ended.outputs["exitCode"], ended.state) == (code, State.FAILED if code else State.SUCCESS)


def test_the_first_command_that_fails_ends_it_unless_told_otherwise(pool: SharedPool) -> None:
    assert pool.run(shell("false", "echo on")).messages == ["Command failed with exit code 1"]
    assert pool.run(shell("false", "echo on", failFast=False)).messages == ["on"]


def test_errors_on_stderr_are_a_warning_unless_told_otherwise(pool: SharedPool) -> None:
    outcome = pool.run(shell("echo oh >&2"))
    assert (outcome.ended.state, outcome.lines[0].level) == (State.WARNING, "ERROR")
    assert pool.run(shell("echo oh >&2", warningOnStdErr=False)).ended.state is State.SUCCESS


def test_files_come_in_and_go_out(pool: SharedPool) -> None:
    storage = LocalStorage(pool.folder / "storage")
    storage.put("kestra:///company/team/flow/executions/other/x.csv", [b"from storage"])
    order = order_of(
        "scripts.shell.Commands",
        {
            "commands": [
                "cat in/a.txt b.csv {{ inputs.file }} > out.txt",
                "mkdir d",
                "echo 1 > d/1.txt",
                "echo 2 > '{{ outputFiles.two }}'",
            ],
            "inputFiles": {"in/a.txt": "Hello {{ inputs.name }}\n", "b.csv": "{{ inputs.file }}", "none": None},
            "outputFiles": ["out.txt", "two", "**/1.*", "{d,e}/*.txt"],
        },
        variables={"inputs": {"name": "Ada", "file": "kestra:///company/team/flow/executions/other/x.csv"}},
    )
    outcome = pool.run(order)
    assert outcome.ended.outputs is not None, outcome.text
    kept = outcome.ended.outputs["outputFiles"]
    text = {}
    for name, address in kept.items():
        with storage.open(address) as file:
            text[name] = file.read()
    assert text == {"out.txt": b"Hello Ada\nfrom storagefrom storage", "d/1.txt": b"1\n", "two": b"2\n"}


def test_output_files_are_kept_when_the_command_fails(pool: SharedPool) -> None:
    ended = pool.run(shell("echo 1 > kept", "false", outputFiles=["kept"])).ended
    assert ended.state is State.FAILED
    assert ended.outputs is not None
    assert list(ended.outputs["outputFiles"]) == ["kept"]


ESCAPES = {
    "input above": {"inputFiles": {"../x": "1"}},
    "input from the root": {"inputFiles": {"/tmp/x": "1"}},
    "input of the machine": {"inputFiles": {"x": "file:///etc/passwd"}},
    "output above": {"outputFiles": ["../*"]},
    "output from the root": {"outputFiles": ["/etc/passwd"]},
}


@pytest.mark.parametrize("properties", ESCAPES.values(), ids=ESCAPES.keys())
def test_no_file_leads_out_of_the_working_directory(pool: SharedPool, properties: dict[str, Any]) -> None:
    assert pool.run(shell("true", **properties)).ended.state is State.FAILED


def test_a_link_out_of_the_working_directory_is_not_kept(pool: SharedPool) -> None:
    outcome = pool.run(shell("ln -s /etc/passwd link", outputFiles=["link"]))
    assert outcome.ended.outputs is not None
    assert outcome.ended.outputs["outputFiles"] == {}


def test_scripts_see_who_they_are_and_no_secrets(pool: SharedPool) -> None:
    order = shell("env", env={"GREETING": "hello {{ 1 + 1 }}"})
    outcome = pool.run(order)
    seen = dict(line.split("=", 1) for line in outcome.messages)
    assert seen["GREETING"] == "hello 2"
    assert (seen["SEGUE_EXECUTION_ID"], seen["SEGUE_TASK_RUN_ID"], seen["SEGUE_ATTEMPT"]) == (
        "execution",
        order.task_run_id,
        "1",
    )
    assert not [name for name in seen if name.startswith("SECRET_")]


def test_a_secret_never_shows_however_it_is_printed(pool: SharedPool) -> None:
    script = """
import base64, json, os, sys, time, urllib.parse
s = os.environ["TOKEN"]
for letter in s:
    sys.stdout.write(letter)
    time.sleep(0.002)
print()
print("x" * 70_000 + s)
print(base64.b64encode(s.encode()).decode(), base64.b64encode(b"a" + s.encode()).decode())
print(urllib.parse.quote(s, safe=""), json.dumps({"s": s}))
raise Exception(s)
"""
    order = order_of("scripts.python.Script", {"script": script, "env": {"TOKEN": "{{ secret('TOKEN') }}"}})
    outcome = pool.run(order)
    assert outcome.messages[0] == "**masked*".ljust(len(SECRET), "*")
    for form in ("correct", "horse", "staple", "Y29ycmVjdCBob3JzZS9iYXR0ZXJ5K3N0YXBsZ", "NvcnJlY3QgaG9yc2Uv"):
        assert form not in outcome.text


def test_much_output_and_binary_output_come_whole(pool: SharedPool) -> None:
    outcome = pool.run(
        shell("head -c 300000 /dev/zero | tr '\\0' 'a'", "echo", "head -c 20000 /dev/urandom", "seq 20000")
    )
    assert outcome.ended.state is State.SUCCESS
    assert sum(line.message.count("a") for line in outcome.lines) >= 300_000
    assert outcome.messages[-1] == "20000"


def test_lines_are_told_while_the_script_runs(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = shell("echo begun", "sleep 60")
        await harness.begin(order)
        await harness.line(order, "begun")
        harness.pool.kill(order.id)
        assert (await harness.outcome(order)).ended.state is State.KILLED

    in_pool(tmp_path, story)


GRANDCHILD = "sh -c 'sleep 1000 & echo $!; setsid sleep 1001 & echo $!; wait'"


def test_a_kill_ends_all_that_a_script_started(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = shell(GRANDCHILD + " & echo $!; echo all; wait")
        await harness.begin(order)
        await harness.line(order, "all")
        harness.pool.kill(order.id)
        outcome = await harness.outcome(order)
        assert outcome.ended.state is State.KILLED
        pids = [int(text) for text in outcome.messages if re.fullmatch(r"\d+", text)]
        assert pids
        assert [processes.facts_of(pid) for pid in pids] == [None] * len(pids)

    in_pool(tmp_path, story)


def test_a_script_that_ignores_the_first_signal_is_ended_by_the_second(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = shell("trap 'echo heard' TERM", "echo begun", "while true; do sleep 0.05; done")
        await harness.begin(order)
        await harness.line(order, "begun")
        harness.pool.kill(order.id)
        outcome = await harness.outcome(order)
        assert outcome.ended.state is State.KILLED
        assert "heard" in outcome.messages

    in_pool(tmp_path, story, kill_grace=timedelta(seconds=0.3))


def test_a_timeout_ends_a_script_and_says_so(pool: SharedPool) -> None:
    order = order_of("scripts.shell.Commands", {"commands": ["echo begun", "sleep 60"]}, timeout="PT0.3S")
    outcome = pool.run(order)
    assert outcome.messages == ["begun", "Timeout after 00:00:00.300"]
    assert outcome.ended.failure is not None
    assert outcome.ended.failure.kind == "timeout"


def test_what_a_script_leaves_running_is_ended(pool: SharedPool) -> None:
    outcome = pool.run(shell("setsid sleep 1000 >/dev/null 2>&1 & echo $!"))
    assert outcome.ended.state is State.SUCCESS
    assert processes.facts_of(int(outcome.messages[0])) is None


def test_nothing_of_a_lost_worker_runs_when_its_loss_is_told(tmp_path: Path) -> None:
    async def story(harness: Harness) -> None:
        order = shell("setsid sleep 1000 & echo $!", "sleep 1001 & echo $!", "echo all", "wait")
        worker = await harness.begin(order)
        await harness.line(order, "all")
        os.kill({name: pid for name, pid, _ in harness.pool.processes}[worker], signal.SIGKILL)
        await harness.first(WorkerGone, order_id=order.id)
        told = [line.message for report in harness.reports for line in getattr(report, "lines", ())]
        pids = [int(text) for text in told if text.isdigit()]
        assert len(pids) == 2
        wait_until(lambda: not any(processes.facts_of(pid) for pid in pids), what="the scripts to be gone")

    in_pool(tmp_path, story)
