"""Attacks on a real daemon, each with what must not come of it: flows handed in by a call, paths that lead outside, forged
and broken deliveries, repositories with links in them, templates that never end, and a token that shows."""

import http.client
import json
import os
import random
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from segue.git.webhook import sign
from segue.web.access import SAFE_METHODS
from segue.web.api import table

from tests.support.daemon import Daemon, running
from tests.support.http_server import http_server
from tests.support.repositories import Repository, flow_text

TEAM: Final = "company.team"
OUTSIDE: Final = "MARKER-of-a-file-that-is-nobodys-business"
WRITES: Final = """id: writes
namespace: company.team
tasks:
  - {id: write, type: io.kestra.plugin.core.storage.Write, content: mine, extension: .txt}
triggers:
  - {id: hook, type: io.kestra.plugin.core.trigger.Webhook, key: right-key}
"""
SHELL: Final = """id: {id}
namespace: company.team
tasks:
  - id: pwn
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {{type: io.kestra.plugin.core.runner.Process}}
    commands: ["touch {marker}"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("security")


@pytest.fixture(scope="module")
def outside(folder: Path) -> Path:
    path = folder / "outside.txt"
    path.write_text(OUTSIDE)
    return path


@pytest.fixture(scope="module")
def daemon(folder: Path, outside: Path) -> Iterator[Daemon]:
    repository = Repository(folder / "repository")
    repository.commit(
        {
            f"flows/{TEAM}/writes.yaml": WRITES,
            f"flows/{TEAM}/hello.yaml": flow_text(),
            f"flows/{TEAM}/_files/own.txt": "own",
            f"flows/{TEAM}/reads.yaml": """id: reads
namespace: company.team
tasks:
  - id: read
    type: io.kestra.plugin.scripts.shell.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    namespaceFiles: {enabled: true}
    commands: ["find . -type f -exec cat {} +", "find . -type l"]
""",
        }
    )
    for name, target in (
        (f"flows/{TEAM}/evil.yaml", str(outside)),
        (f"flows/{TEAM}/_files/file", str(outside)),
        (f"flows/{TEAM}/_files/folder", "../../../../.."),
        ("segue.yaml", str(outside)),
        (".segueignore", "/etc/passwd"),
    ):
        repository.link(name, target)
    with running(folder, source=repository, environment={"SEGUE_WEBHOOK_SECRET": "hush"}) as daemon:
        yield daemon


# What is sent is never run.


def test_no_call_runs_a_flow_that_it_is_sent(daemon: Daemon, folder: Path) -> None:
    marker = folder / "was-run"
    source = SHELL.format(id="pwn", marker=marker)
    before = {str(each["id"]) for each in daemon.get("/flows/search", size=100)["results"]}
    parameters = {"namespace": TEAM, "flow_id": "pwn", "key": "right-key", "id": "pwn"}
    for entry in table.entries():
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda each: parameters.get(each[1], "pwn"), entry.path)
        if entry.methods in SAFE_METHODS or path.endswith("by-query"):
            continue  # without a filter these would act on all that there is
        for method in set(entry.methods.split("|")) - SAFE_METHODS:
            for body in (
                {"content": source, "headers": {"Content-Type": "application/x-yaml"}},
                {"json": {"source": source, "flow": source, "id": "pwn", "namespace": TEAM, "tasks": []}},
                {"files": {"fileUpload": ("flows.yml", source), "files": ("pwn", source), "source": (None, source)}},
            ):
                answer = daemon.http.request(method, path, **body)
                assert answer.status_code < 500, (method, path, answer.text)
    assert {str(each["id"]) for each in daemon.get("/flows/search", size=100)["results"]} == before
    assert daemon.get("/executions/search", flowId="pwn")["total"] == 0
    assert not marker.exists()


# Paths.

UPS: Final = (
    "../",
    "..%2f",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..\\",
    "..%5c",
    "....//",
    "..;/",
    ".%2e/",
    "..%00/",
    "%c0%ae%c0%ae/",
)
STARTS: Final = (
    "",
    "/",
    "//",
    "%2f",
    "file://",
    "kestra://",
    "kestra:///",
    "kestra:///company/team/writes/executions/{id}/",
)


def corpus(execution_id: str, outside: Path) -> list[str]:
    """Over two hundred ways to spell a path that leads away from where it should stay."""
    targets = ("etc/passwd", str(outside).lstrip("/"), "segue.db", "own.txt%00.yaml")
    climbing = [
        f"{start}{up * depth}{target}" for start, up, depth, target in product(STARTS, UPS, (1, 12), targets[:2])
    ]
    plain = [f"{start}{target}" for start, target in product(STARTS, targets)]
    return [each.replace("{id}", execution_id) for each in (*climbing, *plain)]


def test_no_spelling_of_a_path_leads_outside(daemon: Daemon, outside: Path) -> None:
    execution = daemon.run("writes")
    spelled = corpus(execution.id, outside)
    assert len(spelled) >= 200
    base = "/api/v1/main"
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    for number, path in enumerate(spelled):
        places = (
            f"{base}/executions/{execution.id}/file?path={path}",
            f"{base}/executions/{execution.id}/file/preview?path={path}",
            f"{base}/namespaces/{TEAM}/files?path={path}",
            f"{base}/namespaces/{TEAM}/files/directory?path={path}",
            f"/static/{path}",
            f"{base}/logs/{path}",
            f"{base}/flows/{TEAM}/{path}",
        )
        # Each spelling at two of them, each of them with many spellings.
        for place in (places[number % len(places)], places[(number * 3 + 1) % len(places)]):
            connection.request("GET", place.replace(" ", "%20"))  # as it stands: a client would tidy it up
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status < 500, (place, body)
            for secret in (OUTSIDE.encode(), b"root:", b"SQLite format"):
                assert secret not in body, place
    connection.close()


def test_a_link_among_the_files_of_an_execution_opens_nothing(daemon: Daemon, outside: Path) -> None:
    execution = daemon.run("writes")
    uri = execution.run_of("write").outputs["uri"]
    assert daemon.file(execution, uri) == b"mine"
    (stored,) = [path for path in (daemon.data / "storage").rglob("*") if path.is_file() and execution.id in str(path)]
    stored.unlink()
    stored.symlink_to(outside)
    for place in ("file", "file/metas", "file/preview"):
        daemon.call("GET", f"/executions/{execution.id}/{place}", params={"path": uri}, status=404)


def test_links_in_the_repository_are_followed_nowhere(daemon: Daemon) -> None:
    wrong = {each["path"] for each in daemon.problems()}
    assert {f"flows/{TEAM}/evil.yaml", "segue.yaml"} <= wrong
    execution = daemon.run("reads")
    shown = [
        *daemon.logs(execution),
        *(daemon.http.get(path).text for path in ("/", "/flows", "/git", "/executions", f"/executions/{execution.id}")),
        *(
            daemon.http.get(f"/api/v1/main{path}").text
            for path in (
                "/git/status",
                "/flows/search",
                f"/flows/{TEAM}",
                f"/namespaces/{TEAM}/files?path=/file",
                f"/namespaces/{TEAM}/files/directory?path=/folder",
                f"/namespaces/{TEAM}/files/search?q=",
            )
        ),
    ]
    assert not any(OUTSIDE in text or "root:" in text for text in shown)
    assert "own" in "".join(daemon.logs(execution))
    assert daemon.get(f"/namespaces/{TEAM}/files/search", q="") == ["/own.txt"]


# Deliveries.


def test_no_delivery_makes_the_daemon_stumble(daemon: Daemon) -> None:
    dice = random.Random(20261126)
    memory = resident(daemon.pid)
    statuses: dict[int, int] = {}
    for number in range(600):
        body = delivery(dice)
        headers = {
            "Content-Type": dice.choice(
                ("application/json", "text/plain", "multipart/form-data; boundary=x", "\x7f", "")
            ),
            "X-GitHub-Event": dice.choice(("push", "ping", "\x01".strip(), "🦊".encode().decode("latin-1"))),
            "X-Hub-Signature-256": dice.choice(("", "sha256=", "sha256=" + "é", sign(body, "hush"), sign(body, "no"))),
            "X-GitHub-Delivery": f"{number % 50}",
            "X-Gitlab-Token": dice.choice(("", "hush", "höß")),
        }
        raw = {name: value.encode("utf-8", "replace") for name, value in headers.items() if value}
        place = (
            "/git/webhook" if number % 2 else f"/executions/webhook/{TEAM}/writes/{dice.choice(('wrong', '%00', 'é'))}"
        )
        answer = daemon.http.post(f"/api/v1/main{place}", content=body, headers=raw)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
    assert set(statuses) <= {200, 202, 204, 400, 401, 404, 409, 413, 422}, statuses
    assert daemon.http.get("/health").status_code == 200
    assert resident(daemon.pid) - memory < 64 << 20


def delivery(dice: random.Random) -> bytes:
    match dice.randrange(5):
        case 0:
            return dice.randbytes(dice.randrange(2000))
        case 1:
            return b"[" * dice.randrange(1, 100_000)
        case 2:
            return json.dumps({"ref": dice.choice((None, [], {"a": 1}, "\ud800", "x" * 5000)), "commits": -1}).encode()
        case 3:
            return (
                b'{"ref": "refs/heads/main", "repository": '
                + dice.choice((b"null", b"1e999", b'"\\ud800"', b"{"))
                + b"}"
            )
    return b""


def resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_delivery_that_is_right_starts_the_flow_whatever_it_says(daemon: Daemon) -> None:
    before = daemon.get("/executions/search", flowId="writes")["total"]
    bodies = [b"", b"[[[[", b'{"a": "\xff"}', b"\x00", json.dumps({"skip": "{{ 1 / 0 }}"}).encode()]
    for body in bodies:
        daemon.http.post(f"/api/v1/main/executions/webhook/{TEAM}/writes/right-key", content=body).raise_for_status()
    assert daemon.get("/executions/search", flowId="writes")["total"] == before + len(bodies)


# Templates.


@pytest.mark.parametrize(
    "template",
    [
        "{% if false %}{{ 9**(9**9) }}{% endif %}",
        "{% for i in range(0, 99999999) %}{% for j in range(0, 99999999) %}x{% endfor %}{% endfor %}",
        "{{ ('a' | abbreviate(10)) ~ range(0, 999999999) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 'x' | jq('env') }}",
    ],
)
def test_a_hostile_template_harms_one_task_at_most(daemon: Daemon, template: str) -> None:
    daemon.repository.commit_flow("hostile", message=json.dumps(template))
    daemon.sync()
    if "hostile" in daemon.flow_ids():
        execution = daemon.run("hostile")
        assert not any("PATH" in line or "class" in line for line in daemon.logs(execution) if template not in line)
    assert daemon.http.get("/health").json()["status"] == "UP"
    assert daemon.run("hello").state == "SUCCESS"


# Credentials of the source.


def test_the_sources_token_shows_nowhere(tmp_path: Path) -> None:
    token = "gl-t0ken-of-the-source"
    with http_server() as site:
        source = site.url.replace("http://", "http://ada:embedded-passw0rd@") + "/flows.git"
        who = {"SEGUE_GIT_USERNAME": "ada", "SEGUE_GIT_TOKEN": token}
        with running(tmp_path, source=source, environment=who) as daemon:
            daemon.call("POST", "/git/sync", status=None)
            assert site.asked, "the source was never asked"
            shown: dict[str, Any] = {
                "log": daemon.output(),
                "status": json.dumps(daemon.git()),
                "page": daemon.http.get("/git").text,
                "metrics": daemon.http.get("/metrics").text,
                "files": b"".join(each.read_bytes() for each in daemon.data.rglob("*") if each.is_file()).decode(
                    "latin-1"
                ),
            }
    for place, text in shown.items():
        for secret in (token, "embedded-passw0rd", quote(token)):
            assert secret not in text, place
