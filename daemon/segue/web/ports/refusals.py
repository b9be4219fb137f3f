"""A refusal: why something that was asked for is not done."""

from msgspec import Struct

from segue.model.problem import Problem


class Refusal(Struct, frozen=True):
    """What was asked cannot be done: 404 there is no such thing, 409 not in this state, 422 not with these values,
    429 not so often (`retry_after` seconds), 503 not now (the disk is full, the daemon goes down)."""

    status: int
    message: str
    problems: tuple[Problem, ...] = ()
    retry_after: int | None = None
