from collections.abc import Iterator

import pytest

from tests.support.pools import SharedPool


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPool]:
    """Real workers, started once."""
    pool = SharedPool(tmp_path_factory.mktemp("tasks"))
    yield pool
    pool.close()
