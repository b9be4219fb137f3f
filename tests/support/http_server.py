"""A web server on this machine for flows that fetch or send something: it answers what a test says, and remembers who
asked and what was sent."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Page:
    """What is at a path. The first `failures` requests are answered by 503."""

    content: bytes
    content_type: str = "text/plain"
    failures: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: `line` is `POST /orders`, the names of `headers` are in lower case."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class HttpServer:
    """`pages` by path (`/orders.csv`); `received` are the requests so far. `before` is called with each request before it
    is answered."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    before: Callable[[Received], None] = lambda _received: None

    @property
    def asked(self) -> list[str]:
        """The requests so far, as `GET /orders.csv`."""
        return [each.line for each in self.received]

    def serve(
        self,
        path: str,
        content: str,
        content_type: str = "text/plain",
        *,
        failures: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Put a page there; its URL."""
        self.pages[path] = Page(content.encode(), content_type, failures, headers or {})
        return f"{self.url}{path}"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Page]:
        self.received.append(Received(f"{method} {path}", headers, body))
        self.before(self.received[-1])
        page = self.pages.get(path)
        if page is None:
            return 404, Page(b"there is nothing here")
        tries = self.asked.count(f"{method} {path}")
        return (503, Page(b"not now")) if tries <= page.failures else (page.status, page)


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


@contextmanager
def http_server() -> Iterator[HttpServer]:
    """A server that answers from its own threads until the end of the block."""
    shown = HttpServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, page = shown.answer(self.command, self.path, _lower(self.headers.items()), body)
            self.send_response(status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.content)))
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(page.content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    shown.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
