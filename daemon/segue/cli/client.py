"""A daemon's API as the commands call it. Whatever goes wrong on the way ends as one sentence that says what to do.

`SEGUE_URL` says where the daemon is; `SEGUE_TOKEN`, or `SEGUE_USERNAME` and `SEGUE_PASSWORD`, let us in.
"""

import base64
import contextlib
import ipaddress
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn, Self
from urllib.parse import quote

import httpx2
from msgspec import Struct

from segue.cli.errors import FIXABLE, CommandFailed
from segue.cli.printing import clean
from segue.cli.problem_formats import text_line
from segue.model.problem import Problem, Severity

DEFAULT_URL: Final = "http://127.0.0.1:8080"
_SECONDS: Final = 30.0
_FOLLOW_SECONDS: Final = 60.0  # streams beat every 15 seconds
_RING_SECONDS: Final = 0.3
_PAGE: Final = 100
_RECONNECTS_MAX: Final = 5

Query = Mapping[str, Any] | Sequence[tuple[str, Any]]


class LineCut(CommandFailed):
    """The daemon was there and went away, or what lies between did."""


class StreamEvent(Struct, frozen=True):
    """One server-sent event."""

    id: str
    name: str
    data: str


class Client:
    """One daemon. For a `with` statement."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self.url = (environment.get("SEGUE_URL") or DEFAULT_URL).rstrip("/")
        self._credentials = _credentials(environment)
        try:
            url = httpx2.URL(f"{self.url}/api/v1/main/")
            if url.scheme not in {"http", "https"} or not url.host:
                raise CommandFailed(f"SEGUE_URL is {self.url!r}, expected an address as {DEFAULT_URL}")
            self._http = httpx2.Client(
                base_url=url,
                headers=self._credentials,
                timeout=_SECONDS,
                # A proxy never leads to this machine, whatever the environment says of proxies.
                trust_env=not _is_here(url.host),
            )
        except httpx2.InvalidURL as error:
            raise CommandFailed(f"SEGUE_URL is {self.url!r}, which is no address: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # Calls.

    def get(self, path: str, query: Query = ()) -> Any:
        return self.call("GET", path, query)

    def call(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        body: Any = None,
        text: str | None = None,
        parts: Sequence[tuple[str, Any]] = (),
        waits: bool = False,
    ) -> Any:
        """What the daemon answers, None if that is nothing. `parts` are sent as a form; `waits`: it may take long."""
        with self._failures_told():
            response = self._http.request(
                method,
                path,
                params=_pairs(query),
                json=body,
                content=text,
                files=list(parts) or None,
                timeout=httpx2.Timeout(_SECONDS, read=None) if waits else _SECONDS,
            )
            if response.status_code >= 400:
                self._refuse(response)
            return self._json(response) if response.content else None

    def ring(self, method: str, path: str) -> None:
        """Ask for something without waiting for it: only what goes wrong at once is told."""
        timeout = httpx2.Timeout(_SECONDS, read=_RING_SECONDS)
        with self._failures_told(), contextlib.suppress(httpx2.ReadTimeout):
            response = self._http.request(method, path, timeout=timeout)
            if response.status_code >= 400:
                self._refuse(response)

    def all_of(self, path: str, query: Query = ()) -> list[dict[str, Any]]:
        """The results of all pages."""
        found: list[dict[str, Any]] = []
        while True:
            page = len(found) // _PAGE + 1
            answer = self.get(path, [*_pairs(query), ("page", page), ("size", _PAGE)])
            found += answer["results"]
            if len(answer["results"]) < _PAGE or len(found) >= answer["total"]:
                return found

    def follow(self, path: str, query: Query = ()) -> Iterator[StreamEvent]:
        """Events until the one called `end`; goes on where it was when the line is cut."""
        last, cuts = "", 0
        while True:
            try:
                for event in self._stream(path, query, last):
                    yield event
                    if event.name == "end":
                        return
                    last, cuts = event.id or last, 0
            except LineCut:
                pass  # as good as when the daemon ends it
            cuts += 1
            if cuts > _RECONNECTS_MAX:
                raise CommandFailed(f"the daemon at {self.url} ends the stream again and again; is it healthy?")
            time.sleep(0.2 * cuts)

    def _stream(self, path: str, query: Query, last: str) -> Iterator[StreamEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        timeout = httpx2.Timeout(_SECONDS, read=_FOLLOW_SECONDS)
        with (
            self._failures_told(),
            self._http.stream("GET", path, params=_pairs(query), headers=headers, timeout=timeout) as response,
        ):
            if response.status_code >= 400:
                response.read()
                self._refuse(response)
            yield from events_of(response.iter_lines())

    # What goes wrong.

    @contextlib.contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except httpx2.ConnectError as error:
            raise CommandFailed(
                f"no daemon answers at {self.url} ({error}); start one with `segue serve`, "
                "or say with SEGUE_URL where it is"
            ) from error
        except httpx2.TimeoutException as error:
            raise CommandFailed(f"the daemon at {self.url} does not answer in time; look at its log") from error
        except httpx2.TransportError as error:
            raise LineCut(f"the line to the daemon at {self.url} broke: {error}") from error

    def _refuse(self, response: httpx2.Response) -> NoReturn:
        message, problems = _told(response)
        if not message and response.status_code == 404:
            raise CommandFailed(f"what answers at {self.url} is not Segue; SEGUE_URL says where it is")
        message = message or f"the daemon answered {response.status_code} {response.reason_phrase}"
        lines = [message, *(text_line(problem) for problem in problems)]
        raise CommandFailed("\n".join([*lines, *self._advice(response.status_code)]), code=FIXABLE)

    def _advice(self, status: int) -> list[str]:
        match status:
            case 401 if self._credentials:
                return [f"The daemon at {self.url} does not know these credentials (SEGUE_TOKEN or SEGUE_PASSWORD)."]
            case 401:
                return [
                    f"The daemon at {self.url} wants credentials: set SEGUE_TOKEN, or SEGUE_USERNAME and SEGUE_PASSWORD."
                ]
            case 404:
                return ["What there is: `segue flows list`, `segue executions list`, `segue triggers list`."]
            case 409:
                return ["How it stands: `segue executions show`, `segue triggers list`."]
            case 503:
                return ["Try again in a moment; the daemon's log tells more."]
            case status if status >= 500:
                return ["The daemon's log tells more."]
        return []

    def _json(self, response: httpx2.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise CommandFailed(f"what answers at {self.url} is not Segue; SEGUE_URL says where it is") from error


def path_of(*parts: str) -> str:
    """A path of the API out of names that somebody typed."""
    return "/".join(quote(part, safe="") for part in parts)


def events_of(lines: Iterator[str]) -> Iterator[StreamEvent]:
    """Server-sent events out of the lines of a stream; comments, which keep the line open, are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield StreamEvent(fields.get("id", ""), fields.get("event", ""), fields["data"])
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name:
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


def _told(response: httpx2.Response) -> tuple[str, list[Problem]]:
    """The sentence and the problems that the daemon answered with; nothing if it was not a daemon that did."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("message"), str):
        return "", []
    return clean(body["message"]), problems_of(body.get("problems") or ())


def problems_of(values: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Problems as the API tells them."""
    return [
        Problem(
            path=clean(str(each.get("path") or "")),
            line=int(each.get("line") or 0),
            column=int(each.get("column") or 0),
            code=clean(str(each.get("code") or "")),
            message=clean(str(each.get("message") or "")),
            hint=clean(str(each.get("hint") or "")),
            severity=Severity(each.get("severity") or Severity.ERROR),
            where=clean(str(each.get("where") or "")),
        )
        for each in values
    ]


def _pairs(query: Query) -> list[tuple[str, Any]]:
    """The query without what has no value."""
    pairs = query.items() if isinstance(query, Mapping) else query
    return [
        (name, json.dumps(value) if isinstance(value, bool) else value) for name, value in pairs if value is not None
    ]


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("SEGUE_TOKEN")
    if token:
        return {"Authorization": f"Bearer {token}"}
    username, password = environment.get("SEGUE_USERNAME"), environment.get("SEGUE_PASSWORD")
    if username and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}
    return {}


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
