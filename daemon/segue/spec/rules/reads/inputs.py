"""`inputs.x`: is it declared."""

from collections.abc import Iterator

from segue.expression.uses import Hole, Path
from segue.spec.catalogue import PREFIX
from segue.spec.finding import Finding
from segue.spec.reading import Object
from segue.spec.rules.reads.said import dotted, meant, misread
from segue.spec.rules.subject import Subject
from segue.spec.rules.templates import Template

_FLOW_TRIGGER = PREFIX + "core.trigger.Flow"


def unknown_inputs(subject: Subject) -> Iterator[Finding]:
    declared = input_ids(subject.flow.under("inputs"))
    for template in subject.templates:
        if _is_of_another_flow(template):
            continue
        known = declared | _asked_for_beside(template, subject)
        for use in template.examined.uses:
            if use.path[0] == "inputs" and len(use.path) > 1 and not _is_known(use.path[1:], known):
                name = dotted(use.path[1:])
                hint = meant(name, known) or (None if known else "the flow declares no inputs")
                yield misread(subject, template, use, "unknown-input", f"there is no input '{name}'", hint)


def _is_of_another_flow(template: Template) -> bool:
    """What is rendered in the scope of another execution: the upstream one, or the one that was called."""
    trigger, task = template.owners.trigger, template.owners.task
    if trigger is not None:
        return trigger.type == _FLOW_TRIGGER
    return task is not None and task.type == PREFIX + "core.flow.Subflow" and template.owners.key == "outputs"


def _asked_for_beside(template: Template, subject: Subject) -> frozenset[str]:
    """Inputs that are asked for together with the one that this template belongs to."""
    spot = subject.spot_of(template)
    if template.owners.input is None or spot is None:
        return frozenset()
    return input_ids((*spot.object.under("onResume"), *spot.object.under("inputs")))


def input_ids(inputs: tuple[Object, ...], prefix: str = "") -> frozenset[str]:
    """Full ids, those of forms with the form's in front."""
    found: set[str] = set()
    for each in inputs:
        inner = each.under("inputs")
        found |= input_ids(inner, f"{prefix}{each.id}.") if inner else {prefix + each.id}
    return frozenset(found)


def _is_known(path: Path, known: frozenset[str]) -> bool:
    return any(_leads_to(path, tuple(each.split("."))) for each in known)


def _leads_to(path: Path, declared: tuple[str, ...]) -> bool:
    """Is it the declared input, a form that holds it, or a part of its value."""
    return all(key is Hole.ANY or str(key) == part for key, part in zip(path, declared, strict=False))
