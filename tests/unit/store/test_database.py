"""Opening a database: what is made, what is refused, and in which words."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from segue.store.database import connect_to_read, migrations, open_database, version_warnings
from segue.store.errors import DatabaseInUse, DatabaseUnusable, NewerDatabase

LATEST = migrations()[-1].number


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_database_is_made_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "segue.db"
    open_database(path).close()
    assert version_of(path) == LATEST


def test_a_database_is_opened_again_with_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "segue.db"
    open_database(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
    open_database(path).close()
    with closing(connect_to_read(path)) as connection:
        assert connection.execute("SELECT * FROM settings").fetchall() == [("a", "1")]


def test_executions_of_an_older_database_are_counted_and_are_no_iterations(tmp_path: Path) -> None:
    path = tmp_path / "segue.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(f"{migrations()[0].script}; PRAGMA user_version = 1;")
        connection.execute(
            "INSERT INTO executions (id, namespace, flow_id, revision, commit_id, state, kind, attempt_number, started_at,"
            " is_live, history, progress) VALUES ('e', 'a.b', 'f', 1, 'c', 'SUCCESS', 'NORMAL', 1, 0, 0, '[]', '[]')"
        )
    open_database(path).close()
    with closing(connect_to_read(path)) as connection:
        assert connection.execute("SELECT * FROM execution_counts").fetchall() == [(0, "a.b", "f", "SUCCESS", 1)]
        assert connection.execute("SELECT id FROM executions WHERE is_loop = 0").fetchall() == [("e",)]


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "segue.db"
    open_database(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 1}")
    with pytest.raises(NewerDatabase, match=f"schema version {LATEST + 1}, and this program knows up to {LATEST}"):
        open_database(path)
    assert version_of(path) == LATEST + 1


def test_a_refused_database_does_not_keep_the_folder_locked(tmp_path: Path) -> None:
    path = tmp_path / "segue.db"
    path.write_bytes(b"no database at all, but long enough to look at" * 40)
    with pytest.raises(DatabaseUnusable, match="it is not a database; move it away"):
        open_database(path)
    path.unlink()
    open_database(path).close()


def test_a_second_daemon_on_the_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with (
        open_database(tmp_path / "segue.db"),
        pytest.raises(DatabaseInUse, match=rf"in use by process {os.getpid()}: stop it") as refused,
    ):
        open_database(tmp_path / "segue.db")
    assert refused.value.pid == os.getpid()


def test_a_daemon_that_died_leaves_the_folder_free(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; from segue.store.database import open_database;"
        "held = open_database(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "segue.db")], check=False, timeout=30)
    open_database(tmp_path / "segue.db").close()


def test_a_folder_without_the_right_to_write_is_named(tmp_path: Path) -> None:
    """Root may write anywhere, so another user tries."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    script = (
        "import os, pathlib, sys; from segue.store.database import open_database\n"
        "from segue.store.errors import DatabaseUnusable\n"
        "if os.getuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try:\n    open_database(pathlib.Path(sys.argv[1]))\n"
        "except DatabaseUnusable as error:\n    print(error)\n"
    )
    # The folders above belong to who runs the tests; the child gets in by its own working folder.
    run = subprocess.run(
        [sys.executable, "-c", script, "segue.db"], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )
    assert "cannot use the database segue.db: its folder: Permission denied" in run.stdout, run.stderr


@pytest.mark.parametrize(
    ("version", "is_warned"),
    [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 54, 1), False)],
    ids=str,
)
def test_a_version_with_the_reset_bug_is_warned_of(version: tuple[int, int, int], is_warned: bool) -> None:
    assert bool(version_warnings(version)) == is_warned


def test_a_reading_connection_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "segue.db"
    with open_database(path), closing(connect_to_read(path)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("INSERT INTO settings VALUES ('a', '1')")
