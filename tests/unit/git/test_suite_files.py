"""Files with flow tests at a commit, and what changed between commits that tests hang on."""

from pathlib import Path

import pytest
from segue.git.blobs import BlobReader
from segue.git.runner import run_git
from segue.git.snapshot import BRANCH, snapshot_of
from segue.git.suite_files import Touched, suite_files, touched_between

from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def git_dir(repository: Repository) -> Path:
    return repository.path / ".git"


def test_yaml_where_tests_lie_is_found_with_its_namespace(repository: Repository) -> None:
    repository.link("flows/a.b/_tests/link.yaml", "x.yaml")
    commit = repository.commit(
        {
            "flows/a.b/x.yaml": "id: x",
            "flows/a.b/_tests/x.yaml": "one",
            "flows/a.b/_tests/deep/y.yml": "two",
            "flows/a.b/_tests/data.csv": "three",
            "c.d/tests/z.yaml": "four",
            "flows/_tests/large.yaml": "x" * 2_000_000,
        }
    )
    with BlobReader(git_dir(repository)) as reader:
        found = {file.path: (file.namespace, file.text) for file in suite_files(git_dir(repository), reader, commit)}
    assert found == {
        "flows/a.b/_tests/x.yaml": ("a.b", b"one"),
        "flows/a.b/_tests/deep/y.yml": ("a.b", b"two"),
        "c.d/tests/z.yaml": ("c.d", b"four"),
        "flows/_tests/large.yaml": (None, None),
    }


def test_what_tests_hang_on_is_told_of_a_change(repository: Repository) -> None:
    files = {"flows/a/_tests/x.yaml": "1", "flows/a/_files/x": "1", "flows/b/_files/y": "1", "flows/a/f.yaml": "1"}
    old = repository.commit(files)
    changed = repository.commit(
        {"flows/a/_tests/x.yaml": "2", "flows/b/_files/y": None, "flows/a/f.yaml": "2", "z": ""}
    )
    settings = repository.commit({"segue.yaml": "variables: {a: 1}\n"})
    with BlobReader(git_dir(repository)) as reader:
        assert touched_between(git_dir(repository), reader, old, changed) == Touched(
            tests=frozenset({"flows/a/_tests/x.yaml"}), namespaces=frozenset({"b"})
        )
        assert touched_between(git_dir(repository), reader, changed, settings).is_everything
        assert touched_between(git_dir(repository), reader, old, old) == Touched()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_a_snapshot_of_a_commit_holds_its_files_and_no_history(tmp_path: Path, object_format: str) -> None:
    repository = Repository(tmp_path / "repository", object_format=object_format)
    repository.commit({"a": "first"})
    commit = repository.commit({"a": "second"})
    repository.commit({"a": "third"})
    made = snapshot_of(git_dir(repository), commit, tmp_path / "snapshot.git")
    assert run_git(made.git_dir, "show", f"{BRANCH}:a") == b"second"
    assert run_git(made.git_dir, "rev-list", "--count", BRANCH) == b"1\n"
