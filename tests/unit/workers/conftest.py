"""One pool of workers for all tests that do not need a pool of their own."""

from collections.abc import Iterator

import pytest

from tests.support.pools import SharedPool

SECRET = "correct horse/battery+staple"


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    shared = SharedPool(tmp_path_factory.mktemp("pool"), secrets={"TOKEN": SECRET})
    yield shared
    shared.close()
