from pathlib import Path

import pytest
from segue.git.blobs import BlobMissing, BlobReader
from segue.git.namespace_files import NamespaceFiles

from tests.support.repositories import Repository


@pytest.fixture
def stored(repository: Repository):
    with BlobReader(repository.path / ".git") as reader:
        yield repository, NamespaceFiles(repository.path / ".git", reader)


def test_a_namespace_has_the_files_of_its_commit(stored):
    repository, files = stored
    one = repository.commit({"flows/n/_files/a/b.py": "1", "flows/n.m/_files/c.py": "other"})
    two = repository.commit({"flows/n/_files/a/b.py": "2", "flows/n/_files/d.py": "new"})
    assert [file.path for file in files.files(one, "n")] == ["a/b.py"]
    assert [file.path for file in files.files(two, "n")] == ["a/b.py", "d.py"]
    assert files.read(one, "n", "a/b.py") == b"1"
    assert files.read(two, "n", "/a/b.py") == b"2"
    assert files.files(two, "nowhere") == ()


@pytest.mark.parametrize("path", ["x.py", "../n.m/c.py", "a", "", "../../../etc/passwd"])
def test_what_is_no_file_of_the_namespace_is_missing(stored, path: str):
    repository, files = stored
    commit = repository.commit({"flows/n/_files/a/b.py": "1", "flows/n.m/_files/c.py": "other"})
    with pytest.raises(BlobMissing):
        files.read(commit, "n", path)


def test_files_are_written_byte_for_byte_with_their_mode(stored, tmp_path: Path):
    repository, files = stored
    content = {"run.sh": b"#!/bin/sh\r\n", "data/ünï.bin": bytes(range(256)), "big": b"x" * 3_000_000}
    repository.commit(
        {".gitattributes": "* text eol=crlf export-ignore\n"} | {f"flows/n/_files/{k}": v for k, v in content.items()}
    )
    repository.git("update-index", "--chmod=+x", "flows/n/_files/run.sh")
    repository.git("commit", "--quiet", "-m", "mode")
    blobs = {name: repository.git("rev-parse", f"HEAD:flows/n/_files/{name}").strip() for name in content}
    written = files.materialise(repository.head, "n", tmp_path / "out")
    assert set(written) == set(content)
    with BlobReader(repository.path / ".git") as reader:
        for name, blob in blobs.items():
            assert (tmp_path / "out" / name).read_bytes() == reader.read(blob, size_max=1 << 30)
    assert (tmp_path / "out" / "run.sh").stat().st_mode & 0o100
    assert not (tmp_path / "out" / "big").stat().st_mode & 0o100


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([], [], ["a.py", "data/a.csv", "data/b.py"]),
        (["*.py"], [], ["a.py", "data/b.py"]),
        (["/data/**"], ["*.csv"], ["data/b.py"]),
        ([], ["data/"], ["a.py"]),
    ],
)
def test_patterns_choose_files(stored, tmp_path: Path, include: list[str], exclude: list[str], expected: list[str]):
    repository, files = stored
    commit = repository.commit({f"flows/n/_files/{name}": "x" for name in ("a.py", "data/a.csv", "data/b.py")})
    assert list(files.materialise(commit, "n", tmp_path / "out", include=include, exclude=exclude)) == expected


def test_links_are_no_files(stored, tmp_path: Path):
    repository, files = stored
    repository.commit({"flows/n/_files/a": "1"})
    repository.link("flows/n/_files/passwd", "/etc/passwd")
    commit = repository.link("flows/n/_files/up", "../../..")
    assert files.materialise(commit, "n", tmp_path / "out") == ("a",)


def test_a_folder_that_is_in_use_is_not_written_to(stored, tmp_path: Path):
    repository, files = stored
    commit = repository.commit({"flows/n/_files/a/b": "1"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path)
    with pytest.raises(FileExistsError):
        files.materialise(commit, "n", tmp_path / "out")
    assert not (tmp_path / "b").exists()


def test_a_tree_made_to_escape_is_not_written(stored, tmp_path: Path):
    repository, files = stored
    repository.commit({"x": "evil"})
    blob = repository.git("rev-parse", "HEAD:x").strip()
    tree = repository.git("mktree", "--missing", stdin=f"100644 blob {blob}\t..\0".replace("\0", "\n").encode()).strip()
    for name in ("_files", "n", "flows"):
        tree = repository.git("mktree", stdin=f"040000 tree {tree}\t{name}\n".encode()).strip()
    commit = repository.git("commit-tree", "-m", "evil", tree).strip()
    assert files.materialise(commit, "n", tmp_path / "out") == ()


def test_kestras_layouts_have_files_too(stored):
    repository, files = stored
    commit = repository.commit({"company.team/files/a.py": "1", "_files/shared.py": "2"})
    assert [file.path for file in files.files(commit, "company.team")] == ["a.py", "shared.py"]
    assert [file.path for file in files.files(commit, "other")] == ["shared.py"]
