"""A web server on this machine for flows that fetch something: it answers what a test says, and remembers who asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Page:
    """What is at a path. The first `failures` requests are answered by 503."""

    content: bytes
    content_type: str = "text/plain"
    failures: int = 0


@dataclass(slots=True)
class HttpServer:
    """`pages` by path (`/orders.csv`); `asked` are the requests so far, as `GET /orders.csv`."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, path: str, content: str, content_type: str = "text/plain", *, failures: int = 0) -> str:
        """Put a page there; its URL."""
        self.pages[path] = Page(content.encode(), content_type, failures)
        return f"{self.url}{path}"

    def answer(self, method: str, path: str) -> tuple[int, Page]:
        self.asked.append(f"{method} {path}")
        page = self.pages.get(path)
        if page is None:
            return 404, Page(b"there is nothing here")
        tries = self.asked.count(f"{method} {path}")
        return (503, Page(b"not now")) if tries <= page.failures else (200, page)


@contextmanager
def http_server() -> Iterator[HttpServer]:
    """A server that answers from its own threads until the end of the block."""
    shown = HttpServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, page = shown.answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.content)))
            self.end_headers()
            self.wfile.write(page.content)

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
