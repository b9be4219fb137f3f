"""The two ends of a ForEachItem: the file split into batches before, and the outputs of all flows in one file after.

The engine makes these tasks; nobody writes them.
"""

import json
from collections.abc import Iterator

from msgspec.structs import replace
from pydantic import Field

from segue.spec.fields import Spec, Text
from segue.spec.types.storage import Split
from segue.tasks.context import TaskContext
from segue.tasks.kind import Result, TaskKind
from segue.tasks.storage.split import split

SPLIT = "segue.flow.SplitItems"
MERGE = "segue.flow.MergeItems"


class MergeItems(Spec):
    """Brings the outputs of the flows that were called for each batch into one file."""

    items: Text = Field(description="Id of the task that called them.")


def split_items(properties: Split, context: TaskContext) -> Result:
    """`uris` are for the engine, `splits` is a file with the same, as Kestra has it."""
    slug = replace(context.order, task_id=context.order.task_id.replace("_", "-"))
    context.order = slug
    found = split(properties, context)
    uris: list[str] = (found.outputs or {})["uris"]
    stored = context.put_file("splits.txt", (f"{uri}\n".encode() for uri in uris))
    return Result(outputs={"splits": stored.address, "uris": uris})


def merge_items(properties: MergeItems, context: TaskContext) -> Result:
    def lines() -> Iterator[bytes]:
        for outputs in context.daemon.outputs_of_children(properties.items, beside=context.order.task_run_id or ""):
            yield json.dumps(outputs, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    return Result(outputs={"subflowOutputs": context.put_file("outputs.jsonl", lines()).address})


KINDS = (
    TaskKind(name=SPLIT, properties=Split, run=split_items),
    TaskKind(name=MERGE, properties=MergeItems, run=merge_items),
)
