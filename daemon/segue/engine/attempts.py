"""Attempts: how one opens, starts, ends, is lost, and what its end means for the task run.

A Sleep is an attempt too, but one that the engine makes itself with a timer.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from segue.engine import asking
from segue.engine.asking import Answer, Pending
from segue.engine.ending import fail
from segue.engine.flowables.steering import Question
from segue.engine.limits import DELAY_MAX, RESUBMITS_MAX
from segue.engine.notes import RERUN
from segue.engine.outcome import allowed_end
from segue.engine.rerun import rerun_at
from segue.engine.retry import WORKER_LOST, counted, next_attempt_at
from segue.engine.scene import Scene
from segue.engine.wishes import granted
from segue.model.change import (
    AttemptMoved,
    AttemptOpened,
    Change,
    Logged,
    OutputsSet,
    ProgressMade,
    TaskRunMoved,
    TimerSet,
)
from segue.model.event import AttemptEnded, AttemptStarted, TimerKind, WhenLost, WorkerLost
from segue.model.execution import Attempt, Failure, TaskRun
from segue.model.state import State
from segue.model.task import RetryBehavior, Sleep
from segue.spec.duration import NotADuration, parse_duration

Changes = tuple[Change, ...]

_TIMED_OUT: Final = "timed_out"
_ATTEMPT_ENDS: Final = frozenset(
    {State.SUCCESS, State.WARNING, State.FAILED, State.KILLED, State.SKIPPED, State.CANCELLED}
)


def opened(scene: Scene) -> Changes:
    """Another attempt, for a worker."""
    run = _run(scene)
    return (AttemptOpened(at=scene.at, id=run.id, number=len(run.attempts) + 1),)


def _run(scene: Scene) -> TaskRun:
    assert scene.run is not None
    return scene.run


def started(scene: Scene, event: AttemptStarted) -> Changes:
    """A worker has it. Late news, or news of an attempt that was taken back, changes nothing."""
    attempt = _open_attempt(scene, event.attempt)
    if attempt is None or attempt.state is not State.CREATED:
        return ()
    return tuple(_set_running(scene, attempt, event.worker))


def _open_attempt(scene: Scene, number: int) -> Attempt | None:
    attempt = scene.attempt
    return attempt if attempt is not None and attempt.number == number else None


def _set_running(scene: Scene, attempt: Attempt, worker: str | None) -> Iterator[Change]:
    run = _run(scene)
    yield AttemptMoved(at=scene.at, id=run.id, number=attempt.number, state=State.RUNNING, worker=worker)
    if run.state is not State.RUNNING and run.state is not State.KILLING:
        yield TaskRunMoved(at=scene.at, id=run.id, state=State.RUNNING)


# Sleep: an attempt without a worker.


def slept(scene: Scene) -> Changes:
    """The timer of a Sleep, or why there is none. A timeout that comes before the end of the sleep fails it."""
    run = _run(scene)
    spans = []
    for question in _spans_asked(scene):
        answer = asking.ask(scene, question)
        if isinstance(answer, Pending):
            return answer.changes
        span = answer if isinstance(answer, Failure) else span_of(answer)
        if isinstance(span, Failure):
            return fail(scene, span)
        spans.append(span)
    times_out = len(spans) > 1 and spans[1] < spans[0]
    number = len(run.attempts) + 1
    return (
        ProgressMade(id=run.id, fields={"notes": {_TIMED_OUT: True} if times_out else {}}),
        AttemptOpened(at=scene.at, id=run.id, number=number, queued=False),
        AttemptMoved(at=scene.at, id=run.id, number=number, state=State.RUNNING),
        TaskRunMoved(at=scene.at, id=run.id, state=State.RUNNING),
        TimerSet(kind=TimerKind.SLEEP, due=scene.at + min(spans), id=run.id),
    )


def _spans_asked(scene: Scene) -> Iterator[Question]:
    assert scene.node.task is not None
    assert isinstance(scene.node.task.body, Sleep)
    yield Question("duration", scene.node.task.body.duration)
    if scene.node.task.timeout is not None:
        yield Question("timeout", scene.node.task.timeout)


def span_of(answer: Answer) -> timedelta | Failure:
    """The span of time that an author gave, within bounds."""
    try:
        return min(max(parse_duration(str(answer.value)), timedelta(0)), DELAY_MAX)
    except NotADuration as error:
        return Failure(message=str(error), kind="expression")


def woken(scene: Scene) -> Changes:
    """The timer of a Sleep is due."""
    attempt = scene.attempt
    if attempt is None or scene.node.task is None or not isinstance(scene.node.task.body, Sleep):
        return ()
    if not scene.progress.notes.get(_TIMED_OUT):
        return _ended(scene, attempt, State.SUCCESS, chance=0.0)
    failure = Failure(message=f"Timeout after {scene.node.task.timeout}", kind="timeout")
    return (
        _said(scene, attempt, "WARN", f"Timeout: the sleep is longer than {scene.node.task.timeout}, it is cut short"),
        _said(scene, attempt, "ERROR", failure.message),
        *_ended(scene, attempt, State.FAILED, failure=failure, chance=0.0),
    )


def _said(scene: Scene, attempt: Attempt, level: str, message: str) -> Logged:
    """A line of the attempt's log: no worker has it to say so."""
    return Logged(at=scene.at, level=level, message=message, id=scene.id, attempt=attempt.number)


# The end of an attempt.


def ended(scene: Scene, event: AttemptEnded) -> Changes:
    attempt = _open_attempt(scene, event.attempt)
    if attempt is None or event.state not in _ATTEMPT_ENDS:
        return ()
    return (
        *_outputs(scene, event.outputs),
        *granted(scene, event.wishes),
        *_ended(scene, attempt, event.state, failure=event.failure, log_file=event.log_file, chance=event.chance),
    )


def _outputs(scene: Scene, outputs: Mapping[str, Any] | None) -> Iterator[Change]:
    run = _run(scene)
    if outputs is not None or run.outputs is not None:
        yield OutputsSet(id=run.id, outputs=outputs)


def lost(scene: Scene, event: WorkerLost) -> Changes:
    """The attempt failed; another one follows at once if the policy says so, a few times."""
    attempt = _open_attempt(scene, event.attempt)
    if attempt is None:
        return ()
    run = _run(scene)
    failure = Failure(message=event.message, kind=WORKER_LOST)
    lost_before = sum(one.failure is not None and one.failure.kind == WORKER_LOST for one in run.attempts)
    is_over = run.state is State.KILLING or event.policy is not WhenLost.RESUBMIT or lost_before >= RESUBMITS_MAX
    if is_over:
        return _ended(scene, attempt, State.FAILED, failure=failure, chance=event.chance)
    moved = AttemptMoved(at=scene.at, id=run.id, number=attempt.number, state=State.FAILED, failure=failure)
    if run.state is State.RUNNING:
        return (moved, TaskRunMoved(at=scene.at, id=run.id, state=State.CREATED))
    return (moved, *opened(scene))


def said(scene: Scene, failure: Failure) -> Changes:
    """A line in the log of the attempt that no worker has."""
    number = len(_run(scene).attempts)
    return (Logged(at=scene.at, level="ERROR", message=failure.message, id=scene.id, attempt=number),)


def ended_here(
    scene: Scene, state: State, *, failure: Failure | None = None, chance: float = 0.0, tells: bool = False
) -> Changes:
    """The engine itself says how the open attempt ended; `tells` the author why, which no worker did."""
    attempt = scene.attempt
    assert attempt is not None, scene.run
    told = said(scene, failure) if tells and failure is not None else ()
    return (*told, *_ended(scene, attempt, state, failure=failure, chance=chance))


def _ended(
    scene: Scene,
    attempt: Attempt,
    state: State,
    *,
    failure: Failure | None = None,
    log_file: str | None = None,
    chance: float,
) -> Changes:
    """The attempt's end and, unless it is retried, the task run's."""
    run = _run(scene)
    first = tuple(_set_running(scene, attempt, None)) if _skipped_start(attempt, state) else ()
    moved = AttemptMoved(at=scene.at, id=run.id, number=attempt.number, state=state, failure=failure, log_file=log_file)
    return (*first, moved, *_after_attempt(scene, state, chance))


def _skipped_start(attempt: Attempt, state: State) -> bool:
    """A report may overtake the news of its own start; the history then shows both."""
    return attempt.state is State.CREATED and state is not State.SKIPPED and state is not State.KILLED


def _after_attempt(scene: Scene, state: State, chance: float) -> Changes:
    run = _run(scene)
    assert scene.node.task is not None
    if run.state is State.KILLING:
        return (TaskRunMoved(at=scene.at, id=run.id, state=State.KILLED),)
    if state is State.FAILED:
        retried = tuple(_retried(scene, chance))
        if retried:
            return retried
        if (due := rerun_at(scene)) is not None:
            return tuple(_made_anew(scene, due))
    if state is State.SUCCESS and _warns(scene):
        state = State.WARNING
    return (TaskRunMoved(at=scene.at, id=run.id, state=allowed_end(scene.node.task, state)),)


def _retried(scene: Scene, chance: float) -> Iterator[Change]:
    run, retry = _run(scene), scene.node.retry
    if retry is None or retry.behavior is not RetryBehavior.RETRY_FAILED_TASK:
        return
    due = next_attempt_at(retry, run.attempts, at=scene.at, chance=chance)
    if due is not None:
        yield TaskRunMoved(at=scene.at, id=run.id, state=State.RETRYING)
        yield TimerSet(kind=TimerKind.RETRY, due=due, id=run.id)


def _made_anew(scene: Scene, due: datetime) -> Iterator[Change]:
    """The failure is not the last word, whoever allows it: no branch for errors runs, and nobody is warned."""
    notes = scene.execution.progress.notes
    yield ProgressMade(id=None, fields={"notes": {RERUN: due.isoformat(), **notes}})
    yield TaskRunMoved(at=scene.at, id=_run(scene).id, state=State.FAILED)


def _warns(scene: Scene) -> bool:
    """`warningOnRetry`: it came through, but not at the first try."""
    retry = scene.node.retry
    return retry is not None and retry.warning_on_retry and counted(_run(scene).attempts) > 1
