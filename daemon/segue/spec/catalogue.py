"""The catalogue of types: which names `type:` may have, which model describes each, and which of them can run.

A type may be named in full (`io.kestra.plugin.core.log.Log`), without the prefix (`core.log.Log`) or by one of the
names it had in the past. What the language knows and what this program can run are two things: the few types that it
cannot are a Problem that says so. Those of installed packages are added by `segue.tasks.packages`.

What is known of a type without its model - the name, the role - comes from `spec.type_table`.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from segue.spec.aliases import ALIASES
from segue.spec.nested import Role
from segue.spec.type_table import NAMES, model_of

PREFIX: Final = "io.kestra.plugin."
_OWN_PREFIX: Final = "segue."
_SUGGESTIONS_MAX: Final = 3
_CLOSENESS: Final = 0.75
_GROUP_CLOSENESS: Final = 0.6


def _group(full: str) -> str:
    return full.removeprefix(PREFIX).rpartition(".")[0]


def _within(group: str, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names whose group this one is a part of, or nearly is: the same last word alone means little."""
    groups = {_group(each): each for each in names}
    close = [each for each in groups if f".{group}." in f".{each}."]
    close = close or difflib.get_close_matches(group, groups, _SUGGESTIONS_MAX, _GROUP_CLOSENESS)
    return tuple(groups[each] for each in close)


class TypeEntry(Struct, frozen=True, kw_only=True):
    """One type: its full name, what it is for, what gives the model of its properties, and whether it can run here."""

    name: str
    role: Role
    load: Callable[[], type[BaseModel]]
    aliases: tuple[str, ...] = ()
    available: bool = False

    @property
    def model(self) -> type[BaseModel]:
        """The model of its own properties. Whoever asks first waits until it is loaded."""
        return self.load()


class Kind(Protocol):
    """What a registry knows of a task type."""

    @property
    def name(self) -> str: ...

    @property
    def properties(self) -> type[BaseModel]: ...

    @property
    def aliases(self) -> tuple[str, ...]: ...


class Catalogue:
    """Types by name. Immutable: `with_kinds` gives a new one."""

    def __init__(self, entries: Iterable[TypeEntry]) -> None:
        self._entries: dict[str, TypeEntry] = {entry.name: entry for entry in entries}
        self._by_name: dict[str, TypeEntry] = {}
        for entry in self._entries.values():
            for name in (entry.name, *entry.aliases):
                self._by_name[name] = entry
                self._by_name.setdefault(name.removeprefix(PREFIX), entry)

    def __iter__(self) -> Iterator[TypeEntry]:
        return iter(self._entries.values())

    def resolve(self, name: str) -> TypeEntry | None:
        """The type of that name, in whichever spelling."""
        return self._by_name.get(name)

    def suggest(self, name: str, roles: Iterable[Role] = tuple(Role)) -> tuple[str, ...]:
        """Full names that the author may have meant, best first."""
        wanted = frozenset(roles)
        names = [entry.name for entry in self._entries.values() if entry.role in wanted]
        last = name.rpartition(".")[2].lower()
        same = [known for known in names if known.rpartition(".")[2].lower() == last]
        full = name if name.startswith(("io.kestra.", _OWN_PREFIX)) else PREFIX + name
        if same and self.foreign_group(name) is not None:
            return _within(_group(full), same)
        close = difflib.get_close_matches(full, same or names, _SUGGESTIONS_MAX, 0 if same else _CLOSENESS)
        return tuple(close)

    def foreign_group(self, name: str) -> str | None:
        """What a type would stand among, if nothing here does: `gcp.bigquery` of `gcp.bigquery.Query`."""
        group = _group(name)
        is_foreign = not group.startswith(("io.kestra.", "segue.")) and group not in map(_group, self._entries)
        return group if group and is_foreign else None

    def with_kinds(self, kinds: Iterable[Kind]) -> "Catalogue":
        """With further task types, which are there to run."""
        entries = dict(self._entries)
        for kind in kinds:
            known = self._by_name.get(kind.name)
            if known is not None:
                entries[known.name] = replace(known, available=True)
            else:
                entries[kind.name] = _of_package(kind)
        return Catalogue(entries.values())


# Known, and not run here: `spec.reading` says what to do instead.
_NOT_HERE: Final = frozenset(
    {
        "core.namespace.UploadFiles",
        "core.namespace.DeleteFiles",
        "core.namespace.PurgeFiles",
        "core.flow.PurgeFlows",
        "core.trigger.McpToolTrigger",
    }
)


def _of_package(kind: Kind) -> TypeEntry:
    return TypeEntry(name=kind.name, role=Role.TASK, load=lambda: kind.properties, aliases=kind.aliases, available=True)


def _built_in() -> Iterator[TypeEntry]:
    for role, modules in NAMES.items():
        for module, names in modules.items():
            for name in names:
                yield TypeEntry(
                    name=name if name.startswith(_OWN_PREFIX) else PREFIX + name,
                    role=role,
                    load=partial(model_of, module, name),
                    aliases=ALIASES.get(name, ()),
                    available=name not in _NOT_HERE,
                )


BUILT_IN: Final = Catalogue(_built_in())
