"""Keeping: what an order hands back, as it may be stored. A text that holds a secret which the worker was given leaves it
encrypted, so that later tasks can read it and nobody else; without a key it leaves masked.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from segue.expression.template import truthy
from segue.model.encrypted import is_encrypted
from segue.model.event import LabelsWanted, VariablesWanted, Wish
from segue.model.execution import Failure
from segue.model.order import Order
from segue.model.state import State
from segue.tasks.encryption import NO_KEY, Cipher, masked, protected
from segue.tasks.masking import Masker
from segue.workers.messages import Ended

EVAL: Final = "eval"
"""The purpose of a person's question: the answer is shown, so nothing is decrypted for it."""
_TRUTHS: Final = frozenset({"condition", "run_if", "break_when"})
_HANDED_ON: Final = frozenset({"outputs", "input", "call", "batch", "fixture"})
"""What becomes outputs or inputs, where an encrypted text has its place; the engine goes by all else that it asks. What
there is many of has its own name after a dot: `outputs.total`, `batch.7`."""


def answer_of(order: Order, value: Any) -> Any:
    """What an evaluation came to: of a condition only whether it holds, whatever text it came from."""
    if order.purpose not in _TRUTHS or isinstance(value, bool):
        return value
    return truthy(None if value is None else str(value))


def kept(order: Order, ended: Ended, cipher: Cipher | None, masker: Masker) -> Ended:
    """The end of an order as it may be stored and shown."""
    if order.secret_outputs and ended.value is not None:
        if cipher is None:
            return _refused(ended, NO_KEY)
        ended = replace(ended, value=_sealed(ended.value, order.secret_outputs, cipher))
    if not masker.hides_anything:
        return ended
    if order.purpose == EVAL:
        return replace(ended, value=masked(ended.value, masker))
    value = protected(ended.value, cipher, masker)
    is_step = order.purpose is not None and order.purpose.partition(".")[0] not in _HANDED_ON and not order.is_errand
    if is_step and value is not ended.value:
        said = f"The `{order.purpose}` holds a secret, and it would be stored: decide on it within an expression"
        return _refused(ended, said)
    return replace(
        ended,
        value=value,
        outputs=protected(ended.outputs, cipher, masker),
        wishes=tuple(_wish(each, cipher, masker) for each in ended.wishes),
    )


def _refused(ended: Ended, message: str) -> Ended:
    failure = Failure(message=message, kind="expression")
    return replace(ended, state=State.FAILED, value=None, outputs=None, wishes=(), failure=failure)


def _sealed(values: Any, names: tuple[str, ...], cipher: Cipher) -> Any:
    if not isinstance(values, Mapping):
        return values
    return {name: _sealed_one(value, cipher) if name in names else value for name, value in values.items()}


def _sealed_one(value: Any, cipher: Cipher) -> Any:
    if value is None or is_encrypted(value):
        return value
    return cipher.seal(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _wish(wish: Wish, cipher: Cipher | None, masker: Masker) -> Wish:
    match wish:
        case LabelsWanted():
            return replace(wish, labels=masked(wish.labels, masker))
        case VariablesWanted():
            return replace(wish, set=protected(wish.set, cipher, masker))
        case _:
            return wish
