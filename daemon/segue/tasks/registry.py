"""The table of task types that can run: ours, line by line, and those of installed packages.

A package adds types with an entry point of the group `segue.tasks` that names a `TaskKind`, or a list or tuple of
them. One that cannot be loaded is told (`broken`) and takes nothing else with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import BaseModel

from segue.tasks import (
    debug,
    execution,
    http,
    kv,
    log,
    metric,
    namespace,
    output,
    sse,
    state,
    templating,
    trigger,
)
from segue.tasks.kind import TaskKind
from segue.tasks.plugins import (
    commands,
    csv_files,
    excel_files,
    git,
    jdbc,
    json_files,
    local_files,
    mail,
    notifications,
    parquet_files,
    s3,
    sftp,
)
from segue.tasks.scripts import languages, python, shell
from segue.tasks.storage import files, for_each_item, items, purge, split

GROUP: Final = "segue.tasks"
AnyKind = TaskKind[Any]

OURS: Final[tuple[AnyKind, ...]] = (
    *log.KINDS,
    *debug.KINDS,
    *output.KINDS,
    *execution.KINDS,
    *http.KINDS,
    *sse.KINDS,
    *kv.KINDS,
    *state.KINDS,
    *metric.KINDS,
    *templating.KINDS,
    *trigger.KINDS,
    *namespace.KINDS,
    *files.KINDS,
    *for_each_item.KINDS,
    *split.KINDS,
    *items.KINDS,
    *purge.KINDS,
    *shell.KINDS,
    *python.KINDS,
    *languages.KINDS,
    *notifications.KINDS,
    *mail.KINDS,
    *csv_files.KINDS,
    *json_files.KINDS,
    *excel_files.KINDS,
    *parquet_files.KINDS,
    *jdbc.KINDS,
    *git.KINDS,
    *commands.KINDS,
    *local_files.KINDS,
    *sftp.KINDS,
    *s3.KINDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPackage:
    """An entry point that gave no task types."""

    entry_point: str
    package: str
    reason: str

    def __str__(self) -> str:
        return f"{self.package}: entry point {self.entry_point}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    kinds: Mapping[str, AnyKind]
    broken: tuple[BrokenPackage, ...]


@cache
def registry() -> Registry:
    """All of them; looked up once for each process."""
    return registry_of(entry_points(group=GROUP))


def task_kinds() -> Mapping[str, AnyKind]:
    """By type name, aliases too."""
    return registry().kinds


def registry_of(points: Iterable[EntryPoint]) -> Registry:
    kinds = {name: kind for kind in OURS for name in (kind.name, *kind.aliases)}
    broken: list[BrokenPackage] = []
    for point in points:
        try:
            found = _kinds_of(point, kinds)
        except Exception as error:  # noqa: BLE001 - somebody else's code, run at import: whatever it raises is told
            package = point.dist.name if point.dist else "?"
            reason = f"{type(error).__name__}: {error}"
            broken.append(BrokenPackage(entry_point=point.name, package=package, reason=reason))
        else:
            kinds |= {name: kind for kind in found for name in (kind.name, *kind.aliases)}
    return Registry(kinds=kinds, broken=tuple(broken))


def _kinds_of(point: EntryPoint, taken: Mapping[str, AnyKind]) -> tuple[AnyKind, ...]:
    loaded = point.load()
    found = tuple(loaded) if isinstance(loaded, list | tuple) else (loaded,)
    for kind in found:
        if not isinstance(kind, TaskKind):
            raise TypeError(f"expected TaskKind, found {type(kind).__name__}")
        if not (isinstance(kind.properties, type) and issubclass(kind.properties, BaseModel)):
            raise TypeError(f"the properties of {kind.name} are no pydantic model")
        if kind.name in taken:
            raise ValueError(f"the task type {kind.name} exists already")
    return found
