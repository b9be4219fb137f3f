"""What holds for all tests - no example is too slow, for how long one takes is the machine's affair - and what tests of
several kinds share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.object_server import ObjectServer, object_server

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def objects() -> Iterator[ObjectServer]:
    """One for all: each test makes buckets of its own."""
    with object_server() as server:
        yield server
