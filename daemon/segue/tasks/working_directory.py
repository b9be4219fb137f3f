"""The errands of `core.flow.WorkingDirectory`: what comes into the folder before its tasks, what is kept of it after.

The tasks themselves are ordered one by one, each with the folder's name; see `engine.flowables.working_directory`.
"""

import shutil
from collections.abc import Mapping
from typing import Any, Final

from segue.model.order import SETUP, TEARDOWN
from segue.spec.flowables import WorkingDirectory
from segue.tasks import folder_cache
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind
from segue.tasks.scripts import files, script

_NAME: Final = "io.kestra.plugin.core.flow.WorkingDirectory"


def variables(context: TaskContext) -> Mapping[str, Any]:
    return {"workingDir": str(context.working_directory)}


def set_up(properties: WorkingDirectory, context: TaskContext) -> Result:
    """An empty folder, and in it the namespace files, the input files, the files of the cache. What an errand that was
    cut short has left is gone by then."""
    folder = context.working_directory
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if properties.namespace_files is not None and properties.namespace_files.enabled:
        files.copy_namespace_files(context, properties.namespace_files, folder)
    files.write_input_files(context, properties.input_files or {}, folder)
    if properties.cache is not None:
        folder_cache.restore(context, properties.cache, folder)
    return Result()


def tear_down(properties: WorkingDirectory, context: TaskContext) -> Result:
    folder = context.working_directory
    if properties.cache is not None:
        folder_cache.keep(context, properties.cache, folder)
    if properties.output_files is None:
        return Result()
    kept = files.keep_output_files(context, script.listed(properties.output_files), folder, None)
    return Result(outputs={"outputFiles": kept})


ERRANDS: Final[Mapping[str, TaskKind[Any]]] = {
    SETUP: TaskKind(name=_NAME, properties=WorkingDirectory, run=set_up, variables=variables),
    TEARDOWN: TaskKind(name=_NAME, properties=WorkingDirectory, run=tear_down, variables=variables),
}
