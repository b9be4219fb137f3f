"""The task types that a worker runs: the core's, line by line, those of `tasks.plugins`, and those of installed packages.

Whoever only wants to know which types there are asks `packages.catalogue`, and loads none of this.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

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
from segue.tasks.packages import AnyKind, installed
from segue.tasks.plugins import table as plugins
from segue.tasks.scripts import languages, python, shell
from segue.tasks.storage import files, for_each_item, items, purge, split

CORE: Final[tuple[AnyKind, ...]] = (
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
)


def kind_of(name: str) -> AnyKind | None:
    """The task type of that name."""
    return _loaded().get(name) or plugins.kind_of(name)


@cache
def _loaded() -> Mapping[str, AnyKind]:
    """By type name, aliases too; looked up once for each process."""
    return {name: kind for kind in (*installed().kinds, *CORE) for name in (kind.name, *kind.aliases)}
