"""Files of an SFTP server: a real one on this machine."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.pools import order_of
from tests.support.waiting import wait_until
from tests.unit.tasks.plugins import sftp_server
from tests.unit.tasks.plugins.conftest import Workbench
from tests.unit.tasks.plugins.sftp_server import PASSWORD, USER, SftpServer

TRIGGER = "fs.sftp.Trigger"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sftp_server.sftp_server(tmp_path_factory.mktemp("sftp")) as server:
        yield server


@pytest.fixture
def server(shared: SftpServer) -> Iterator[SftpServer]:
    """With an empty folder, and nobody left connected in the end."""
    for path in sorted(shared.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    yield shared
    wait_until(
        lambda: all(each.is_closed() for each in shared.connections), what="connections to be closed", seconds=10
    )


def place(server: SftpServer, *names: str) -> None:
    for name in names:
        (server.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (server.folder / name).write_text(name)


def below(server: SftpServer) -> list[str]:
    return sorted(str(path.relative_to(server.folder)) for path in server.folder.rglob("*") if path.is_file())


def test_a_file_goes_there_and_comes_back(bench: Workbench, server: SftpServer) -> None:
    content = os.urandom(3 << 20)
    uri = bench.put("data.bin", content)
    sent = bench.outputs("fs.sftp.Upload", **server.given(from_=uri, to="/out/deep/"))
    assert sent == {"from": uri, "to": "sftp://127.0.0.1/out/deep/data.bin"}
    assert (server.folder / "out" / "deep" / "data.bin").read_bytes() == content
    got = bench.outputs("fs.sftp.Download", **server.given(from_="out/deep/data.bin"))
    assert bench.read(got["to"]) == content
    assert "is there already" in bench.failure("fs.sftp.Upload", **server.given(from_=uri, to="/out/deep/data.bin"))
    bench.outputs(
        "fs.sftp.Upload", **server.given(from_=bench.put("x", "new"), to="/out/deep/data.bin", overwrite=True)
    )
    assert (server.folder / "out" / "deep" / "data.bin").read_text() == "new"
    assert below(server) == ["out/deep/data.bin"]


def test_many_files_go_there_listed_or_named(bench: Workbench, server: SftpServer) -> None:
    one, two = bench.put("one", "1"), bench.put("two", "2")
    sent = bench.outputs("fs.sftp.Uploads", **server.given(from_=[one, two], to="/in"))
    assert sent["files"] == ["sftp://127.0.0.1/in/one", "sftp://127.0.0.1/in/two"]
    bench.outputs("fs.sftp.Uploads", **server.given(from_={"report.csv": one}, to="named/"))
    assert below(server) == ["in/one", "in/two", "named/report.csv"]


def test_files_are_listed_stored_and_moved_away(bench: Workbench, server: SftpServer) -> None:
    place(server, "in/a.csv", "in/b.txt", "in/sub/c.csv", "secret")
    (server.folder / "in" / "link.csv").symlink_to("../secret")
    listed = bench.outputs("fs.sftp.List", **server.given(from_="/in/", recursive=True, regExp="/in/.*\\.csv"))
    assert [(each["path"], each["name"], each["size"]) for each in listed["files"]] == [
        ("/in/a.csv", "a.csv", 8),
        ("/in/sub/c.csv", "c.csv", 12),
    ]
    more = server.given(from_="/in/", regExp=".*\\.csv", action="MOVE", moveDirectory="/done/")
    outputs = bench.outputs("fs.sftp.Downloads", **more)
    assert {name: bench.text(uri) for name, uri in outputs["outputFiles"].items()} == {"a.csv": "in/a.csv"}
    assert below(server) == ["done/a.csv", "in/b.txt", "in/link.csv", "in/sub/c.csv", "secret"]
    assert bench.outputs("fs.sftp.List", **server.given(from_="/nowhere"))["count"] == 0


def test_files_are_moved_and_deleted(bench: Workbench, server: SftpServer) -> None:
    place(server, "a", "b")
    moved = bench.outputs("fs.sftp.Move", **server.given(from_="/a", to="/new/"))
    assert moved == {"from": "sftp://127.0.0.1/a", "to": "sftp://127.0.0.1/new/a"}
    assert "is there already" in bench.failure("fs.sftp.Move", **server.given(from_="/b", to="/new/a"))
    bench.outputs("fs.sftp.Move", **server.given(from_="/b", to="/new/a", overwrite=True))
    assert (server.folder / "new" / "a").read_text() == "b"
    assert bench.outputs("fs.sftp.Delete", **server.given(uri="/new/a"))["deleted"] is True
    assert bench.outputs("fs.sftp.Delete", **server.given(uri="/new"))["deleted"] is True
    assert bench.outputs("fs.sftp.Delete", **server.given(uri="/new/a"))["deleted"] is False
    assert "is not there" in bench.failure("fs.sftp.Delete", **server.given(uri="/a", errorOnMissing=True))
    assert below(server) == []


def test_a_trigger_gives_each_file_once_and_moves_it_when_that_is_written_down(
    bench: Workbench, server: SftpServer
) -> None:
    place(server, "in/a", "in/b")
    more = server.given(from_="in", action="MOVE", moveDirectory="/done", maxFiles=1)
    first = bench.look(TRIGGER, **more)
    assert first.outputs is not None
    assert bench.text(first.outputs["files"][0]["path"]) == f"in/{first.names[0]}"
    assert below(server) == ["in/a", "in/b"]
    done = bench.look(TRIGGER, first.notes, first.claim, **more)
    second = bench.look(TRIGGER, done.notes, **more)
    assert sorted([*done.names, *second.names]) == ["a", "b"]
    assert below(server) == sorted([f"done/{done.names[0]}", f"in/{second.names[0]}"])


# Who is let in, and who is trusted.


@pytest.mark.parametrize("passphrase", [None, "open it"])
def test_a_key_lets_in(bench: Workbench, server: SftpServer, passphrase: str | None) -> None:
    key = server.client_key.export_private_key("openssh", passphrase, rounds=1, ignore_few_rounds=True).decode()
    more = server.given(password=None, keyfile=key, passphrase=passphrase, from_="/")
    assert bench.outputs("fs.sftp.List", **more)["count"] == 0


def test_no_key_and_no_password_do_not(bench: Workbench, server: SftpServer) -> None:
    said = bench.failure("fs.sftp.List", **server.given(password="wrong", from_="/"))
    assert "the server does not let 'ada' in" in said
    assert "wrong" not in said
    said = bench.failure("fs.sftp.List", **server.given(keyfile="no key", from_="/"))
    assert said.startswith("keyfile: it is no private key that can be read")


@pytest.mark.parametrize("known", ["another key", "no key", "nonsense"])
def test_a_server_whose_key_is_not_known_is_told_nothing(bench: Workbench, server: SftpServer, known: str) -> None:
    lines = {"another key": server.wrong_known_hosts, "no key": "", "nonsense": "hello"}
    said = bench.failure("fs.sftp.List", **server.given(knownHosts=lines[known], from_="/"))
    if known == "nonsense":
        assert said.startswith("knownHosts: ")
    else:
        assert f"ssh-keyscan -p {server.port} 127.0.0.1" in said
        assert f"it shows ssh-ed25519 {server.host_key.get_fingerprint()}" in said


def test_whoever_answers_is_trusted_only_when_that_is_said(bench: Workbench, server: SftpServer) -> None:
    more = server.given(knownHosts=server.wrong_known_hosts, strictHostKeyChecking="no", from_="/")
    outcome = bench.run("fs.sftp.List", **more)
    assert outcome.ended.failure is None
    assert "whoever answers is trusted" in outcome.text


def test_nobody_there_is_a_failure(bench: Workbench) -> None:
    said = bench.failure("fs.sftp.List", host="127.0.0.1", port=1, username="x", from_="/")
    assert said == "127.0.0.1:1: Connection refused"


PROXIES: dict[str, Any] = {"HTTP": sftp_server.http_talk, "SOCKS5": sftp_server.socks_talk}


@pytest.mark.parametrize("kind", PROXIES)
def test_a_proxy_is_gone_through(bench: Workbench, server: SftpServer, kind: str) -> None:
    place(server, "a")
    with sftp_server.proxy(server.loop, PROXIES[kind]) as port:
        way = {"proxyType": kind, "proxyAddress": "127.0.0.1", "proxyPort": port, "proxyUsername": "user"}
        assert bench.outputs("fs.sftp.List", **server.given(**way, proxyPassword="let me", from_="/"))["count"] == 1
        said = bench.failure("fs.sftp.List", **server.given(**way, proxyPassword="wrong", from_="/"))
        assert said.startswith(f"The proxy 127.0.0.1:{port} does not ")


def test_another_ssh_server_is_gone_through(bench: Workbench, server: SftpServer) -> None:
    place(server, "a")
    way = {"proxyType": "STREAM", "proxyHost": "127.0.0.1", "proxyPort": server.port, "proxyUser": USER}
    assert bench.outputs("fs.sftp.List", **server.given(**way, proxyPassword=PASSWORD, from_="/"))["count"] == 1


def test_a_server_that_says_nothing_does_not_hold_a_task_that_is_to_end(bench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = {"host": "127.0.0.1", "port": silent.getsockname()[1], "username": "ada", "from": "/"}
        outcome = bench.pool.run(order_of("io.kestra.plugin.fs.sftp.List", given, timeout="PT0.3S"))
    assert outcome.ended.failure is not None
    assert outcome.ended.failure.message == "Timeout after 00:00:00.300"
