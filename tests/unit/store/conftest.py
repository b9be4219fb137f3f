from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.store.database import OpenDatabase, open_database
from segue.store.reads.readers import Readers

from tests.unit.store.story import WriterUnderTest


@pytest.fixture
def database(tmp_path: Path) -> Iterator[OpenDatabase]:
    with open_database(tmp_path / "data" / "segue.db", "normal") as database:
        yield database


@pytest.fixture
def writer(database: OpenDatabase) -> Iterator[WriterUnderTest]:
    writer = WriterUnderTest(database.path)
    yield writer
    writer.close()


@pytest.fixture
def readers(database: OpenDatabase) -> Iterator[Readers]:
    readers = Readers(database.path)
    yield readers
    readers.close()
