"""Encryption at rest: Kestra's format, keys of the right kind, and what is done to values of all shapes."""

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from segue.model.encrypted import ENCRYPTED_TYPE, is_encrypted
from segue.tasks.encryption import BadKey, CannotDecrypt, Cipher, masked, opened, protected
from segue.tasks.masking import Masker

KEYS = {size: base64.b64encode(bytes(range(size))).decode() for size in (16, 24, 32)}
CIPHER = Cipher.of(KEYS[32])
SECRET = "hunter2 the second"


def knowing(*secrets: str) -> Masker:
    masker = Masker()
    for each in secrets:
        masker.hide(each)
    return masker


@pytest.mark.parametrize("size", KEYS)
@pytest.mark.parametrize("text", ["", "a", "Grüße 🎉", "x" * 100_000])
def test_what_was_encrypted_is_decrypted_with_the_same_key(size: int, text: str) -> None:
    cipher = Cipher.of(KEYS[size])
    assert cipher.decrypt(cipher.encrypt(text)) == text


def test_the_format_is_a_nonce_of_12_bytes_then_text_and_tag_in_base64() -> None:
    nonce, key = b"twelve bytes", bytes(range(16))
    made_elsewhere = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, b"plain", None)).decode()
    assert Cipher.of(KEYS[16]).decrypt(made_elsewhere) == "plain"


def test_the_same_text_never_looks_the_same() -> None:
    assert CIPHER.encrypt("a") != CIPHER.encrypt("a")


@pytest.mark.parametrize(
    "key", ["", "no base64!", base64.b64encode(b"short").decode(), base64.b64encode(b"x" * 33).decode()]
)
def test_a_key_of_another_kind_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(BadKey) as raised:
        Cipher.of(key)
    assert not key or key not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["", "no base64!", base64.b64encode(b"too short").decode(), Cipher.of(KEYS[16]).encrypt("another key")],
    ids=["nothing", "no base64", "too short", "of another key"],
)
def test_what_was_not_encrypted_with_the_key_is_refused(text: str) -> None:
    with pytest.raises(CannotDecrypt):
        CIPHER.decrypt(text)


def test_a_cipher_does_not_print_its_key() -> None:
    assert repr(CIPHER) == "Cipher()"


def test_values_are_opened_wherever_they_stand_and_hidden_from_then_on() -> None:
    masker = Masker()
    values = {"a": [{"b": CIPHER.seal(SECRET)}], "c": "plain"}
    assert opened(values, CIPHER, masker) == {"a": [{"b": SECRET}], "c": "plain"}
    assert masker.mask(f"<{SECRET}>") == f"<{'*' * len(SECRET)}>"


def test_values_with_nothing_encrypted_are_the_same_object() -> None:
    values = {"a": [1, {"b": "c"}]}
    assert opened(values, CIPHER, Masker()) is values
    assert protected(values, CIPHER, knowing(SECRET)) is values


def test_a_text_that_holds_a_secret_is_encrypted_whole() -> None:
    kept = protected({"list": [f"<{SECRET}>", "other", 1]}, CIPHER, knowing(SECRET))
    assert is_encrypted(kept["list"][0])
    assert CIPHER.decrypt(kept["list"][0]["value"]) == f"<{SECRET}>"
    assert kept["list"][1:] == ["other", 1]


def test_a_key_that_is_a_secret_is_masked() -> None:
    assert protected({SECRET: 1}, CIPHER, knowing(SECRET)) == {"*" * len(SECRET): 1}


def test_without_a_cipher_a_secret_is_masked() -> None:
    assert masked([f"<{SECRET}>"], knowing(SECRET)) == [f"<{'*' * len(SECRET)}>"]


@pytest.mark.parametrize(
    "value", [None, "x", {"type": ENCRYPTED_TYPE}, {"type": ENCRYPTED_TYPE, "value": 1}, {"type": "x"}]
)
def test_what_only_looks_encrypted_is_not(value: object) -> None:
    assert not is_encrypted(value)
