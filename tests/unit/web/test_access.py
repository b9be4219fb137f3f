"""Who may come in. Every route says what it needs; what does not say is closed."""

import re
from collections.abc import Iterator

import pytest
from segue.web.access import Need
from segue.web.api import table as api_table
from segue.web.pages import table as page_table
from segue.web.routing import Entry
from segue.web.settings import Credentials, WebSettings
from starlette.testclient import TestClient

from tests.support.web import MemoryDaemon, app_of

ENTRIES = [*api_table.entries(), *page_table.entries()]
CLOSED = [entry for entry in ENTRIES if entry.need is not Need.PUBLIC]
LOCKED = WebSettings(credentials=Credentials("ada", "pässword", "t0ken"))


# Flows may have these names, and none of them is a way in: Kestra's filter let through what ended in `/configs`.
ODD_NAMES = (
    *("health", "static", "login", "configs", "webhook", "app.css", ".."),
    *("health%2f", "%2fhealth", "health;", "HEALTH", "%00"),
)


def addresses(entry: Entry) -> set[tuple[str, str]]:
    """Method and path, with names in the places of parameters that look like paths left open elsewhere."""
    paths = {
        re.sub(
            r"\{(\w+:)?\w+\}",
            lambda match, name=name: "0" * 22 if "execution_id" in match[0] else name,
            entry.path,
        )
        for name in ODD_NAMES
    }
    return {(method, path) for path in paths for method in entry.methods.split("|")}


@pytest.fixture(scope="module")
def shut() -> Iterator[TestClient]:
    """A daemon with nothing in it and credentials that nobody gives."""
    with TestClient(app_of(MemoryDaemon(), LOCKED), base_url="http://localhost", follow_redirects=False) as client:
        yield client


@pytest.fixture
def locked(daemon: MemoryDaemon) -> Iterator[TestClient]:
    with TestClient(app_of(daemon, LOCKED), base_url="http://localhost", follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("entry", CLOSED, ids=lambda entry: f"{entry.methods} {entry.path}")
def test_no_closed_route_opens_without_credentials(shut: TestClient, entry: Entry) -> None:
    for method, path in addresses(entry):
        answer = shut.request(method, path.replace("..", "%2e%2e"))
        is_sent_to_login = entry.is_page and answer.status_code == 303 and answer.headers["location"] == "/login"
        # A name with a slash in it is another path, which may be nowhere, or be sent to where it is; and what begins as a
        # webhook's address is answered as one with a wrong key.
        is_nowhere = ("%2f" in path and answer.status_code in {307, 404, 405}) or (
            "/executions/webhook/" in path and answer.status_code == 404
        )
        assert answer.status_code == 401 or is_sent_to_login or is_nowhere, (method, path, answer)


def test_what_is_public_is_a_short_list() -> None:
    public = {entry.path for entry in ENTRIES if entry.need is Need.PUBLIC}
    hook = "/api/v1/executions/webhook/{namespace}/{flow_id}/{key}"
    assert public == {
        hook,
        f"{hook}/{{path:path}}",
        "/api/v1/git/webhook",
        "/health",
        "/ready",
        "/static/{name}",
        "/login",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer t0ken"},
        {"Authorization": "Basic YWRhOnDDpHNzd29yZA=="},
        {"Authorization": "basic eDp0MGtlbg=="},
    ],
    ids=["bearer", "basic", "token as password"],
)
def test_good_credentials_open(locked: TestClient, headers: dict[str, str]) -> None:
    assert locked.get("/api/v1/main/flows/search", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", ["Bearer nope", "Bearer t0kén", "Basic !!!", "Basic YWRhOm5vcGU=", "Digest x", "Bearer", ""]
)
def test_bad_credentials_do_not(locked: TestClient, value: str) -> None:
    answer = locked.get("/api/v1/main/flows/search", headers={"Authorization": value.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_person_logs_in_and_out(locked: TestClient) -> None:
    assert locked.get("/flows").headers["location"] == "/login"
    assert locked.post("/login", data={"username": "ada", "password": "wrong"}).status_code == 401
    answer = locked.post("/login", data={"username": "ada", "password": "pässword"})
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert locked.get("/flows").status_code == 200
    locked.post("/logout")
    assert locked.get("/flows").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "99999999999.00", ".", "é.é"])
def test_a_made_up_session_opens_nothing(locked: TestClient, cookie: str) -> None:
    headers = {"Cookie": f"segue_session={cookie}".encode()}
    assert locked.get("/api/v1/main/flows/search", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("10.0.0.7:1", 200),
        ("flows.localhost", 200),
        ("segue.example.org", 200),
        ("evil.example.org", 400),
        ("localhost.evil.org", 400),
        ("", 400),
    ],
)
def test_the_daemon_answers_under_its_own_names_only(daemon: MemoryDaemon, host: str, status: int) -> None:
    app = app_of(daemon, WebSettings(hosts=("Segue.example.org",)))
    with TestClient(app, base_url="http://localhost") as client:
        assert client.get("/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:8080"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.org"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
    ids=["no browser", "ours", "ours, told by the browser", "another", "another port", "null", "cross-site"],
)
def test_another_pages_form_does_nothing(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/api/v1/main/git/sync", headers=headers).status_code == status


def test_every_answer_carries_the_headers_that_bind_browsers(client: TestClient) -> None:
    for path in ("/", "/nothing", "/api/v1/main/nothing", "/health"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_there_is_no_way_to_hand_in_a_flow(client: TestClient) -> None:
    for method, path in (("POST", "/flows"), ("PUT", "/flows/a/b"), ("DELETE", "/flows/a/b"), ("POST", "/flows/a")):
        answer = client.request(method, f"/api/v1/main{path}", content="id: x")
        assert answer.status_code == 405
        assert "managed by Git" in answer.json()["message"]


# Bodies.


def test_a_webhook_body_is_capped_while_it_comes(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b"x" * (1 << 16)

    answer = client.post("/api/v1/main/executions/webhook/company.team/hello/s3cret-key", content=endless())
    assert answer.status_code == 413


def test_a_length_that_is_too_much_is_refused_at_once(client: TestClient, daemon: MemoryDaemon) -> None:
    answer = client.post("/api/v1/main/flows/validate", content=b"x", headers={"Content-Length": "99999999"})
    assert answer.status_code == 413
    assert daemon.asked == []


def test_uploads_have_their_own_limit(daemon: MemoryDaemon) -> None:
    with TestClient(app_of(daemon, WebSettings(upload_max=1000)), base_url="http://localhost") as client:
        big = {"name": (None, "x"), "data": ("a", b"x" * 2000)}
        assert client.post("/api/v1/main/executions/company.team/hello", files=big).status_code == 413
