"""Secrets in a real daemon: what a task does with one shows nowhere - not in the database, the files of internal storage,
the API's answers or the page - and later tasks can work with it all the same."""

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from segue.tasks.encryption import Cipher

from tests.support.client import ShownExecution
from tests.support.daemon import Daemon, running, segue

TOKEN = "s3cr3t/Tök€n+with spaces&more"
PASSWORD = "p4ssw0rd-given-by-a-caller"
KEY = "I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK"  # of 24 bytes, as in Kestra's own tests
ENCRYPTED = "io.kestra.datatype:aes_encrypted"

LEAKS = """
id: leaks
namespace: company.team
inputs:
  - {id: password, type: SECRET}
  - {id: again, type: SECRET, defaults: "{{ secret('TOKEN') }}"}
tasks:
  - id: log
    type: core.log.Log
    message: "{{ secret('TOKEN') }} {{ inputs.password }} {{ inputs.again | base64encode }} {{ inputs | toJson }}"
  - id: return
    type: core.debug.Return
    format: "{{ secret('TOKEN') }}"
  - id: compare
    type: core.debug.Return
    format: "{{ outputs.return.value == secret('TOKEN') }} {{ outputs['return']['value'] | length }}"
  - id: script
    type: scripts.python.Script
    taskRunner: {type: core.runner.Process}
    env: {TOKEN: "{{ secret('TOKEN') }}", PASSWORD: "{{ inputs.password }}"}
    script: |
      import base64, json, os, sys, urllib.parse
      for text in (os.environ["TOKEN"], os.environ["PASSWORD"]):
          for stream in (sys.stdout, sys.stderr):
              for byte in (text + "\\n").encode():
                  stream.buffer.write(bytes([byte]))
                  stream.buffer.flush()
          print(base64.b64encode(text.encode()).decode())
          print(base64.b64encode(("xx" + text).encode()).decode())
          print(urllib.parse.quote(text, safe=""), urllib.parse.quote_plus(text), urllib.parse.quote(text))
          print(json.dumps({"text": text}), "x" * 9990 + text)
          print("::" + json.dumps({"outputs": {"given": [{"text": text}], text: 1}}) + "::")
  - id: if
    type: core.flow.If
    condition: "{{ inputs.password == 'p4ssw0rd-given-by-a-caller' }}"
    then:
      - {id: held, type: core.log.Log, message: it holds}
  - id: raises
    type: scripts.python.Script
    taskRunner: {type: core.runner.Process}
    allowFailure: true
    env: {TOKEN: "{{ secret('TOKEN') }}"}
    script: |
      import os
      raise ValueError("no use for " + os.environ["TOKEN"])
  - id: fails
    type: core.execution.Fail
    errorMessage: "because of {{ secret('TOKEN') }}"
    allowFailure: true
outputs:
  - {id: sealed, type: SECRET, value: "nothing {{ 'but text' }}"}
  - {id: told, type: STRING, value: "{{ inputs.password }}!"}
"""
SWITCH = """
id: switch
namespace: company.team
inputs:
  - {id: password, type: SECRET}
tasks:
  - id: switch
    type: core.flow.Switch
    value: "{{ inputs.password }}"
    cases:
      a: [{id: a, type: core.log.Log, message: a}]
    defaults: [{id: b, type: core.log.Log, message: b}]
"""
PLAIN = """
id: plain
namespace: company.team
inputs:
  - {id: password, type: SECRET}
  - {id: copy, type: STRING, defaults: "x{{ inputs.password }}"}
tasks:
  - {id: log, type: core.log.Log, message: never}
"""
CHILD = """
id: child
namespace: company.team
inputs:
  - {id: token, type: SECRET}
tasks:
  - {id: same, type: core.debug.Return, format: "{{ inputs.token }}"}
outputs:
  - {id: token, type: SECRET, value: "{{ outputs.same.value }}"}
"""
PARENT = """
id: parent
namespace: company.team
inputs:
  - {id: password, type: SECRET}
tasks:
  - id: sub
    type: core.flow.Subflow
    namespace: company.team
    flowId: child
    inputs: {token: "{{ inputs.password }}"}
  - id: compare
    type: core.debug.Return
    format: "{{ outputs.sub.outputs.token == inputs.password }}"
"""
WRONG_PARENT = PARENT.replace("id: parent", "id: wrong-parent").replace("flowId: child", "flowId: open-child")
OPEN_CHILD = CHILD.replace("id: child", "id: open-child").replace("token, type: SECRET}", "token, type: STRING}", 1)
UNKNOWN = """
id: unknown
namespace: company.team
tasks:
  - {id: log, type: core.log.Log, message: "{{ secret('nowhere') }}"}
"""
FLOWS = {
    f"flows/company.team/{name}.yaml": text
    for name, text in {
        "leaks": LEAKS,
        "switch": SWITCH,
        "plain": PLAIN,
        "unknown": UNKNOWN,
        "child": CHILD,
        "parent": PARENT,
        "open-child": OPEN_CHILD,
        "wrong-parent": WRONG_PARENT,
    }.items()
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    environment = {"SEGUE_SECRET_TOKEN": TOKEN, "SEGUE_ENCRYPTION_SECRET_KEY": KEY}
    with running(tmp_path_factory.mktemp("secrets"), FLOWS, environment=environment) as found:
        yield found


@pytest.fixture(scope="module")
def leaked(daemon: Daemon) -> ShownExecution:
    return daemon.run("leaks", {"password": PASSWORD})


def forms_of(secret: str) -> dict[str, bytes]:
    """How it could show: as it is, and as it is commonly encoded. Of Base64 the middle, which its neighbours leave as it is."""
    data = secret.encode()
    inner = {f"base64 at {skipped}": base64.b64encode(data[skipped:])[4:-8] for skipped in range(3)}
    return {
        "plain": data,
        "url": quote(secret, safe="").encode(),
        "json": json.dumps(secret)[1:-1].encode(),
        "hex": data.hex().encode(),
        **inner,
    }


def hits(text: bytes) -> list[str]:
    return [
        f"{name}: {form}"
        for name, secret in (("token", TOKEN), ("password", PASSWORD))
        for form, needle in forms_of(secret).items()
        if needle in text
    ]


def test_all_went_as_if_nothing_were_hidden(daemon: Daemon, leaked: ShownExecution) -> None:
    assert leaked.state == "WARNING", (leaked.json, daemon.logs(leaked))
    assert leaked.run_of("compare").outputs["value"] == f"true {len(TOKEN)}"
    assert leaked.run_of("held").state == "SUCCESS"


def test_the_logs_show_stars_where_a_secret_was(daemon: Daemon, leaked: ShownExecution) -> None:
    assert daemon.logs(leaked, "log")[0].startswith(f"{_said(TOKEN)} {_said(PASSWORD)} **masked*")
    assert _said(TOKEN) in daemon.logs(leaked, "script")
    assert f"because of {'*' * len(TOKEN)}" in daemon.logs(leaked, "fails")


def _said(secret: str) -> str:
    """How the first of a secret shows in a message."""
    return "**masked*".ljust(len(secret), "*")


@pytest.mark.parametrize("where", ["data folder", "execution", "logs", "page", "search", "what it printed"])
def test_no_secret_shows(daemon: Daemon, leaked: ShownExecution, where: str) -> None:
    match where:
        case "data folder":
            files = [each for each in daemon.data.rglob("*") if each.is_file()]
            assert any(each.name == "segue.db" for each in files)
            assert {each.name: hits(each.read_bytes()) for each in files if hits(each.read_bytes())} == {}
        case "execution":
            assert hits(json.dumps(leaked.json, ensure_ascii=False).encode()) == []
        case "logs":
            assert hits(json.dumps(daemon.get(f"/logs/{leaked.id}"), ensure_ascii=False).encode()) == []
        case "page":
            page = daemon.http.get(f"/executions/{leaked.id}")
            assert page.status_code == 200
            assert hits(page.content) == []
        case "search":
            assert hits(json.dumps(daemon.get("/executions/search"), ensure_ascii=False).encode()) == []
        case _:
            assert hits(daemon.output().encode()) == []


def test_a_secret_stands_encrypted_with_the_key_among_inputs_and_outputs(leaked: ShownExecution) -> None:
    cipher = Cipher.of(KEY)
    places = {
        "input": (leaked.inputs["password"], PASSWORD),
        "input from a secret": (leaked.inputs["again"], TOKEN),
        "task output": (leaked.run_of("return").outputs["value"], TOKEN),
        "script output": (leaked.run_of("script").outputs["vars"]["given"][0]["text"], PASSWORD),
        "SECRET output": (leaked.outputs["sealed"], "nothing but text"),
        "output that holds one": (leaked.outputs["told"], PASSWORD + "!"),
    }
    for place, (found, expected) in places.items():
        assert found["type"] == ENCRYPTED, place
        assert cipher.decrypt(found["value"]) == expected, place


@pytest.mark.parametrize(
    ("template", "result"),
    [("{{ inputs.password }}", ENCRYPTED), ("{{ outputs.return.value }}", ENCRYPTED), ("{{ 1 + 1 }}", "2")],
)
def test_a_question_of_a_person_is_answered_with_what_is_stored(
    daemon: Daemon, leaked: ShownExecution, template: str, result: str
) -> None:
    answer = daemon.call("POST", f"/executions/{leaked.id}/actions/eval", content=template)
    assert answer.keys() >= {"result", "error"}
    assert result in answer["result"]
    assert hits(json.dumps(answer).encode()) == []


@pytest.mark.parametrize("template", ["{{ secret('TOKEN') }}", "{{ render('{{ sec' ~ 'ret(\"TOKEN\") }}') }}"])
def test_a_question_of_a_person_gets_no_secret(daemon: Daemon, leaked: ShownExecution, template: str) -> None:
    answer = daemon.call("POST", f"/executions/{leaked.id}/actions/eval", content=template)
    assert hits(json.dumps(answer, ensure_ascii=False).encode()) == []


def test_what_decides_the_course_and_holds_a_secret_fails_with_what_to_do(daemon: Daemon) -> None:
    execution = daemon.run("switch", {"password": PASSWORD})
    assert execution.state == "FAILED"
    assert "decide on it within an expression" in "\n".join(daemon.logs(execution))


def test_a_default_that_would_copy_a_secret_into_the_clear_is_refused(daemon: Daemon) -> None:
    answer = daemon.call("POST", "/executions/company.team/plain", files={"password": (None, PASSWORD)}, status=422)
    assert "declare it SECRET" in answer["message"]
    assert hits(json.dumps(answer).encode()) == []


def test_a_secret_goes_to_a_subflow_and_comes_back_encrypted_all_the_way(daemon: Daemon) -> None:
    execution = daemon.run("parent", {"password": PASSWORD})
    assert execution.state == "SUCCESS", daemon.logs(execution)
    assert execution.run_of("compare").outputs["value"] == "true"
    [child] = daemon.executions("child")
    assert child.inputs["token"]["type"] == child.outputs["token"]["type"] == ENCRYPTED
    for shown in (execution, child):
        assert hits(json.dumps(daemon.execution(shown).json, ensure_ascii=False).encode()) == []


def test_a_subflow_whose_input_is_no_secret_is_not_given_one(daemon: Daemon) -> None:
    execution = daemon.run("wrong-parent", {"password": PASSWORD})
    assert execution.state == "FAILED"
    assert "declare it SECRET" in "\n".join(daemon.logs(execution))


def test_an_unknown_secret_says_where_it_was_looked_for(daemon: Daemon) -> None:
    said = "\n".join(daemon.logs(daemon.run("unknown")))
    for place in ("SEGUE_SECRET_NOWHERE", "SECRET_NOWHERE", "secrets_folder"):
        assert place in said


def test_without_a_key_of_yours_the_data_folder_has_its_own(tmp_path: Path) -> None:
    with running(tmp_path, FLOWS) as daemon:
        assert daemon.run("switch", {"password": "a"}).inputs["password"]["type"] == ENCRYPTED
        file = daemon.data / "encryption.key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert Cipher.of(file.read_text())


def test_with_encryption_turned_off_a_secret_is_not_taken(tmp_path: Path) -> None:
    with running(tmp_path, FLOWS, environment={"SEGUE_ENCRYPTION_SECRET_KEY": ""}) as daemon:
        answer = daemon.call(
            "POST", "/executions/company.team/switch", files={"password": (None, PASSWORD)}, status=422
        )
        assert "SEGUE_ENCRYPTION_SECRET_KEY" in answer["message"]
        assert hits(json.dumps(answer).encode()) == []


def test_the_command_line_evaluates_in_an_execution_and_shows_no_secret(daemon: Daemon, leaked: ShownExecution) -> None:
    done = segue("eval", "flow.id ~ outputs.compare.value", "--execution", leaked.id, SEGUE_URL=daemon.url)
    assert done.stdout.strip() == f"leakstrue {len(TOKEN)}", done.stderr
    refused = segue("eval", "secret('TOKEN')", "--execution", leaked.id, SEGUE_URL=daemon.url)
    assert refused.returncode == 1
    assert "secret() is not available here" in refused.stderr
