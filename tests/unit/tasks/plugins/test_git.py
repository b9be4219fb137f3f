"""Git tasks with real repositories on this machine."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.pools import SharedPool, order_of
from tests.support.repositories import Repository
from tests.unit.tasks.plugins.conftest import Workbench

_numbers = count()


@pytest.fixture
def source(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "source")
    repository.commit({"a.txt": "one"})
    repository.git("tag", "v1")
    repository.commit({"a.txt": "two", "dir/b.txt": "b"})
    repository.git("checkout", "--quiet", "-b", "side")
    repository.commit({"a.txt": "side"})
    repository.git("checkout", "--quiet", "main")
    return repository


@pytest.fixture
def remote(tmp_path: Path, source: Repository) -> Repository:
    """A bare one that can be pushed to."""
    source.git("clone", "--quiet", "--bare", str(source.path), str(tmp_path / "remote.git"))
    return Repository.at(tmp_path / "remote.git")


def in_folder(pool: SharedPool, *tasks: tuple[str, dict[str, Any]]) -> list[Any]:
    """The outcomes of tasks that share a working directory."""
    folder = f"git-{next(_numbers)}"
    (pool.folder / "work" / f"shared-{folder}").mkdir(parents=True)
    return [pool.run(order_of(f"io.kestra.plugin.{name}", properties, folder=folder)) for name, properties in tasks]


CHOSEN = {
    "default branch": ({}, "two"),
    "branch": ({"branch": "side"}, "side"),
    "tag": ({"tag": "v1"}, "one"),
}


@pytest.mark.parametrize(("chosen", "content"), CHOSEN.values(), ids=CHOSEN.keys())
def test_what_is_asked_for_is_checked_out(
    pool: SharedPool, source: Repository, chosen: dict[str, str], content: str
) -> None:
    show = {"commands": ["cat repo/a.txt", "git -C repo rev-list --count HEAD"]}
    clone = {"url": f"file://{source.path}", "directory": "repo"} | chosen
    outcomes = in_folder(pool, ("git.Clone", clone), ("scripts.shell.Commands", show))
    assert outcomes[0].ended.outputs["directory"].endswith("/repo"), outcomes[0].text
    assert outcomes[1].messages == [f"{content}1"]


def test_a_commit_is_checked_out_beside_files_that_are_there(pool: SharedPool, source: Repository) -> None:
    first = source.git("rev-parse", "v1").strip()
    write = {"commands": ["echo x > mine.txt"]}
    show = {"commands": ["cat a.txt mine.txt"]}
    outcomes = in_folder(
        pool,
        ("scripts.shell.Commands", write),
        ("git.Clone", {"url": str(source.path), "commit": first}),
        ("scripts.shell.Commands", show),
    )
    assert outcomes[2].messages == ["onex"]


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "a..b", "a b"])
def test_a_name_that_git_could_misread_is_refused(bench: Workbench, source: Repository, name: str) -> None:
    assert "cannot be a name in Git" in bench.failure("git.Clone", url=str(source.path), branch=name)


def test_what_git_says_is_the_failure(bench: Workbench, source: Repository, tmp_path: Path) -> None:
    assert bench.failure("git.Clone", url=str(source.path), branch="nowhere").startswith("git fetch: ")
    assert bench.failure("git.Clone", url=str(tmp_path / "none")).startswith("git ls-remote: ")


def test_files_are_pushed_to_a_branch_that_is_made(bench: Workbench, remote: Repository) -> None:
    uri = bench.put("new.txt", "new")
    properties = {
        "url": str(remote.path),
        "branch": "work",
        "inputFiles": {"dir/new.txt": uri, "note.txt": "hi"},
        "commitMessage": "add a file",
        "author": {"name": "Ada", "email": "ada@example.com"},
    }
    commit = bench.outputs("git.Push", **properties)["commitId"]
    assert remote.git("rev-parse", "work").strip() == commit
    assert remote.git("show", "work:dir/new.txt") == "new"
    assert remote.git("log", "-1", "--format=%an %ae %s", "work").strip() == "Ada ada@example.com add a file"
    assert bench.outputs("git.Push", **properties)["commitId"] is None


def test_a_clone_is_changed_and_pushed(pool: SharedPool, remote: Repository) -> None:
    outcomes = in_folder(
        pool,
        ("git.Clone", {"url": str(remote.path), "branch": "main"}),
        ("scripts.shell.Commands", {"commands": ["echo three > a.txt", "echo no > other.txt"]}),
        ("git.Push", {"branch": "main", "addFilesPattern": ["a.txt"]}),
    )
    assert outcomes[2].ended.outputs is not None, outcomes[2].text
    assert remote.git("show", "main:a.txt") == "three\n"
    assert "other.txt" not in remote.git("ls-tree", "--name-only", "main")


def test_no_configuration_of_a_foreign_repository_is_run(bench: Workbench, source: Repository, tmp_path: Path) -> None:
    hook = source.path / ".git" / "hooks"
    hook.mkdir(exist_ok=True)
    (hook / "post-checkout").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hook / "post-checkout").chmod(0o755)
    bench.outputs("git.Clone", url=str(source.path))
    assert not (tmp_path / "ran").exists()
