"""Rerun: the retry behaviour `CREATE_NEW_EXECUTION` - whether a failed task run has its execution followed by a new one,
and when.

The policy counts executions as it counts attempts elsewhere: `maxAttempts` of the whole chain, `maxDuration` since its
first one was made.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from segue.engine.limits import DELAY_MAX
from segue.engine.retry import delay
from segue.engine.scene import Scene
from segue.model.execution import Execution
from segue.model.names import milliseconds_of
from segue.model.task import RetryBehavior

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rerun_at(scene: Scene) -> datetime | None:
    """When the execution is to be made anew since this task run has failed; None if its policy does not want that (any
    more)."""
    execution, policy = scene.execution, scene.node.retry
    if policy is None or policy.behavior is not RetryBehavior.CREATE_NEW_EXECUTION or execution.state.is_final:
        return None
    number = execution.attempt_number
    if policy.attempts_max is not None and number >= policy.attempts_max:
        return None
    due = scene.at + delay(policy, number, _chance(execution))
    if policy.duration_max is not None and due > _first_made(execution) + min(policy.duration_max, DELAY_MAX):
        return None
    return due


def _first_made(execution: Execution) -> datetime:
    """When the first execution of the chain was made: its id says it."""
    milliseconds = milliseconds_of(execution.original_id or execution.id)
    return execution.started_at if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)


def _chance(execution: Execution) -> float:
    """The id's own chance, as a number in [0, 1)."""
    return int.from_bytes(hashlib.shake_256(execution.id.encode()).digest(6)) / 2**48
