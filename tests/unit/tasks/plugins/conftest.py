"""What tests of these tasks share: a pool of workers, and a web server that remembers what was sent to it."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from segue.storage.local import LocalStorage

from tests.support.pools import Outcome, SharedPool, order_of

INPUTS = "kestra:///company/team/flow/executions/execution/inputs/file/"


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    shared = SharedPool(tmp_path_factory.mktemp("plugins"))
    yield shared
    shared.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a polling trigger has seen."""

    outputs: dict[str, Any] | None
    notes: dict[str, Any]
    claim: dict[str, Any] | None
    log: str

    @property
    def names(self) -> list[str]:
        """Of the files that it gives."""
        return [each["name"] for each in (self.outputs or {}).get("files", ())]


@dataclass(frozen=True, slots=True)
class Workbench:
    """Runs tasks, and reaches the internal storage that they use."""

    pool: SharedPool

    @property
    def storage(self) -> LocalStorage:
        return LocalStorage(self.pool.folder / "storage")

    def run(self, task_type: str, **properties: Any) -> Outcome:
        given = {("from" if name == "from_" else name): value for name, value in properties.items()}
        return self.pool.run(order_of(f"io.kestra.plugin.{task_type}", given))

    def outputs(self, task_type: str, **properties: Any) -> dict[str, Any]:
        """Of a task that succeeds."""
        outcome = self.run(task_type, **properties)
        assert outcome.ended.failure is None, f"{outcome.ended.failure}\n{outcome.text}"
        return dict(outcome.ended.outputs or {})

    def failure(self, task_type: str, **properties: Any) -> str:
        """Of a task that fails."""
        outcome = self.run(task_type, **properties)
        assert outcome.ended.failure is not None, outcome.ended
        return outcome.ended.failure.message

    def look(
        self,
        task_type: str,
        notes: Mapping[str, Any] | None = None,
        claim: Mapping[str, Any] | None = None,
        **properties: Any,
    ) -> Looked:
        """One look of a polling trigger; with a claim, what it does about that."""
        given = {("from" if name == "from_" else name): value for name, value in properties.items()}
        template = {"notes": notes, "claim": claim}
        order = order_of(f"io.kestra.plugin.{task_type}", given, purpose="poll", template=template)
        outcome = self.pool.run(order)
        assert outcome.ended.failure is None, f"{outcome.ended.failure}\n{outcome.text}"
        assert outcome.ended.value is not None
        return Looked(**outcome.ended.value, log=outcome.text)

    def put(self, name: str, content: str | bytes) -> str:
        data = content.encode() if isinstance(content, str) else content
        return self.storage.put(INPUTS + name, [data]).address

    def read(self, address: str) -> bytes:
        with self.storage.open(address) as file:
            return file.read()

    def text(self, address: str) -> str:
        return self.read(address).decode()


@pytest.fixture
def bench(pool: SharedPool) -> Workbench:
    return Workbench(pool)


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Chat:
    """A server that takes everything below /hook and refuses the rest."""

    url: str = ""
    received: list[Received] = field(default_factory=list)


@pytest.fixture
def chat() -> Iterator[Chat]:
    shown = Chat()

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            shown.received.append(Received(self.path, headers, body))
            is_taken = not self.path.startswith("/refused")
            answer = b"ok" if is_taken else b"invalid_payload"
            self.send_response(200 if is_taken else 400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Takes)
    shown.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield shown
    server.shutdown()
    thread.join()
    server.server_close()
