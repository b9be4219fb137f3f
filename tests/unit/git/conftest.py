from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.git.blobs import BlobReader
from segue.git.mirror import Mirror, open_mirror
from segue.git.names import parse_source

from tests.support.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "source")


@pytest.fixture
def mirror(repository: Repository, tmp_path: Path) -> Mirror:
    return open_mirror(tmp_path / "data", parse_source(repository.path))


@pytest.fixture
def reader(mirror: Mirror) -> Iterator[BlobReader]:
    with BlobReader(mirror.git_dir) as reader:
        yield reader
