"""`core.templating.TemplatedTask`: runs the task whose YAML an expression renders."""

from segue.spec.catalogue import BUILT_IN
from segue.spec.document import read_documents
from segue.spec.nested import Role
from segue.spec.tasks import TASK_KEYS
from segue.spec.types.templating import TemplatedTask
from segue.tasks.context import TaskContext
from segue.tasks.kind import Instead, Result, TaskFailed, TaskKind

NAME = "io.kestra.plugin.core.templating.TemplatedTask"


def templated(properties: TemplatedTask, _context: TaskContext) -> Result:
    """What the rendered task says of itself as a task (id, timeout, retry ...) is this task's to say."""
    documents = read_documents(properties.spec)
    faults = [finding.message for document in documents for finding in document.findings]
    if faults:
        raise TaskFailed(f"The templated task is no YAML: {'; '.join(faults)}")
    raw = documents[0].value if len(documents) == 1 else None
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise TaskFailed("The templated task must be one map with a `type`")
    entry = BUILT_IN.resolve(raw["type"])
    name = entry.name if entry is not None else raw["type"]
    if entry is not None and entry.role is not Role.TASK:
        raise TaskFailed("The templated task must be a runnable task")
    if name == NAME:
        raise TaskFailed(f"The templated task cannot be of type '{NAME}'")
    own = {key: value for key, value in raw.items() if key not in TASK_KEYS and value is not None}
    return Result(instead=Instead(task_type=name, properties=own))


KINDS = (TaskKind(name=NAME, properties=TemplatedTask, run=templated),)
