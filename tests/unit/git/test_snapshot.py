"""A work tree as a commit of our own: what goes in, and that its repository is not touched."""

import subprocess
from pathlib import Path

import pytest
from segue.git import snapshot
from segue.git.runner import run_git
from segue.git.snapshot import Snapshot, TooMuch, take_snapshot

from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "work")


def taken(repository: Repository, **options: object) -> Snapshot:
    return take_snapshot(repository.path, repository.path.parent / "snapshot.git", is_repository=True, **options)


def files(found: Snapshot) -> dict[str, str]:
    names = run_git(found.git_dir, "ls-tree", "-r", "--name-only", "main").decode().splitlines()
    return {name: run_git(found.git_dir, "show", f"main:{name}").decode() for name in names}


def everything_in(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(each): (each.stat().st_mtime_ns, each.read_bytes()) for each in folder.rglob("*") if each.is_file()}


def test_what_is_not_committed_goes_in_and_what_is_deleted_does_not(repository: Repository) -> None:
    repository.commit({"kept": "1", "changed": "1", "gone": "1"})
    repository.write("changed", "2")
    repository.write("new", "1")
    repository.write("gone", None)
    assert files(taken(repository)) == {"kept": "1", "changed": "2", "new": "1"}


def test_what_git_ignores_stays_out_unless_it_is_tracked(repository: Repository) -> None:
    repository.commit({"tracked.log": "1"})
    repository.commit({".gitignore": "*.log\n/out/\n", "a/.gitignore": "b\n"})
    for name in ("new.log", "out/x", "a/b", "secret"):
        repository.write(name, "1")
    (repository.path / ".git" / "info").mkdir(exist_ok=True)
    (repository.path / ".git" / "info" / "exclude").write_text("secret\n")
    assert set(files(taken(repository))) == {".gitignore", "a/.gitignore", "tracked.log"}


def test_the_repository_is_not_written_to(repository: Repository) -> None:
    repository.commit({"a": "1"})
    repository.write("a", "2")
    repository.write("b", "1")
    before = everything_in(repository.path)
    taken(repository)
    assert everything_in(repository.path) == before


def test_a_repository_without_a_commit_can_be_taken(repository: Repository) -> None:
    repository.write("a", "1")
    assert files(taken(repository)) == {"a": "1"}


def test_configuration_and_attributes_run_no_program(repository: Repository) -> None:
    repository.commit({"a": "1", ".gitattributes": "* filter=evil\n"})
    repository.git("config", "filter.evil.clean", f"touch {repository.path.parent / 'ran'}")
    repository.git("config", "core.fsmonitor", f"touch {repository.path.parent / 'ran'}")
    repository.write("a", "2")
    assert files(taken(repository))["a"] == "2"
    assert not (repository.path.parent / "ran").exists()


def test_a_repository_inside_the_repository_stays_out(repository: Repository) -> None:
    repository.commit({"a": "1"})
    Repository(repository.path / "inner").commit({"b": "1"})
    assert set(files(taken(repository))) == {"a"}


def test_files_can_be_added_and_replaced(repository: Repository) -> None:
    repository.commit({"a": "1"})
    assert files(taken(repository, added={"a": b"2", "flows/b.yaml": b"3"})) == {"a": "2", "flows/b.yaml": "3"}


def test_names_and_links_are_taken_as_they_are(repository: Repository) -> None:
    repository.write("über/with space\n.txt", "1")
    (repository.path / "link").symlink_to("nowhere")
    listed = run_git(taken(repository).git_dir, "ls-tree", "-r", "-z", "main").decode().split("\0")
    assert [line.split("\t")[1] for line in listed if line] == ["link", "über/with space\n.txt"]
    assert listed[0].startswith("120000")


def test_a_folder_in_no_repository_is_taken_whole(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    (folder / "sub").mkdir(parents=True)
    (folder / ".gitignore").write_text("*.tmp\n")
    for name in ("a", "sub/b", "c.tmp"):
        (folder / name).write_text("1")
    found = take_snapshot(folder, tmp_path / "snapshot.git", is_repository=False)
    assert set(files(found)) == {".gitignore", "a", "sub/b"}


def test_a_home_folder_is_not_read_by_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "LOOSE_FILES_MAX", 2)
    folder = tmp_path / "home"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text("1")
    with pytest.raises(TooMuch, match=r"holds more than 2 files: put the flows into a folder of their own"):
        take_snapshot(folder, tmp_path / "snapshot.git", is_repository=False)


def test_the_same_work_tree_stays_usable_for_git(repository: Repository) -> None:
    repository.commit({"a": "1"})
    repository.write("a", "2")
    taken(repository)
    status = subprocess.run(
        ["git", "-C", str(repository.path), "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert status.stdout == " M a\n"
