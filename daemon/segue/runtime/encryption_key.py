"""The key that secrets are encrypted with at rest: the one that was set, else one of the data folder's own."""

import base64
import os
import secrets
from pathlib import Path
from typing import Final

from segue.runtime.settings import BadSetting
from segue.tasks.encryption import BadKey, Cipher

KEY_FILE: Final = "encryption.key"
_NAME: Final = "encryption_secret_key"
_EXPECTED: Final = "Base64 of 16, 24 or 32 bytes (make one with `openssl rand -base64 32`)"


def encryption_key(setting: str | None, data: Path) -> str | None:
    """What was set; an empty text turns encryption off. With nothing set, the key in the data folder, made when it is
    first needed and readable by its owner alone: what a database was encrypted with stays readable, wherever the
    folder goes. Raises BadSetting, OSError."""
    if setting is not None:
        return _checked(setting.strip(), "settings") if setting.strip() else None
    file = data / KEY_FILE
    if not file.exists():
        _write(file, base64.b64encode(secrets.token_bytes(32)).decode())
    return _checked(file.read_text(encoding="ascii", errors="replace").strip(), str(file))


def _checked(key: str, origin: str) -> str:
    try:
        Cipher.of(key)
    except BadKey as error:
        raise BadSetting(_NAME, origin, "********", _EXPECTED) from error
    return key


def _write(file: Path, key: str) -> None:
    """Whole or not at all: half a key would lock everybody out."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(key + "\n")
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
