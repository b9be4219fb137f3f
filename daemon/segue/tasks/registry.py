"""The table of task types that a worker runs: ours, line by line, and those of installed packages. Whoever only wants to
know which types there are asks `packages.catalogue`, and loads none of this.
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


@cache
def task_kinds() -> Mapping[str, AnyKind]:
    """By type name, aliases too; looked up once for each process."""
    return {name: kind for kind in (*installed().kinds, *OURS) for name in (kind.name, *kind.aliases)}
