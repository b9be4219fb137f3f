"""Where internal storage lies - a folder, or an object store by its URL - and opening it there.

Pure but for `open_storage`. The daemon and each of its workers open it for themselves.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from segue.storage.local import LocalStorage
from segue.storage.storage import Storage, StorageFailure

SCHEMES: Final = ("s3", "gs", "az")
EXTRA: Final = "object-storage"
_URL: Final = re.compile(rf"({'|'.join(SCHEMES)})://[^/\s?#]+(/[^\s?#]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlace:
    """An object store: `s3://bucket/prefix`, and what its client is told beside what it reads in the environment."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold keys


Place: TypeAlias = Path | ObjectPlace


def is_object_url(text: str) -> bool:
    return _URL.fullmatch(text) is not None


def open_storage(place: Place) -> Storage:
    """Nothing is asked of it yet. Raises `StorageFailure` if its library is not there, or it makes no sense of what it
    is told."""
    if isinstance(place, Path):
        return LocalStorage(place)
    try:
        module = importlib.import_module("segue.storage.object_storage")
    except ImportError as error:
        raise StorageFailure(
            f"Internal storage at {place.url} needs the library obstore, which is not installed: "
            f"pip install 'segue[{EXTRA}]' ({error})"
        ) from error
    storage: Storage = module.ObjectStorage(place)
    return storage
