"""The page of a namespace's keys: listed, added, changed, deleted, given an end."""

from datetime import timedelta
from typing import Any

import pytest
from segue.web.ports.keys import KeyValue
from starlette.testclient import TestClient

from tests.support.web import NOW, MemoryDaemon

PAGE = "/namespaces/company.team/keys"


def put(client: TestClient, **fields: str) -> Any:
    return client.post(PAGE, data={"key": "k", "value": "", "kind": ""} | fields, follow_redirects=False)


def test_a_flow_leads_to_the_keys_of_its_namespace(client: TestClient) -> None:
    assert f'href="{PAGE}"' in client.get("/flows/company.team/hello").text
    assert "No keys yet" in client.get(PAGE).text


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("hello", "", ("STRING", "hello")),
        ("42", "", ("NUMBER", 42)),
        ("42", "STRING", ("STRING", "42")),
        ('{"a":\r\n1}', "", ("JSON", {"a": 1})),
        ("2026-01-31", "", ("DATE", "2026-01-31")),
        ("true", "BOOLEAN", ("BOOLEAN", True)),
        ("one\r\ntwo", "STRING", ("STRING", "one\ntwo")),
    ],
)
def test_a_value_is_stored_as_it_looks_or_as_is_said(
    client: TestClient, daemon: MemoryDaemon, value: str, kind: str, stored: tuple[str, Any]
) -> None:
    assert put(client, value=value, kind=kind).headers["location"] == PAGE
    entry = daemon.entries["company.team", "k"]
    assert (entry.kind, entry.value) == stored


def test_a_key_is_listed_and_put_into_the_form(client: TestClient, daemon: MemoryDaemon) -> None:
    put(client, value="<b>", description="why & what", expires="2026-11-23T10:00:00")
    text = client.get(f"{PAGE}?key=k").text
    assert "Change k" in text
    assert "&lt;b&gt;</textarea>" in text
    assert 'value="why &amp; what"' in text
    assert 'value="2026-11-23T10:00:00"' in text
    assert daemon.entries["company.team", "k"].expires_at == NOW + timedelta(hours=19, minutes=30)


def test_saving_the_form_again_changes_nothing(client: TestClient, daemon: MemoryDaemon) -> None:
    before = KeyValue(namespace="company.team", key="k", kind="STRING", value="12", expires_at=NOW + timedelta(days=1))
    daemon.entries["company.team", "k"] = before
    put(client, value="12", kind="STRING", expires="2026-11-23T14:30:00")
    after = daemon.entries["company.team", "k"]
    assert (after.kind, after.value, after.expires_at) == (before.kind, before.value, before.expires_at)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": "-x"}, "Key must start"),
        ({"value": "many", "kind": "NUMBER"}, "many"),
        ({"expires": "2020-01-01T00:00"}, "that time has passed"),
        ({"expires": "soon"}, "is not an ISO 8601 date"),
    ],
)
def test_what_cannot_be_comes_back_with_what_was_given(
    client: TestClient, daemon: MemoryDaemon, fields: dict[str, str], said: str
) -> None:
    answer = put(client, description="keep me", **fields)
    assert answer.status_code == 422
    assert said in answer.text
    assert "keep me" in answer.text
    assert daemon.entries == {}


def test_a_key_is_deleted(client: TestClient, daemon: MemoryDaemon) -> None:
    put(client, value="1")
    answer = client.post(f"{PAGE}/delete", data={"key": "k", "q": "a b"}, follow_redirects=False)
    assert answer.headers["location"] == f"{PAGE}?q=a+b"
    assert daemon.entries == {}


def test_keys_are_searched_and_come_in_pages(client: TestClient, daemon: MemoryDaemon) -> None:
    for number in range(120):
        put(client, key=f"k{number}", value="1")
    assert "1–100 of 120 keys" in client.get(PAGE).text
    assert ">1 key<" in client.get(f"{PAGE}?q=k77").text


def test_a_namespace_that_is_not_there_has_no_keys_and_gets_none(client: TestClient, daemon: MemoryDaemon) -> None:
    assert client.get("/namespaces/nowhere/keys").status_code == 404
    assert client.post("/namespaces/nowhere/keys", data={"key": "k", "value": "1"}).status_code == 404
    assert client.get("/namespaces/company/keys").status_code == 200
    assert daemon.entries == {}
