"""Sla: agreements that an execution has to keep - how long it may take, and what has to hold all the time.

Times are counted from its start, or from a restart. Each agreement is broken once: its labels are set, and the
execution fails, is cancelled, or goes on.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from segue.engine import kill, templates
from segue.engine.limits import DELAY_MAX
from segue.engine.plan import Plan
from segue.engine.scene import Scene
from segue.engine.scope import scope_of
from segue.expression.iso import duration_text
from segue.model.change import Change, ExecutionMoved, LabelsChanged, Logged, ProgressMade, TimerCleared, TimerSet
from segue.model.event import TimerKind
from segue.model.execution import Execution, Failure
from segue.model.flow import Sla, SlaBehavior
from segue.model.state import State

Changes = tuple[Change, ...]
_Broken = list[tuple[int, Sla, str]]  # its number, and why

_SINCE: Final = "sla_since"
_BROKEN: Final = "sla_broken"
_ENDS: Final = {SlaBehavior.FAIL: State.FAILED, SlaBehavior.CANCEL: State.CANCELLED}


def takes_too_long(agreement: Sla, running_for: timedelta) -> str | None:
    """How the agreement is broken by an execution that has run for so long; None: it is not."""
    if agreement.duration is None or running_for < min(agreement.duration, DELAY_MAX):
        return None
    taken, allowed = duration_text(running_for), duration_text(agreement.duration)
    return f"execution duration of {taken} exceed the maximum duration of {allowed}."


def does_not_hold(agreement: Sla, variables: Mapping[str, Any], *, at: datetime, seed: str) -> str | None:
    """How the agreement is broken as things are; None: it is not. What cannot be evaluated (yet) breaks none."""
    if agreement.assertion is None:
        return None
    value = templates.evaluate(agreement.assertion, variables, at=at, seed=seed, typed=False)
    if isinstance(value, Failure) or templates.holds(value):
        return None
    return f"assertion is false: {agreement.assertion}."


def armed(plan: Plan, execution: Execution, at: datetime) -> Changes:
    """The execution is let go: its time runs."""
    if _SINCE in execution.progress.notes or not any(each.duration is not None for each in plan.flow.sla):
        return ()
    since = at if execution.state is State.RESTARTED else execution.started_at
    notes = {**execution.progress.notes, _SINCE: since.isoformat()}
    return (ProgressMade(id=None, fields={"notes": notes}), *_timer(plan, notes))


def _timer(plan: Plan, notes: dict[str, Any]) -> Iterator[Change]:
    """The next time at which one is broken."""
    spans = [each.duration for _, each in _unbroken(plan, notes) if each.duration is not None]
    if spans:
        yield TimerSet(kind=TimerKind.SLA, due=datetime.fromisoformat(notes[_SINCE]) + min(*spans, DELAY_MAX))


def _unbroken(plan: Plan, notes: dict[str, Any]) -> Iterator[tuple[int, Sla]]:
    broken = notes.get(_BROKEN, ())
    return ((number, each) for number, each in enumerate(plan.flow.sla) if number not in broken)


def elapsed(flow: Scene) -> Changes:
    """A time is over."""
    execution = flow.execution
    if execution.state.is_final or execution.state is State.KILLING or _SINCE not in execution.progress.notes:
        return ()
    notes = execution.progress.notes
    running_for = flow.at - datetime.fromisoformat(notes[_SINCE])
    found = ((number, each, takes_too_long(each, running_for)) for number, each in _unbroken(flow.plan, notes))
    broken = [(number, each, why) for number, each, why in found if why is not None]
    return _broken(flow, broken) if broken else ()


def looked_at(plan: Plan, execution: Execution, at: datetime) -> Changes:
    """After a change: what has to hold all the time; and no time runs for what has ended."""
    if not plan.flow.sla:
        return ()
    flow = Scene(plan, execution, plan.root, None, at)
    if execution.state.is_final:
        return _disarmed(execution)
    if execution.state not in {State.RUNNING, State.RETRYING, State.BREAKPOINT, State.PAUSED}:
        return ()
    asserted = [(number, each) for number, each in _unbroken(plan, execution.progress.notes) if each.assertion]
    variables = scope_of(flow) if asserted else {}
    found = (
        (number, each, does_not_hold(each, variables, at=at, seed=f"{execution.id}/{number}"))
        for number, each in asserted
    )
    broken = [(number, each, why) for number, each, why in found if why is not None]
    return _broken(flow, broken) if broken else ()


def _disarmed(execution: Execution) -> Changes:
    if _SINCE not in execution.progress.notes:
        return ()
    notes = {key: value for key, value in execution.progress.notes.items() if key != _SINCE}
    return (ProgressMade(id=None, fields={"notes": notes}), TimerCleared(kind=TimerKind.SLA))


def _broken(flow: Scene, broken: _Broken) -> Changes:
    execution = flow.execution
    numbers = [*execution.progress.notes.get(_BROKEN, ()), *(number for number, _, _ in broken)]
    notes = {**execution.progress.notes, _BROKEN: numbers}
    labels = {**execution.labels, **{key: value for _, each, _ in broken for key, value in each.labels.items()}}
    end = next((_ENDS[each.behavior] for _, each, _ in broken if each.behavior in _ENDS), None)
    changes: list[Change] = [
        Logged(at=flow.at, level="WARN", message=f"The SLA `{each.id}` is broken: {why}") for _, each, why in broken
    ]
    changes.append(ProgressMade(id=None, fields={"notes": notes}))
    if labels != execution.labels:
        changes.append(LabelsChanged(labels=labels))
    if end is not None:
        return (*changes, *kill.cut_off(flow), ExecutionMoved(at=flow.at, state=end))
    return (*changes, *(_timer(flow.plan, notes) if _SINCE in notes else ()))
