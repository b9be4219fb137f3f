"""Rerun: the retry behaviour `CREATE_NEW_EXECUTION` - whether a failed execution is followed by a new one, and when.

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
from segue.model.state import State
from segue.model.task import Retry, RetryBehavior

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rerun_at(flow: Scene) -> datetime | None:
    """When the execution, which fails now, is to be made anew; None if no policy of what failed wants that (any more).
    Looks at all task runs, once in an execution's life."""
    dates = (_due(flow, policy) for policy in _policies(flow))
    return min((date for date in dates if date is not None), default=None)


def _policies(flow: Scene) -> set[Retry]:
    failed = (run for run in flow.execution.task_runs.values() if run.state is State.FAILED and run.attempts)
    policies = {flow.plan.nodes[run.task_id].retry for run in failed}
    return {
        policy for policy in policies if policy is not None and policy.behavior is RetryBehavior.CREATE_NEW_EXECUTION
    }


def _due(flow: Scene, policy: Retry) -> datetime | None:
    execution, number = flow.execution, flow.execution.attempt_number
    if policy.attempts_max is not None and number >= policy.attempts_max:
        return None
    due = flow.at + delay(policy, number, _chance(execution))
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
