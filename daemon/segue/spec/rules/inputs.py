"""Inputs: what they depend on, their defaults, and whether triggers give the required ones."""

from collections.abc import Iterator, Mapping

from segue.spec.catalogue import PREFIX
from segue.spec.cycles import cycle_in
from segue.spec.finding import Finding, warning
from segue.spec.inputs import default_of_file_is_readable
from segue.spec.nested import Role
from segue.spec.reading import Object
from segue.spec.rules.subject import Subject

# Triggers that start executions with nothing but the inputs they name.
_GIVING: frozenset[str] = frozenset(
    {PREFIX + "core.trigger.Schedule", PREFIX + "core.trigger.ScheduleOnDates", PREFIX + "core.trigger.Webhook"}
)


def dependencies(subject: Subject) -> Iterator[Finding]:
    for each in subject.everything:
        for slot in ("inputs", "onResume"):
            if each.under(slot) and each.role is not Role.INPUT:
                yield from _dependencies_of(tuple(_flattened(each.under(slot))))


def _flattened(inputs: tuple[Object, ...], prefix: str = "") -> Iterator[tuple[str, Object]]:
    """Inputs with those of forms, by their full ids."""
    for each in inputs:
        yield prefix + each.id, each
        yield from _flattened(each.under("inputs"), f"{prefix}{each.id}.")


def _dependencies_of(inputs: tuple[tuple[str, Object], ...]) -> Iterator[Finding]:
    known = {name for name, _ in inputs}
    graph: dict[str, tuple[str, ...]] = {}
    for name, each in inputs:
        needed = _needed(each)
        graph[name] = tuple(other for other in needed if other in known)
        for index, other in enumerate(needed):
            if other not in known:
                yield Finding(
                    where=(*each.where, "dependsOn", "inputs", index),
                    code="unknown-input",
                    message=f"input '{name}' depends on the unknown input '{other}'",
                )
    cycle = cycle_in(graph)
    if cycle:
        first = next(each for name, each in inputs if name == cycle[0])
        yield Finding(
            where=(*first.where, "dependsOn"),
            code="cyclic-inputs",
            message=f"inputs depend on each other in a circle: {' -> '.join(cycle)}",
            hint="one of them has to be asked for without the others: take it out of a `dependsOn`",
        )


def _needed(read: Object) -> tuple[str, ...]:
    depends_on = getattr(read.shared, "depends_on", None)
    return tuple(depends_on.inputs) if depends_on else ()


def defaults(subject: Subject) -> Iterator[Finding]:
    for each in subject.objects(Role.INPUT):
        given = each.raw.get("defaults")
        if each.type == "FILE" and not default_of_file_is_readable(given):
            yield Finding(
                where=(*each.where, "defaults"),
                code="default-of-file",
                message=f"{each.id}: no `defaults` can be set for inputs of type 'FILE'",
                hint="but a URI nsfile:///path",
            )
        if each.type == "ARRAY" and each.raw.get("itemType") == "ARRAY":
            yield Finding(
                where=(*each.where, "itemType"),
                code="invalid-item-type",
                message=f"{each.id}: `itemType` cannot be `ARRAY`",
            )
        if subject.looks_ahead and given is not None and each.raw.get("required") is False:
            yield warning(
                (*each.where, "required"),
                "default-of-optional",
                f"input '{each.id}' has a default, so it always has a value",
                hint="Kestra 2.0 refuses `required: false` beside `defaults`",
            )


def given_by_triggers(subject: Subject) -> Iterator[Finding]:
    needed = [each.id for each in subject.flow.under("inputs") if _must_be_given(each)]
    if not needed:
        return
    for trigger in subject.objects(Role.TRIGGER):
        given = trigger.raw.get("inputs")
        names = given if isinstance(given, Mapping) else {}
        missing = [name for name in needed if name not in names and name.partition(".")[0] not in names]
        if trigger.type in _GIVING and missing:
            yield warning(
                trigger.where,
                "missing-inputs",
                f"trigger '{trigger.id}' gives no value for the required {_listed(missing)}",
                hint="give them under `inputs` of the trigger, or give the inputs defaults",
            )


def _must_be_given(read: Object) -> bool:
    return (
        read.raw.get("required") is not False
        and read.raw.get("defaults") is None
        and "dependsOn" not in read.raw
        and read.raw.get("autoSelectFirst") is not True
        and read.type != "FORM"
    )


def _listed(names: list[str]) -> str:
    return f"input{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names)}"
