"""Every text of a flow that holds an expression, with what stands around it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from segue.expression.uses import Examined, examine
from segue.spec.fields import has_expression
from segue.spec.finding import Path
from segue.spec.nested import Role
from segue.spec.reading import Object

# Texts that are never rendered.
_NEVER_RENDERED: Final = frozenset({"description", "displayName", "validator", "listeners", "id", "type"})
# Texts that are rendered only where something else names them, so that nobody knows what they will see.
_ELSEWHERE: Final = frozenset({"variables", "pluginDefaults", "taskDefaults"})

SUITES: Final = "testCases"
"""The slot of templates that are a suite's and are looked at in the scope of its flow."""


class Owners(Struct, frozen=True):
    """The nearest objects around a text, and the key of the innermost of them that it stands under."""

    task: Object | None = None
    trigger: Object | None = None
    input: Object | None = None
    key: str = ""

    def entering(self, found: Object) -> "Owners":
        match found.role:
            case Role.TASK | Role.FLOWABLE:
                return Owners(task=found)
            case Role.TRIGGER:
                return Owners(trigger=found)
            case Role.INPUT:
                return Owners(task=self.task, input=found)
            case _:
                return self


class Template(Struct, frozen=True):
    where: Path
    text: str
    owners: Owners
    examined: Examined

    @property
    def is_rendered_elsewhere(self) -> bool:
        return len(self.where) > 0 and self.where[0] in _ELSEWHERE

    @property
    def slot(self) -> str:
        """The key of the flow that it stands under, where it belongs to no object in it."""
        return str(self.where[0]) if self.where else ""


def templates_in(flow: Object, everything: tuple[Object, ...]) -> tuple[Template, ...]:
    objects = {each.where: each for each in everything if each is not flow and each.where}
    return tuple(_in(flow.raw, (), Owners(), objects))


def _in(value: Any, where: Path, owners: Owners, objects: Mapping[Path, Object]) -> Iterator[Template]:
    if isinstance(value, str):
        if has_expression(value):
            yield Template(where, value, owners, examine(value))
    elif isinstance(value, dict):
        found = objects.get(where)
        if found is not None:
            owners = owners.entering(found)
        for key, each in value.items():
            if key not in _NEVER_RENDERED:
                yield from _in(each, (*where, key), _under(owners, key, is_own=found is not None), objects)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _in(each, (*where, index), owners, objects)


def _under(owners: Owners, key: str, *, is_own: bool) -> Owners:
    return Owners(owners.task, owners.trigger, owners.input, key) if is_own else owners
