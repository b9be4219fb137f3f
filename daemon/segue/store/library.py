"""sqlite-utils, loaded without pandas and numpy: where these are installed it would load them, to know their types as
columns too. The store has none of those, and the daemon would start a tenth slower and 16 MiB larger."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Whoever imports these meanwhile is told that they are not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None there is the import system's "no such module"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden("pandas", "numpy"):
    from sqlite_utils import Database

__all__ = ["Database"]
