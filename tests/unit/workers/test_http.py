"""HTTP tasks against a real server on this machine."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from segue.model.state import State
from segue.storage.local import LocalStorage
from segue.tasks.encryption import Cipher

from tests.support.pools import Outcome, SharedPool, order_of


class Mirror(BaseHTTPRequestHandler):
    """Tells the request back as JSON; some paths answer in their own way."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        name = url.path.strip("/").replace("/", "_")
        own = getattr(self, f"on_{name}", None)
        if own is not None:
            own()
            return
        told = {
            "method": self.command,
            "path": url.path,
            "query": parse_qs(url.query),
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "body": body.decode("latin-1"),
        }
        self.say(200, json.dumps(told).encode(), "application/json")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815

    def say(self, code: int, body: bytes, content_type: str = "text/plain", **headers: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def on_500(self) -> None:
        self.say(500, b"broken inside")

    def on_away(self) -> None:
        self.say(302, b"", Location=parse_qs(urlsplit(self.path).query)["to"][0])

    def on_moved(self) -> None:
        self.say(302, b"", Location="/there")

    def on_binary(self) -> None:
        self.say(200, b"\xff\xfe\x00\x80", "application/octet-stream")

    def on_latin(self) -> None:
        self.say(200, "é".encode("latin-1"), "text/plain; charset=iso-8859-1")

    def on_empty(self) -> None:
        self.say(200, b"")

    def on_large(self) -> None:
        self.say(200, b"x" * 200_000)

    def on_named(self) -> None:
        self.say(200, b"a,b\n", "text/csv", Content_Disposition='attachment; filename="../evil/data.csv"')

    def on_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def request(pool: SharedPool, uri: str, **properties: Any) -> Outcome:
    return pool.run(order_of("core.http.Request", {"uri": uri} | properties))


def told(outcome: Outcome) -> Any:
    """What the server saw."""
    assert outcome.ended.outputs is not None, outcome.text
    return json.loads(outcome.ended.outputs["body"])


def test_an_answer_becomes_outputs(pool: SharedPool, site: str) -> None:
    outputs = request(pool, f"{site}/some path?a=1").ended.outputs
    assert outputs is not None
    assert (outputs["code"], outputs["uri"], outputs["encryptedBody"]) == (200, f"{site}/some%20path?a=1", None)
    assert outputs["headers"]["content-type"] == ["application/json"]
    assert isinstance(outputs["body"], str)


def test_method_body_headers_and_parameters_are_sent(pool: SharedPool, site: str) -> None:
    seen = told(
        request(pool, site, method="PUT", body='{"a": "é"}', headers={"X-One": 1}, params={"q": "a b", "n": [1, 2]})
    )
    assert (seen["method"], seen["query"]) == ("PUT", {"q": ["a b"], "n": ["1", "2"]})
    assert (seen["headers"]["content-type"], seen["headers"]["x-one"]) == ("application/json", "1")
    assert seen["body"].encode("latin-1").decode() == '{"a": "é"}'


def test_a_form_is_sent(pool: SharedPool, site: str) -> None:
    seen = told(request(pool, site, method="POST", formData={"a": "1 2", "b": 3}))
    assert seen["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen["body"]) == {"a": ["1 2"], "b": ["3"]}


def test_a_multipart_form_is_sent_with_files(pool: SharedPool, site: str) -> None:
    address = "kestra:///company/team/flow/executions/execution/inputs/file/data.csv"
    LocalStorage(pool.folder / "storage").put(address, [b"a,b"])
    form = {"hello": "world", "file": address, "other": {"name": "x.yml", "content": address}}
    seen = told(request(pool, site, method="POST", contentType="multipart/form-data", formData=form))
    assert seen["headers"]["content-type"].startswith("multipart/form-data; boundary=")
    for part in ('name="hello"', "world", 'name="file"; filename="data.csv"', 'name="other"; filename="x.yml"', "a,b"):
        assert part in seen["body"]


AUTHS = {
    "basic": (
        {"auth": {"type": "BASIC", "username": "u", "password": "p"}},
        "Basic " + base64.b64encode(b"u:p").decode(),
    ),
    "bearer": ({"auth": {"type": "BEARER", "token": "t"}}, "Bearer t"),
    "old basic": ({"basicAuthUser": "u", "basicAuthPassword": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
}


@pytest.mark.parametrize(("options", "header"), AUTHS.values(), ids=AUTHS.keys())
def test_credentials_are_sent(pool: SharedPool, site: str, options: dict[str, Any], header: str) -> None:
    assert told(request(pool, site, options=options))["headers"]["authorization"] == header


def test_a_status_of_failure_fails_unless_allowed(pool: SharedPool, site: str) -> None:
    outcome = request(pool, f"{site}/500")
    assert outcome.messages == ["Failed http request with response code '500' and body:\nbroken inside"]
    for allowing in ({"allowFailed": True}, {"allowedResponseCodes": [500]}):
        assert request(pool, f"{site}/500", options=allowing).ended.state is State.SUCCESS


def test_redirects_are_followed_unless_told_otherwise(pool: SharedPool, site: str) -> None:
    assert told(request(pool, f"{site}/moved"))["path"] == "/there"
    outputs = request(pool, f"{site}/moved", options={"followRedirects": False}).ended.outputs
    assert outputs is not None
    assert outputs["code"] == 302


FAILURES = {
    "no text": ("/binary", {}, "use core.http.Download"),
    "too long": ("/large", {"maxContentLength": 1000}, "longer than 1,000 bytes"),
    "cut short": ("/cut", {}, "closed connection"),
}


@pytest.mark.parametrize(("path", "options", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_what_cannot_be_read_is_a_clear_failure(
    pool: SharedPool, site: str, path: str, options: dict[str, Any], message: str
) -> None:
    outcome = request(pool, site + path, options=options)
    assert outcome.ended.state is State.FAILED
    assert message in outcome.text


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/", "nonsense", "ftp://x/", "http://[bad/"])
def test_an_address_that_does_not_work_is_a_clear_failure(pool: SharedPool, uri: str) -> None:
    outcome = request(pool, uri)
    assert outcome.ended.state is State.FAILED
    assert uri.strip() in outcome.text


def test_the_charset_is_heeded(pool: SharedPool, site: str) -> None:
    outputs = request(pool, f"{site}/latin").ended.outputs
    assert outputs is not None
    assert outputs["body"] == "é"


def test_a_download_is_stored_under_a_safe_name(pool: SharedPool, site: str) -> None:
    outputs = pool.run(order_of("core.http.Download", {"uri": f"{site}/named"})).ended.outputs
    assert outputs is not None
    assert outputs["uri"].endswith("/data.csv")
    assert outputs["length"] == 4
    with LocalStorage(pool.folder / "storage").open(outputs["uri"]) as file:
        assert file.read() == b"a,b\n"


def test_a_download_says_why_it_failed(pool: SharedPool, site: str) -> None:
    assert pool.run(order_of("core.http.Download", {"uri": f"{site}/500"})).messages == ["Internal Server Error"]
    assert "empty" in pool.run(order_of("core.http.Download", {"uri": f"{site}/empty"})).text
    empty = pool.run(order_of("core.http.Download", {"uri": f"{site}/empty", "failOnEmptyResponse": False}))
    assert empty.ended.state is State.SUCCESS


def test_parts_of_the_exchange_are_logged_without_credentials(pool: SharedPool, site: str) -> None:
    options = {"auth": {"type": "BEARER", "token": "tell nobody"}, "logs": ["REQUEST_HEADERS", "RESPONSE_HEADERS"]}
    outcome = request(pool, f"{site}/latin", options=options)
    assert "Authorization" in outcome.text
    assert "tell nobody" not in outcome.text


def test_an_expression_fetches_by_http(pool: SharedPool, site: str) -> None:
    outcome = pool.run(order_of("core.debug.Return", {"format": "{{ http(uri='" + site + "/x').path }}"}))
    assert outcome.ended.outputs == {"value": "/x"}, outcome.text


def test_an_encrypted_body_is_read_with_the_key_alone(pool: SharedPool, site: str, tmp_path: Path) -> None:
    key = base64.b64encode(b"k" * 32).decode()
    properties = {"uri": f"{site}/there", "encryptBody": True}
    without_key = pool.run(order_of("core.http.Request", properties))
    assert "SEGUE_ENCRYPTION_SECRET_KEY" in without_key.text
    with_key = SharedPool(tmp_path, encryption_key=key)
    try:
        outputs = with_key.run(order_of("core.http.Request", properties)).ended.outputs
    finally:
        with_key.close()
    assert outputs is not None
    assert outputs["body"] is None
    assert json.loads(Cipher.of(key).decrypt(outputs["encryptedBody"]["value"]))["path"] == "/there"


# Where they do not go.

CLOUD = ("169.254.0.0/16", "fe80::/10", "127.0.0.2/32")


@pytest.fixture(scope="module")
def kept_off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    pool = SharedPool(tmp_path_factory.mktemp("kept-off"), blocked_networks=CLOUD)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    "uri",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2:{port}/",
        "http://2130706434:{port}/",
        "http://0x7f.0.0.2:{port}/",
        "http://127.2:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fe80::1]/",
        "http://user@127.0.0.2:{port}/",
        "{site}/away?to=http://127.0.0.2:{port}/",
        "{site}/away?to=//169.254.169.254/",
    ],
)
def test_a_blocked_network_is_not_connected_to(kept_off: SharedPool, site: str, uri: str) -> None:
    outcome = request(kept_off, uri.format(site=site, port=site.rpartition(":")[2]), options={"connectTimeout": "PT1S"})
    assert outcome.ended.state is State.FAILED
    assert "which HTTP tasks do not connect to (setting `blocked_networks`)" in outcome.text


def test_a_name_that_leads_to_a_blocked_network_is_not_connected_to(tmp_path: Path, site: str) -> None:
    pool = SharedPool(tmp_path, blocked_networks=("127.0.0.1/32", "::1/128"))
    try:
        named = site.replace("127.0.0.1", "localhost")
        assert "setting `blocked_networks`" in request(pool, named).text
        by_expression = pool.run(order_of("core.debug.Return", {"format": f"{{{{ http(uri='{named}') }}}}"}))
        assert "setting `blocked_networks`" in by_expression.text
    finally:
        pool.close()


def test_all_other_networks_are(kept_off: SharedPool, site: str) -> None:
    assert request(kept_off, site).ended.state is State.SUCCESS
    connects = "import socket; socket.create_connection(('127.0.0.2', {port}), 1)".format(port=site.rpartition(":")[2])
    script = {"script": connects, "taskRunner": {"type": "core.runner.Process"}}
    said = kept_off.run(order_of("scripts.python.Script", script)).text
    assert "blocked_networks" not in said  # scripts are the owner's own code
