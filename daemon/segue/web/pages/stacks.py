"""Stacks: executions that began in a stretch of time as the blocks of one bar, by how they ended."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from segue.model.state import State

# From the floor up: trouble stands on the floor, where it is seen first.
LAYERS: Final = (
    ("failed", frozenset({State.FAILED, State.KILLED, State.CANCELLED})),
    ("warning", frozenset({State.WARNING, State.RETRIED})),
    ("running", frozenset(state for state in State if not state.is_final)),
    ("success", frozenset({State.SUCCESS, State.SKIPPED})),
)
LEAST: Final = 1.5  # one execution among thousands is still seen


class Block(Struct, frozen=True):
    """A piece of a bar; `y` and `height` in the units of the drawing."""

    layer: str
    count: int
    y: float
    height: float


def layered(counts: Mapping[State, int]) -> list[tuple[str, int]]:
    return [(layer, sum(counts.get(state, 0) for state in states)) for layer, states in LAYERS]


def blocks_of(layers: list[tuple[str, int]], highest: int, height: float) -> tuple[Block, ...]:
    """`highest` is the number of executions that a bar of full height stands for."""
    blocks, floor = [], height
    for layer, number in layers:
        if number:
            high = max(number / highest * height, LEAST)
            floor -= high
            blocks.append(Block(layer, number, round(max(floor, 0), 2), round(high, 2)))
    return tuple(blocks)
