"""Templates as the engine sees them: which variables they need, whether it may evaluate them itself, and doing so.

Everything the engine knows of the expression package stands here. It evaluates only what is pure (no secret, key, file
or HTTP call) and reads nothing that is encrypted, under the evaluator's budget, with the event's time as the clock; the rest is ordered from a worker.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import count
from typing import Any, Final

from msgspec import Struct

from segue.expression.errors import ExpressionError, Sealed
from segue.expression.outside import FrozenOutside
from segue.expression.references import Reference
from segue.expression.template import Scope, effects_of, plain, references_of, render_value, truthy
from segue.model.execution import Failure


class Needs(Struct, frozen=True):
    """The variables that templates name. With `everything` they may name any (`render` of a computed text)."""

    references: frozenset[Reference]
    roots: frozenset[object]
    everything: bool

    def name(self, root: str) -> bool:
        return self.everything or root in self.roots


EVERYTHING: Final = Needs(frozenset(), frozenset(), everything=True)


def needs_of(templates: Any) -> Needs:
    """What a template, or a value with templates in it, needs. One that cannot be read needs nothing: its author is told
    when it renders."""
    references = references_of(templates)
    if () in references:
        return EVERYTHING
    return Needs(references, frozenset(reference[0] for reference in references), everything=False)


def is_pure(template: Any) -> bool:
    """May the engine itself evaluate it? Not where it renders a text that only running tells: that may do anything."""
    return not effects_of(template) and () not in references_of(template)


def holds(value: Any) -> bool:
    """Is what a condition came to true: a boolean is what it is, of the rest the text counts."""
    return value if isinstance(value, bool) else truthy(None if value is None else str(value))


ENCRYPTED: Final = "encrypted"
"""The kind of a failure that only says: what the template reads is encrypted, so a worker has to evaluate it."""


class _Passing(FrozenOutside):
    """Hands on what is encrypted as it is."""

    def revealed(self, encrypted: dict[str, str]) -> Any:
        return encrypted


def pure_scope(variables: Mapping[str, Any], *, at: datetime, seed: str, passes: bool = False) -> Scope:
    """A scope that reaches nothing outside, with the same chance whenever the decision is made again. With `passes` what
    is encrypted goes into values as it is."""
    outside = (_Passing if passes else FrozenOutside)(now=at, random=_chance_from(seed))
    return Scope(variables=variables, outside=outside)


def evaluate(
    template: Any, variables: Mapping[str, Any], *, at: datetime, seed: str, typed: bool, passes: bool = False
) -> Any | Failure:
    """The template's value, or why there is none; where it reads what is encrypted, a failure of that kind."""
    try:
        return plain(render_value(template, pure_scope(variables, at=at, seed=seed, passes=passes), typed=typed))
    except Sealed as error:
        return Failure(message=str(error), kind=ENCRYPTED)
    except ExpressionError as error:
        return Failure(message=str(error), kind="expression")


def _chance_from(seed: str) -> Callable[[int], bytes]:
    """Bytes that differ from call to call and are the same when the decision is made again."""
    calls = count()

    def chance(length: int) -> bytes:
        return hashlib.shake_256(f"{seed}/{next(calls)}".encode()).digest(length)

    return chance
