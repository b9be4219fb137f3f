"""Names and ids: their patterns and how they are made. No randomness: who makes an id brings the chance."""

import re
from typing import Final, NewType

ExecutionId = NewType("ExecutionId", str)
TaskRunId = NewType("TaskRunId", str)

FLOW_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")
NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
TASK_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")
INPUT_ID: Final = re.compile(r"[a-zA-Z0-9][.a-zA-Z0-9_-]*")
KEY: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")

FLOW_ID_LENGTH_MAX: Final = 100
NAMESPACE_LENGTH_MAX: Final = 150
TRIGGER_ID_LENGTH_MAX: Final = 256

# Base62 with its digits in ASCII order, so that ids sort as their numbers do.
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH: Final = 22  # of 128 bits in base 62
_CHANCE_BITS: Final = 80


def execution_id(milliseconds: int, chance: int) -> ExecutionId:
    """22 characters of base62 that sort by time: 48 bits of Unix milliseconds, then 80 bits of chance."""
    number = milliseconds << _CHANCE_BITS | chance & (1 << _CHANCE_BITS) - 1
    digits = []
    for _ in range(_ID_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return ExecutionId("".join(reversed(digits)))


def milliseconds_of(execution: str) -> int | None:
    """When the id was made, in Unix milliseconds; None for an id that is not ours."""
    if len(execution) != _ID_LENGTH or not set(execution) <= set(_DIGITS):
        return None
    number = 0
    for digit in execution:
        number = number * 62 + _DIGITS.index(digit)
    return number >> _CHANCE_BITS


def task_run_id(execution: str, sequence: int) -> TaskRunId:
    """The id of the task run made as number `sequence` (from 0) of an execution. Needs no chance, so the engine
    can make it and a replayed decision makes the same."""
    return TaskRunId(f"{execution}-{sequence}")


def is_within(namespace: str, ancestor: str) -> bool:
    """Is `namespace` the `ancestor` or below it: `a.b` is within `a`, `ab` is not."""
    return namespace == ancestor or namespace.startswith(ancestor + ".")
