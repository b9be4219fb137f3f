"""Encrypted: how a text that nobody may read where it is stored stands among other values. The shape is Kestra's; who
makes and reads it is in `tasks.encryption`.
"""

from typing import Any, Final, TypeGuard

ENCRYPTED_TYPE: Final = "io.kestra.datatype:aes_encrypted"


def encrypted(ciphertext: str) -> dict[str, str]:
    return {"type": ENCRYPTED_TYPE, "value": ciphertext}


def is_encrypted(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and value.get("type") == ENCRYPTED_TYPE and isinstance(value.get("value"), str)
