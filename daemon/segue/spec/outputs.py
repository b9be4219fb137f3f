"""Which outputs each type of task can have: what `outputs.<task>.<key>` may name. Types that are not here, those of
third parties among them, are not known and may have any.
"""

from collections.abc import Mapping
from typing import Final

from segue.spec.nested import Role
from segue.spec.type_table import NAMES

_HTTP: Final = ("uri", "code", "headers")
_SCRIPT: Final = ("exitCode", "vars", "outputFiles", "taskRunner", "uri")
_CALL: Final = ("executionId", "state", "outputs")
_SHORT_PREFIX: Final = "io.kestra.plugin."

_OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "core.debug.Echo": (),
    "core.debug.Return": ("value",),
    "core.execution.Assert": (),
    "core.execution.Count": ("results", "total", "count"),
    "core.execution.Exit": (),
    "core.execution.Fail": (),
    "core.execution.Kill": (),
    "core.execution.Labels": (),
    "core.execution.PurgeExecutions": (
        "executionsCount",
        "taskOutputsCount",
        "logsCount",
        "metricsCount",
        "storagesCount",
    ),
    "core.execution.Resume": (),
    "core.execution.SetVariables": (),
    "core.execution.UnsetVariables": (),
    "core.flow.AllowFailure": (),
    "core.flow.Approval": ("url", "decision", "auto", "by", "on", "comment", "inputs", "due"),
    "core.flow.Dag": (),
    "core.flow.EachParallel": (),
    "core.flow.EachSequential": (),
    "core.flow.ForEach": (),
    "core.flow.If": ("evaluationResult",),
    "core.flow.Loop": ("iterationCount", "runningIterations", "terminatedIterations", "outputs", "uri"),
    "core.flow.LoopUntil": ("iterationCount",),
    "core.flow.Parallel": (),
    "core.flow.Pause": ("onResume", "resumed"),
    "core.flow.PurgeFlows": ("size",),
    "core.flow.Sequential": (),
    "core.flow.Sleep": (),
    "core.flow.Subflow": _CALL,
    "core.flow.Switch": ("value", "defaults"),
    "core.flow.WorkingDirectory": ("outputFiles",),
    "core.http.Download": (*_HTTP, "length"),
    "core.http.Request": (*_HTTP, "body", "encryptedBody"),
    "core.http.SseRequest": (*_HTTP, "events", "size", "result"),
    "core.kv.Delete": ("deleted",),
    "core.kv.Get": ("value",),
    "core.kv.GetKeys": ("keys",),
    "core.kv.PurgeKV": ("size",),
    "core.kv.Set": (),
    "core.log.Fetch": ("uri", "size"),
    "core.log.Log": (),
    "core.log.PurgeLogs": ("count",),
    "core.metric.Publish": (),
    "core.metric.PurgeMetrics": ("count",),
    "core.namespace.DeleteFiles": ("files",),
    "core.namespace.DownloadFiles": ("files",),
    "core.namespace.PurgeFiles": ("size",),
    "core.namespace.UploadFiles": ("files",),
    "core.output.OutputValues": ("values",),
    "core.state.Delete": ("deleted",),
    "core.state.Get": ("count", "data", "key"),
    "core.state.Set": ("count", "key"),
    "core.storage.Concat": ("uri",),
    "core.storage.DeduplicateItems": ("uri", "numKeys", "processedItemsTotal", "droppedItemsTotal"),
    "core.storage.Delete": ("uri", "deleted"),
    "core.storage.FilterItems": ("uri", "processedItemsTotal", "droppedItemsTotal"),
    "core.storage.LocalFiles": ("uris", "outputFiles"),
    "core.storage.PurgeCurrentExecutionFiles": ("uris",),
    "core.storage.PurgeStorage": ("scannedCount", "purgedCount", "deletedFilesCount"),
    "core.storage.Reverse": ("uri",),
    "core.storage.Size": ("size",),
    "core.storage.Split": ("uris",),
    "core.storage.Write": ("uri",),
    "core.trigger.Toggle": (),
    **dict.fromkeys(NAMES[Role.TASK]["types.scripts"], _SCRIPT),
}

# What a ForEachItem leaves: three task runs of its own, `<id>_split`, `<id>_items` and `<id>_merge`.
ITEM_OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "_split": ("splits",),
    "_items": ("iterations", "numberOfBatches", "uri"),
    "_merge": ("subflowOutputs",),
}


def outputs_of(type_name: str) -> tuple[str, ...] | None:
    """The outputs that a task of this type (its full name) can have; None if nobody knows."""
    return _OUTPUTS.get(type_name.removeprefix(_SHORT_PREFIX))
