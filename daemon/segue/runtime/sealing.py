"""Sealing: the inputs of an execution as they are stored and shown - a SECRET encrypted, or not taken at all."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from segue.engine.inputs import Resolved, ResolvedInput
from segue.engine.typed import Secret
from segue.model.encrypted import is_encrypted
from segue.model.flow import Input
from segue.tasks.encryption import NO_KEY, CannotDecrypt, Cipher

_SECRET: Final = "SECRET"  # noqa: S105 - a type of input
_MASK: Final = "********"


def sealed(resolved: Resolved, cipher: Cipher | None) -> Resolved:
    """The inputs with no secret in the clear. Without a key a SECRET that has a value is an error."""
    return replace(
        resolved,
        inputs=tuple(_sealed_input(each, cipher) for each in resolved.inputs),
        values=_sealed_values(resolved.values, cipher),
    )


def unsealed(value: Any, cipher: Cipher | None) -> Any:
    """What a worker made for a SECRET input, to be checked by the input's rules."""
    if cipher is None or not is_encrypted(value):
        return value
    try:
        return cipher.decrypt(value["value"])
    except CannotDecrypt:
        return None


def is_secret(declared: Input) -> bool:
    return declared.type == _SECRET


def _sealed_input(each: ResolvedInput, cipher: Cipher | None) -> ResolvedInput:
    match each.value:
        case Secret(value=text) if cipher is not None:
            return replace(each, value=cipher.seal(text))
        case Secret():
            return replace(each, value=None, errors=(*each.errors, f"Invalid input for `{each.input.id}`: {NO_KEY}"))
        case str() if is_secret(each.input):  # one that was refused
            return replace(each, value=_MASK)
        case _:
            return each


def _sealed_values(values: Any, cipher: Cipher | None) -> Any:
    match values:
        case Secret(value=text):
            return None if cipher is None else cipher.seal(text)
        case Mapping():
            return {key: _sealed_values(value, cipher) for key, value in values.items()}
        case _:
            return values
