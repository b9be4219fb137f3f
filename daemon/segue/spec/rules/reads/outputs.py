"""`outputs.x` and `tasks.x`: is there such a task, has it run by then, and can it have such an output."""

from collections.abc import Iterator
from typing import Any, Final

from segue.expression.uses import Hole, Path, Use
from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding
from segue.spec.outputs import ITEM_OUTPUTS, outputs_of
from segue.spec.rules.outline import Outline, Sight, Spot, share_loop, sight
from segue.spec.rules.reads.inputs import input_ids
from segue.spec.rules.reads.said import meant, misread, steps
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import SUITES, Template

_SUBFLOW: Final = PREFIX + "core.flow.Subflow"
_ITEMS: Final = PREFIX + "core.flow.ForEachItem"
_HTTP_REQUEST: Final = PREFIX + "core.http.Request"
_OUTPUT_VALUES: Final = PREFIX + "core.output.OutputValues"
_ASKED_FOR: Final = {(PREFIX + "core.flow.Pause", "onResume"), (PREFIX + "core.flow.Approval", "inputs")}
_APPROVAL: Final = PREFIX + "core.flow.Approval"
# Properties of flowables that are looked at after their children, and keys of the flow rendered at its end.
_AFTER_CHILDREN: Final = frozenset({"condition", "breakWhen", "outputs", "outputFiles", "cache", "inputs"})
_AFTER_ON_WAIT: Final = frozenset({"decisions", "commentRequired", "timeout", "due"})
_AFTER_DECISION: Final = frozenset({"approveBehavior", "denyBehavior", "expireBehavior"})
_SAID: Final = {
    Sight.LATER: ("later-task", "runs later than this"),
    Sight.AT_ONCE: ("later-task", "runs at the same time, and nobody knows which ends first"),
    Sight.OTHER_BRANCH: ("later-task", "is in the other branch: only one of the two runs"),
    Sight.ITSELF: ("later-task", "is this task itself, which has no outputs before it has run"),
    Sight.INSIDE: ("later-task", "is inside this task and runs later"),
}


def unknown_outputs(subject: Subject) -> Iterator[Finding]:
    outline = subject.outline
    for template in subject.templates:
        if template.owners.trigger is not None or _is_of_the_called(template):
            continue
        for use in template.examined.uses:
            if use.path[0] in {"outputs", "tasks"} and len(use.path) > 1 and isinstance(use.path[1], str):
                yield from _looked_at(subject, template, use, outline, use.path[1])


def _is_of_the_called(template: Template) -> bool:
    """The deprecated `outputs` of a Subflow are rendered in the scope of the flow that it calls."""
    task = template.owners.task
    return task is not None and task.type == _SUBFLOW and template.owners.key == "outputs"


def _looked_at(subject: Subject, template: Template, use: Use, outline: Outline, name: str) -> Iterator[Finding]:
    seen = outline.find(name)
    if seen is None:
        hint = meant(name, (*outline.spots, *outline.made)) or _hint_for_dashes(use, outline)
        yield misread(subject, template, use, "unknown-task", f"there is no task '{name}'", hint)
        return
    seer = subject.spot_of(template)
    late = _not_there(subject, template, use, seer, seen, name)
    if late is not None:
        yield late
    elif apart := [each for each in seen.loops if each not in subject.loops_around(template)]:
        yield from _of_iterations(subject, template, use, apart[-1], name)
    elif use.path[0] == "outputs":
        yield from _of_keys(subject, template, use, seen, name)


def _of_iterations(subject: Subject, template: Template, use: Use, loop: Spot, name: str) -> Iterator[Finding]:
    """The task runs in iterations, and what is rendered here does not."""
    if use.is_guarded:
        return
    message = f"the task '{name}' runs in the iterations of '{loop.id}', and its outputs stay in them"
    hint = f"give '{loop.id}' `outputs`, and read them as outputs{steps([loop.id])}.outputs"
    if template.owners.task is loop.object and template.owners.key == "breakWhen":
        hint = f"give '{loop.id}' `outputs`, and read those of an iteration as iteration.outputs"
    yield misread(subject, template, use, "output-of-loop", message, hint)


def _hint_for_dashes(use: Use, outline: Outline) -> str | None:
    """`outputs.my-task` is a subtraction: what is read is `outputs.my`."""
    name = str(use.path[1])
    dashed = next((each for each in outline.spots if each.startswith(name + "-")), None)
    return f"write {use.path[0]}['{dashed}']: a dash is a minus" if dashed else None


def _not_there(
    subject: Subject, template: Template, use: Use, seer: Spot | None, seen: Spot, name: str
) -> Finding | None:
    """The task has not run by then, or never does."""
    if use.is_guarded:
        return None
    if seen.is_disabled and (seer is None or not seer.is_disabled):
        return misread(subject, template, use, "disabled-task", f"the task '{name}' is disabled and never runs")
    if seer is None:
        if template.slot in {"outputs", "variables", "pluginDefaults", "taskDefaults", "sla", SUITES}:
            return None
        message = f"'{template.slot}' is rendered before any task has run"
        return misread(subject, template, use, "later-task", message)
    found = sight(seer, seen)
    if found is Sight.BEFORE or _is_rendered_late(seer, template.owners.key, found):
        return None
    if seen.object.type == _ITEMS and name != seen.id and found is Sight.ITSELF:
        return None
    code, said = _SAID[found]
    is_certain = found is not Sight.AT_ONCE and not share_loop(seer, seen)
    return misread(subject, template, use, code, f"the task '{name}' {said}", is_certain=is_certain)


def _is_rendered_late(seer: Spot, key: str | None, found: Sight) -> bool:
    """After tasks inside it have run; and what a decision does, when the outputs tell it."""
    if seer.object.type == _APPROVAL and found in {Sight.INSIDE, Sight.ITSELF}:
        return key in _AFTER_DECISION or (found is Sight.INSIDE and key in _AFTER_ON_WAIT)
    return found is Sight.INSIDE and key in _AFTER_CHILDREN


# Keys of outputs


def _of_keys(subject: Subject, template: Template, use: Use, seen: Spot, name: str) -> Iterator[Finding]:
    known = _known_outputs(seen, name)
    if known is None:
        return
    kind = seen.object.type.rpartition(".")[2]
    if not known:
        if not use.is_guarded:
            message = f"the task '{name}' has no outputs: {kind} gives none"
            yield misread(subject, template, use, "unknown-output", message)
        return
    if seen.loops and not seen.values and _goes_by_value(use, known):
        message = f"the outputs of '{name}' are flat: each iteration of '{seen.loops[0].id}' has its own"
        hint = f"use outputs{steps([name])}{steps(use.path[3:])}"
        yield misread(subject, template, use, "output-of-loop", message, hint)
        return
    keys = _behind_values(use.path[2:], seen.values)
    if keys is None:
        if _is_read_past_values(use, seen, known):
            message = f"the task '{name}' runs in a loop, so its outputs are kept by value"
            rest = steps(use.path[2:])
            hint = f"use outputs{steps([name])}[taskrun.value]{rest} or currentEachOutput(outputs{steps([name])}){rest}"
            yield misread(subject, template, use, "output-of-loop", message, hint, is_certain=False)
        return
    if not keys or not isinstance(keys[0], str):
        return
    if keys[0] not in known:
        message = f"the task '{name}' has no output '{keys[0]}': {kind} gives {', '.join(known)}"
        yield misread(subject, template, use, "unknown-output", message, meant(keys[0], known))
    else:
        yield from _of_values(subject, template, use, seen, keys)


def _known_outputs(seen: Spot, name: str) -> tuple[str, ...] | None:
    if seen.object.type == _ITEMS:
        return ITEM_OUTPUTS.get(name.removeprefix(seen.id)) if name != seen.id else None
    known = outputs_of(seen.object.type)
    return known if known is None or not seen.is_loop else _of_loop(seen, known)


def _of_loop(seen: Spot, known: tuple[str, ...]) -> tuple[str, ...]:
    """Outputs of iterations are there if it declares some, and where its `fetchType` says."""
    missing = {"FETCH": {"uri"}, "STORE": {"outputs"}}.get(str(seen.object.raw.get("fetchType")), set())
    if not seen.object.raw.get("outputs"):
        missing = {"outputs", "uri"}
    return tuple(each for each in known if each not in missing)


def _behind_values(path: Path, values: int) -> Path | None:
    """The path behind the values of the loops; None if it does not get there."""
    if path[:1] == (Hole.EACH,):
        return path[1:]
    is_by_value = len(path) > values or not values
    return path[values:] if is_by_value and not _names_key(path, values) else None


def _names_key(path: Path, values: int) -> bool:
    """Whether one of the keys that should be a loop's value looks like the name of an output."""
    return any(isinstance(key, str) and key.isidentifier() and not key.isupper() for key in path[:values])


def _goes_by_value(use: Use, known: tuple[str, ...]) -> bool:
    """`outputs.x[value].name`, as in a ForEach: some key stands before the name of an output."""
    first, second = (*use.path[2:4], None, None)[:2]
    return first is Hole.EACH or (isinstance(first, Hole) and second in known)


def _is_read_past_values(use: Use, seen: Spot, known: tuple[str, ...]) -> bool:
    return (
        not use.is_guarded and len(use.path) > 2 and use.path[2] in known and not _is_literal_value(seen, use.path[2])
    )


def _is_literal_value(seen: Spot, key: Any) -> bool:
    around = [each for each in seen.line() if each.has_value]
    return any(
        key in listed
        for each in around
        if each.parent is not None
        for listed in (each.parent.object.raw.get("values"), each.parent.object.raw.get("value"))
        if isinstance(listed, list)
    )


def _of_values(subject: Subject, template: Template, use: Use, seen: Spot, keys: Path) -> Iterator[Finding]:
    """What is said of the values behind a key by the task itself."""
    if len(keys) < 2:
        return
    kind, key = seen.object.type, keys[1]
    if kind == _HTTP_REQUEST and keys[0] == "body":
        message = f"'outputs{steps([seen.id])}.body' is a text and has no fields"
        hint = f"read it first: fromJson(outputs{steps([seen.id])}.body){steps(keys[1:])}"
        yield misread(subject, template, use, "field-of-text", message, hint, is_certain=False)
        return
    declared = _declared(seen, str(keys[0]))
    if declared is not None and isinstance(key, str) and key not in declared and not use.is_guarded:
        message = f"the task '{seen.id}' has no '{keys[0]}.{key}'"
        yield misread(subject, template, use, "unknown-output", message, meant(key, declared))


def _declared(seen: Spot, key: str) -> frozenset[str] | None:
    if seen.object.type == _OUTPUT_VALUES and key == "values":
        values = seen.object.raw.get("values")
        if not isinstance(values, dict) or any("{{" in str(each) for each in values):
            return None
        return frozenset(map(str, values))
    if (seen.object.type, key) in _ASKED_FOR:
        return frozenset(each.partition(".")[0] for each in input_ids(seen.object.under(key))) or None
    return None
