"""Database servers of this machine, each started in a folder of its own and ended with its test: PostgreSQL, MariaDB.

Where a server is not installed its tests are skipped; in continuous integration they fail.
"""

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pymysql

from tests.support.needs import need
from tests.support.waiting import wait_until

USER = "ada"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The JDBC address of a new, empty server; the user is `ada`, without a password."""
    programs = _programs("initdb", "PostgreSQL", "/usr/lib/postgresql/*/bin")
    user = _given_away(folder, "postgres")
    _run(user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", USER, "--no-sync")
    options = ["-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "listen_addresses=127.0.0.1"]
    port = _free_port()

    def log_in() -> None:
        psycopg.connect(host="127.0.0.1", port=port, user=USER, dbname="postgres").close()

    command = [*user, programs / "postgres", "-D", folder / "data", "-p", str(port), *options]
    with _serving(command, log_in, psycopg.OperationalError, folder / "log"):
        yield f"jdbc:postgresql://127.0.0.1:{port}/postgres"


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """The JDBC address of a new server with one empty database, `shop`; the user is `ada`, without a password."""
    install = _programs("mariadb-install-db", "MariaDB", "/usr/bin") / "mariadb-install-db"
    server = _programs("mariadbd", "MariaDB", "/usr/sbin") / "mariadbd"
    user = _given_away(folder, "nobody")
    _run(user, install, "--no-defaults", f"--datadir={folder / 'data'}", "--auth-root-authentication-method=normal")
    first = folder / "first.sql"
    who = f"{USER}@'127.0.0.1'"
    first.write_text(f"CREATE DATABASE shop;\nCREATE USER {who};\nGRANT ALL ON shop.* TO {who};\n")
    port = _free_port()
    options = [
        f"--socket={folder / 'socket'}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--init-file={first}",
    ]

    def log_in() -> None:
        pymysql.connect(host="127.0.0.1", port=port, user=USER, database="shop").close()

    command = [*user, server, "--no-defaults", f"--datadir={folder / 'data'}", f"--port={port}", *options]
    with _serving(command, log_in, pymysql.err.OperationalError, folder / "log"):
        yield f"jdbc:mysql://127.0.0.1:{port}/shop"


def _programs(name: str, what: str, pattern: str) -> Path:
    """The folder of a server's programs."""
    found = sorted(Path("/").glob(f"{pattern.removeprefix('/')}/{name}"))
    on_path = shutil.which(name)
    need(is_there=bool(found or on_path), missing=f"{what} is not installed: there is no {name}")
    return (found[-1] if found else Path(str(on_path))).parent


def _given_away(folder: Path, user: str) -> Sequence[str]:
    """How to run a program as the folder's owner: neither server runs as root."""
    if os.geteuid() != 0:
        return ()
    for each in (folder, *folder.parents):
        if not each.stat().st_mode & stat.S_IXOTH:
            each.chmod(each.stat().st_mode | stat.S_IXOTH)
    shutil.chown(folder, user)
    return ("runuser", "-u", user, "--")


def _run(user: Sequence[str], *command: str | Path) -> None:
    done = subprocess.run([*user, *command], capture_output=True, cwd="/")
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-2000:]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _serving(
    command: Sequence[str | Path], log_in: Callable[[], None], refusal: type[Exception], log: Path
) -> Iterator[None]:
    """Listening is not enough: a server that starts refuses those who log in."""
    with log.open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, cwd="/")

    def lets_in() -> bool:
        with suppress(refusal):
            log_in()
            return True
        return False

    try:
        wait_until(
            lets_in, what=f"{log.parent.name} to let somebody in", seconds=30, seen=lambda: log.read_text()[-2000:]
        )
        yield
    finally:
        server.terminate()
        server.wait(20)
