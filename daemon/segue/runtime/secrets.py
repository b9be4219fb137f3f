"""Secrets: where they come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from segue.workers.settings import secrets_of

_PLAIN_PREFIX: Final = "SEGUE_SECRET_"
_SIZE_MAX: Final = 1 << 20


class Secrets:
    """Values by key in capitals: `SEGUE_SECRET_X` as it stands, `SECRET_X` in Base64 as Kestra has it, and the files of
    a folder, whose names are the keys. The first of these that has a key gives its value."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None = None) -> None:
        plain = {
            name.removeprefix(_PLAIN_PREFIX).upper(): value
            for name, value in environment.items()
            if name.startswith(_PLAIN_PREFIX)
        }
        self.values: Mapping[str, str] = {**_files(folder), **secrets_of(environment), **plain}


def _files(folder: Path | None) -> dict[str, str]:
    if folder is None or not folder.is_dir():
        return {}
    files = (file for file in folder.iterdir() if file.is_file() and file.stat().st_size <= _SIZE_MAX)
    return {file.name.upper(): file.read_text(encoding="utf-8", errors="replace").rstrip("\n") for file in files}
