"""Encryption of single texts as Kestra does it: AES-GCM, in Base64, with a key that is Base64 of 16, 24 or 32 bytes. What
Kestra encrypted with a key, this reads with the same key.

At rest (database, API, pages) an encrypted text is `model.encrypted`; only a worker decrypts one, and hides it in all
that its task prints and hands back from then on.
"""

import base64
import binascii
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from segue.model.encrypted import encrypted, is_encrypted
from segue.tasks.kind import TaskFailed
from segue.tasks.masking import Masker

KEY_BYTES: Final = frozenset({16, 24, 32})
NO_KEY: Final = "Encryption needs a key: set SEGUE_ENCRYPTION_SECRET_KEY to the Base64 of 32 random bytes (`openssl rand -base64 32`)"
# Loading the library takes as long as a tenth of the daemon's start, and most daemons never encrypt anything.
_LIBRARY: Final = "segue.tasks.aes_gcm"


class BadKey(ValueError):
    """The key is no Base64 of so many bytes. The text never holds the key."""


class CannotDecrypt(ValueError):
    """The text was not encrypted with this key."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """Encrypts and decrypts with one key."""

    _key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: str) -> "Cipher":
        try:
            raw = base64.b64decode("".join(key.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadKey("The encryption key is no Base64") from error
        if len(raw) not in KEY_BYTES:
            raise BadKey(f"The encryption key has {len(raw)} bytes, expected Base64 of 16, 24 or 32")
        return cls(raw)

    def encrypt(self, text: str) -> str:
        data: bytes = importlib.import_module(_LIBRARY).encrypted(self._key, text.encode("utf-8", "replace"))
        return base64.b64encode(data).decode()

    def decrypt(self, text: str) -> str:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise CannotDecrypt("The text to decrypt is no Base64") from error
        found: bytes | None = importlib.import_module(_LIBRARY).decrypted(self._key, data)
        if found is None:
            raise CannotDecrypt("The text cannot be decrypted: it was encrypted with another key, or not at all")
        return found.decode("utf-8", "replace")

    def seal(self, text: str) -> dict[str, str]:
        """The text as it may be stored."""
        return encrypted(self.encrypt(text))


def encrypted_output(key: str | None, text: str) -> dict[str, str]:
    """What stands in a task's outputs for a text that must not be read there."""
    if not key:
        raise TaskFailed(NO_KEY)
    try:
        return Cipher.of(key).seal(text)
    except BadKey as error:
        raise TaskFailed(str(error)) from error


def opened(values: Any, cipher: Cipher | None, masker: Masker) -> Any:
    """The values with what is encrypted in them in the clear, and hidden from now on. What has nothing encrypted in it
    is handed back as it is."""
    if is_encrypted(values):
        if cipher is None:
            raise CannotDecrypt(NO_KEY)
        text = cipher.decrypt(values["value"])
        masker.hide(text)
        return text
    return _changed(values, lambda each: opened(each, cipher, masker))


def protected(values: Any, cipher: Cipher | None, masker: Masker) -> Any:
    """The values as they may be stored: a text that holds what the masker hides is encrypted whole, so that later
    tasks can still read it; without a key it is masked."""
    if not masker.hides_anything:
        return values
    if isinstance(values, str):
        masked_text = masker.mask(values)
        if masked_text == values:
            return values
        return masked_text if cipher is None else cipher.seal(values)
    kept = _changed(values, lambda each: protected(each, cipher, masker))
    if isinstance(kept, Mapping) and any(masker.mask(str(key)) != str(key) for key in kept):
        return {masker.mask(str(key)): value for key, value in kept.items()}
    return kept


def masked(values: Any, masker: Masker) -> Any:
    """The values as they may be shown."""
    return protected(values, None, masker)


def _changed(values: Any, change: Callable[[Any], Any]) -> Any:
    """What a map or list becomes when its parts change; itself where none does."""
    if isinstance(values, Mapping):
        by_key = {key: change(each) for key, each in values.items()}
        return by_key if any(by_key[key] is not each for key, each in values.items()) else values
    if isinstance(values, list | tuple):
        listed = [change(each) for each in values]
        return listed if any(new is not old for new, old in zip(listed, values, strict=True)) else values
    return values
