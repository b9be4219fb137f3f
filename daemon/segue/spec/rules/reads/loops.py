"""`taskrun.value`, `item`, `parent` and `parents[n]`: are there loops around, and as many."""

from collections.abc import Iterator
from typing import Final

from segue.expression.uses import Use
from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding
from segue.spec.rules.outline import Spot, is_loop_until
from segue.spec.rules.reads.said import misread
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import Template

_ITEMS: Final = PREFIX + "core.flow.ForEachItem"
_FOLDER: Final = PREFIX + "core.flow.WorkingDirectory"
# Kestra's task runs in these have had the value of what is around them, in some versions.
_HANDING_DOWN: Final = frozenset({"Switch"})
_BESIDE_ITEMS: Final = frozenset({"runIf", "when", "timeout", "description"})
"""What a ForEachItem renders itself; all else is rendered by the task runs below it, whose parent it is."""
_OF_ITEMS: Final = {"value": "value", "iteration": "index"}
_NO_LOOP: Final = "the task is in no ForEach"


def values_of_loops(subject: Subject) -> Iterator[Finding]:
    for template in subject.templates:
        spot = subject.spot_of(template)
        if spot is None or template.owners.trigger is not None:
            continue
        for use in template.examined.uses:
            if not use.is_guarded:
                yield from _of_item(subject, template, spot, use)
        if spot.is_in_ending:
            continue
        for use in template.examined.uses:
            if not use.is_guarded:
                yield from _looked_at(subject, template, spot, use)


def _looked_at(subject: Subject, template: Template, spot: Spot, use: Use) -> Iterator[Finding]:
    match use.path:
        case ("taskrun", "value" | "iteration" as key, *_):
            yield from _of_own(subject, template, spot, use, str(key))
        case ("taskrun", "items", *_) if spot.object.type != _ITEMS:
            message = "'taskrun.items' exists only in the properties of a ForEachItem"
            yield misread(subject, template, use, "no-loop", message)
        case ("parent", *rest):
            yield from _of_parent(subject, template, spot, use, 0, "parent", tuple(rest))
        case ("parents", int(level), *rest):
            yield from _of_parent(subject, template, spot, use, level, f"parents[{level}]", tuple(rest))


def _of_item(subject: Subject, template: Template, spot: Spot, use: Use) -> Iterator[Finding]:
    """`item.parent` and `item.parents[n]` are those of the Loops around the nearest one."""
    match use.path:
        case ("item", "parent", *_):
            level, name = 0, "item.parent"
        case ("item", "parents", int(level), *_):
            name = f"item.parents[{level}]"
        case _:
            return
    loops = subject.loops_around(template)
    around = len(spot.loops) if spot.is_loop and template.owners.key == "breakWhen" else len(loops) - 1
    if level >= max(around, 0):
        message = f"'{name}' does not exist here: around the Loop there {_so_many(around)}"
        yield misread(subject, template, use, "no-parent", message)


def _so_many(around: int) -> str:
    if around <= 0:
        return "is no other"
    return "is one other" if around == 1 else f"are {around} others"


def _of_own(subject: Subject, template: Template, spot: Spot, use: Use, key: str) -> Iterator[Finding]:
    if _is_below(spot, template):
        if key == "iteration" or not spot.has_value:
            return
        message = "'taskrun.value' is that of the task run of a batch, which has none"
        yield misread(subject, template, use, "no-loop", message, "use parent.taskrun.value")
        return
    if spot.has_value or _is_handed_down(spot):
        return
    if key == "iteration" and any(is_loop_until(each) for each in spot.around()):
        return
    level = next((index for index, each in enumerate(spot.parents) if each.has_value), None)
    kind = spot.parent.object.type.rpartition(".")[2] if spot.parent is not None else ""
    hint: str | None = None
    if level is None:
        message = f"'taskrun.{key}' exists only in a loop: {_NO_LOOP}"
        if spot.loops:
            hint = f"in a Loop it is item.{_OF_ITEMS[key]}"
    else:
        parent = spot.parent.id if spot.parent is not None else ""
        message = f"'taskrun.{key}' is that of the task itself, which has none inside the {kind} '{parent}'"
        hint = f"use {'parent' if level == 0 else f'parents[{level}]'}.taskrun.{key}"
    yield misread(subject, template, use, "no-loop", message, hint, is_certain=kind not in _HANDING_DOWN)


def _is_handed_down(spot: Spot) -> bool:
    """The tasks of a WorkingDirectory have its value."""
    return spot.parent is not None and spot.parent.object.type == _FOLDER and spot.parent.has_value


def _is_below(spot: Spot, template: Template) -> bool:
    return spot.object.type == _ITEMS and template.owners.key not in _BESIDE_ITEMS


def _of_parent(
    subject: Subject, template: Template, spot: Spot, use: Use, level: int, name: str, rest: tuple[object, ...]
) -> Iterator[Finding]:
    parents = (spot, *spot.parents) if _is_below(spot, template) and spot.has_value else spot.parents
    if level >= len(parents):
        count = f"{len(parents)} parent{'s' if len(parents) > 1 else ''}" if parents else "no parent"
        message = f"'{name}' does not exist here: the task has {count} with a value or outputs"
        hint = "parents count from 0, the nearest first" if parents else "the value of a loop is `taskrun.value`"
        yield misread(subject, template, use, "no-parent", message, hint)
    elif rest[:2] in {("taskrun", "value"), ("taskrun", "iteration")} and not parents[level].has_value:
        found = next((index for index, each in enumerate(parents) if each.has_value), None)
        message = f"'{name}' is '{parents[level].id}', which has no value"
        nearest = f"use parents[{found}].taskrun.{rest[1]}" if found is not None else None
        yield misread(subject, template, use, "no-parent", message, nearest)
