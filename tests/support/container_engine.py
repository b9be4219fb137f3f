"""An engine of containers that has none: it speaks as much of Docker's API over a unix socket as a runner needs, writes
down what it was asked, and answers as the test says.

    engine = Engine(folder / "engine.sock", says=[(1, b"hello\\n")], makes={"out.txt": b"x"})
"""

import base64
import io
import json
import socketserver
import struct
import tarfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ID = "c0ffee" * 10 + "abcd"


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Engine:
    """`says` are (stream, bytes); `makes` are files that are in the working directory at the end."""

    socket: Path
    says: Sequence[tuple[int, bytes]] = ()
    makes: Mapping[str, bytes] = field(default_factory=dict)
    exit_code: int = 0
    images: set[str] = field(default_factory=set)
    runs_already: bool = False
    hangs: bool = False
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_over = threading.Event()
        self.is_started = threading.Event()
        self.folder = ""
        self._server = _Server(str(self.socket), _Talk)
        self._server.engine = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def close(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()

    def of(self, method: str, path: str) -> list[Call]:
        """The calls whose path ends so."""
        return [call for call in self.calls if call.method == method and call.path.endswith(path)]

    def only(self, method: str, path: str) -> Call:
        (call,) = self.of(method, path)
        return call

    @property
    def steps(self) -> list[str]:
        return [f"{call.method} {call.path.removeprefix('/v1.44').replace(ID, 'ID')}" for call in self.calls]

    def shown(self) -> dict[str, Any]:
        status = "running" if self.runs_already else "created"
        return {
            "Id": ID,
            "Name": "/c",
            "State": {"Status": status},
            "Image": "sha256:1",
            "Config": {"Labels": {}, "Tty": False},
        }


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    engine: Engine

    def handle_error(self, *_: Any) -> None:
        """A caller that was killed has hung up."""


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        call, engine = self._heard(), self.server.engine
        match call.path.removeprefix("/v1.44").split("/")[1:]:
            case ["version"]:
                self._answer({"ApiVersion": "1.44", "Version": "25.0"})
            case ["containers", "json"]:
                self._answer([engine.shown()] if engine.runs_already else [])
            case ["containers", _, "archive"]:
                self._send_files(call.query["path"])
            case ["containers", _, "logs"]:
                self._send_logs(1 if call.query["stdout"] == "1" else 2)
            case ["containers", *_]:
                self._answer(engine.shown())
            case ["images", *name, "json"] if "/".join(name) in engine.images:
                self._answer({"Id": "sha256:1", "RepoTags": []})
            case _:
                self._answer({"message": f"no such thing: {call.path}"}, 404)

    def do_POST(self) -> None:
        call, engine = self._heard(), self.server.engine
        match call.path.removeprefix("/v1.44").split("/")[1:]:
            case ["images", "create"]:
                engine.images |= {f"{call.query['fromImage']}:{call.query['tag']}", call.query["fromImage"]}
                self._answer({"status": "pulled"})
            case ["containers", "create"] if call.json["Image"] not in engine.images:
                self._answer({"message": f"No such image: {call.json['Image']}"}, 404)
            case ["containers", "create"]:
                self._answer({"Id": ID, "Warnings": []}, 201)
            case ["containers", _, "attach"]:
                self._speak()
            case ["containers", _, "wait"]:
                self._answer({"StatusCode": engine.exit_code})
            case ["containers", _, "start"]:
                engine.is_started.set()
                self._answer(None, 204)
            case ["containers", _, "kill" | "stop"]:
                engine.is_over.set()
                self._answer(None, 204)
            case _:
                self._answer({"message": f"no such thing: {call.path}"}, 404)

    def do_PUT(self) -> None:
        self._heard()
        self._answer(None, 200)

    def do_DELETE(self) -> None:
        self._heard()
        self._answer(None, 204)

    def _heard(self) -> Call:
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        call = Call(self.command, split.path, query, self._body(), dict(self.headers))
        self.server.engine.calls.append(call)
        return call

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while length := int(self.rfile.readline().strip(), 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, value: Any, status: int = 200) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _speak(self) -> None:
        """What the container prints, once it runs, on the connection itself."""
        engine = self.server.engine
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        engine.is_started.wait(10)
        for stream, said in engine.says:
            self.wfile.write(_frame(stream, said))
        if engine.hangs:
            engine.is_over.wait(20)

    def _send_logs(self, wanted: int) -> None:
        self._send(b"".join(_frame(stream, said) for stream, said in self.server.engine.says if stream == wanted))

    def _send_files(self, folder: str) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            name = Path(folder).name
            top = tarfile.TarInfo(name)
            top.type, top.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(top)
            for path, content in self.server.engine.makes.items():
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        stat = base64.b64encode(json.dumps({"name": name, "size": 0, "mode": 0}).encode()).decode()
        self._send(packed.getvalue(), **{"X-Docker-Container-Path-Stat": stat})

    def _send(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _frame(stream: int, said: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(said)) + said
