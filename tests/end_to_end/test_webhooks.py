"""Webhooks of the running daemon: what a call brings, and what it is answered."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.client import API
from tests.support.daemon import Daemon, running
from tests.support.waiting import wait_until

HOOK = """\
triggers:
  - id: hook
    type: io.kestra.plugin.core.trigger.Webhook
    key: open
"""
SAYS = """\
tasks: [{id: say, type: io.kestra.plugin.core.debug.Return, format: "%s"}]
outputs: [{id: said, type: STRING, value: "{{ outputs.say.value }}"}]
"""
WAITS = "    wait: true\n    returnOutputs: true\n"
CODE = "    responseCode: \"{{ outputs.say.value == 'none' ? 404 : 201 }}\"\n"
FLOWS = {
    "form": SAYS % "{{ trigger.formFields.note[0] }}: {{ read(trigger.parts[0].uri) }}" + HOOK + WAITS,
    "body": SAYS % "{{ trigger.body }}" + HOOK + WAITS,
    "stored": SAYS % "{{ read(trigger.uri) }}" + HOOK + WAITS + "    fetchType: STORE\n",
    "nothing": SAYS % "{{ trigger.body ?? 'nothing' }}" + HOOK + WAITS + "    fetchType: NONE\n",
    "code": SAYS % "{{ trigger.body }}" + HOOK + WAITS + CODE,
    "wrong-code": SAYS % "x" + HOOK + WAITS + '    responseCode: "{{ outputs.nobody }}"\n',
    "fails": "tasks: [{id: f, type: io.kestra.plugin.core.execution.Fail}]\n" + HOOK + "    wait: true\n",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    files = {
        f"flows/company.team/{name}.yaml": f"id: {name}\nnamespace: company.team\n{text}"
        for name, text in FLOWS.items()
    }
    with running(tmp_path_factory.mktemp("webhooks"), files) as daemon:
        yield daemon


def called(daemon: Daemon, flow: str, **more: Any) -> httpx2.Response:
    return daemon.http.post(f"{API}/executions/webhook/company.team/{flow}/open", **more)


def test_files_of_a_form_are_stored_and_its_fields_are_texts(daemon: Daemon) -> None:
    answer = called(daemon, "form", data={"note": "hi"}, files={"report": ("../a b.csv", b"1,2", "text/csv")})
    assert answer.json() == {"said": "hi: 1,2"}
    part = daemon.executions("form")[0].trigger["parts"][0]
    assert (part["name"], part["filename"], part["contentType"], part["size"]) == (
        "report",
        "../a b.csv",
        "text/csv",
        3,
    )
    assert "/trigger/hook/0/" in part["uri"]


BODIES = {
    "text": ("body", b"hello", "hello"),
    "no text": ("body", b"\xff\xfe", "//4="),
    "stored": ("stored", b"a long one", "a long one"),
    "not kept": ("nothing", b"hello", "nothing"),
}


@pytest.mark.parametrize(("flow", "sent", "said"), BODIES.values(), ids=BODIES)
def test_a_body_is_kept_as_the_trigger_says(daemon: Daemon, flow: str, sent: bytes, said: str) -> None:
    assert called(daemon, flow, content=sent).json() == {"said": said}


def test_the_status_may_depend_on_what_came_out(daemon: Daemon) -> None:
    assert called(daemon, "code", content=b"some").status_code == 201
    assert called(daemon, "code", content=b"none").status_code == 404
    assert called(daemon, "fails").status_code == 500
    assert called(daemon, "wrong-code").status_code == 500
    said = wait_until(lambda: daemon.trigger_logs("wrong-code", "hook"), what="why", seen=daemon.output)
    assert said[0].startswith("responseCode: ")


def test_a_webhook_takes_no_more_calls_a_minute_than_it_is_given(tmp_path: Path) -> None:
    files = {
        f"flows/company.team/{name}.yaml": f"id: {name}\nnamespace: company.team\n{FLOWS['nothing']}"
        for name in ("one", "two")
    }
    with running(tmp_path, files, environment={"SEGUE_WEBHOOK_RATE": "2"}) as daemon:
        assert [called(daemon, "one").status_code for _ in range(3)] == [200, 200, 429]
        refused = called(daemon, "one")
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        assert "Too many calls" in refused.json()["message"]
        assert called(daemon, "two").status_code == 200
        assert daemon.http.post(f"{API}/executions/webhook/company.team/one/wrong").status_code == 404
        assert len(daemon.executions("one")) == 2
