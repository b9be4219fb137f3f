"""AES-GCM as Java's `AES/GCM/NoPadding`: a nonce of 12 bytes, then the text with its tag of 16. Loaded when the first
text is encrypted (see `encryption`)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


def encrypted(key: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, None)


def decrypted(key: bytes, data: bytes) -> bytes | None:
    """None: it was not encrypted with this key, or was changed since."""
    if len(data) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
    except InvalidTag:
        return None
