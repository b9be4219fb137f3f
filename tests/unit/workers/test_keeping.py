"""What an order hands back, as it may be stored: a text that holds a secret has its place in outputs and inputs alone."""

import pytest
from segue.model.encrypted import is_encrypted
from segue.model.state import State
from segue.tasks.encryption import Cipher
from segue.tasks.masking import Masker
from segue.workers.keeping import kept
from segue.workers.messages import Ended

from tests.support.pools import order_of

SECRET = "a-long-secret-value"
CIPHER = Cipher.of("I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK")


def ended(purpose: str) -> Ended:
    masker = Masker()
    masker.hide(SECRET)
    order = order_of("", purpose=purpose, template="{{ secret('S') }}", typed=True)
    return kept(order, Ended(order_id=order.id, state=State.SUCCESS, value={"x": SECRET}), CIPHER, masker)


@pytest.mark.parametrize("purpose", ["outputs", "outputs.total", "input", "call", "batch.7"])
def test_what_becomes_outputs_or_inputs_is_encrypted(purpose: str) -> None:
    told = ended(purpose)

    assert told.state is State.SUCCESS
    assert is_encrypted(told.value["x"])


@pytest.mark.parametrize("purpose", ["values", "duration", "batches"])
def test_what_the_engine_goes_by_may_hold_no_secret(purpose: str) -> None:
    told = ended(purpose)

    assert (told.state, told.value) == (State.FAILED, None)
    assert told.failure is not None
    assert "holds a secret" in told.failure.message
