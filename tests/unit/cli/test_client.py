"""What becomes of an answer of the daemon, or of none: one sentence and what to do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from segue.cli.client import Client, StreamEvent, events_of, path_of
from segue.cli.errors import CommandFailed

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that is no Segue but speaks like one; its address."""

    class Spoken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Spoken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def says(status: int, body: object) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def failure(answer: Answer, **environment: str) -> str:
    with answering(answer) as url, Client({"SEGUE_URL": url, **environment}) as client:
        with pytest.raises(CommandFailed) as failed:
            client.get("flows/search")
        assert failed.value.code == 1
        return str(failed.value).replace(url, "URL")


PROBLEM = {"path": "a.yaml", "line": 2, "column": 3, "code": "bad", "message": "no \x1b[31mgood", "severity": "error"}


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        pytest.param(
            404, {"message": "Not Found: flow a/b"}, "Not Found: flow a/b\nWhat there is: `segue flows", id="404"
        ),
        pytest.param(
            409, {"message": "it has ended"}, "it has ended\nHow it stands: `segue executions show`", id="409"
        ),
        pytest.param(422, {"message": "no", "problems": [PROBLEM]}, "no\na.yaml:2:3 bad no good", id="422"),
        pytest.param(503, {"message": "disk full"}, "disk full\nTry again in a moment", id="503"),
        pytest.param(500, b"<html>", "the daemon answered 500 Internal Server Error\nThe daemon's log", id="500"),
        pytest.param(200, b"<html>", "what answers at URL is not Segue", id="not-segue"),
        pytest.param(404, b"<html>", "what answers at URL is not Segue; SEGUE_URL says", id="elsewhere"),
    ],
)
def test_every_refusal_says_what_to_do(status: int, body: object, told: str) -> None:
    assert failure(says(status, body)).startswith(told)


def test_missing_credentials_are_asked_for_and_wrong_ones_named() -> None:
    refused = says(401, {"message": "Unauthorized"})
    assert "set SEGUE_TOKEN, or SEGUE_USERNAME and SEGUE_PASSWORD" in failure(refused)
    assert "does not know these credentials" in failure(refused, SEGUE_TOKEN="x")


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({}, None),
        ({"SEGUE_TOKEN": "t"}, "Bearer t"),
        ({"SEGUE_USERNAME": "ada", "SEGUE_PASSWORD": "p:w"}, "Basic YWRhOnA6dw=="),
    ],
    ids=["none", "token", "password"],
)
def test_credentials_come_from_the_environment(environment: dict[str, str], header: str | None) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        says(200, {})(request)

    with answering(answer) as url, Client({"SEGUE_URL": url, **environment}) as client:
        client.get("flows/search")
    assert seen == [header]


def test_nobody_there_says_how_to_start_a_daemon() -> None:
    with answering(says(200, {})) as url:
        pass
    with (
        Client({"SEGUE_URL": url}) as client,
        pytest.raises(CommandFailed, match=r"no daemon answers at .*segue serve"),
    ):
        client.get("flows/search")


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://[::1"])
def test_an_address_that_is_none_is_told_of(url: str) -> None:
    with pytest.raises(CommandFailed, match="SEGUE_URL is "):
        Client({"SEGUE_URL": url})


def test_names_cannot_leave_their_place_in_a_path() -> None:
    assert path_of("flows", "a/../b", "x?y#z") == "flows/a%2F..%2Fb/x%3Fy%23z"


def test_all_pages_are_read() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        page = int(request.path.partition("page=")[2].partition("&")[0])
        count = 100 if page < 3 else 5
        says(200, {"results": [{"n": page * 1000 + n} for n in range(count)], "total": 205})(request)

    with answering(answer) as url, Client({"SEGUE_URL": url}) as client:
        assert len(client.all_of("flows/search")) == 205


def test_events_have_ids_names_and_lines_and_comments_are_none() -> None:
    lines = [":", "", "id: 1", "data: a", "data: b", "", "event: end", "data: {}", "", "data: cut"]
    assert list(events_of(iter(lines))) == [StreamEvent("1", "", "a\nb"), StreamEvent("", "end", "{}")]


def test_a_stream_that_is_cut_goes_on_where_it_was() -> None:
    asked: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        last = request.headers.get("Last-Event-ID")
        asked.append(last)
        body = b"event: end\ndata: {}\n\n" if last else b"id: 7\ndata: first\n\n"
        says(200, body)(request)

    with answering(answer) as url, Client({"SEGUE_URL": url}) as client:
        assert [event.data for event in client.follow("logs/x/follow")] == ["first", "{}"]
    assert asked == [None, "7"]
