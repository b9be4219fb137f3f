"""`core.namespace.DownloadFiles`: namespace files, as they are at the execution's commit, into internal storage.

The tasks that write namespace files are refused when a flow is read: files come from Git alone.
"""

from segue.spec.types.namespace import DownloadFiles
from segue.tasks.context import TaskContext
from segue.tasks.globs import matcher
from segue.tasks.kind import Result, TaskKind


def download(properties: DownloadFiles, context: TaskContext) -> Result:
    """Outputs `files`: the addresses by the files' paths, which begin with a slash."""
    is_wanted = matcher(properties.files)
    folder = properties.destination.strip("/")
    kept: dict[str, str] = {}
    for path in context.namespace_files.paths(properties.namespace):
        if is_wanted(f"/{path}"):
            content = context.namespace_files.read(properties.namespace, path)
            kept[f"/{path}"] = context.put_file(f"{folder}/{path}", [content]).address
    return Result(outputs={"files": kept})


KINDS = (TaskKind(name="io.kestra.plugin.core.namespace.DownloadFiles", properties=DownloadFiles, run=download),)
