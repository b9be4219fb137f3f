"""The bounds of every expression, named in one place, and the meter that counts against them while one renders.

Steps bound time: loop rounds, calls, elements made by ranges, and text worked on (a step for each 128 characters a filter reads,
for each 1,024 that are joined). Output bounds memory: text written, any text joined, and the size of a value printed as JSON.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from segue.expression.errors import BudgetExceeded, ExpressionError

TEMPLATE_TEXT_MAX = 1 << 20
CODE_TEXT_MAX = 1 << 16
"""How much of a template may stand inside delimiters: reading it costs about two microseconds a character."""
MACRO_STEPS = 8
"""What a macro call costs: as much as so many loop rounds."""
EXPRESSION_DEPTH_MAX = 150
"""How deep one expression's tree may be: each level is a Python frame or two when it is evaluated."""
TAG_DEPTH_MAX = 64
VALUE_DEPTH_MAX = 200
VALUE_NODES_MAX = 1 << 17
"""Lists and maps visited when a value is printed or compared; one list can be in a value a thousand times."""
RENDER_PASSES_MAX = 100
"""Kestra's bound on `render(x)` feeding its own result to itself."""


class Budget(Struct, frozen=True):
    """How much one rendering may use."""

    steps: int = 100_000
    output: int = 1 << 22
    nesting: int = 64


class Meter:
    """What is left of a budget. Hot loops decrement `steps` themselves and call `overdrawn` when it is below zero."""

    __slots__ = ("depth", "limits", "output", "steps")

    def __init__(self, limits: Budget) -> None:
        self.limits = limits
        self.steps = limits.steps
        self.output = limits.output
        self.depth = limits.nesting

    def overdrawn(self) -> BudgetExceeded:
        return BudgetExceeded(f"The expression needs more than {self.limits.steps} steps")

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise self.overdrawn()

    def read(self, text: str) -> None:
        """Count the work of reading this text once."""
        self.step(1 + (len(text) >> 7))

    def join(self, length: int) -> None:
        """Count a text of this length before it is made."""
        if length > self.limits.output:
            raise self.too_long()
        self.step(1 + (length >> 10))

    def write(self, length: int) -> None:
        """Count output before it is kept."""
        self.output -= length
        if self.output < 0:
            raise self.too_long()

    def too_long(self) -> BudgetExceeded:
        return BudgetExceeded(f"The expression makes more than {self.limits.output} characters")

    def enter(self) -> None:
        self.depth -= 1
        if self.depth < 0:
            raise BudgetExceeded(f"The expression nests deeper than {self.limits.nesting} levels")

    def leave(self) -> None:
        self.depth += 1


def check_size(value: Any, meter: Meter) -> None:
    """Refuse a value too large or too deep to be walked. Shared parts count each time they are met, as when they are printed."""
    nodes = VALUE_NODES_MAX
    leaves = meter.limits.output
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(VALUE_DEPTH_MAX):
        nodes -= len(level)
        for item in level:
            children = item.values() if isinstance(item, dict) else item
            leaves -= len(item) + sum([len(child) for child in children if isinstance(child, str)])
            if leaves < 0:
                raise meter.too_long()
        if nodes < 0:
            raise meter.too_long()
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            meter.step(1 + ((VALUE_NODES_MAX - nodes) >> 6))
            return
    raise ExpressionError(f"A value is nested deeper than {VALUE_DEPTH_MAX} levels")
