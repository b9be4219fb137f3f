import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from segue.git.blobs import BlobMissing, BlobReader, BlobTooLarge
from segue.git.names import BadName

from tests.support.repositories import Repository


@pytest.fixture
def stored(repository: Repository):
    with BlobReader(repository.path / ".git") as reader:
        yield repository, reader


def blob_of(repository: Repository, path: str) -> str:
    return repository.git("rev-parse", f"HEAD:{path}").strip()


def test_a_blob_is_read_by_its_id_and_by_its_path(stored):
    repository, reader = stored
    commit = repository.commit({"a.txt": b"bytes\r\n\0\xff"})
    assert reader.read(blob_of(repository, "a.txt")) == b"bytes\r\n\0\xff"
    assert reader.read_path(commit, "a.txt") == b"bytes\r\n\0\xff"


def test_what_is_not_there_is_missing_and_the_reader_goes_on(stored):
    repository, reader = stored
    commit = repository.commit({"a.txt": "a", "folder/b.txt": "b"})
    for path in ("b.txt", "folder", "", "a\nb", "../a.txt"):
        with pytest.raises(BlobMissing):
            reader.read_path(commit, path)
    with pytest.raises(BlobMissing):
        reader.read("0" * 40)
    assert reader.read_path(commit, "a.txt") == b"a"


def test_only_ids_are_asked_for(stored):
    _, reader = stored
    for name in ("HEAD", "HEAD:a.txt", "-x", "a" * 41):
        with pytest.raises(BadName):
            reader.read(name)


def test_a_blob_over_the_bound_is_refused_by_its_size(stored):
    repository, reader = stored
    commit = repository.commit({"big": b"x" * 2_000_000, "small": b"y"})
    with pytest.raises(BlobTooLarge) as refused:
        reader.read_path(commit, "big")
    assert refused.value.size == 2_000_000
    assert reader.read_path(commit, "small") == b"y"


def test_many_blobs_come_in_order_with_none_for_those_too_large(stored):
    repository, reader = stored
    repository.commit({**{f"f{n}": f"text {n}" for n in range(600)}, "big": b"x" * 2_000_000})
    blobs = [blob_of(repository, "big"), *_listed(repository), blob_of(repository, "big")]
    found = list(reader.read_many(blobs))
    assert [blob for blob, _ in found] == blobs
    assert found[0][1] is None
    assert found[-1][1] is None
    assert {data for _, data in found[1:-1] if data} == {f"text {n}".encode() for n in range(600)}


def test_a_reader_whose_process_died_starts_another(stored):
    repository, reader = stored
    commit = repository.commit({"a.txt": "a"})
    reader.read_path(commit, "a.txt")
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert reader.read_path(commit, "a.txt") == b"a"
    os.kill(reader._process.pid, signal.SIGKILL)
    reader._process.wait()
    assert [data for _, data in reader.read_many([blob_of(repository, "a.txt")] * 3)] == [b"a"] * 3


def test_threads_get_the_bytes_they_asked_for(stored):
    repository, reader = stored
    commit = repository.commit({f"f{n}": f"{n}," * (n * 20) for n in range(1, 50)})

    def read(n: int) -> bool:
        return reader.read_path(commit, f"f{n}") == (f"{n}," * (n * 20)).encode()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, [1 + n % 49 for n in range(2000)]))


def test_a_reader_of_nothing_fails_with_a_clear_error(tmp_path: Path):
    with BlobReader(tmp_path) as reader, pytest.raises(Exception, match="the reader ended"):
        reader.read("a" * 40)


def _listed(repository: Repository) -> list[str]:
    lines = repository.git("ls-tree", "-r", "HEAD").splitlines()
    return [line.split()[2] for line in lines if not line.endswith("\tbig")]
