"""The outline of a flow: where each task stands, and what of the others it can have seen by the time it runs."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from msgspec import Struct, field

from segue.spec.catalogue import PREFIX
from segue.spec.nested import Role
from segue.spec.outputs import ITEM_OUTPUTS
from segue.spec.reading import Object

_EACH: Final = frozenset({PREFIX + f"core.flow.{name}" for name in ("ForEach", "EachSequential", "EachParallel")})
_AT_ONCE: Final = frozenset({PREFIX + f"core.flow.{name}" for name in ("Parallel", "EachParallel")})
_WITH_OUTPUTS: Final = frozenset({PREFIX + f"core.flow.{name}" for name in ("If", "Switch", "LoopUntil", "Approval")})
_DAG: Final = PREFIX + "core.flow.Dag"
_LOOP: Final = PREFIX + "core.flow.Loop"
_LOOP_UNTIL: Final = PREFIX + "core.flow.LoopUntil"
_ITEMS: Final = PREFIX + "core.flow.ForEachItem"
_BEFORE_WAITING: Final = frozenset({"onPause", "onWait"})
# Branches that run when others have ended, and see what those left, by when they come.
_ENDINGS: Final[Mapping[str, int]] = {"errors": 1, "finally": 2, "afterExecution": 3}


class Sight(Enum):
    """What one task, when it runs, knows of another."""

    BEFORE = "before"  # it ran, or may have run
    LATER = "later"
    AT_ONCE = "at once"  # nobody knows which is first
    OTHER_BRANCH = "other branch"  # only one of the two runs
    ITSELF = "itself"
    INSIDE = "inside"  # the other is one of its children


class Spot(Struct, frozen=True, eq=False):
    """A task and where it stands. `needs` are the tasks of the same Dag that it waits for."""

    object: Object
    parent: "Spot | None"
    branch: str
    index: int
    needs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.object.id

    @property
    def has_value(self) -> bool:
        """Is it run once for each value of a loop, directly."""
        return self.parent is not None and self.branch == "tasks" and self.parent.object.type in _EACH

    @property
    def is_disabled(self) -> bool:
        return any(each.object.raw.get("disabled") is True for each in self.line())

    def line(self) -> Iterator["Spot"]:
        """It and the tasks around it, from the inside out."""
        spot: Spot | None = self
        while spot is not None:
            yield spot
            spot = spot.parent

    def around(self) -> Iterator["Spot"]:
        return (each for each in self.line() if each is not self)

    @property
    def values(self) -> int:
        """By how many values of loops its outputs are kept: of those in the same execution."""
        count = 0
        for each in self.line():
            count += each.has_value
            if each.is_of_iteration:
                return count
        return count

    @property
    def parents(self) -> tuple["Spot", ...]:
        """Those around it that are `parents`, the nearest first: the ones with a value or with outputs."""
        return tuple(each for each in self.around() if each.has_value or each.object.type in _WITH_OUTPUTS)

    @property
    def is_loop(self) -> bool:
        """A Loop (2.0), whose iterations are executions of their own."""
        return self.object.type == _LOOP

    @property
    def is_of_iteration(self) -> bool:
        """Is it one of the tasks of a Loop, directly. Its `errors` and `finally` run beside the iterations."""
        return self.parent is not None and self.branch == "tasks" and self.parent.is_loop

    @property
    def loops(self) -> tuple["Spot", ...]:
        """The Loops in whose iterations it runs, the nearest first."""
        return tuple(each.parent for each in self.line() if each.is_of_iteration and each.parent is not None)

    @property
    def is_in_ending(self) -> bool:
        return any(each.branch in _ENDINGS for each in self.line())


class Outline(Struct, frozen=True):
    """All tasks by id; the first of those that share one. `made` are ids of task runs that a task makes besides its
    own, with the task."""

    spots: Mapping[str, Spot] = field(default_factory=dict)
    by_place: Mapping[tuple[str | int, ...], Spot] = field(default_factory=dict)
    made: Mapping[str, Spot] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: Object) -> "Outline":
        spots: dict[str, Spot] = {}
        by_place: dict[tuple[str | int, ...], Spot] = {}
        made: dict[str, Spot] = {}
        for spot in _below(flow, None):
            spots.setdefault(spot.id, spot)
            by_place[spot.object.where] = spot
            if spot.object.type == _ITEMS:
                made.update({spot.id + ending: spot for ending in ITEM_OUTPUTS})
        return cls(spots, by_place, made)

    def find(self, task_id: str) -> Spot | None:
        return self.spots.get(task_id) or self.made.get(task_id)


def _below(parent: Object, spot: Spot | None) -> Iterator[Spot]:
    for slot, objects in parent.children.items():
        for index, each in enumerate(objects):
            if each.role is Role.DEPENDENT_TASK:
                needs = tuple(each.own.depends_on) if each.own else ()
                for task in each.under("task"):
                    yield from _with_below(Spot(task, spot, slot, index, needs))
            elif each.role in {Role.TASK, Role.FLOWABLE}:
                yield from _with_below(Spot(each, spot, slot, index))


def _with_below(spot: Spot) -> Iterator[Spot]:
    yield spot
    yield from _below(spot.object, spot)


def sight(seer: Spot, seen: Spot) -> Sight:
    """What `seer` knows of `seen` when it runs."""
    if seer is seen:
        return Sight.ITSELF
    line, other = list(seer.line())[::-1], list(seen.line())[::-1]
    same = 0
    while same < min(len(line), len(other)) and line[same] is other[same]:
        same += 1
    if same == len(other):
        return Sight.BEFORE  # one of those around it
    if same == len(line):
        return Sight.INSIDE
    return _apart(line[same], other[same])


def _apart(here: Spot, there: Spot) -> Sight:
    """Of two tasks with the same parent."""
    if here.branch != there.branch:
        return _of_branches(here.branch, there.branch)
    kind = here.parent.object.type if here.parent is not None else ""
    if kind == _DAG and here.branch == "tasks":
        return _in_dag(here, there)
    if kind in _AT_ONCE and here.branch == "tasks" and not _is_one_by_one(here):
        return Sight.AT_ONCE
    return Sight.BEFORE if there.index < here.index else Sight.LATER


def _of_branches(here: str, there: str) -> Sight:
    if here in _ENDINGS or there in _ENDINGS:
        return Sight.BEFORE if _ENDINGS.get(there, 0) < _ENDINGS.get(here, 0) else Sight.LATER
    if _BEFORE_WAITING.isdisjoint({here, there}):
        return Sight.OTHER_BRANCH
    return Sight.BEFORE if there in _BEFORE_WAITING else Sight.LATER


def _is_one_by_one(spot: Spot) -> bool:
    return spot.parent is not None and spot.parent.object.raw.get("concurrent") == 1


def _in_dag(here: Spot, there: Spot) -> Sight:
    assert here.parent is not None
    siblings = {
        task.id: tuple(entry.own.depends_on) if entry.own else ()
        for entry in here.parent.object.under("tasks")
        for task in entry.under("task")
    }
    if there.id in _reached(here.id, siblings):
        return Sight.BEFORE
    return Sight.LATER if here.id in _reached(there.id, siblings) else Sight.AT_ONCE


def _reached(start: str, needs: Mapping[str, tuple[str, ...]]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        for other in needs.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


def share_loop(first: Spot, second: Spot) -> bool:
    """Are both in one loop over values, so that an earlier round of the one may have come before the other."""
    around = [each for each in first.around() if each.object.type in _EACH]
    return any(each in around for each in second.around())


def is_loop_until(spot: Spot) -> bool:
    return spot.object.type == _LOOP_UNTIL
