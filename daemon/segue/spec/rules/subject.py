"""What a rule looks at: a flow as read, and what is known beside it."""

from collections.abc import Iterator

from msgspec import Struct

from segue.spec.catalogue import PREFIX, Catalogue
from segue.spec.nested import Role
from segue.spec.reading import Object
from segue.spec.rules.outline import Outline, Spot
from segue.spec.rules.templates import Template


class Subject(Struct, frozen=True, kw_only=True):
    """A flow as read, and everything in it (the flow itself too), parents first; its templates, and the outline of its
    tasks.

    `folder_namespace` is the namespace that its folder stands for, if it stands for one;
    `refuse_broken_expressions` makes errors of expressions that can only fail; `looks_ahead` tells too what only a
    later version refuses."""

    flow: Object
    everything: tuple[Object, ...]
    catalogue: Catalogue
    templates: tuple[Template, ...]
    outline: Outline
    folder_namespace: str | None = None
    refuse_broken_expressions: bool = False
    looks_ahead: bool = False

    def objects(self, *roles: Role) -> Iterator[Object]:
        """Everything of these roles, wherever it stands, parents first."""
        return (each for each in self.everything if each.role in roles and each is not self.flow)

    def tasks(self, *short_types: str) -> Iterator[Object]:
        """Tasks of every kind, or those of these types (without the prefix)."""
        wanted = {PREFIX + each for each in short_types}
        return (each for each in self.objects(Role.TASK, Role.FLOWABLE) if not wanted or each.type in wanted)

    def spot_of(self, template: Template) -> Spot | None:
        """Where the task stands that the template belongs to."""
        task = template.owners.task
        return self.outline.by_place.get(task.where) if task is not None else None

    def loops_around(self, template: Template) -> tuple[Spot, ...]:
        """The Loops in whose iterations the template is rendered, the nearest first: of a Loop's own that is `outputs`."""
        spot = self.spot_of(template)
        if spot is None:
            return ()
        return (spot, *spot.loops) if spot.is_loop and template.owners.key == "outputs" else spot.loops
