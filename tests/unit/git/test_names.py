from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from segue.git.credentials import Credentials
from segue.git.names import BadName, checked_commit_id, checked_ref, is_commit_id, parse_source, redact

GOOD_REFS = ["main", "release/1.2", "feature/ünï", "refs/heads/main", "v1.0.0", "a-b", "a@b"]
BAD_REFS = [
    "",
    "-main",
    "--upload-pack=touch /tmp/x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[b",
    "a\\b",
    "a@{1}",
    "@",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a.",
    "a\nb",
    "a\0b",
    "x" * 300,
]


@pytest.mark.parametrize("ref", GOOD_REFS)
def test_a_name_that_git_would_take_is_a_ref(ref: str):
    assert checked_ref(ref) == ref


@pytest.mark.parametrize("ref", BAD_REFS)
def test_a_hostile_or_impossible_ref_is_refused(ref: str):
    with pytest.raises(BadName):
        checked_ref(ref)


@given(st.text())
def test_no_ref_that_passes_can_be_taken_for_an_option(text: str):
    try:
        ref = checked_ref(text)
    except BadName:
        return
    assert not ref.startswith("-")
    assert not any(ord(character) < 33 for character in ref)


def test_commit_ids_are_40_or_64_hex_digits():
    assert is_commit_id("a" * 40)
    assert is_commit_id("0" * 64)
    for text in ("a" * 39, "a" * 41, "A" * 40, "g" * 40, "a" * 40 + "\n", "", "HEAD", "--all"):
        assert not is_commit_id(text)
    with pytest.raises(BadName):
        checked_commit_id("HEAD")


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example.com/team/flows.git",
        "https://git.example.com:8443/team/flows.git",
        "ssh://git@git.example.com/team/flows.git",
        "file:///srv/flows.git",
        "git@git.example.com:team/flows.git",
        "http://127.0.0.1:3000/team/flows.git",
    ],
)
def test_a_url_over_an_allowed_protocol_is_a_source(text: str):
    assert parse_source(text).location == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-oProxyCommand=x",
        "--upload-pack=x",
        "ext::sh -c touch% /tmp/x",
        "git://git.example.com/flows.git",
        "http://git.example.com/flows.git",
        "ftp://git.example.com/flows.git",
        "ssh://-oProxyCommand=x/flows.git",
        "ssh://-o@host/flows.git",
        "https://git.example.com",
        "file://host/srv/flows.git",
        "https://git.example.com/a\nb",
        "-host:path",
    ],
)
def test_a_source_of_another_kind_is_refused(text: str):
    with pytest.raises(BadName):
        parse_source(text)


def test_a_folder_becomes_an_absolute_path():
    source = parse_source("somewhere/flows")
    assert source.local_path == Path.cwd() / "somewhere/flows"


def test_http_to_another_machine_needs_permission():
    assert parse_source("http://git.example.com/flows.git", allows_http=True).allows_http


def test_user_and_password_leave_the_url_and_are_not_shown():
    source = parse_source("https://ada:s3cr%40t@git.example.com/flows.git", branch="main")
    assert source.location == "https://git.example.com/flows.git"
    assert source.credentials == Credentials(username="ada", password="s3cr@t")
    assert "s3cr" not in repr(source)
    assert "s3cr" not in str(source)


def test_an_error_about_a_url_does_not_show_its_password():
    with pytest.raises(BadName) as refused:
        parse_source("gopher://ada:s3cret@git.example.com/x")
    assert "s3cret" not in str(refused.value)


def test_redaction_takes_users_and_passwords_out_of_urls():
    assert redact("fatal: https://ada:s3cret@host/x and ssh://git@h/y") == "fatal: https://host/x and ssh://h/y"


def test_a_token_goes_into_a_header_for_its_own_location_only():
    credentials = Credentials(password="t0ken")
    settings = dict(credentials.configuration("https://git.example.com/flows.git"))
    assert settings["http.https://git.example.com/flows.git.extraHeader"].startswith("Authorization: Basic ")
    assert settings["credential.helper"] == ""


def test_ssh_asks_nothing_and_knows_its_hosts():
    command = Credentials(ssh_key=Path("/keys/a b"), known_hosts=Path("/keys/known")).ssh_command
    for words in ("BatchMode=yes", "StrictHostKeyChecking=yes", "UserKnownHostsFile=/keys/known", "-i '/keys/a b'"):
        assert words in command
