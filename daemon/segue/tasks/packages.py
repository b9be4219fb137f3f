"""Task types of installed packages, and with them the catalogue of all that can run.

A package adds types with an entry point of the group `segue.tasks` that names a `TaskKind`, or a list or tuple of
them. One that cannot be loaded is told (`broken`) and takes nothing else with it.
"""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from msgspec import Struct
from pydantic import BaseModel

from segue.spec.catalogue import BUILT_IN, Catalogue
from segue.tasks.kind import TaskKind

GROUP: Final = "segue.tasks"
AnyKind = TaskKind[Any]


class BrokenPackage(Struct, frozen=True, kw_only=True):
    """An entry point that gave no task types."""

    entry_point: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"{self.package}: entry point {self.entry_point}: {self.reason}"


class Installed(Struct, frozen=True, kw_only=True):
    kinds: tuple[AnyKind, ...]
    broken: tuple[BrokenPackage, ...]


def catalogue() -> Catalogue:
    """Every type that can stand in a flow here."""
    return BUILT_IN.with_kinds(installed().kinds)


@cache
def installed() -> Installed:
    """What is installed; looked up once for each process."""
    return installed_of(entry_points(group=GROUP))


def installed_of(points: Iterable[EntryPoint]) -> Installed:
    kinds: list[AnyKind] = []
    broken: list[BrokenPackage] = []
    for point in points:
        try:
            kinds += _kinds_of(point, {kind.name for kind in kinds})
        except Exception as error:  # noqa: BLE001 - somebody else's code, run at import: whatever it raises is told
            package = point.dist.name if point.dist else "?"
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPackage(entry_point=point.name, package=package, reason=reason))
    return Installed(kinds=tuple(kinds), broken=tuple(broken))


def _kinds_of(point: EntryPoint, taken: set[str]) -> tuple[AnyKind, ...]:
    loaded = point.load()
    found = tuple(loaded) if isinstance(loaded, list | tuple) else (loaded,)
    for kind in found:
        if not isinstance(kind, TaskKind):
            raise TypeError(f"expected TaskKind, found {type(kind).__name__}")
        if not (isinstance(kind.properties, type) and issubclass(kind.properties, BaseModel)):
            raise TypeError(f"the properties of {kind.name} are no pydantic model")
        ours = BUILT_IN.resolve(kind.name)
        if kind.name in taken or (ours is not None and ours.available):
            raise ValueError(f"the task type {kind.name} exists already")
    return found
