"""Advance: one event, decided, and all that it leads to until nothing moves. The engine's way in.

    changes = advance(plan, execution, event)

The execution is changed on the way; the changes, in their order, are what has to be written down and then acted on.
Nothing decided (`()`) leaves the execution as it was. One call does a bounded amount of work: if more is to settle it
sets a timer that is due at once, and the next event, whichever it is, goes on.
"""

from segue.engine import sla
from segue.engine.decide import decide
from segue.engine.evolve import evolve
from segue.engine.limits import SETTLE_STEPS_MAX
from segue.engine.plan import Plan
from segue.engine.scene import Scene
from segue.engine.settle import settle
from segue.engine.standing import can_settle, rest
from segue.model.change import Change, TimerSet
from segue.model.event import Event, TimerKind
from segue.model.execution import Execution


def advance(plan: Plan, execution: Execution, event: Event) -> tuple[Change, ...]:
    """All that the event changes, in order."""
    changes = list(decide(plan, execution, event))
    for change in changes:
        evolve(execution, change)
    for _ in range(SETTLE_STEPS_MAX):
        if not can_settle(execution):
            _fold(execution, rest(execution, event.at), changes)
            broken = sla.looked_at(plan, execution, event.at) if changes else ()
            _fold(execution, broken, changes)
            if not broken:
                return tuple(changes)
            continue
        scene = Scene.of(plan, execution, execution.unsettled.popleft(), event.at)
        if scene is not None:
            _fold(execution, settle(scene), changes)
    changes.append(TimerSet(kind=TimerKind.GO_ON, due=event.at))
    return tuple(changes)


def _fold(execution: Execution, new: tuple[Change, ...], changes: list[Change]) -> None:
    for change in new:
        evolve(execution, change)
    changes.extend(new)
