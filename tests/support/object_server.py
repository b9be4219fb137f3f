"""An object store on this machine that speaks S3: moto's, in a process of its own so that nothing of it - its memory,
its threads - is in a test's.

    with object_server() as server:
        server.make_bucket("files")
        storage = ObjectStorage(ObjectPlace(url="s3://files/segue", options=server.options))
"""

import html
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import httpx2

from tests.support.waiting import wait_until

OPTIONS: Final = {
    "access_key_id": "test-access-key",
    "secret_access_key": "test-secret-key",
    "region": "us-east-1",
}
# The server wants objects of an account asked for by somebody, and looks no further.
_SIGNED: Final = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=x"}
START_SECONDS: Final = 30
_PROGRAM: Final = """
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass(slots=True)
class ObjectServer:
    """It takes any credentials, so that a test can look without a client of ours."""

    url: str
    http: httpx2.Client = field(repr=False)

    @property
    def options(self) -> dict[str, str]:
        """How a client of ours is told to go there."""
        return {"endpoint": self.url, **OPTIONS}

    def make_bucket(self, name: str) -> str:
        self.http.put(f"/{name}").raise_for_status()
        return name

    def remove_bucket(self, name: str) -> None:
        for key in self.keys(name):
            self.http.delete(f"/{name}/{quote(key)}").raise_for_status()
        self.http.delete(f"/{name}").raise_for_status()

    def put(self, bucket: str, key: str, content: bytes = b"x", headers: Mapping[str, str] | None = None) -> None:
        self.http.put(f"/{bucket}/{quote(key)}", content=content, headers=dict(headers or {})).raise_for_status()

    def read(self, bucket: str, key: str) -> bytes:
        return self.http.get(f"/{bucket}/{quote(key)}").raise_for_status().content

    def headers(self, bucket: str, key: str) -> Mapping[str, str]:
        return self.http.head(f"/{bucket}/{quote(key)}").raise_for_status().headers

    def keys(self, bucket: str) -> list[str]:
        return self._named("Key", f"/{bucket}?list-type=2")

    def unfinished(self, bucket: str) -> list[str]:
        """Keys of uploads that were begun and neither finished nor given up."""
        return self._named("Key", f"/{bucket}?uploads")

    def _named(self, element: str, path: str) -> list[str]:
        text = self.http.get(path).raise_for_status().text
        return [html.unescape(found) for found in re.findall(f"<{element}>([^<]*)</{element}>", text)]


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline().decode()
        assert re.fullmatch(r"\d+\n", said), f"the object server did not start: {said!r}"
        with httpx2.Client(base_url=f"http://127.0.0.1:{int(said)}", headers=_SIGNED, timeout=20) as http:
            server = ObjectServer(str(http.base_url).rstrip("/"), http)
            wait_until(lambda: _answers(server), what="the object server to answer", seconds=START_SECONDS)
            yield server
    finally:
        process.kill()
        process.communicate()


def _answers(server: ObjectServer) -> bool:
    try:
        return server.http.get("/moto-api/data.json").is_success
    except httpx2.TransportError:
        return False
